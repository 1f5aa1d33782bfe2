/* The columns of everything that is not a workload. */

#include "base/table_internal.h"

#include <inttypes.h>
#include <string.h>

static void comma(struct table_cell *cell, size_t from)
{
    if (cell->out->len > from)
        cell_text(cell, ",");
}

static void node_status(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice conditions = cell_at(cell, "status.conditions"), condition;
    const char *word = "Unknown";
    while (conditions.len && json_next_element(conditions, &cursor, &condition))
        if (slice_equal(json_member(condition, "type"), "Ready"))
            word = slice_equal(json_member(condition, "status"), "True") ? "Ready" : "NotReady";
    cell_text(cell, word);
    if (slice_true(cell_at(cell, "spec.unschedulable")))
        cell_text(cell, ",SchedulingDisabled");
}

static void node_roles(struct table_cell *cell)
{
    static const char prefix[] = "node-role.kubernetes.io/";
    struct json_cursor cursor = {0};
    struct slice labels = cell_at(cell, "metadata.labels"), name, value;
    size_t from = cell->out->len, len = strlen(prefix);
    while (labels.len && json_next_member(labels, &cursor, &name, &value)) {
        struct slice role = {0};
        if (name.len > len && !memcmp(name.data, prefix, len))
            role = (struct slice){name.data + len, name.len - len};
        else if (slice_equal(name, "kubernetes.io/role"))
            role = json_unquote(value);
        if (!role.len)
            continue;
        comma(cell, from);
        cell_append(cell, role);
    }
    if (cell->out->len == from)
        cell_text(cell, "<none>");
}

static void node_address(struct table_cell *cell, const char *type)
{
    struct json_cursor cursor = {0};
    struct slice addresses = cell_at(cell, "status.addresses"), address;
    while (addresses.len && json_next_element(addresses, &cursor, &address))
        if (slice_equal(json_member(address, "type"), type)) {
            cell_append(cell, json_member(address, "address"));
            return;
        }
    cell_text(cell, "<none>");
}

static void node_internal(struct table_cell *cell)
{
    node_address(cell, "InternalIP");
}

static void node_external(struct table_cell *cell)
{
    node_address(cell, "ExternalIP");
}

static void or_unknown(struct table_cell *cell)
{
    struct slice value = cell_at(cell, cell->path);
    if (value.len)
        cell_append(cell, value);
    else
        cell_text(cell, "<unknown>");
}

static void node_kernel(struct table_cell *cell)
{
    struct slice architecture = cell_at(cell, "status.nodeInfo.architecture");
    or_unknown(cell);
    if (architecture.len)
        buf_appendf(cell->out, " (%.*s)", SLICE_ARGS(architecture));
}

static void print_each(struct table_cell *cell, struct slice array)
{
    struct json_cursor cursor = {0};
    struct slice item;
    size_t from = cell->out->len;
    while (array.len && json_next_element(array, &cursor, &item)) {
        comma(cell, from);
        cell_append(cell, json_unquote(item));
    }
}

static void load_balancer_addresses(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice ingress = cell_at(cell, "status.loadBalancer.ingress"), item;
    size_t from = cell->out->len;
    while (ingress.len && json_next_element(ingress, &cursor, &item)) {
        struct slice ip = json_member(item, "ip");
        comma(cell, from);
        cell_append(cell, ip.len ? ip : json_member(item, "hostname"));
    }
}

static void service_external(struct table_cell *cell)
{
    struct slice type = cell_at(cell, "spec.type"), given = cell_at(cell, "spec.externalIPs");
    size_t from = cell->out->len;
    if (slice_equal(type, "ExternalName")) {
        cell_append(cell, cell_at(cell, "spec.externalName"));
        return;
    }
    if (slice_equal(type, "LoadBalancer"))
        load_balancer_addresses(cell);
    if (json_count(given)) {
        comma(cell, from);
        print_each(cell, given);
    }
    if (cell->out->len == from)
        cell_text(cell, slice_equal(type, "LoadBalancer") ? "<pending>" : "<none>");
}

static void service_ports(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice ports = cell_at(cell, "spec.ports"), port;
    size_t from = cell->out->len;
    while (ports.len && json_next_element(ports, &cursor, &port)) {
        int64_t node = slice_number(json_member(port, "nodePort"), 0);
        struct slice protocol = json_member(port, "protocol");
        comma(cell, from);
        cell_append(cell, json_member(port, "port"));
        if (node)
            buf_appendf(cell->out, ":%" PRId64, node);
        buf_appendf(cell->out, "/%.*s", SLICE_ARGS(protocol));
    }
    if (cell->out->len == from)
        cell_text(cell, "<none>");
}

#define SHOWN_MAX 3 /* of endpoints and hosts; the others are counted */

/* port: absent where a headless service has none. */
static void print_addresses(struct table_cell *cell, struct slice addresses, struct slice port, int64_t *n)
{
    struct json_cursor cursor = {0};
    struct slice address;
    while (addresses.len && json_next_element(addresses, &cursor, &address)) {
        struct slice ip = json_member(address, "ip");
        bool brackets = port.len && memchr(ip.data ? ip.data : "", ':', ip.len);
        if ((*n)++ >= SHOWN_MAX)
            continue;
        buf_appendf(cell->out, "%s%s%.*s%s%s%.*s", *n > 1 ? "," : "", brackets ? "[" : "", SLICE_ARGS(ip),
                    brackets ? "]" : "", port.len ? ":" : "", SLICE_ARGS(port));
    }
}

static void print_subset(struct table_cell *cell, struct slice subset, int64_t *n)
{
    struct json_cursor cursor = {0};
    struct slice ports = json_member(subset, "ports"), addresses = json_member(subset, "addresses"), port;
    if (!json_count(ports))
        print_addresses(cell, addresses, (struct slice){0}, n);
    while (ports.len && json_next_element(ports, &cursor, &port))
        print_addresses(cell, addresses, json_member(port, "port"), n);
}

static void endpoints(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice subsets = cell_at(cell, "subsets"), subset;
    int64_t n = 0;
    while (subsets.len && json_next_element(subsets, &cursor, &subset))
        print_subset(cell, subset, &n);
    if (!json_count(subsets))
        cell_text(cell, "<none>");
    if (n > SHOWN_MAX)
        buf_appendf(cell->out, " + %" PRId64 " more...", n - SHOWN_MAX);
}

static void access_modes(struct table_cell *cell)
{
    static const struct {
        const char *mode, *text;
    } modes[] = {{"ReadWriteOnce", "RWO"},
                 {"ReadOnlyMany", "ROX"},
                 {"ReadWriteMany", "RWX"},
                 {"ReadWriteOncePod", "RWOP"}};
    struct json_cursor cursor = {0};
    struct slice list = cell_at(cell, cell->path), mode;
    size_t from = cell->out->len;
    while (list.len && json_next_element(list, &cursor, &mode))
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
            if (slice_equal(json_unquote(mode), modes[i].mode)) {
                comma(cell, from);
                cell_text(cell, modes[i].text);
            }
}

static void volume_class(struct table_cell *cell)
{
    struct slice value = cell_at(cell, cell->path);
    if (value.len && !slice_equal(value, "null"))
        cell_append(cell, value);
    else
        cell_text(cell, "<unset>");
}

static void volume_claim(struct table_cell *cell)
{
    struct slice claim = cell_at(cell, "spec.claimRef");
    struct slice namespace_ = json_member(claim, "namespace"), name = json_member(claim, "name");
    if (claim.data)
        buf_appendf(cell->out, "%.*s/%.*s", SLICE_ARGS(namespace_), SLICE_ARGS(name));
}

/* Events are of the old or of the new API: when it was seen last is in one of several fields. */
static void event_last_seen(struct table_cell *cell)
{
    static const char *const paths[] = {"series.lastObservedTime", "lastTimestamp", "eventTime",
                                        "firstTimestamp"};
    cell->path = "lastTimestamp";
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (cell_at(cell, paths[i]).len > 4) {
            cell->path = paths[i];
            break;
        }
    cell_age(cell);
}

static void event_first_seen(struct table_cell *cell)
{
    cell->path = cell_at(cell, "firstTimestamp").len > 4 ? "firstTimestamp" : "eventTime";
    cell_age(cell);
}

static void event_object(struct table_cell *cell)
{
    struct slice kind = cell_at(cell, "involvedObject.kind"), name = cell_at(cell, "involvedObject.name");
    for (size_t i = 0; i < kind.len; i++)
        buf_append_char(cell->out, (char)(kind.data[i] >= 'A' && kind.data[i] <= 'Z' ? kind.data[i] + 32
                                                                                     : kind.data[i]));
    cell_text(cell, "/");
    cell_append(cell, name);
}

static void event_source(struct table_cell *cell)
{
    struct slice component = cell_at(cell, "source.component"), host = cell_at(cell, "source.host");
    if (!component.len)
        component = cell_at(cell, "reportingComponent");
    cell_append(cell, component);
    if (host.len) {
        cell_text(cell, ", ");
        cell_append(cell, host);
    }
}

static void event_count(struct table_cell *cell)
{
    cell->literal = true;
    int64_t count = slice_number(cell_at(cell, "series.count"), 0);
    if (!count)
        count = slice_number(cell_at(cell, "count"), 1);
    buf_appendf(cell->out, "%" PRId64, count);
}

static void ingress_hosts(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice rules = cell_at(cell, "spec.rules"), rule;
    int64_t shown = 0, n = 0;
    bool more = false;
    for (; rules.len && json_next_element(rules, &cursor, &rule); n++) {
        struct slice host = json_member(rule, "host");
        more = more || shown == SHOWN_MAX;
        if (more || !host.len)
            continue;
        cell_text(cell, shown++ ? "," : "");
        cell_append(cell, host);
    }
    if (!shown)
        cell_text(cell, "*");
    if (more)
        buf_appendf(cell->out, " + %" PRId64 " more...", n - SHOWN_MAX);
}

static void ingress_ports(struct table_cell *cell)
{
    cell_text(cell, json_count(cell_at(cell, "spec.tls")) ? "80, 443" : "80");
}

static void role_ref(struct table_cell *cell)
{
    struct slice kind = cell_at(cell, "roleRef.kind"), name = cell_at(cell, "roleRef.name");
    buf_appendf(cell->out, "%.*s/%.*s", SLICE_ARGS(kind), SLICE_ARGS(name));
}

static void subjects(struct table_cell *cell)
{
    struct json_cursor cursor = {0};
    struct slice list = cell_at(cell, "subjects"), subject;
    size_t from = cell->out->len;
    while (list.len && json_next_element(list, &cursor, &subject)) {
        struct slice namespace_ = json_member(subject, "namespace"), name = json_member(subject, "name");
        if (!slice_equal(json_member(subject, "kind"), cell->path))
            continue;
        if (cell->out->len > from)
            cell_text(cell, ", ");
        if (namespace_.len)
            buf_appendf(cell->out, "%.*s/", SLICE_ARGS(namespace_));
        cell_append(cell, name);
    }
}

/* ConfigMaps and Secrets: data and, of the first, binaryData. */
static void data_count(struct table_cell *cell)
{
    cell->literal = true;
    buf_appendf(cell->out, "%zu",
                json_count(cell_at(cell, "data")) + json_count(cell_at(cell, "binaryData")));
}

#define NONE(name, path) COLUMN(name, "string", "", "", 0, cell_none, path)
#define CREATED COLUMN("Created At", "date", "", "", 0, cell_path, "metadata.creationTimestamp")

static const struct table_column namespaces[] = {NAME_COLUMN, TEXT("Status", "status.phase"), AGE_COLUMN};

static const struct table_column nodes[] = {
    NAME_COLUMN,
    MADE("Status", node_status),
    MADE("Roles", node_roles),
    AGE_COLUMN,
    TEXT("Version", "status.nodeInfo.kubeletVersion"),
    MADE_WIDE("Internal-IP", node_internal),
    MADE_WIDE("External-IP", node_external),
    COLUMN("OS-Image", "string", "", "", 1, or_unknown, "status.nodeInfo.osImage"),
    COLUMN("Kernel-Version", "string", "", "", 1, node_kernel, "status.nodeInfo.kernelVersion"),
    COLUMN("Container-Runtime", "string", "", "", 1, or_unknown, "status.nodeInfo.containerRuntimeVersion"),
};

static const struct table_column services[] = {
    NAME_COLUMN,
    TEXT("Type", "spec.type"),
    NONE("Cluster-IP", "spec.clusterIP"),
    MADE("External-IP", service_external),
    MADE("Port(s)", service_ports),
    AGE_COLUMN,
    COLUMN("Selector", "string", "", "", 1, cell_labels, "spec.selector"),
};

static const struct table_column endpoint_columns[] = {NAME_COLUMN, MADE("Endpoints", endpoints), AGE_COLUMN};

static const struct table_column configmaps[] = {NAME_COLUMN, MADE("Data", data_count), AGE_COLUMN};

static const struct table_column secrets[] = {
    NAME_COLUMN,
    TEXT("Type", "type"),
    COLUMN("Data", "string", "", "", 0, cell_count, "data"),
    AGE_COLUMN,
};

static const struct table_column accounts[] = {NAME_COLUMN, AGE_COLUMN};

static const struct table_column events[] = {
    MADE("Last Seen", event_last_seen),
    TEXT("Type", "type"),
    TEXT("Reason", "reason"),
    MADE("Object", event_object),
    TEXT_WIDE("Subobject", "involvedObject.fieldPath"),
    MADE_WIDE("Source", event_source),
    TEXT("Message", "message"),
    MADE_WIDE("First Seen", event_first_seen),
    MADE_WIDE("Count", event_count),
    COLUMN("Name", "string", "name", "", 1, cell_path, "metadata.name"),
};

static const struct table_column claims[] = {
    NAME_COLUMN,
    TEXT("Status", "status.phase"),
    TEXT("Volume", "spec.volumeName"),
    TEXT("Capacity", "status.capacity.storage"),
    COLUMN("Access Modes", "string", "", "", 0, access_modes, "status.accessModes"),
    TEXT("StorageClass", "spec.storageClassName"),
    COLUMN("VolumeAttributesClass", "string", "", "", 0, volume_class, "spec.volumeAttributesClassName"),
    AGE_COLUMN,
    TEXT_WIDE("VolumeMode", "spec.volumeMode"),
};

static const struct table_column volumes[] = {
    NAME_COLUMN,
    TEXT("Capacity", "spec.capacity.storage"),
    COLUMN("Access Modes", "string", "", "", 0, access_modes, "spec.accessModes"),
    TEXT("Reclaim Policy", "spec.persistentVolumeReclaimPolicy"),
    TEXT("Status", "status.phase"),
    MADE("Claim", volume_claim),
    TEXT("StorageClass", "spec.storageClassName"),
    COLUMN("VolumeAttributesClass", "string", "", "", 0, volume_class, "spec.volumeAttributesClassName"),
    TEXT("Reason", "status.reason"),
    AGE_COLUMN,
    TEXT_WIDE("VolumeMode", "spec.volumeMode"),
};

static const struct table_column ingresses[] = {
    NAME_COLUMN,
    NONE("Class", "spec.ingressClassName"),
    MADE("Hosts", ingress_hosts),
    MADE("Address", load_balancer_addresses),
    MADE("Ports", ingress_ports),
    AGE_COLUMN,
};

static const struct table_column policies[] = {
    NAME_COLUMN, COLUMN("Pod-Selector", "string", "", "", 0, cell_selector, "spec.podSelector"), AGE_COLUMN};

static const struct table_column created[] = {NAME_COLUMN, CREATED};

static const struct table_column bindings[] = {
    NAME_COLUMN,
    MADE("Role", role_ref),
    AGE_COLUMN,
    COLUMN("Users", "string", "", "", 1, subjects, "User"),
    COLUMN("Groups", "string", "", "", 1, subjects, "Group"),
    COLUMN("ServiceAccounts", "string", "", "", 1, subjects, "ServiceAccount"),
};

static const struct table_column leases[] = {NAME_COLUMN, TEXT("Holder", "spec.holderIdentity"), AGE_COLUMN};

#define RBAC "rbac.authorization.k8s.io"

const struct table table_core[] = {
    TABLE("", "Namespace", namespaces),
    TABLE("", "Node", nodes),
    TABLE("", "Service", services),
    TABLE("", "Endpoints", endpoint_columns),
    TABLE("", "ConfigMap", configmaps),
    TABLE("", "Secret", secrets),
    TABLE("", "ServiceAccount", accounts),
    TABLE("", "Event", events),
    TABLE("", "PersistentVolumeClaim", claims),
    TABLE("", "PersistentVolume", volumes),
    TABLE("networking.k8s.io", "Ingress", ingresses),
    TABLE("networking.k8s.io", "NetworkPolicy", policies),
    TABLE("apiextensions.k8s.io", "CustomResourceDefinition", created),
    TABLE(RBAC, "Role", created),
    TABLE(RBAC, "ClusterRole", created),
    TABLE(RBAC, "RoleBinding", bindings),
    TABLE(RBAC, "ClusterRoleBinding", bindings),
    TABLE("coordination.k8s.io", "Lease", leases),
    {.kind = ""},
};
