#include "samples/minicluster/controller.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"
#include "kube/rest.h"

const struct gvr gvr_pods = {"", "v1", "pods"};
const struct gvr gvr_replicasets = {"apps", "v1", "replicasets"};
const struct gvr gvr_deployments = {"apps", "v1", "deployments"};
const struct gvr gvr_daemonsets = {"apps", "v1", "daemonsets"};
const struct gvr gvr_statefulsets = {"apps", "v1", "statefulsets"};
const struct gvr gvr_jobs = {"batch", "v1", "jobs"};
const struct gvr gvr_cronjobs = {"batch", "v1", "cronjobs"};
const struct gvr gvr_leases = {"coordination.k8s.io", "v1", "leases"};
const struct gvr gvr_nodes = {"", "v1", "nodes"};
const struct gvr gvr_namespaces = {"", "v1", "namespaces"};

bool event_is_of(const struct collection *collection, const struct gvr *gvr)
{
    return gvr_equal(&collection->resource.gvr, gvr);
}

struct queueing {
    struct controller *controller;
    struct slice namespace_;
    const char *kind;
};

static void queue_owner(void *arg, struct slice uid, struct slice reference)
{
    struct queueing *queueing = arg;
    char key[OBJECT_KEY_MAX];
    struct slice name = json_member(reference, "name");
    (void)uid;
    if (!slice_equal(json_member(reference, "kind"), queueing->kind))
        return;
    snprintf(key, sizeof(key), "%.*s/%.*s", SLICE_ARGS(queueing->namespace_), SLICE_ARGS(name));
    queue_add(&queueing->controller->queue, key, 0);
}

void queue_owners(struct controller *controller, const struct object *object, const char *kind)
{
    struct queueing queueing = {controller, object_namespace(object), kind};
    owners_each(object, queue_owner, &queueing);
}

void queue_all_in(struct controller *controller, const struct gvr *gvr, struct slice namespace_,
                  int64_t delay_us)
{
    const struct collection *all = apiserver_collection(cluster_server(controller->cluster), gvr);
    cleanup_free char *name = mem_dup(namespace_.data, namespace_.len);
    struct object_place at, end;
    object_set_range(&all->own->objects, name, &at, &end);
    while (at.page != end.page || at.slot != end.slot)
        queue_add(&controller->queue, object_key(object_set_next(&all->own->objects, &at)->object), delay_us);
}

struct object *cluster_peek(struct cluster *cluster, const struct gvr *gvr, const char *key)
{
    return apiserver_get_object(cluster_server(cluster), gvr, key);
}

cJSON *cluster_read(struct cluster *cluster, const struct gvr *gvr, const char *key)
{
    struct object *object = cluster_peek(cluster, gvr, key);
    struct slice bytes = object ? object_bytes(object) : (struct slice){0};
    return object ? tree_parse(bytes.data, bytes.len) : NULL;
}

static const cJSON *controller_reference(const cJSON *tree)
{
    const cJSON *reference;
    cJSON_ArrayForEach(reference, tree_at(tree, "metadata.ownerReferences"))
    {
        if (cJSON_IsTrue(tree_at(reference, "controller")))
            return reference;
    }
    return NULL;
}

cJSON *cluster_read_controller(struct cluster *cluster, const cJSON *tree)
{
    const cJSON *reference = controller_reference(tree);
    const char *version = tree_text(reference, "apiVersion"), *slash = strchr(version, '/');
    cleanup_free char *group = mem_dup(version, slash ? (size_t)(slash - version) : 0);
    const struct collection *owners =
        storage_find_kind(apiserver_storage(cluster_server(cluster)), group, tree_text(reference, "kind"));
    if (!reference || !owners)
        return NULL;
    cleanup_free char *key =
        mem_printf("%s/%s", tree_text(tree, "metadata.namespace"), tree_text(reference, "name"));
    return cluster_read(cluster, &owners->resource.gvr, key);
}

int cluster_write(struct cluster *cluster, const struct gvr *gvr, const cJSON *tree)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    struct apiserver *server = cluster_server(cluster);
    tree_print(tree, &text);
    return tree_text(tree, "metadata.uid")[0]
               ? apiserver_update_object(server, gvr, text.data, text.len, false, NULL, NULL)
               : apiserver_create_object(server, gvr, text.data, text.len, NULL, NULL);
}

int cluster_write_status(struct cluster *cluster, const struct gvr *gvr, const cJSON *tree)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    tree_print(tree, &text);
    return apiserver_update_object(cluster_server(cluster), gvr, text.data, text.len, true, NULL, NULL);
}

static void delete_with(struct cluster *cluster, const struct gvr *gvr, const char *key, const char *body)
{
    cleanup_with(buf_deinit) struct buf answer = BUF_INIT(SIZE_MAX / 4);
    char base[640], path[OBJECT_KEY_MAX + 640];
    const char *slash = strchr(key, '/');
    cleanup_free char *namespace_ = slash ? mem_dup(key, (size_t)(slash - key)) : NULL;
    gvr_path(gvr, namespace_, base, sizeof(base));
    snprintf(path, sizeof(path), "%s/%s", base, slash ? slash + 1 : key);
    struct rest_request request = {.method = "DELETE",
                                   .path = path,
                                   .content_type = "application/json",
                                   .body = body,
                                   .body_len = strlen(body)};
    apiserver_call(cluster_server(cluster), &request, &answer);
}

void cluster_delete(struct cluster *cluster, const struct collection *collection, const char *key)
{
    delete_with(cluster, &collection->resource.gvr, key, "{\"propagationPolicy\":\"Background\"}");
}

void cluster_delete_foreground(struct cluster *cluster, const struct gvr *gvr, const char *key)
{
    delete_with(cluster, gvr, key, "{\"propagationPolicy\":\"Foreground\"}");
}

void cluster_delete_now(struct cluster *cluster, const struct gvr *gvr, const char *key)
{
    delete_with(cluster, gvr, key, "{\"propagationPolicy\":\"Background\",\"gracePeriodSeconds\":0}");
}

int64_t time_us(struct slice text)
{
    int64_t seconds = table_time(text);
    return seconds < 0 ? -1 : seconds * LOOP_SECOND;
}

void set_controller(cJSON *tree, const cJSON *owner)
{
    cJSON *list = cJSON_CreateArray(), *reference = cJSON_CreateObject();
    tree_set_text(reference, "apiVersion", tree_text(owner, "apiVersion"));
    tree_set_text(reference, "kind", tree_text(owner, "kind"));
    tree_set_text(reference, "name", tree_text(owner, "metadata.name"));
    tree_set_text(reference, "uid", tree_text(owner, "metadata.uid"));
    tree_set(reference, "controller", cJSON_CreateTrue());
    tree_set(reference, "blockOwnerDeletion", cJSON_CreateTrue());
    cJSON_AddItemToArray(list, reference);
    tree_set(tree_make(tree, "metadata"), "ownerReferences", list);
}

cJSON *json(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    cJSON *tree = len < 0 ? NULL : tree_parse(text, (size_t)len);
    free(text);
    if (!tree)
        abort(); /* the format is ours */
    return tree;
}

cJSON *find_condition(const cJSON *status, const char *type)
{
    cJSON *condition;
    cJSON_ArrayForEach(condition, tree_at(status, "conditions")) if (!strcmp(tree_text(condition, "type"),
                                                                             type)) return condition;
    return NULL;
}

bool condition_is(const cJSON *status, const char *type)
{
    return !strcmp(tree_text(find_condition(status, type), "status"), "True");
}

bool condition_is_false(const cJSON *status, const char *type)
{
    return !strcmp(tree_text(find_condition(status, type), "status"), "False");
}

bool set_condition(struct cluster *cluster, cJSON *status, const char *type, const char *is,
                   const char *reason, const char *message)
{
    char now[24];
    cJSON *condition = find_condition(status, type);
    apiserver_time(cluster_server(cluster), now);
    if (!condition) {
        condition = cJSON_CreateObject();
        tree_set_text(condition, "type", type);
        tree_add(tree_make_list(status, "conditions"), condition);
    }
    bool turned = strcmp(tree_text(condition, "status"), is);
    if (!turned && !strcmp(tree_text(condition, "reason"), reason) &&
        !strcmp(tree_text(condition, "message"), message))
        return false;
    tree_set_text(condition, "status", is);
    if (turned)
        tree_set_text(condition, "lastTransitionTime", now);
    tree_set_text(condition, "reason", reason);
    tree_set_text(condition, "message", message);
    return true;
}

int share_of(const cJSON *value, int whole, double (*rounded)(double))
{
    if (!cJSON_IsString(value))
        return tree_count(value, "", 0);
    double part = rounded(strtod(value->valuestring, NULL) * whole / 100);
    return part > 0 ? part < TREE_COUNT_MAX ? (int)part : TREE_COUNT_MAX : 0;
}

void set_count(cJSON *status, const char *name, int count)
{
    if (count)
        tree_set_number(status, name, count);
    else
        tree_remove(status, name);
}

bool is_controlled_by(const cJSON *tree, const char *uid)
{
    const cJSON *reference;
    cJSON_ArrayForEach(
        reference,
        tree_at(tree,
                "metadata.ownerReferences")) if (!strcmp(tree_text(reference, "uid"),
                                                         uid)) return cJSON_IsTrue(tree_at(reference,
                                                                                           "controller"));
    return false;
}
