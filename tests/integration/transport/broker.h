#ifndef TI_TESTS_INTEGRATION_TRANSPORT_BROKER_H
#define TI_TESTS_INTEGRATION_TRANSPORT_BROKER_H

/* A mosquitto of the test's own, on a free port of the loopback interface, in a directory of its own below
 * /tmp. */

#include <stdint.h>
#include <sys/types.h>

struct broker {
    char directory[64];
    uint16_t port;
    pid_t pid; /* 0 while down */
};

uint16_t free_port(void);

/* Runs a shell command; it must succeed. */
void run_command(const char *format, ...) __attribute__((format(printf, 1, 2)));

void broker_init(struct broker *broker); /* makes the directory and chooses the port */
/* Starts it, with these lines of configuration behind the listener's; returns once it listens. */
void broker_start(struct broker *broker, const char *configuration);
void broker_kill(struct broker *broker); /* SIGKILL */
void broker_deinit(struct broker *broker);

#endif
