#include "apiserver/clients.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "apiserver/keypair.h"
#include "base/mem.h"

#define SWEEP_MAX_US (5 * LOOP_SECOND)
#define IDLE 2 /* times the patience */
#define ANSWER 10
#define REFUSED 10    /* parts of it */
#define SWEPT_MAX 256 /* clients that are looked at in one turn of the loop */
#define OWN_FILES 256 /* descriptors that are not for clients, but for those that are told so */

void seats_init(struct seats *seats, unsigned asked)
{
    struct rlimit files;
    *seats = (struct seats){.limit = asked};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    rlim_t most = files.rlim_cur > 2 * OWN_FILES ? files.rlim_cur - OWN_FILES : files.rlim_cur / 2;
    if (most < asked)
        seats->limit = (unsigned)most;
}

static int64_t sweep_us(const struct clients *clients)
{
    int64_t some_us = clients->patience_us / 4;
    return some_us < SWEEP_MAX_US ? some_us : SWEEP_MAX_US;
}

static bool has_died(const struct client *client)
{
    struct tcp_info tcp = {0};
    socklen_t len = sizeof(tcp);
    return getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &tcp, &len) != 0 ||
           tcp.tcpi_state != TCP_ESTABLISHED;
}

/* What it is to be cut off for, as the one of the stats that counts it; NULL where it is in time. Who has
 * said all that it will, and reads, has not died. */
static uint64_t *overdue(struct client *client, int64_t now_us)
{
    struct clients *clients = client->clients;
    struct client_stats *stats = &clients->stats;
    int64_t waited_us = now_us - client->since_us;
    int64_t patience_us = clients->patience_us / (client->refused ? REFUSED : 1);
    bool late = waited_us > patience_us, settled = waited_us > sweep_us(clients);
    if (client->is_cut)
        return NULL;
    switch (client->wait) {
    case CLIENT_SENDS:
        return late ? &stats->slow_senders : settled && has_died(client) ? &stats->died : NULL;
    case CLIENT_READS:
        late = late || (!client->endless && now_us - client->asked_us > ANSWER * patience_us);
        return late ? &stats->slow_readers : NULL;
    case CLIENT_IDLE:
        late = waited_us > IDLE * patience_us;
        return late ? &stats->idle : settled && has_died(client) ? &stats->died : NULL;
    default:
        return has_died(client) ? &stats->died : NULL;
    }
}

static void cut(struct client *client)
{
    client->is_cut = true;
    shutdown(client->fd, SHUT_RDWR);
    if (client->wait == CLIENT_SERVED)
        client->lost(client->arg);
}

static void tell_sweep(const struct clients *clients)
{
    const struct client_stats *before = &clients->before_sweep, *now = &clients->stats;
    if (now->slow_senders + now->slow_readers > before->slow_senders + before->slow_readers)
        log_info(clients->log, "http",
                 "cut off: %" PRIu64 " clients that did not send a whole request within %" PRId64
                 " s, %" PRIu64 " that did not read their answer",
                 now->slow_senders - before->slow_senders, clients->patience_us / LOOP_SECOND,
                 now->slow_readers - before->slow_readers);
}

static void sweep_one(struct client *client)
{
    uint64_t *reason = overdue(client, loop_now_us(client->clients->loop));
    if (!reason)
        return;
    ++*reason;
    cut(client);
}

static void on_sweep(void *arg)
{
    struct clients *clients = arg;
    if (!clients->swept) {
        clients->swept = clients->first;
        clients->before_sweep = clients->stats;
    }
    for (int i = 0; i < SWEPT_MAX && clients->swept; i++) {
        struct client *client = clients->swept;
        clients->swept = client->next;
        sweep_one(client);
    }
    timer_start(&clients->sweep, clients->swept ? 0 : sweep_us(clients));
    if (!clients->swept)
        tell_sweep(clients);
}

void clients_init(struct clients *clients, struct loop *loop, struct log *log, struct seats *seats,
                  int64_t patience_us)
{
    *clients = (struct clients){.loop = loop, .log = log, .seats = seats, .patience_us = patience_us};
    timer_init(&clients->sweep, loop, on_sweep, clients);
    timer_start(&clients->sweep, sweep_us(clients));
}

void clients_deinit(struct clients *clients)
{
    timer_stop(&clients->sweep);
}

static int descriptor(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

struct client *clients_join(struct clients *clients, struct MHD_Connection *connection)
{
    int on = 1, pending = CLIENT_PENDING_BYTES;
    struct client *client = mem_zalloc(sizeof(*client));
    *client = (struct client){
        .clients = clients,
        .fd = descriptor(connection),
        .refused = clients->seats->taken >= clients->seats->limit,
        .since_us = loop_now_us(clients->loop),
        .next = clients->first,
        .link = &clients->first,
    };
    setsockopt(client->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(client->fd, SOL_SOCKET, SO_SNDBUF, &pending, sizeof(pending));
    if (client->next)
        client->next->link = &client->next;
    clients->first = client;
    clients->stats.open++;
    clients->seats->taken++;
    clients->stats.accepted++;
    clients->stats.refused += client->refused;
    return client;
}

void clients_leave(struct client *client)
{
    struct clients *clients = client->clients;
    clients->stats.open--;
    clients->seats->taken--;
    if (clients->swept == client)
        clients->swept = client->next;
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    keypair_unref(client->shown);
    free(client);
}

void client_wait(struct client *client, enum client_wait wait)
{
    client->wait = wait;
    client->since_us = loop_now_us(client->clients->loop);
}

void client_asked(struct client *client, bool endless)
{
    client_wait(client, CLIENT_READS);
    client->asked_us = client->since_us;
    client->endless = endless;
}

static const struct metric open_connections =
    METRIC_GAUGE("transport_informer_apiserver_connections", "Connections of clients that are open.");
static const struct metric accepted_connections =
    METRIC_COUNTER("transport_informer_apiserver_connections_total",
                   "Connections of clients that were accepted.");
static const struct metric refused_connections =
    METRIC_COUNTER("transport_informer_apiserver_refused_connections_total",
                   "Connections beyond the limit, whose request was answered with 429.");
static const struct metric cut_connections = METRIC_COUNTER(
    "transport_informer_apiserver_cut_connections_total",
    "Connections that were cut off, by reason: the client did not send a whole request in time "
    "(slow_sender), did not read its answer (slow_reader), asked for nothing (idle), or had died.");

void clients_counters(const struct clients *clients, const char *instance, struct counters *out)
{
#define STAT(...) COUNTER(struct client_stats, __VA_ARGS__)
#define REASON(name) .labels = "reason=\"" name "\""
    static const struct counter list[] = {
        STAT(open, &open_connections),
        STAT(accepted, &accepted_connections),
        STAT(refused, &refused_connections),
        STAT(slow_senders, &cut_connections, REASON("slow_sender")),
        STAT(slow_readers, &cut_connections, REASON("slow_reader")),
        STAT(idle, &cut_connections, REASON("idle")),
        STAT(died, &cut_connections, REASON("died")),
    };
    counters_add(out, "http", instance, list, array_size(list), &clients->stats);
}
