/* The columns of what clusters are ruled by: scaling, disruption, quotas, storage and classes. */

#include "base/table_internal.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_MAX 3 /* endpoints and ports; the others are counted */
#define METRICS_MAX 2

/* The value, or that word where it is absent. */
static void text_or(struct table_cell *cell, const char *path, const char *otherwise)
{
    struct slice value = cell_at(cell, path);
    if (value.data && !slice_equal(value, "null"))
        cell_append(cell, value);
    else
        cell_text(cell, otherwise);
}

static void or_not_available(struct table_cell *cell)
{
    text_or(cell, cell->path, "N/A");
}

static void or_unset(struct table_cell *cell)
{
    text_or(cell, cell->path, "<unset>");
}

static void or_false(struct table_cell *cell)
{
    cell->literal = true;
    cell_text(cell, slice_true(cell_at(cell, cell->path)) ? "true" : "false");
}

static void or_true(struct table_cell *cell)
{
    cell->literal = true;
    cell_text(cell, slice_equal(cell_at(cell, cell->path), "false") ? "false" : "true");
}

/* ---- HorizontalPodAutoscaler ---- */

static const struct {
    const char *type, *member;
    bool named; /* of a resource, such as cpu */
    bool averaged;
} metric_types[] = {
    {"Resource", "resource", true, false}, {"ContainerResource", "containerResource", true, false},
    {"Pods", "pods", false, false},        {"Object", "object", false, true},
    {"External", "external", false, true},
};

static void append_or(struct table_cell *cell, struct slice value, const char *unit, const char *otherwise)
{
    if (value.len)
        buf_appendf(cell->out, "%.*s%s", SLICE_ARGS(value), unit);
    else
        cell_text(cell, otherwise);
}

/* By average value where the target has one; else by use in percent, or by value. */
static void print_metric(struct table_cell *cell, struct slice spec, struct slice status)
{
    size_t i = 0;
    while (i < sizeof(metric_types) / sizeof(metric_types[0]) &&
           !slice_equal(json_member(spec, "type"), metric_types[i].type))
        i++;
    if (i == sizeof(metric_types) / sizeof(metric_types[0])) {
        cell_text(cell, "<unknown type>");
        return;
    }
    struct slice source = json_member(spec, metric_types[i].member), target = json_member(source, "target");
    struct slice current = json_member(json_member(status, metric_types[i].member), "current");
    bool average = json_member(target, "averageValue").len, percent = !average && metric_types[i].named;
    const char *member = average ? "averageValue" : percent ? "averageUtilization" : "value";
    if (metric_types[i].named)
        buf_appendf(cell->out, "%.*s: ", SLICE_ARGS(json_member(source, "name")));
    append_or(cell, json_member(current, member), percent ? "%" : "", "<unknown>");
    cell_text(cell, "/");
    append_or(cell, json_member(target, member), percent ? "%" : "", percent ? "<auto>" : "");
    cell_text(cell, average && metric_types[i].averaged ? " (avg)" : "");
}

static void autoscaler_targets(struct table_cell *cell)
{
    struct json_cursor specs_at = {0}, statuses_at = {0};
    struct slice specs = cell_at(cell, "spec.metrics"), statuses = cell_at(cell, "status.currentMetrics"),
                 spec;
    int64_t n = 0;
    for (; specs.len && json_next_element(specs, &specs_at, &spec); n++) {
        struct slice status = {0};
        if (statuses.len && !json_next_element(statuses, &statuses_at, &status))
            status = (struct slice){0};
        if (n < METRICS_MAX) {
            cell_text(cell, n ? ", " : "");
            print_metric(cell, spec, status);
        }
    }
    if (n == 0)
        cell_text(cell, "<none>");
    if (n > METRICS_MAX)
        buf_appendf(cell->out, " + %" PRId64 " more...", n - METRICS_MAX);
}

static void autoscaler_reference(struct table_cell *cell)
{
    struct slice kind = cell_at(cell, "spec.scaleTargetRef.kind"),
                 name = cell_at(cell, "spec.scaleTargetRef.name");
    buf_appendf(cell->out, "%.*s/%.*s", SLICE_ARGS(kind), SLICE_ARGS(name));
}

static const struct table_column autoscalers[] = {
    NAME_COLUMN,
    MADE("Reference", autoscaler_reference),
    MADE("Targets", autoscaler_targets),
    COLUMN("MinPods", "string", "", "", 0, or_unset, "spec.minReplicas"),
    COLUMN("MaxPods", "string", "", "", 0, cell_number, "spec.maxReplicas"),
    COLUMN("Replicas", "string", "", "", 0, cell_number, "status.currentReplicas"),
    AGE_COLUMN,
};

/* ---- EndpointSlice ---- */

static void list_add(struct table_cell *cell, int64_t *n, struct slice text)
{
    if ((*n)++ < SHOWN_MAX) {
        cell_text(cell, *n > 1 ? "," : "");
        cell_append(cell, text);
    }
}

static void list_end(struct table_cell *cell, int64_t n)
{
    if (n == 0)
        cell_text(cell, "<unset>");
    if (n > SHOWN_MAX)
        buf_appendf(cell->out, " + %" PRId64 " more...", n - SHOWN_MAX);
}

static void slice_ports(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice ports = cell_at(cell, "ports"), port;
    int64_t n = 0;
    while (ports.len && json_next_element(ports, &cursor, &port)) {
        struct slice number = json_member(port, "port"), name = json_member(port, "name");
        list_add(cell, &n, number.len ? number : name.len ? name : (struct slice){"*", 1});
    }
    list_end(cell, n);
}

static void slice_endpoints(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice endpoints = cell_at(cell, "endpoints"), endpoint, address;
    int64_t n = 0;
    while (endpoints.len && json_next_element(endpoints, &cursor, &endpoint)) {
        struct slice addresses = json_member(endpoint, "addresses");
        struct json_cursor inner = {0};
        while (addresses.len && json_next_element(addresses, &inner, &address))
            list_add(cell, &n, json_unquote(address));
    }
    list_end(cell, n);
}

static const struct table_column endpoint_slices[] = {
    NAME_COLUMN,
    TEXT("AddressType", "addressType"),
    MADE("Ports", slice_ports),
    MADE("Endpoints", slice_endpoints),
    AGE_COLUMN,
};

/* ---- policy ---- */

static void print_quota(struct table_cell *cell, bool limits)
{
    struct json_cursor cursor = {0};
    struct slice hard = cell_at(cell, "status.hard"), used = cell_at(cell, "status.used"), name, value;
    const char *comma = "";
    while (hard.len && json_next_member(hard, &cursor, &name, &value)) {
        char key[256];
        if ((name.len > 7 && !memcmp(name.data, "limits.", 7)) != limits || name.len >= sizeof(key))
            continue;
        memcpy(key, name.data, name.len);
        key[name.len] = '\0';
        struct slice there = json_member(used, key);
        value = json_unquote(value);
        buf_appendf(cell->out, "%s%s: %.*s/%.*s", comma, key, there.len ? (int)there.len : 1,
                    there.len ? there.data : "0", SLICE_ARGS(value));
        comma = ", ";
    }
}

static void quota_request(struct table_cell *cell)
{
    print_quota(cell, false);
}

static void quota_limit(struct table_cell *cell)
{
    print_quota(cell, true);
}

static const struct table_column quotas[] = {
    NAME_COLUMN,
    MADE("Request", quota_request),
    MADE("Limit", quota_limit),
    AGE_COLUMN,
};

static const struct table_column budgets[] = {
    NAME_COLUMN,
    COLUMN("Min Available", "string", "", "", 0, or_not_available, "spec.minAvailable"),
    COLUMN("Max Unavailable", "string", "", "", 0, or_not_available, "spec.maxUnavailable"),
    NUMBER("Allowed Disruptions", "status.disruptionsAllowed"),
    AGE_COLUMN,
};

static const struct table_column priorities[] = {
    NAME_COLUMN,
    NUMBER("Value", "value"),
    COLUMN("Global-Default", "boolean", "", "", 0, or_false, "globalDefault"),
    AGE_COLUMN,
    TEXT("PreemptionPolicy", "preemptionPolicy"),
};

static const struct table_column created[] = {NAME_COLUMN, COLUMN("Created At", "date", "", "", 0, cell_path,
                                                                  "metadata.creationTimestamp")};

static const struct table_column webhooks[] = {NAME_COLUMN, COUNT("Webhooks", "webhooks"), AGE_COLUMN};

/* ---- storage and classes ---- */

/* path: the annotation by which one of the class is the default. */
static void class_name(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice annotations = cell_at(cell, "metadata.annotations"), name, value;
    cell_append(cell, cell_at(cell, "metadata.name"));
    while (annotations.len && json_next_member(annotations, &cursor, &name, &value))
        if (slice_equal(name, cell->path) && slice_equal(json_unquote(value), "true"))
            cell_text(cell, " (default)");
}

static void class_parameters(struct table_cell *cell)
{
    struct slice parameters = cell_at(cell, "spec.parameters"), group = json_member(parameters, "apiGroup");
    struct slice kind = json_member(parameters, "kind"), name = json_member(parameters, "name");
    if (!kind.len)
        cell_text(cell, "<none>");
    else
        buf_appendf(cell->out, "%.*s%s%.*s/%.*s", SLICE_ARGS(kind), group.len ? "." : "", SLICE_ARGS(group),
                    SLICE_ARGS(name));
}

static void reclaim_policy(struct table_cell *cell)
{
    text_or(cell, "reclaimPolicy", "Delete");
}

static void binding_mode(struct table_cell *cell)
{
    text_or(cell, "volumeBindingMode", "Immediate");
}

#define NAME_OF_CLASS(annotation)                                                                            \
    COLUMN("Name", "string", "name", "Name must be unique within a namespace.", 0, class_name, annotation)

static const struct table_column ingress_classes[] = {
    NAME_OF_CLASS("ingressclass.kubernetes.io/is-default-class"),
    TEXT("Controller", "spec.controller"),
    MADE("Parameters", class_parameters),
    AGE_COLUMN,
};

static const struct table_column storage_classes[] = {
    NAME_OF_CLASS("storageclass.kubernetes.io/is-default-class"),
    TEXT("Provisioner", "provisioner"),
    MADE("ReclaimPolicy", reclaim_policy),
    MADE("VolumeBindingMode", binding_mode),
    COLUMN("AllowVolumeExpansion", "string", "", "", 0, or_false, "allowVolumeExpansion"),
    AGE_COLUMN,
};

static const struct table_column runtime_classes[] = {NAME_COLUMN, TEXT("Handler", "handler"), AGE_COLUMN};

static const struct table_column attachments[] = {
    NAME_COLUMN,
    COLUMN("Attacher", "string", "name", "", 0, cell_path, "spec.attacher"),
    TEXT("PV", "spec.source.persistentVolumeName"),
    TEXT("Node", "spec.nodeName"),
    COLUMN("Attached", "boolean", "", "", 0, or_false, "status.attached"),
    AGE_COLUMN,
};

static const struct table_column csi_nodes[] = {NAME_COLUMN, COUNT("Drivers", "spec.drivers"), AGE_COLUMN};

static void driver_modes(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice modes = cell_at(cell, "spec.volumeLifecycleModes"), mode;
    const char *comma = "";
    while (modes.len && json_next_element(modes, &cursor, &mode)) {
        mode = json_unquote(mode);
        buf_appendf(cell->out, "%s%.*s", comma, SLICE_ARGS(mode));
        comma = ",";
    }
    if (!comma[0])
        cell_text(cell, "<none>");
}

static void driver_audiences(struct table_cell *cell)
{
    struct slice requests = cell_at(cell, "spec.tokenRequests");
    if (requests.len)
        print_list(cell, requests, "audience");
    else
        cell_text(cell, "<unset>");
}

static const struct table_column csi_drivers[] = {
    NAME_COLUMN,
    COLUMN("AttachRequired", "boolean", "", "", 0, or_true, "spec.attachRequired"),
    COLUMN("PodInfoOnMount", "boolean", "", "", 0, or_false, "spec.podInfoOnMount"),
    COLUMN("StorageCapacity", "boolean", "", "", 0, or_false, "spec.storageCapacity"),
    MADE("TokenRequests", driver_audiences),
    COLUMN("RequiresRepublish", "boolean", "", "", 0, or_false, "spec.requiresRepublish"),
    MADE("Modes", driver_modes),
    AGE_COLUMN,
};

#define STORAGE "storage.k8s.io"
#define ADMISSION "admissionregistration.k8s.io"

const struct table table_others[] = {
    TABLE("autoscaling", "HorizontalPodAutoscaler", autoscalers),
    TABLE("discovery.k8s.io", "EndpointSlice", endpoint_slices),
    TABLE("", "ResourceQuota", quotas),
    TABLE("", "LimitRange", created),
    TABLE("policy", "PodDisruptionBudget", budgets),
    TABLE("scheduling.k8s.io", "PriorityClass", priorities),
    TABLE(ADMISSION, "MutatingWebhookConfiguration", webhooks),
    TABLE(ADMISSION, "ValidatingWebhookConfiguration", webhooks),
    TABLE("networking.k8s.io", "IngressClass", ingress_classes),
    TABLE(STORAGE, "StorageClass", storage_classes),
    TABLE(STORAGE, "VolumeAttachment", attachments),
    TABLE(STORAGE, "CSINode", csi_nodes),
    TABLE(STORAGE, "CSIDriver", csi_drivers),
    TABLE("node.k8s.io", "RuntimeClass", runtime_classes),
    {.kind = ""},
};
