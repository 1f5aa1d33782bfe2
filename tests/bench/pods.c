/*
 * A pod of about 3 KB as a Deployment's are: what differs between two of them, and between two versions of
 * one, is what differs in a cluster, and what is random there is random here. It is written once, with a spot
 * of fixed width for each thing that differs; making a line writes digits into the spots, which costs a
 * fraction of what is to be measured.
 *
 * In the text below <name:width> is a spot. A status update, as a kubelet writes one, changes the
 * resourceVersion, a stamp, the conditions' times, the restart count and when the container started.
 */
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define SPOTS_MAX 128
#define STAMP "\"bench/stamp\":\""
#define STAMP_WIDTH 16
#define WIDEST 16 /* digits in a random spot */

static const char head[] =
    "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-<"
    "app:5>-"
    "<ra:9>-<rp:4><ordinal:1>\",\"generateName\":\"web-<app:5>-<ra:9>-\",\"namespace\":\"shop-<namespace:2>"
    "\",\"uid\":"
    "\"<rp:8>-<rp:4>-4<rp:3>-a<rp:3>-<rp:12>\",\"resourceVersion\":\"<version:10>\",\"creationTimestamp\":"
    "\"2026-01-01T00:<minute:2>:00Z\",\"labels\":{\"app.kubernetes.io/"
    "instance\":\"shop\",\"app.kubernetes.io/name\":"
    "\"web-<app:5>\",\"pod-template-hash\":\"<ra:9>\"},\"annotations\":{" STAMP
    "<stamp:16>\",\"prometheus.io/port\":\"8080\",\"prometheus.io/scrape\":\"true\"},\"ownerReferences\":[{"
    "\"apiVersion\":\"apps/"
    "v1\",\"kind\":\"ReplicaSet\",\"name\":\"web-<app:5>-<ra:9>\",\"uid\":\"<ra:8>-<ra:4>-4<ra:3>-"
    "b<ra:3>-<ra:12>\",\"controller\":true,\"blockOwnerDeletion\":true}]";

static const char managed_fields[] =
    ",\"managedFields\":[{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\",\"apiVersion\":"
    "\"v1\",\"time\":"
    "\"2026-01-01T00:<minute:2>:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:metadata\":{\"f:"
    "annotations\":{\".\":{},"
    "\"f:prometheus.io/port\":{},\"f:prometheus.io/scrape\":{}},\"f:generateName\":{},\"f:labels\":{\".\":{},"
    "\"f:app.kubernetes.io/instance\":{},\"f:app.kubernetes.io/name\":{},\"f:pod-template-hash\":{}},"
    "\"f:ownerReferences\":{\".\":{},\"k:{\\\"uid\\\":\\\"<ra:8>-<ra:4>-4<ra:3>-b<ra:3>-<ra:12>\\\"}\":{}}},"
    "\"f:spec\":{"
    "\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:args\":{},\"f:env\":{\".\":{},\"k:{"
    "\\\"name\\\":"
    "\\\"LOG_LEVEL\\\"}\":{\".\":{},\"f:name\":{},\"f:value\":{}},\"k:{\\\"name\\\":\\\"POD_NAME\\\"}\":{\"."
    "\":{},\"f:name\":"
    "{},\"f:valueFrom\":{\".\":{},\"f:fieldRef\":{}}}},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},"
    "\"f:ports\":{"
    "\".\":{},\"k:{\\\"containerPort\\\":8080,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{"
    "},\"f:name\":{},"
    "\"f:protocol\":{}}},\"f:readinessProbe\":{\".\":{},\"f:failureThreshold\":{},\"f:httpGet\":{\".\":{},"
    "\"f:path\":{},"
    "\"f:port\":{},\"f:scheme\":{}},\"f:periodSeconds\":{},\"f:successThreshold\":{},\"f:timeoutSeconds\":{}}"
    ","
    "\"f:resources\":{\".\":{},\"f:limits\":{\".\":{},\"f:cpu\":{},\"f:memory\":{}},\"f:requests\":{\".\":{},"
    "\"f:cpu\":{},"
    "\"f:memory\":{}}},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}},\"f:dnsPolicy\":{}"
    ","
    "\"f:enableServiceLinks\":{},\"f:restartPolicy\":{},\"f:schedulerName\":{},\"f:securityContext\":{},"
    "\"f:terminationGracePeriodSeconds\":{}}}},{\"manager\":\"kubelet\",\"operation\":\"Update\","
    "\"apiVersion\":\"v1\","
    "\"time\":\"2026-01-01T<hour:2>:<minutes:2>:<seconds:2>Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:"
    "status\":{"
    "\"f:conditions\":{\"k:{\\\"type\\\":\\\"ContainersReady\\\"}\":{\".\":{},\"f:lastProbeTime\":{},"
    "\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}},\"k:{\\\"type\\\":\\\"Initialized\\\"}\":{\"."
    "\":{},"
    "\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}},\"k:{\\\"type\\\":"
    "\\\"Ready\\\"}\":{"
    "\".\":{},\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{},\"f:type\":{}}},\"f:"
    "containerStatuses\":"
    "{},\"f:hostIP\":{},\"f:phase\":{},\"f:podIP\":{},\"f:podIPs\":{\".\":{},\"k:{\\\"ip\\\":\\\"10.<ip1:3>.<"
    "ip2:3>."
    "<ip3:2>\\\"}\":{\".\":{},\"f:ip\":{}}},\"f:startTime\":{}}},\"subresource\":\"status\"}]";

static const char spec[] =
    "},\"spec\":{\"volumes\":[{\"name\":\"kube-api-access-<rp:5>\",\"projected\":{\"sources\":[{"
    "\"serviceAccountToken\":{"
    "\"expirationSeconds\":3607,\"path\":\"token\"}},{\"configMap\":{\"name\":\"kube-root-ca.crt\",\"items\":"
    "[{\"key\":"
    "\"ca.crt\",\"path\":\"ca.crt\"}]}},{\"downwardAPI\":{\"items\":[{\"path\":\"namespace\",\"fieldRef\":{"
    "\"apiVersion\":"
    "\"v1\",\"fieldPath\":\"metadata.namespace\"}}]}}],\"defaultMode\":420}}],\"containers\":[{\"name\":"
    "\"web\",\"image\":"
    "\"shop/"
    "web-<app:5>:1.27.3\",\"args\":[\"--listen=:8080\",\"--shard=<ordinal:1>\"],\"ports\":[{\"name\":"
    "\"http\","
    "\"containerPort\":8080,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"POD_NAME\",\"valueFrom\":{"
    "\"fieldRef\":{"
    "\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.name\"}}},{\"name\":\"LOG_LEVEL\",\"value\":\"info\"}],"
    "\"resources\":{"
    "\"limits\":{\"cpu\":\"500m\",\"memory\":\"256Mi\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}}"
    ","
    "\"volumeMounts\":[{\"name\":\"kube-api-access-<rp:5>\",\"readOnly\":true,\"mountPath\":"
    "\"/var/run/secrets/kubernetes.io/serviceaccount\"}],\"readinessProbe\":{\"httpGet\":{\"path\":\"/"
    "ready\",\"port\":8080,"
    "\"scheme\":\"HTTP\"},\"timeoutSeconds\":1,\"periodSeconds\":10,\"successThreshold\":1,"
    "\"failureThreshold\":3},"
    "\"terminationMessagePath\":\"/dev/"
    "termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
    "\"IfNotPresent\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":"
    "\"ClusterFirst\","
    "\"serviceAccountName\":\"default\",\"serviceAccount\":\"default\",\"nodeName\":\"node-<node:3>\","
    "\"securityContext\":{},"
    "\"schedulerName\":\"default-scheduler\",\"tolerations\":[{\"key\":\"node.kubernetes.io/"
    "not-ready\",\"operator\":"
    "\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300},{\"key\":\"node.kubernetes.io/"
    "unreachable\","
    "\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}],\"priority\":0,"
    "\"enableServiceLinks\":true,"
    "\"preemptionPolicy\":\"PreemptLowerPriority\"},";

#define CONDITION(type)                                                                                      \
    "{\"type\":\"" type                                                                                      \
    "\",\"status\":\"True\",\"lastProbeTime\":null,\"lastTransitionTime\":\"2026-01-01T<hour:2>:"            \
    "<minutes:2>:<seconds:2>Z\"}"

static const char status[] =
    "\"status\":{\"phase\":\"Running\",\"conditions\":[" CONDITION("Initialized") "," CONDITION(
        "Ready") "," CONDITION("ContainersReady") "," CONDITION("PodScheduled") "],\"hostIP\":\"172.18.0.<"
                                                                                "node:3>\",\"podIP\":\"10.<"
                                                                                "ip1:3>."
                                                                                "<ip2:3>.<ip3:2>\","
                                                                                "\"podIPs\":[{\"ip\":\"10.<"
                                                                                "ip1:3>.<ip2:3>."
                                                                                "<ip3:2>\"}],\"startTime\":"
                                                                                "\"2026-01-01T00:<minute:2>:"
                                                                                "00Z\","
                                                                                "\"containerStatuses\":[{"
                                                                                "\"name\":\"web\",\"state\":{"
                                                                                "\"running\":{\"startedAt\":"
                                                                                "\"2026-01-01T<hour:2>:<"
                                                                                "minutes:2>:"
                                                                                "<seconds:2>Z\"}},"
                                                                                "\"lastState\":{},\"ready\":"
                                                                                "true,"
                                                                                "\"restartCount\":<restarts:"
                                                                                "4>,\"image\":\"shop/"
                                                                                "web-<app:5>:"
                                                                                "1.27.3\",\"imageID\":\"shop/"
                                                                                "web-<app:5>@sha256:<ra:16><"
                                                                                "ra:16>"
                                                                                "<ra:16><ra:16>\","
                                                                                "\"containerID\":"
                                                                                "\"containerd://"
                                                                                "<rp:16><rp:16>"
                                                                                "<rp:16><rp:16>\","
                                                                                "\"started\":true}],"
                                                                                "\"qosClass\":"
                                                                                "\"Burstable\"}}}\n";

/* What a spot holds. A random one is the same each time, and the same in all spots of that width but the
 * widest, of which several make one long number: these are counted, so that what a pod has does not depend on
 * whether it has managed fields, too. */
enum spot_kind { SPOT_RANDOM_POD, SPOT_RANDOM_APP, SPOT_NUMBER };

struct values {
    uint64_t app, ordinal, namespace, node, minute, ip1, ip2, ip3; /* of the pod */
    uint64_t version, stamp, hour, minutes, seconds, restarts;     /* of the change */
};

struct spot {
    uint32_t at, width;
    enum spot_kind kind;
    size_t offset; /* SPOT_NUMBER: in struct values */
    uint64_t salt; /* of a random one */
};

struct pods {
    char *text;
    size_t len;
    struct spot spots[SPOTS_MAX];
    size_t count, widest;
};

static struct spot spot_named(struct slice name)
{
    static const struct {
        const char *name;
        size_t offset;
    } numbers[] = {
#define NUMBER(name) {#name, offsetof(struct values, name)}
        NUMBER(app),  NUMBER(ordinal), NUMBER(namespace), NUMBER(node),     NUMBER(minute),
        NUMBER(ip1),  NUMBER(ip2),     NUMBER(ip3),       NUMBER(version),  NUMBER(stamp),
        NUMBER(hour), NUMBER(minutes), NUMBER(seconds),   NUMBER(restarts),
    };
    if (slice_equal(name, "rp") || slice_equal(name, "ra"))
        return (struct spot){.kind = name.data[1] == 'p' ? SPOT_RANDOM_POD : SPOT_RANDOM_APP};
    for (size_t i = 0; i < array_size(numbers); i++)
        if (slice_equal(name, numbers[i].name))
            return (struct spot){.kind = SPOT_NUMBER, .offset = numbers[i].offset};
    abort();
}

/* Appends a part, its spots as zeros. */
static void part_add(struct pods *pods, struct buf *text, const char *part)
{
    for (const char *open; (open = strchr(part, '<')); part = strchr(open, '>') + 1) {
        buf_append(text, part, (size_t)(open - part));
        const char *colon = strchr(open, ':');
        struct spot spot = spot_named((struct slice){open + 1, (size_t)(colon - open - 1)});
        spot.at = (uint32_t)text->len;
        spot.width = (uint32_t)strtoul(colon + 1, NULL, 10);
        spot.salt = spot.width < WIDEST ? spot.width : WIDEST + pods->widest++;
        if (pods->count == SPOTS_MAX)
            abort();
        pods->spots[pods->count++] = spot;
        for (uint32_t i = 0; i < spot.width; i++)
            buf_append_char(text, '0');
    }
    buf_append_str(text, part);
}

struct pods *pods_create(bool managed)
{
    struct pods *pods = mem_zalloc(sizeof(*pods));
    struct buf text = BUF_INIT(65536);
    part_add(pods, &text, head);
    if (managed)
        part_add(pods, &text, managed_fields);
    part_add(pods, &text, spec);
    part_add(pods, &text, status);
    pods->len = text.len;
    pods->text = buf_steal(&text);
    return pods;
}

void pods_destroy(struct pods *pods)
{
    if (!pods)
        return;
    free(pods->text);
    free(pods);
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t random_of(const struct spot *spot, uint64_t number)
{
    return mix(((uint64_t)spot->kind << 48) + (number + 1) * (WIDEST + SPOTS_MAX) + spot->salt);
}

static void put_hex(char *out, uint32_t width, uint64_t value)
{
    for (; width--; value >>= 4)
        out[width] = "0123456789abcdef"[value & 15];
}

static void put_decimal(char *out, uint32_t width, uint64_t value)
{
    for (; width--; value /= 10)
        out[width] = (char)('0' + value % 10);
}

struct slice pods_line(struct pods *pods, size_t number, uint64_t version, int64_t stamp_us)
{
    const struct values values = {
        .app = number / 10,
        .ordinal = number % 10,
        .namespace = number % 50,
        .node = 100 + number % 150,
        .minute = number % 60,
        .ip1 = 100 + number / 9000 % 150,
        .ip2 = 100 + number / 90 % 100,
        .ip3 = 10 + number % 90,
        .version = 1000000000 + version * 1000003 + number,
        .stamp = (uint64_t)stamp_us,
        .hour = (version / 3600 + number) % 24,
        .minutes = (version / 60 + number / 7) % 60,
        .seconds = (version + number / 11) % 60,
        .restarts = 1000 + version % 9000,
    };
    for (size_t i = 0; i < pods->count; i++) {
        const struct spot *spot = &pods->spots[i];
        char *at = pods->text + spot->at;
        if (spot->kind == SPOT_NUMBER)
            put_decimal(at, spot->width, *(const uint64_t *)((const char *)&values + spot->offset));
        else
            put_hex(at, spot->width, random_of(spot, spot->kind == SPOT_RANDOM_POD ? number : values.app));
    }
    return (struct slice){pods->text, pods->len};
}

int64_t pod_stamp_us(const struct object *pod)
{
    struct slice annotations = object_annotations(pod);
    const size_t lead = sizeof("{" STAMP) - 1;
    int64_t stamp = 0;
    if (annotations.len < lead + STAMP_WIDTH || memcmp(annotations.data, "{" STAMP, lead) != 0)
        return 0;
    for (size_t i = 0; i < STAMP_WIDTH; i++)
        stamp = stamp * 10 + (annotations.data[lead + i] - '0');
    return stamp;
}
