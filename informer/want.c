/*
 * What a provider publishes only while it is of interest: each heartbeat tells how long yet. What nobody has
 * wanted is asked for at once; a lease is renewed when less than half of it is left, and then after a random
 * while, since one renewal serves all informers, and the heartbeat behind it tells them so.
 */
#include "informer/informer_internal.h"

#include <string.h>

#define LEASE_MAX_S 86400            /* believed, of what a provider says */
#define JITTER_US (60 * LOOP_SECOND) /* and not more than half of what is left */
#define AGAIN_US LOOP_SECOND         /* between two wants to one provider */
#define PATHS_MAX 64                 /* in one want */
#define BODY_MAX ((size_t)PATHS_MAX * (TOPIC_MAX + 1))

static int64_t left_us(const struct informer_replica *replica)
{
    int64_t left = replica->lease_until_us - loop_now_us(replica->informer->loop);
    return left > 0 ? left : 0;
}

static bool is_lapsing(const struct informer_replica *replica)
{
    int64_t lease_us = replica->informer->options.lease_s * LOOP_SECOND;
    return replica->leased && replica->listed && left_us(replica) < lease_us / 2;
}

static bool is_leased(const struct informer_replica *replica)
{
    return replica->leased;
}

static void want_send(struct informer_cluster *cluster, struct buf *paths, uint64_t lease_s)
{
    struct message want = {.kind = MESSAGE_WANT, .lease = lease_s, .body = {paths->data, paths->len}};
    if (paths->len)
        informer_signal(cluster->informer, cluster->name, &want);
    buf_clear(paths);
}

static void want_each(struct informer_cluster *cluster,
                      bool (*chosen)(const struct informer_replica *replica), uint64_t lease_s)
{
    struct buf paths = BUF_INIT(BODY_MAX);
    struct informer_replica *replica;
    size_t count = 0;
    DL_FOREACH(cluster->replicas, replica)
    {
        topics_text path;
        if (!chosen(replica))
            continue;
        sync_path(replica, path);
        buf_appendf(&paths, "%s%s", paths.len ? " " : "", path);
        if (++count % PATHS_MAX == 0)
            want_send(cluster, &paths, lease_s);
    }
    want_send(cluster, &paths, lease_s);
    buf_deinit(&paths);
}

static void on_want(void *arg)
{
    struct informer_cluster *cluster = arg;
    cluster->want_us = loop_now_us(cluster->informer->loop);
    if (cluster->alive)
        want_each(cluster, is_lapsing, (uint64_t)cluster->informer->options.lease_s);
}

static int64_t delay_us(const struct informer_replica *replica)
{
    const struct informer_cluster *cluster = replica->cluster;
    struct loop *loop = replica->informer->loop;
    int64_t left = left_us(replica), most = left / 2 < JITTER_US ? left / 2 : JITTER_US;
    int64_t delay = most ? (int64_t)loop_random_below(loop, (uint64_t)most) : 0;
    int64_t again = cluster->want_us ? cluster->want_us + AGAIN_US - loop_now_us(loop) : 0;
    return delay > again ? delay : again;
}

void want_heard(struct informer_replica *replica, int64_t lease_s)
{
    struct timer *timer = &replica->cluster->want;
    struct loop *loop = replica->informer->loop;
    replica->leased = lease_s >= 0;
    if (lease_s > LEASE_MAX_S)
        lease_s = LEASE_MAX_S;
    replica->lease_until_us = loop_now_us(loop) + lease_s * LOOP_SECOND;
    if (!is_lapsing(replica))
        return;
    int64_t delay = delay_us(replica);
    if (!timer_active(timer) || (left_us(replica) == 0 && timer->due_us > loop_now_us(loop) + delay))
        timer_start(timer, delay);
}

void want_no_more(struct informer_cluster *cluster)
{
    want_each(cluster, is_leased, 0);
}

void want_init(struct informer_cluster *cluster)
{
    timer_init(&cluster->want, cluster->informer->loop, on_want, cluster);
}

void want_deinit(struct informer_cluster *cluster)
{
    timer_stop(&cluster->want);
}
