#include "base/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

struct notify {
    int fd;
    struct sockaddr_un address;
    socklen_t len;
    int64_t watchdog_us;
};

/* A path, or "@name" in the abstract namespace. */
static bool address_set(struct notify *notify, const char *name)
{
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(notify->address.sun_path))
        return false;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, len);
    if (name[0] == '@')
        notify->address.sun_path[0] = '\0';
    notify->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    return true;
}

static int64_t watchdog(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!us || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    int64_t value = strtoll(us, NULL, 10);
    return value > 0 ? value : 0;
}

static struct notify *notify_to(const char *name)
{
    struct notify *notify = mem_zalloc(sizeof(*notify));
    notify->fd = -1;
    notify->watchdog_us = watchdog();
    if (address_set(notify, name))
        notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd >= 0)
        return notify;
    free(notify);
    return NULL;
}

struct notify *notify_create(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct notify *notify = name ? notify_to(name) : NULL;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return notify;
}

void notify_destroy(struct notify *notify)
{
    if (!notify)
        return;
    close(notify->fd);
    free(notify);
}

void notify_send(const struct notify *notify, const char *lines)
{
    if (notify)
        (void)!sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, notify->len);
}

int64_t notify_watchdog_us(const struct notify *notify)
{
    return notify ? notify->watchdog_us : 0;
}
