#include "apiserver/greeting.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/mem.h"

#define ADMITTED 2 /* at a time */

int greetings_init(struct greetings *greetings)
{
    *greetings = (struct greetings){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    return greetings->epoll_fd < 0 ? -errno : 0;
}

static void resume(struct greeting *greeting)
{
    if (greeting->suspended)
        MHD_resume_connection(greeting->connection);
    greeting->suspended = false;
}

/* The event comes once, and whenever it is armed again. */
static void await_more(struct greeting *greeting)
{
    int epoll_fd = greeting->greetings->epoll_fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = greeting};
    greeting->admitted = false;
    greeting->suspended = true;
    MHD_suspend_connection(greeting->connection);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, greeting->fd, &event) != 0)
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, greeting->fd, &event);
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t size)
{
    struct greeting *greeting = ptr;
    bool may = greeting->admitted || greeting->over;
    ssize_t n = may ? recv(greeting->fd, data, size, 0) : -1;
    if (n >= 0 || (may && errno != EAGAIN))
        return n;
    if (!greeting->over && !greeting->suspended)
        await_more(greeting);
    errno = EAGAIN;
    return -1;
}

struct greeting *greeting_begin(struct greetings *greetings, struct MHD_Connection *connection)
{
    gnutls_session_t session =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_transport_ptr_t receive, send; /* as the library has set them: the descriptor */
    struct greeting *greeting = mem_zalloc(sizeof(*greeting));
    *greeting = (struct greeting){
        .greetings = greetings,
        .connection = connection,
        .fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
    };
    gnutls_transport_get_ptr2(session, &receive, &send);
    gnutls_transport_set_ptr2(session, greeting, send);
    gnutls_transport_set_pull_function(session, pull);
    DL_APPEND(greetings->first, greeting);
    return greeting;
}

void greeting_over(struct greeting *greeting)
{
    if (!greeting || greeting->over)
        return;
    greeting->over = true;
    epoll_ctl(greeting->greetings->epoll_fd, EPOLL_CTL_DEL, greeting->fd, NULL);
    DL_DELETE(greeting->greetings->first, greeting);
}

void greeting_destroy(struct greeting *greeting)
{
    greeting_over(greeting);
    free(greeting);
}

void greetings_admit(struct greetings *greetings)
{
    struct epoll_event ready[ADMITTED];
    int count = greetings->epoll_fd < 0 ? 0 : epoll_wait(greetings->epoll_fd, ready, ADMITTED, 0);
    for (int i = 0; i < count; i++) {
        struct greeting *greeting = ready[i].data.ptr;
        greeting->admitted = true;
        resume(greeting);
    }
}

void greetings_end(struct greetings *greetings)
{
    struct greeting *greeting, *next;
    DL_FOREACH_SAFE(greetings->first, greeting, next)
    {
        resume(greeting);
        greeting_over(greeting);
    }
    if (greetings->epoll_fd >= 0)
        close(greetings->epoll_fd);
    greetings->epoll_fd = -1;
}
