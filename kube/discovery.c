/*
 *     /api ──▶ /apis ──▶ each group version that these left to be asked ──▶ done
 *
 * The new table is built apart and takes the old one's place at the end, so that a refresh that fails
 * half-way changes nothing.
 */
#include "kube/discovery.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kube/call.h"
#include "kube/discovery_internal.h"

#define BODY_LIMIT ((size_t)64 << 20) /* a thousand CRDs have some 2 MB */
#define TIMEOUT_MS 30000

static const char accept_aggregated[] =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json";

enum discovery_state { DISCOVERY_IDLE, DISCOVERY_CORE, DISCOVERY_GROUPS, DISCOVERY_VERSIONS };

struct discovery {
    enum discovery_state state;
    struct call call;
    struct buf body;
    bool overflow;
    struct api_table table; /* what is known */
    struct api_table next;  /* what is being gathered */
    struct group_versions list;
    size_t position; /* in list */
    discovery_done *done;
    void *arg;
};

static void request(struct discovery *discovery, const char *path, const char *accept)
{
    buf_clear(&discovery->body);
    discovery->overflow = false;
    call_start(
        &discovery->call,
        &(struct rest_request){.method = "GET", .path = path, .accept = accept, .timeout_ms = TIMEOUT_MS});
}

static void end(struct discovery *discovery, const struct status *status)
{
    discovery->state = DISCOVERY_IDLE;
    buf_deinit(&discovery->body);
    group_versions_deinit(&discovery->list);
    if (status->outcome == OUTCOME_OK) {
        api_table_deinit(&discovery->table);
        discovery->table = discovery->next;
        api_table_init(&discovery->next);
    } else {
        api_table_deinit(&discovery->next);
    }
    discovery->done(discovery->arg, status);
}

/* The next group version, or the end. */
static void ask_version(struct discovery *discovery)
{
    discovery->state = DISCOVERY_VERSIONS;
    if (discovery->position == discovery->list.count) {
        struct status status;
        status_ok(&status, 200);
        end(discovery, &status);
        return;
    }
    const struct group_version *gv = &discovery->list.items[discovery->position];
    cleanup_free char *path =
        gv->group[0] ? mem_printf("/apis/%s/%s", gv->group, gv->version) : mem_printf("/api/%s", gv->version);
    request(discovery, path, NULL);
}

static struct discovery_reading reading_of(struct discovery *discovery)
{
    return (struct discovery_reading){&discovery->next, &discovery->table, &discovery->list};
}

static struct slice body_of(const struct discovery *discovery)
{
    return (struct slice){discovery->body.data, discovery->body.len};
}

static void root_done(struct discovery *discovery, const struct status *status)
{
    const char *path = discovery->state == DISCOVERY_CORE ? "/api" : "/apis";
    struct discovery_reading reading = reading_of(discovery);
    if (status->outcome != OUTCOME_OK) {
        end(discovery, status);
    } else if (discovery->overflow || discovery_read_root(&reading, body_of(discovery)) != 0) {
        struct status malformed;
        status_malformed(&malformed, "%s is no list of the API's groups; is this a Kubernetes API server?",
                         path);
        end(discovery, &malformed);
    } else if (discovery->state == DISCOVERY_CORE) {
        discovery->state = DISCOVERY_GROUPS;
        request(discovery, "/apis", accept_aggregated);
    } else {
        ask_version(discovery);
    }
}

static void version_done(struct discovery *discovery, const struct status *status)
{
    const struct group_version *gv = &discovery->list.items[discovery->position++];
    struct discovery_reading reading = reading_of(discovery);
    bool read = status->outcome == OUTCOME_OK && !discovery->overflow &&
                discovery_read_resources(&reading, gv, body_of(discovery)) == 0;
    if (!read)
        api_table_add_failure(&discovery->next, gv->group, gv->version, &discovery->table);
    ask_version(discovery);
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct discovery *discovery = arg;
    if (buf_append(&discovery->body, data, len) != 0)
        discovery->overflow = true;
}

static void on_done(void *arg, const struct status *status)
{
    struct discovery *discovery = arg;
    if (discovery->state == DISCOVERY_VERSIONS)
        version_done(discovery, status);
    else
        root_done(discovery, status);
}

static const struct call_ops call_ops = {.body = on_body, .done = on_done};

struct discovery *discovery_create(struct rest *rest, discovery_done *done, void *arg)
{
    struct discovery *discovery = mem_zalloc(sizeof(*discovery));
    discovery->done = done;
    discovery->arg = arg;
    buf_init(&discovery->body, BODY_LIMIT);
    api_table_init(&discovery->table);
    api_table_init(&discovery->next);
    call_init(&discovery->call, rest, &call_ops, discovery);
    return discovery;
}

void discovery_destroy(struct discovery *discovery)
{
    if (!discovery)
        return;
    call_cancel(&discovery->call);
    buf_deinit(&discovery->body);
    group_versions_deinit(&discovery->list);
    api_table_deinit(&discovery->table);
    api_table_deinit(&discovery->next);
    free(discovery);
}

void discovery_refresh(struct discovery *discovery)
{
    if (discovery->state != DISCOVERY_IDLE)
        return;
    discovery->state = DISCOVERY_CORE;
    discovery->position = 0;
    request(discovery, "/api", accept_aggregated);
}

const struct api_table *discovery_table(const struct discovery *discovery)
{
    return &discovery->table;
}

void discovery_clear(struct discovery *discovery)
{
    api_table_deinit(&discovery->table);
}
