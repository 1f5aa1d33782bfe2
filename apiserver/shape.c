#include "apiserver/shape.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver/crd.h"
#include "apiserver/schema.h"
#include "apiserver/server_internal.h"
#include "base/mem.h"

static const char metadata_fields[] =
    " name generateName namespace selfLink uid resourceVersion generation creationTimestamp "
    "deletionTimestamp "
    "deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields ";

/* Beside apiVersion, kind and metadata. Kinds that are not here have spec and status. */
static const struct {
    const char *kind, *fields;
} rows[] = {
    {"ConfigMap", " data binaryData immutable "},
    {"Secret", " data stringData type immutable "},
    {"Endpoints", " subsets "},
    {"EndpointSlice", " addressType endpoints ports "},
    {"Event", " involvedObject reason message source firstTimestamp lastTimestamp count type eventTime "
              "series action related "
              "reportingComponent reportingInstance "},
    {"ServiceAccount", " secrets imagePullSecrets automountServiceAccountToken "},
    {"ControllerRevision", " data revision "},
    {"Role", " rules "},
    {"ClusterRole", " rules aggregationRule "},
    {"RoleBinding", " subjects roleRef "},
    {"ClusterRoleBinding", " subjects roleRef "},
    {"PriorityClass", " value globalDefault description preemptionPolicy "},
    {"StorageClass", " provisioner parameters reclaimPolicy mountOptions allowVolumeExpansion "
                     "volumeBindingMode allowedTopologies "},
};

static const char *fields_of_kind(const char *kind)
{
    for (size_t i = 0; i < array_size(rows); i++)
        if (!strcmp(rows[i].kind, kind))
            return rows[i].fields;
    return " spec status ";
}

/* ---- unknown fields ---- */

#define FOUND_MAX 64 /* that are told of */

struct found {
    char *names[FOUND_MAX];
    size_t count;
};

/* A name from outside, to stand in a header and in a message. */
static char *printable(const char *path)
{
    char *text = mem_printf("%.200s", path);
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            *c = '?';
    return text;
}

static void note(void *arg, const char *path)
{
    struct found *found = arg;
    if (found->count < FOUND_MAX)
        found->names[found->count++] = printable(path);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* unknown field "x", unknown field "y" */
static void join(const struct found *found, const char *separator, struct buf *out)
{
    for (size_t i = 0; i < found->count; i++)
        buf_appendf(out, "%sunknown field \"%s\"", i ? separator : "", found->names[i]);
}

static void prune_words(struct found *found, cJSON *object, const char *known, const char *path)
{
    for (cJSON *item = object ? object->child : NULL, *next; item; item = next) {
        cleanup_free char *word = mem_printf(" %s ", item->string);
        next = item->next;
        if (strstr(known, word) && !strchr(item->string, ' '))
            continue;
        cleanup_free char *name = mem_printf("%s%s", path, item->string);
        note(found, name);
        cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
    }
}

static void prune_built_in(struct found *found, cJSON *tree, const char *kind)
{
    cleanup_free char *known = mem_printf(" apiVersion kind metadata %s ", fields_of_kind(kind));
    prune_words(found, tree, known, "");
}

/* Of a patch it is the outcome that is refused, of nothing that has a name yet. */
static void refuse_patch(const struct write *write, const char *outcome, const char *why)
{
    static const struct resource unnamed = {.kind = ""};
    cleanup_with(buf_deinit) struct buf shown = BUF_INIT(SIZE_MAX / 4);
    buf_append_json_string(&shown, outcome, strlen(outcome));
    status_invalid(write->status, &unnamed, "", "FieldValueInvalid", "patch",
                   "Invalid value: %.300s: strict decoding error: %s", shown.data, why);
}

/* What the writer asked for. before: the object with those fields. */
static void tell(const struct write *write, struct found *found, const char *before)
{
    const struct resource *resource = &write->collection->resource;
    cleanup_with(buf_deinit) struct buf all = BUF_INIT(SIZE_MAX / 4);
    qsort(found->names, found->count, sizeof(*found->names), by_text);
    if (write->unknown == UNKNOWN_WARNED && write->warnings)
        join(found, "\n", write->warnings);
    if (write->unknown != UNKNOWN_REFUSED || !found->count)
        return;
    join(found, ", ", &all);
    if (write->patch) {
        refuse_patch(write, before, all.data);
        return;
    }
    status_set(write->status, 400, "BadRequest",
               "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s", resource->kind,
               resource->gvr.version, resource->kind, all.data);
}

int shape_prune(const struct write *write, cJSON *tree)
{
    const struct resource *resource = &write->collection->resource;
    struct found found = {.count = 0};
    cleanup_tree cJSON *schema = crd_schema(write->server, resource);
    cleanup_with(buf_deinit) struct buf before = BUF_INIT(SIZE_MAX / 4);
    if (write->patch && write->unknown == UNKNOWN_REFUSED)
        tree_print(tree, &before);
    if (schema)
        schema_prune(schema, tree, note, &found);
    else if (!(resource->flags & RESOURCE_CUSTOM))
        prune_built_in(&found, tree, resource->kind);
    prune_words(&found, tree_at(tree, "metadata"), metadata_fields, "metadata.");
    tell(write, &found, before.data);
    for (size_t i = 0; i < found.count; i++)
        free(found.names[i]);
    return write->status->code;
}

/* ---- what the schema of a custom resource asks for ---- */

struct judged {
    const struct write *write;
    const char *name, *within; /* the fields are those of that */
};

static void blame(void *arg, const struct schema_fault *fault)
{
    const struct judged *judged = arg;
    bool whole = !strcmp(fault->path, "<nil>");
    cleanup_free char *field = mem_printf("%s%s", whole ? "" : judged->within, fault->path);
    status_invalid(judged->write->status, &judged->write->collection->resource, judged->name, fault->reason,
                   field, "%s", fault->message);
}

/* Who writes the status is told of the status only, as a real server does. */
int shape_admit(const struct write *write, cJSON *tree)
{
    bool status = !strcmp(write->subresource, "status");
    cleanup_tree cJSON *schema = crd_schema(write->server, &write->collection->resource);
    struct judged judged = {write, tree_text(tree, "metadata.name"), status ? "status." : ""};
    if (!schema)
        return 0;
    schema_default(schema, tree);
    const cJSON *checked = status ? tree_at(tree, "status") : tree;
    const cJSON *asked = status ? tree_at(schema, "properties.status") : schema;
    if (asked && checked)
        schema_check(asked, checked, blame, &judged);
    return write->status->code;
}
