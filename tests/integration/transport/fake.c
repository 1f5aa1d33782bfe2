#include "tests/integration/transport/fake.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define CONNECT_LEVEL 8 /* of a CONNECT of less than 128 bytes: header 2, name 6, then the level */
#define SUBSCRIBE 0x82

struct fake {
    pthread_mutex_t mutex;
    pthread_cond_t connect;
    pthread_t thread;
    const struct fake_answer *script;
    int listener, client; /* client: -1 where there is none */
    uint16_t port;
    int connects[6];
    bool stop;
};

static bool read_all(int fd, uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, data, len);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* One packet of less than 128 bytes. */
static bool read_packet(int fd, uint8_t packet[130])
{
    return read_all(fd, packet, 2) && packet[1] < 128 && read_all(fd, packet + 2, packet[1]);
}

static void send_all(int fd, const void *data, size_t len)
{
    if (len && send(fd, data, len, MSG_NOSIGNAL) < 0)
        perror("fake broker");
}

static void answer_subscribes(int fd, const struct fake_answer *answer)
{
    uint8_t packet[130];
    while (read_packet(fd, packet)) {
        uint8_t code = answer->suback ? *(const uint8_t *)answer->suback : 0;
        uint8_t suback[] = {0x90, 3, packet[2], packet[3], code};
        if (packet[0] == SUBSCRIBE)
            send_all(fd, suback, sizeof(suback));
    }
}

static void serve(struct fake *fake, int fd)
{
    uint8_t packet[130];
    if (!read_packet(fd, packet))
        return;
    int level = packet[CONNECT_LEVEL] < 6 ? packet[CONNECT_LEVEL] : 0;
    pthread_mutex_lock(&fake->mutex);
    fake->connects[level]++;
    pthread_cond_broadcast(&fake->connect);
    pthread_mutex_unlock(&fake->mutex);
    for (const struct fake_answer *answer = fake->script; answer->level; answer++) {
        if (answer->level != level)
            continue;
        send_all(fd, answer->data, answer->len);
        if (answer->keep_open)
            answer_subscribes(fd, answer);
    }
}

static void set_client(struct fake *fake, int fd)
{
    pthread_mutex_lock(&fake->mutex);
    fake->client = fd;
    if (fake->stop && fd >= 0)
        shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&fake->mutex);
}

static void *fake_main(void *arg)
{
    struct fake *fake = arg;
    int fd;
    while ((fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        set_client(fake, fd);
        serve(fake, fd);
        set_client(fake, -1);
        close(fd);
    }
    return NULL;
}

struct fake *fake_create(const struct fake_answer *script)
{
    struct fake *fake = mem_zalloc(sizeof(*fake));
    pthread_mutex_init(&fake->mutex, NULL);
    pthread_cond_init(&fake->connect, NULL);
    fake->script = script;
    fake->client = -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&address, len) != 0 || listen(fake->listener, 16) != 0 ||
        getsockname(fake->listener, (struct sockaddr *)&address, &len) != 0) {
        perror("fake broker");
        abort();
    }
    fake->port = ntohs(address.sin_port);
    pthread_create(&fake->thread, NULL, fake_main, fake);
    return fake;
}

uint16_t fake_port(const struct fake *fake)
{
    return fake->port;
}

int fake_connects(struct fake *fake, int level)
{
    pthread_mutex_lock(&fake->mutex);
    int count = fake->connects[level];
    pthread_mutex_unlock(&fake->mutex);
    return count;
}

void fake_wait_for_connect(struct fake *fake, int level)
{
    pthread_mutex_lock(&fake->mutex);
    while (fake->connects[level] == 0)
        pthread_cond_wait(&fake->connect, &fake->mutex);
    pthread_mutex_unlock(&fake->mutex);
}

void fake_destroy(struct fake *fake)
{
    pthread_mutex_lock(&fake->mutex);
    fake->stop = true;
    if (fake->client >= 0)
        shutdown(fake->client, SHUT_RDWR);
    pthread_mutex_unlock(&fake->mutex);
    shutdown(fake->listener, SHUT_RDWR);
    pthread_join(fake->thread, NULL);
    close(fake->listener);
    pthread_cond_destroy(&fake->connect);
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}
