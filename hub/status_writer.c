/*
 * A report is what one Deployment on a cluster says about its source. A work is one Deployment at the source,
 * with the reports on it. Any change, on either side, only says "look again" (a timer, so that the changes of
 * one turn make one request); looking compares the reports with the annotations and patches the difference.
 */
#include "hub/status_writer.h"

#include <inttypes.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "hub/labels.h"
#include "hub/workloads.h"
#include "kube/apply.h"

#define IN_FLIGHT_MAX 8
#define CROWDED_US (100 * LOOP_MS)
#define RETRY_MIN_US LOOP_SECOND
#define RETRY_MAX_US (60 * LOOP_SECOND)
#define PATCH_LIMIT ((size_t)64 << 10)

struct work;

struct report {
    UT_hash_handle hh; /* in its site, by key */
    struct work *work;
    struct report *prev, *next; /* in the work */
    int64_t available;
    char namespace_[64];
    char key[]; /* on the cluster */
};

/* The Deployments of one cluster. */
struct site {
    struct status_writer *writer;
    char cluster[64];
    struct store *store; /* borrowed */
    struct store_observer observer;
    bool synced;
    struct report *reports;
    UT_hash_handle hh;       /* by cluster */
    UT_hash_handle by_store; /* the same ones */
};

struct work {
    struct status_writer *writer;
    UT_hash_handle hh;
    struct space *space;
    struct work *prev, *next; /* in the space */
    struct report *reports;
    struct apply_call *call; /* under way, or NULL */
    bool again;              /* something changed meanwhile */
    struct timer timer;
    struct backoff backoff;
    char *reason; /* of the last failure, as logged */
    char key[];   /* at the source */
};

/* The works of one namespace at the source, which is one cluster. There are none without works. */
struct space {
    struct work *works;
    UT_hash_handle hh;
    char name[];
};

struct status_writer {
    struct loop *loop;
    struct log *log;
    struct rest *rest;
    struct store *source;
    struct store_observer observer;
    char *store_id;
    struct site *sites, *sites_by_store;
    struct work *works;
    struct space *spaces;
    size_t in_flight;
    struct status_writer_stats stats;
};

static void work_look(void *arg);

/* ---- works ---- */

static struct space *space_get(struct status_writer *writer, const char *key)
{
    struct space *space;
    size_t len = strcspn(key, "/");
    HASH_FIND(hh, writer->spaces, key, len, space);
    if (space)
        return space;
    space = mem_zalloc(sizeof(*space) + len + 1);
    memcpy(space->name, key, len);
    HASH_ADD_KEYPTR(hh, writer->spaces, space->name, len, space);
    return space;
}

static void space_leave(struct work *work)
{
    struct space *space = work->space;
    DL_DELETE(space->works, work);
    if (space->works)
        return;
    HASH_DEL(work->writer->spaces, space);
    free(space);
}

static struct work *work_get(struct status_writer *writer, const char *key)
{
    struct work *work;
    size_t len = strlen(key);
    HASH_FIND_STR(writer->works, key, work);
    if (work)
        return work;
    work = mem_zalloc(sizeof(*work) + len + 1);
    memcpy(work->key, key, len + 1);
    work->writer = writer;
    backoff_init(&work->backoff, RETRY_MIN_US, RETRY_MAX_US, RETRY_MAX_US, 0.5);
    timer_init(&work->timer, writer->loop, work_look, work);
    HASH_ADD_KEYPTR(hh, writer->works, work->key, len, work);
    work->space = space_get(writer, key);
    DL_APPEND(work->space->works, work);
    return work;
}

static void work_free(struct work *work)
{
    HASH_DEL(work->writer->works, work);
    space_leave(work);
    timer_stop(&work->timer);
    apply_cancel(work->call);
    free(work->reason);
    free(work);
}

/* One that waits after a failure goes on waiting. */
static void work_again(struct work *work)
{
    if (work->call)
        work->again = true;
    else if (!timer_active(&work->timer))
        timer_start(&work->timer, 0);
}

static struct site *site_of_work(const struct work *work)
{
    struct site *site;
    HASH_FIND(hh, work->writer->sites, work->key, strcspn(work->key, "/"), site);
    return site;
}

/* ---- what is to be written ---- */

static const struct report *report_on(const struct work *work, struct slice namespace_)
{
    const struct report *report;
    DL_FOREACH(work->reports, report)
    if (slice_equal(namespace_, report->namespace_))
        return report;
    return NULL;
}

static void put_annotation(struct buf *patch, const char *namespace_, const char *value)
{
    buf_appendf(patch, "%s\"" ANNOTATION_AVAILABLE "%s\":%s", patch->len ? "," : "", namespace_, value);
}

static void put_reported(const struct work *work, struct slice annotations, struct buf *patch)
{
    const struct report *report;
    DL_FOREACH(work->reports, report)
    {
        char name[sizeof(ANNOTATION_AVAILABLE) + sizeof(report->namespace_)], value[24];
        snprintf(name, sizeof(name), ANNOTATION_AVAILABLE "%s", report->namespace_);
        snprintf(value, sizeof(value), "%" PRId64, report->available);
        if (slice_equal(json_member(annotations, name), value))
            continue;
        snprintf(value, sizeof(value), "\"%" PRId64 "\"", report->available);
        put_annotation(patch, report->namespace_, value);
    }
}

/* Namespaces of which nothing is reported any more. */
static void put_gone(const struct work *work, struct slice annotations, struct buf *patch)
{
    const size_t len = strlen(ANNOTATION_AVAILABLE);
    struct json_cursor cursor = {0};
    struct slice name, value;
    while (json_next_member(annotations, &cursor, &name, &value)) {
        if (name.len <= len || memcmp(name.data, ANNOTATION_AVAILABLE, len) != 0)
            continue;
        struct slice namespace_ = {name.data + len, name.len - len};
        cleanup_free char *text = mem_printf("%.*s", SLICE_ARGS(namespace_));
        if (!report_on(work, namespace_))
            put_annotation(patch, text, "null");
    }
}

/* ---- writing ---- */

static void work_failed(struct work *work, const struct status *status)
{
    struct status_writer *writer = work->writer;
    int64_t delay = backoff_next(&work->backoff, writer->loop);
    if (status->retry_after_ms * LOOP_MS > delay)
        delay = status->retry_after_ms * LOOP_MS;
    if (!work->reason || strcmp(work->reason, status->text) != 0)
        log_warn(writer->log, "status", "%s: available replicas cannot be written to the source: %s",
                 work->key, status->text);
    free(work->reason);
    work->reason = mem_strdup(status->text);
    timer_start(&work->timer, delay);
}

static void on_done(void *arg, const struct status *status, struct slice answer)
{
    struct work *work = arg;
    struct status_writer *writer = work->writer;
    bool again = work->again;
    (void)answer;
    work->call = NULL;
    work->again = false;
    writer->in_flight--;
    if (status->outcome == OUTCOME_OK || status->outcome == OUTCOME_NOT_FOUND) {
        writer->stats.written += status->outcome == OUTCOME_OK;
        backoff_reset(&work->backoff);
        free(mem_steal(work->reason));
        if (again)
            work_again(work);
    } else {
        writer->stats.failed++;
        work_failed(work, status);
    }
}

static void work_write(struct work *work, const struct buf *annotations)
{
    static const struct apply_ops ops = {on_done};
    struct status_writer *writer = work->writer;
    struct buf body = BUF_INIT(2 * PATCH_LIMIT);
    size_t len = strcspn(work->key, "/");
    cleanup_free char *namespace_ = mem_dup(work->key, len);
    struct apply_target target = {
        .gvr = workloads_gvr, .namespace_ = namespace_, .name = work->key + len + 1};
    buf_appendf(&body, "{\"metadata\":{\"annotations\":{%s}}}", annotations->data);
    writer->in_flight++;
    work->call = apply_merge(writer->rest, &target, (struct slice){body.data, body.len}, &ops, work);
    buf_deinit(&body);
}

static void work_look(void *arg)
{
    struct work *work = arg;
    struct status_writer *writer = work->writer;
    const struct site *site = site_of_work(work);
    const struct object *object = store_get(writer->source, work->key);
    struct buf patch = BUF_INIT(PATCH_LIMIT);
    if (!object && !work->reports) {
        work_free(work);
        return;
    }
    if (!object || !site || !site->synced)
        return;
    if (writer->in_flight >= IN_FLIGHT_MAX) {
        timer_start(&work->timer, CROWDED_US);
        return;
    }
    put_reported(work, object_annotations(object), &patch);
    put_gone(work, object_annotations(object), &patch);
    if (patch.len)
        work_write(work, &patch);
    buf_deinit(&patch);
}

/* ---- what clusters say ---- */

static void report_free(struct site *site, struct report *report)
{
    struct work *work = report->work;
    HASH_DEL(site->reports, report);
    DL_DELETE(work->reports, report);
    work_again(work);
    free(report);
}

static struct report *report_create(struct site *site, const char *key, struct work *work)
{
    size_t len = strlen(key);
    struct report *report = mem_zalloc(sizeof(*report) + len + 1);
    memcpy(report->key, key, len + 1);
    snprintf(report->namespace_, sizeof(report->namespace_), "%.*s", (int)strcspn(key, "/"), key);
    report->work = work;
    report->available = -1;
    HASH_ADD_KEYPTR(hh, site->reports, report->key, len, report);
    DL_APPEND(work->reports, report);
    return report;
}

/* The key at the source that an object on this cluster may report on, or NULL. Yours to free. */
static char *source_key(const struct site *site, const struct object *object)
{
    struct slice annotations = object_annotations(object);
    struct slice source = json_member(annotations, ANNOTATION_SOURCE);
    size_t len = strlen(site->cluster);
    if (!slice_equal(json_member(annotations, ANNOTATION_STORE), site->writer->store_id) ||
        !slice_equal(json_member(annotations, ANNOTATION_TARGET), object_key(object)) || /* a copy */
        source.len < len + 2 || memcmp(source.data, site->cluster, len) != 0 || source.data[len] != '/')
        return NULL;
    cleanup_free char *key = mem_printf("%.*s", SLICE_ARGS(source));
    cleanup_free char *namespace_ = mem_printf("%.*s", SLICE_ARGS(object_namespace(object)));
    if (!dns_subdomain_valid(key + len + 1) || !dns_label_valid(namespace_))
        return NULL;
    return mem_steal(key);
}

static int64_t available_replicas(const struct object *object)
{
    struct slice number = json_member(json_member(object_bytes(object), "status"), "availableReplicas");
    cleanup_free char *text = mem_printf("%.*s", SLICE_ARGS(number));
    return strtoll(text, NULL, 10);
}

static void on_cluster_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct site *site = arg;
    const char *key = object_key(new_ ? new_ : old);
    struct report *report;
    (void)unseen;
    HASH_FIND_STR(site->reports, key, report);
    cleanup_free char *source = new_ ? source_key(site, new_) : NULL;
    if (report && (!source || strcmp(report->work->key, source) != 0)) {
        report_free(site, report);
        report = NULL;
    }
    if (!source)
        return;
    if (!report)
        report = report_create(site, key, work_get(site->writer, source));
    report->available = available_replicas(new_);
    work_again(report->work);
}

static struct site *site_find(const struct status_writer *writer, const struct store *store)
{
    struct site *site;
    HASH_FIND(by_store, writer->sites_by_store, &store, sizeof(store), site);
    return site;
}

void status_writer_attach(struct status_writer *writer, const char *cluster, struct store *store)
{
    struct site *site;
    HASH_FIND_STR(writer->sites, cluster, site);
    if (site) /* what another stream of that cluster has is not asked for */
        return;
    site = mem_zalloc(sizeof(*site));
    site->writer = writer;
    site->store = store;
    snprintf(site->cluster, sizeof(site->cluster), "%s", cluster);
    site->observer = (struct store_observer){.changed = on_cluster_changed, .arg = site};
    HASH_ADD_STR(writer->sites, cluster, site);
    HASH_ADD(by_store, writer->sites_by_store, store, sizeof(site->store), site);
    store_observe(store, &site->observer);
    for (struct object *object = store_seek(store, 0); object; object = store_after(store, object))
        on_cluster_changed(site, NULL, object, false);
}

/* Every workload of that cluster is looked at again: what is at the source may be of an earlier time. All
 * that the source has are works; so are those that it has no more, but that are still reported on. */
void status_writer_synced(struct status_writer *writer, const struct store *store, bool synced)
{
    struct site *site = site_find(writer, store);
    struct space *space;
    struct work *work;
    if (!site)
        return;
    site->synced = synced;
    HASH_FIND_STR(writer->spaces, site->cluster, space);
    if (!synced || !space)
        return;
    DL_FOREACH(space->works, work)
    work_again(work);
}

static void site_free(struct site *site)
{
    struct report *report, *next;
    store_unobserve(site->store, &site->observer);
    HASH_DEL(site->writer->sites, site);
    HASH_DELETE(by_store, site->writer->sites_by_store, site);
    HASH_ITER (hh, site->reports, report, next)
        report_free(site, report);
    free(site);
}

void status_writer_detach(struct status_writer *writer, const struct store *store)
{
    struct site *site = site_find(writer, store);
    if (site)
        site_free(site);
}

/* ---- the source ---- */

static void on_source_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    struct status_writer *writer = arg;
    (void)unseen;
    work_again(work_get(writer, object_key(new_ ? new_ : old)));
}

/* ---- life ---- */

struct status_writer *status_writer_create(const struct status_writer_config *config)
{
    struct status_writer *writer = mem_zalloc(sizeof(*writer));
    writer->loop = config->loop;
    writer->log = config->log;
    writer->rest = config->rest;
    writer->source = config->source;
    writer->store_id = mem_strdup(config->store_id);
    writer->observer = (struct store_observer){.changed = on_source_changed, .arg = writer};
    store_observe(writer->source, &writer->observer);
    for (struct object *object = store_seek(writer->source, 0); object;
         object = store_after(writer->source, object))
        work_again(work_get(writer, object_key(object)));
    return writer;
}

void status_writer_destroy(struct status_writer *writer)
{
    if (!writer)
        return;
    struct work *work, *next;
    struct site *site, *next_site;
    store_unobserve(writer->source, &writer->observer);
    HASH_ITER (hh, writer->sites, site, next_site)
        site_free(site);
    HASH_ITER (hh, writer->works, work, next)
        work_free(work);
    free(writer->store_id);
    free(writer);
}

const struct status_writer_stats *status_writer_stats(const struct status_writer *writer)
{
    return &writer->stats;
}
