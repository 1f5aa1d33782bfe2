#include "informer/once.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "informer/spelling.h"

#define POLL_US (50 * LOOP_MS)
#define NAMED_MAX 5 /* clusters that are named where some are missing */

struct once {
    struct once_config config;
    struct timer poll, timeout;
    uint64_t picture; /* of which clusters there are and how far they are, as seen last */
    int64_t changed_us;
};

/* What there is: clusters seen, alive, synced. Those that are filtered out do not count. */
struct tally {
    size_t seen, alive, synced;
};

static struct informer_cluster *next_cluster(const struct once *once, const struct informer_cluster *cluster)
{
    struct informer_cluster *next = informer_next_cluster(once->config.informer, cluster);
    while (next && !viewer_wants_cluster(once->config.viewer, cluster_name(next)))
        next = informer_next_cluster(once->config.informer, next);
    return next;
}

static struct tally tally(const struct once *once)
{
    struct tally count = {0};
    for (struct informer_cluster *cluster = next_cluster(once, NULL); cluster;
         cluster = next_cluster(once, cluster)) {
        count.seen++;
        count.alive += cluster_alive(cluster);
        count.synced += cluster_synced(cluster);
    }
    return count;
}

static bool is_quiet(struct once *once, const struct tally *count)
{
    int64_t now = loop_now_us(once->config.loop);
    uint64_t picture = ((uint64_t)count->seen << 42) | ((uint64_t)count->alive << 21) | count->synced;
    if (picture != once->picture) {
        once->picture = picture;
        once->changed_us = now;
    }
    return now - once->changed_us >= once->config.quiet_us;
}

static bool is_enough(struct once *once)
{
    struct tally count = tally(once);
    if (once->config.expect)
        return count.synced >= (size_t)once->config.expect;
    return is_quiet(once, &count) && count.alive && count.synced == count.alive;
}

/* What is printed though it may not be the newest state is said aside. */
static void say_stale(const struct once *once, const struct informer_cluster *cluster)
{
    char name[GVR_TEXT_MAX];
    for (struct informer_replica *replica = cluster_next_replica(cluster, NULL); replica;
         replica = cluster_next_replica(cluster, replica))
        if (replica_state(replica) != STREAM_ACTIVE)
            log_warn(once->config.log, "informer", "%s %s: stale: the API server says it is %s",
                     cluster_name(cluster), gvr_text(replica_gvr(replica), name),
                     stream_state_text(replica_state(replica)));
}

/* The one of --cluster that nothing was heard of, after the given one; NULL: no other. */
static const char *next_unheard(const struct once *once, size_t *at)
{
    const struct option_list *names = &once->config.view->clusters;
    while (*at < names->count) {
        const char *name = names->items[(*at)++];
        const struct informer_cluster *cluster = next_cluster(once, NULL);
        while (cluster && strcmp(cluster_name(cluster), name) != 0)
            cluster = next_cluster(once, cluster);
        if (!cluster)
            return name;
    }
    return NULL;
}

static bool is_published(const struct once *once, const char *spelling)
{
    for (struct informer_cluster *cluster = next_cluster(once, NULL); cluster;
         cluster = next_cluster(once, cluster))
        for (struct informer_replica *replica = cluster_next_replica(cluster, NULL); replica;
             replica = cluster_next_replica(cluster, replica))
            if (spelling_matches(spelling, replica_gvr(replica)))
                return true;
    return false;
}

static void say_absent(const struct once *once)
{
    const struct option_list *resources = &once->config.view->resources;
    const char *name;
    for (size_t at = 0; (name = next_unheard(once, &at));)
        log_warn(once->config.log, "informer", "%s: not heard of, left out", name);
    for (size_t i = 0; i < resources->count; i++)
        if (!is_published(once, resources->items[i]))
            log_warn(once->config.log, "informer",
                     "--resource %s: no cluster publishes that; is it among the --resource of its provider?",
                     resources->items[i]);
}

static void print_all(struct once *once)
{
    say_absent(once);
    for (struct informer_cluster *cluster = next_cluster(once, NULL); cluster;
         cluster = next_cluster(once, cluster)) {
        if (cluster_synced(cluster)) {
            say_stale(once, cluster);
            viewer_print(once->config.viewer, cluster);
        } else {
            log_warn(once->config.log, "informer", "%s: %s, left out", cluster_name(cluster),
                     cluster_alive(cluster) ? "not synced" : "silent");
        }
    }
}

static void finish(struct once *once, int code, const struct error *err)
{
    timer_stop(&once->poll);
    timer_stop(&once->timeout);
    once->config.done(once->config.arg, code, err);
}

static void on_poll(void *arg)
{
    struct once *once = arg;
    timer_start(&once->poll, POLL_US);
    if (!is_enough(once))
        return;
    print_all(once);
    finish(once, 0, NULL);
}

/* Why one is not synced. */
static void describe(const struct informer_cluster *cluster, struct buf *out)
{
    char name[GVR_TEXT_MAX];
    size_t missing = 0;
    buf_appendf(out, "%s%s", out->len ? "; " : "", cluster_name(cluster));
    if (!cluster_alive(cluster)) {
        buf_append_str(out, " is silent");
        return;
    }
    for (struct informer_replica *replica = cluster_next_replica(cluster, NULL); replica;
         replica = cluster_next_replica(cluster, replica))
        if (!replica_synced(replica) && missing++ < NAMED_MAX)
            buf_appendf(out, "%s%s", missing > 1 ? "," : " still syncs ",
                        gvr_text(replica_gvr(replica), name));
    if (!missing)
        buf_append_str(out, " still finds out what it has");
}

/* That none was heard of, or no other than those that are synced. */
static void describe_unheard(const struct once *once, struct buf *out)
{
    size_t named = 0;
    const char *name;
    for (size_t at = 0; named < NAMED_MAX && (name = next_unheard(once, &at)); named++)
        buf_appendf(out, "%s%s", named ? ", " : "", name);
    if (named)
        buf_append_str(out, " was not heard of (is it running, and is its --cluster spelled like that?)");
    else if (tally(once).seen)
        buf_append_str(out, "no other cluster was heard of");
    else
        buf_append_str(out, "no cluster was heard of (are broker and prefixes those of the providers?)");
}

static void describe_all(const struct once *once, struct buf *out)
{
    const char *reason = once->config.connection ? connection_reason(once->config.connection) : NULL;
    size_t named = 0;
    if (reason) { /* without the broker all else follows */
        buf_append_str(out, reason);
        return;
    }
    for (struct informer_cluster *cluster = next_cluster(once, NULL); cluster && named < NAMED_MAX;
         cluster = next_cluster(once, cluster)) {
        if (cluster_synced(cluster))
            continue;
        describe(cluster, out);
        named++;
    }
    if (named == 0)
        describe_unheard(once, out);
}

static void on_timeout(void *arg)
{
    struct once *once = arg;
    struct tally count = tally(once);
    struct buf missing = BUF_INIT(1000);
    struct error err = {0};
    describe_all(once, &missing);
    error_set(&err, EX_TEMPFAIL, "%zu of %" PRId64 " clusters synced after %" PRId64 " s: %s", count.synced,
              once->config.expect ? once->config.expect : (int64_t)count.seen,
              once->config.timeout_us / LOOP_SECOND, missing.data);
    buf_deinit(&missing);
    finish(once, EX_TEMPFAIL, &err);
}

struct once *once_create(const struct once_config *config)
{
    struct once *once = mem_zalloc(sizeof(*once));
    once->config = *config;
    once->changed_us = loop_now_us(config->loop);
    timer_init(&once->poll, config->loop, on_poll, once);
    timer_init(&once->timeout, config->loop, on_timeout, once);
    timer_start(&once->poll, POLL_US);
    if (config->timeout_us)
        timer_start(&once->timeout, config->timeout_us);
    return once;
}

void once_destroy(struct once *once)
{
    if (!once)
        return;
    timer_stop(&once->poll);
    timer_stop(&once->timeout);
    free(once);
}
