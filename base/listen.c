#include "base/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 256

static int bind_to(const struct addrinfo *address)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

static const char *advice(int r)
{
    return r == -EADDRNOTAVAIL ? "give an address of this machine, such as 127.0.0.1"
                               : "choose another port, or 0 for any that is free";
}

int listen_open(const char *host, uint16_t port, int *out, struct error *err)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    snprintf(service, sizeof(service), "%u", port);
    int r = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);
    if (r != 0)
        return error_set(err, EX_NOHOST,
                         "listen on %s port %u: %s: give an address of this machine, such as 127.0.0.1", host,
                         port, gai_strerror(r));
    int fd = -EADDRNOTAVAIL;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = bind_to(at);
    freeaddrinfo(found);
    *out = fd;
    return fd >= 0 ? 0
                   : error_set(err, EX_UNAVAILABLE, "listen on %s port %u: %s: %s", host, port, strerror(-fd),
                               advice(fd));
}

bool listen_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return strcasecmp(host, "localhost") == 0 ||
           (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

uint16_t listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
