#include "tests/integration/transport/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define START_SECONDS 10

extern char **environ;

static void fatal(const char *what)
{
    fprintf(stderr, "broker fixture: %s: %s\n", what, strerror(errno));
    abort();
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

uint16_t free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fatal("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

void run_command(const char *format, ...)
{
    char command[2000];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(command) || system(command) != 0) {
        fprintf(stderr, "broker fixture: failed: %s\n", command);
        abort();
    }
}

void broker_init(struct broker *broker)
{
    *broker = (struct broker){.directory = "/tmp/ti-broker-XXXXXX", .port = free_port()};
    if (!mkdtemp(broker->directory))
        fatal("mkdtemp");
}

static bool listens(const struct broker *broker)
{
    struct sockaddr_in address = loopback(broker->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return yes;
}

static void wait_until_it_listens(struct broker *broker)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    for (int i = 0; i < START_SECONDS * 200; i++) {
        if (listens(broker))
            return;
        if (waitpid(broker->pid, NULL, WNOHANG) == broker->pid)
            fatal("mosquitto ended; see the log in its directory");
        nanosleep(&moment, NULL);
    }
    fatal("mosquitto does not listen");
}

static void write_configuration(const struct broker *broker, const char *path, const char *configuration)
{
    FILE *file = fopen(path, "w");
    if (!file)
        fatal(path);
    fprintf(file,
            "listener %u 127.0.0.1\npersistence false\nset_tcp_nodelay true\nmax_queued_messages "
            "100000\nuser root\n"
            "log_dest file %s/log\n%s",
            broker->port, broker->directory, configuration);
    fclose(file);
}

void broker_start(struct broker *broker, const char *configuration)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/conf", broker->directory);
    write_configuration(broker, path, configuration);
    /* It ends with the test, even where that fails, and holds none of its output open. */
    char program[] = "setpriv", option[] = "--pdeathsig", signal_name[] = "KILL", broker_name[] = "mosquitto",
         flag[] = "-c";
    char *argv[] = {program, option, signal_name, broker_name, flag, path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const char *path_before = getenv("PATH");
    cleanup_free char *search = mem_printf("%s:/usr/sbin", path_before ? path_before : "/usr/bin");
    setenv("PATH", search, 1);
    errno = posix_spawnp(&broker->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno != 0)
        fatal("mosquitto cannot be started");
    wait_until_it_listens(broker);
}

void broker_kill(struct broker *broker)
{
    if (!broker->pid)
        return;
    kill(broker->pid, SIGKILL);
    waitpid(broker->pid, NULL, 0);
    broker->pid = 0;
}

void broker_deinit(struct broker *broker)
{
    broker_kill(broker);
    run_command("rm -r '%s'", broker->directory);
}
