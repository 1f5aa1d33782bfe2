#include "apiserver/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Fields that a real server can select by, beside metadata.name and metadata.namespace. */
static const struct {
    const char *resource;
    const char *fields;
} selectable[] = {
    {"pods", " spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork "
             "status.phase "
             "status.podIP status.nominatedNodeName "},
    {"nodes", " spec.unschedulable "},
    {"namespaces", " status.phase "},
    {"secrets", " type "},
    {"services", " spec.clusterIP spec.type "},
    {"replicasets", " status.replicas "},
    {"replicationcontrollers", " status.replicas "},
    {"jobs", " status.successful "},
    {"events", " involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
               "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason "
               "reportingComponent source type "},
};

static bool field_selectable(const struct resource *resource, const char *field)
{
    if (!strcmp(field, "metadata.name") ||
        (!strcmp(field, "metadata.namespace") && resource_namespaced(resource)))
        return true;
    cleanup_free char *word = mem_printf(" %s ", field);
    for (size_t i = 0; i < array_size(selectable); i++)
        if (!strcmp(selectable[i].resource, resource->gvr.resource))
            return strstr(selectable[i].fields, word);
    return false;
}

static bool has_own_fields(const struct resource *resource)
{
    for (size_t i = 0; i < array_size(selectable); i++)
        if (!strcmp(selectable[i].resource, resource->gvr.resource))
            return true;
    return resource->flags & RESOURCE_CUSTOM;
}

static int unknown_field(const struct resource *resource, const char *field, struct status *status)
{
    if (has_own_fields(resource))
        return status_set(status, 400, "BadRequest", "field label not supported: %.200s", field);
    return status_set(
        status, 400, "BadRequest",
        "\"%.200s\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", field);
}

/* A partition has one field: whose it is. */
#define FIELD_CLUSTER "cluster"

static int parse_selectors(struct list_options *options, const struct exchange *exchange,
                           const struct resource *resource, struct status *status)
{
    const struct request *request = &exchange->request;
    struct error err = {0};
    if (selector_parse_labels(&options->labels, request_param(request, "labelSelector"), &err) ||
        selector_parse_fields(&options->fields, request_param(request, "fieldSelector"), &err))
        return status_set(status, 400, "BadRequest", "%s", err.text);
    if (exchange->server->storage.fleet)
        selector_take(&options->fields, FIELD_CLUSTER, &options->clusters);
    for (size_t i = 0; i < options->fields.count; i++)
        if (!field_selectable(resource, options->fields.terms[i].key))
            return unknown_field(resource, options->fields.terms[i].key, status);
    if (!options->name[0] && selector_exact(&options->fields, "metadata.name"))
        options->name = selector_exact(&options->fields, "metadata.name");
    return 0;
}

static const struct resource list_options_resource = {
    .gvr = {.group = "meta.k8s.io", .resource = "listoptions"}, .kind = "ListOptions"};

static void forbid(struct status *status, const char *field, const char *why)
{
    status_invalid(status, &list_options_resource, "", "FieldValueForbidden", field, "Forbidden: %s", why);
}

static void unknown_match(struct status *status, const char *match, const char *known)
{
    status_invalid(status, &list_options_resource, "", "FieldValueNotSupported", "resourceVersionMatch",
                   "Unsupported value: \"%.60s\": supported values: %s", match, known);
}

static int check_list(const struct list_options *options, const char *match, struct status *status)
{
    if (match[0] && !options->has_version)
        forbid(status, "resourceVersionMatch",
               "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (match[0] && options->continue_[0])
        forbid(status, "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
    if (match[0] && options->match == MATCH_UNSET)
        unknown_match(status, match, "\"Exact\", \"NotOlderThan\", \"\"");
    if (options->match == MATCH_EXACT && options->has_version && options->version == 0)
        forbid(status, "resourceVersionMatch",
               "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    if (options->has_initial_events)
        forbid(status, "sendInitialEvents", "sendInitialEvents is forbidden for list");
    return status->code;
}

static int check_watch(const struct list_options *options, const char *match, struct status *status)
{
    if (options->has_initial_events && options->match != MATCH_NOT_OLDER)
        forbid(status, "resourceVersionMatch",
               "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (match[0] && !options->has_initial_events)
        forbid(status, "resourceVersionMatch",
               "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    if (match[0] && options->match != MATCH_NOT_OLDER)
        unknown_match(status, match, "\"NotOlderThan\"");
    if (options->continue_[0])
        forbid(status, "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
    return status->code;
}

int list_options_bad_version(const char *text, bool list, struct status *status)
{
    return status_set(status, list ? 400 : 500, list ? "BadRequest" : "",
                      "%sresourceVersion: Invalid value: \"%.60s\": strconv.ParseUint: parsing \"%.60s\": "
                      "invalid syntax",
                      list ? "invalid resource version: " : "", text, text);
}

static int parse_version(struct list_options *options, const struct request *request, bool watch,
                         struct status *status)
{
    const char *match = request_param(request, "resourceVersionMatch");
    const char *text = request_param(request, "resourceVersion");
    options->has_version = text[0];
    options->match = !strcmp(match, "Exact")          ? MATCH_EXACT
                     : !strcmp(match, "NotOlderThan") ? MATCH_NOT_OLDER
                                                      : MATCH_UNSET;
    bool is_number = request_number(request, "resourceVersion", 0, &options->version) == 0;
    if (!is_number)
        options->version = UINT64_MAX;
    int r = watch ? check_watch(options, match, status) : check_list(options, match, status);
    if (r == 0 && !is_number)
        r = list_options_bad_version(text, !watch, status);
    if (r == 0 && options->continue_[0] && options->version)
        r = status_set(status, 400, "BadRequest",
                       "specifying resource version is not allowed when using continue");
    return r;
}

/* 0 where it is absent. */
static int parse_integer(const struct request *request, const char *name, int64_t *out, struct status *status)
{
    const char *text = request_param(request, name);
    char *end = NULL;
    errno = 0;
    *out = strtoll(text, &end, 10);
    bool digit = text[text[0] == '-'] >= '0' && text[text[0] == '-'] <= '9';
    if (!text[0] || (digit && !*end && !errno))
        return 0;
    return status_set(status, 400, "BadRequest", "strconv.ParseInt: parsing \"%.60s\": %s", text,
                      errno ? "value out of range" : "invalid syntax");
}

/* How much is asked for. A limit of less than nothing is none, as in a real server. */
static int parse_bounds(struct list_options *options, const struct request *request, struct status *status)
{
    int64_t limit, timeout_s = 0;
    int r = parse_integer(request, "limit", &limit, status);
    if (r == 0)
        r = parse_integer(request, "timeoutSeconds", &timeout_s, status);
    if (r == 0 && (timeout_s < 0 || timeout_s > UINT32_MAX))
        r = status_set(status, 400, "BadRequest", "timeoutSeconds is out of bounds");
    options->limit = limit > 0 ? (uint64_t)limit : 0;
    options->timeout_s = (uint64_t)timeout_s;
    return r;
}

int list_options_parse(struct list_options *options, const struct exchange *exchange,
                       const struct resource *resource, struct status *status)
{
    const struct request *request = &exchange->request;
    bool watch = request_watches(request);
    *options = (struct list_options){
        .namespace_ = request->namespace_,
        .name = request->name,
        .continue_ = request_param(request, "continue"),
        .bookmarks = request_flag(request, "allowWatchBookmarks"),
        .initial_events = request_flag(request, "sendInitialEvents"),
        .has_initial_events = request_param(request, "sendInitialEvents")[0],
    };
    int r = parse_selectors(options, exchange, resource, status);
    if (r != 0)
        return r;
    r = parse_bounds(options, request, status);
    if (r == 0)
        r = parse_version(options, request, watch, status);
    /* A real server answers such a list out of its cache, which knows no pages. */
    if (options->has_version && !options->version && options->match != MATCH_EXACT)
        options->limit = 0;
    return r;
}

void list_options_deinit(struct list_options *options)
{
    selector_deinit(&options->labels);
    selector_deinit(&options->fields);
    selector_deinit(&options->clusters);
}

bool list_options_select_all(const struct list_options *options)
{
    return !options->name[0] && !options->labels.count && !options->fields.count && !options->clusters.count;
}

bool list_options_select(const struct list_options *options, const struct item *item)
{
    const struct object *object = item->object;
    const char *cluster = item->partition->name;
    /* What is not asked for is not looked at: labels are found by a scan, and an object may have to be
     * unpacked. */
    if (options->namespace_ && !slice_equal(object_namespace(object), options->namespace_))
        return false;
    if (options->name[0] && !slice_equal(object_name(object), options->name))
        return false;
    return selector_matches_text(&options->clusters, (struct slice){cluster, strlen(cluster)}) &&
           (!options->labels.count || selector_matches_labels(&options->labels, object_labels(object))) &&
           (!options->fields.count || selector_matches_fields(&options->fields, object_bytes(object)));
}

int server_select(const struct exchange *exchange, const struct collection *collection,
                  struct object_set *out, struct status *status)
{
    struct list_options options;
    struct view view = {0};
    struct item item;
    int r = list_options_parse(&options, exchange, &collection->resource, status);
    if (r == 0 && view_take(collection, NULL, exchange->server->storage.revision, &view) == 0) {
        struct view_reader reader = view_read(&view, exchange->request.namespace_);
        while (view_next(&reader, &item))
            if (list_options_select(&options, &item))
                object_set_put(out, item.object, item.revision);
    }
    view_deinit(&view);
    list_options_deinit(&options);
    return r;
}
