#include "tests/integration/transport/relay.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

struct relay {
    pthread_mutex_t mutex;
    pthread_t acceptor;
    int listener;
    uint16_t port, target;
    int ends[2]; /* -1 where there is no connection */
    bool old;
    bool stop;
};

struct pump {
    struct relay *relay;
    int from, to;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void shut(struct relay *relay)
{
    for (int i = 0; i < 2; i++)
        if (relay->ends[i] >= 0)
            shutdown(relay->ends[i], SHUT_RDWR);
}

static bool write_all(int fd, const char *data, ssize_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, (size_t)len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= n;
    }
    return true;
}

static void *pump_main(void *arg)
{
    const struct pump *pump = arg;
    char data[65536];
    ssize_t n;
    while ((n = read(pump->from, data, sizeof(data))) > 0)
        if (!write_all(pump->to, data, n))
            break;
    shutdown(pump->from, SHUT_RDWR);
    shutdown(pump->to, SHUT_RDWR);
    return NULL;
}

/* The first bytes of CONNECT: its type, its length in one or two bytes, the length and text of "MQTT", the
 * level. */
static bool refuses(const struct relay *relay, int client)
{
    static const uint8_t unacceptable_version[] = {0x20, 2, 0, 1};
    uint8_t connect[10];
    if (!relay->old ||
        recv(client, connect, sizeof(connect), MSG_PEEK | MSG_WAITALL) < (ssize_t)sizeof(connect) ||
        connect[connect[1] & 0x80 ? 9 : 8] != 5)
        return false;
    send(client, unacceptable_version, sizeof(unacceptable_version), MSG_NOSIGNAL);
    return true;
}

static void carry(struct relay *relay, int client)
{
    struct sockaddr_in address = loopback(relay->target);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!refuses(relay, client) && connect(server, (struct sockaddr *)&address, sizeof(address)) == 0) {
        pthread_mutex_lock(&relay->mutex);
        relay->ends[0] = client;
        relay->ends[1] = server;
        if (relay->stop)
            shut(relay);
        pthread_mutex_unlock(&relay->mutex);

        struct pump up = {relay, client, server}, down = {relay, server, client};
        pthread_t thread;
        pthread_create(&thread, NULL, pump_main, &up);
        pump_main(&down);
        pthread_join(thread, NULL);

        pthread_mutex_lock(&relay->mutex);
        relay->ends[0] = relay->ends[1] = -1;
        pthread_mutex_unlock(&relay->mutex);
    }
    close(server);
    close(client);
}

static void *acceptor_main(void *arg)
{
    struct relay *relay = arg;
    int client;
    while ((client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        carry(relay, client);
    return NULL;
}

struct relay *relay_create(uint16_t target, bool old)
{
    struct relay *relay = mem_zalloc(sizeof(*relay));
    pthread_mutex_init(&relay->mutex, NULL);
    relay->target = target;
    relay->old = old;
    relay->ends[0] = relay->ends[1] = -1;
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay->listener, (struct sockaddr *)&address, len) != 0 || listen(relay->listener, 16) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &len) != 0) {
        perror("relay");
        abort();
    }
    relay->port = ntohs(address.sin_port);
    pthread_create(&relay->acceptor, NULL, acceptor_main, relay);
    return relay;
}

uint16_t relay_port(const struct relay *relay)
{
    return relay->port;
}

void relay_break(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    shut(relay);
    pthread_mutex_unlock(&relay->mutex);
}

void relay_destroy(struct relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    relay->stop = true;
    shut(relay);
    pthread_mutex_unlock(&relay->mutex);
    shutdown(relay->listener, SHUT_RDWR);
    pthread_join(relay->acceptor, NULL);
    close(relay->listener);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
}
