/* Pods of about 3 KB, as a Deployment's are: what differs between two of them, and between two versions of
 * one, is what differs in a cluster. */
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define STAMP "\"bench/stamp\":\""

static void pod_metadata(struct buf *out, size_t n, uint64_t version, int64_t stamp_us)
{
    buf_appendf(
        out,
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-%zx-5d9c7b8f6-%05zx\","
        "\"generateName\":"
        "\"web-%zx-5d9c7b8f6-\",\"namespace\":\"shop-%zu\",\"uid\":\"0b8f5a0e-1c1d-4f7e-9a55-%012zx\","
        "\"resourceVersion\":\"%" PRIu64
        "\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"app\":\"web-%zx\","
        "\"pod-template-hash\":\"5d9c7b8f6\"},\"annotations\":{" STAMP "%" PRId64
        "\"},\"ownerReferences\":[{\"apiVersion\":"
        "\"apps/"
        "v1\",\"kind\":\"ReplicaSet\",\"name\":\"web-%zx-5d9c7b8f6\",\"uid\":\"7b1d8a44-90e1-4c7b-8f11-%"
        "012zx\","
        "\"controller\":true,\"blockOwnerDeletion\":true}]},",
        n / 10, n, n / 10, n % 50, n, 1000000 + version, n / 10, stamp_us, n / 10, n / 10);
}

static void pod_spec(struct buf *out, size_t n)
{
    buf_appendf(out,
                "\"spec\":{\"volumes\":[{\"name\":\"kube-api-access-%05zx\",\"projected\":{\"sources\":[{"
                "\"serviceAccountToken\":"
                "{\"expirationSeconds\":3607,\"path\":\"token\"}},{\"configMap\":{\"name\":\"kube-root-ca."
                "crt\",\"items\":[{\"key\":"
                "\"ca.crt\",\"path\":\"ca.crt\"}]}},{\"downwardAPI\":{\"items\":[{\"path\":\"namespace\","
                "\"fieldRef\":{\"apiVersion\":"
                "\"v1\",\"fieldPath\":\"metadata.namespace\"}}]}}],\"defaultMode\":420}}],\"containers\":[{"
                "\"name\":\"web\",\"image\":"
                "\"shop/"
                "web:1.27.3\",\"args\":[\"--listen=:8080\",\"--shard=%zu\"],\"ports\":[{\"name\":\"http\","
                "\"containerPort\":8080,"
                "\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{"
                "\"apiVersion\":\"v1\",\"fieldPath\":"
                "\"metadata.name\"}}},{\"name\":\"LOG_LEVEL\",\"value\":\"info\"}],\"resources\":{\"limits\":"
                "{\"cpu\":\"500m\",\"memory\":"
                "\"256Mi\"},\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}},\"volumeMounts\":[{"
                "\"name\":\"kube-api-access-%05zx\","
                "\"readOnly\":true,\"mountPath\":\"/var/run/secrets/kubernetes.io/"
                "serviceaccount\"}],\"readinessProbe\":{\"httpGet\":"
                "{\"path\":\"/"
                "ready\",\"port\":8080,\"scheme\":\"HTTP\"},\"timeoutSeconds\":1,\"periodSeconds\":10,"
                "\"successThreshold\":1,"
                "\"failureThreshold\":3},\"terminationMessagePath\":\"/dev/"
                "termination-log\",\"terminationMessagePolicy\":\"File\","
                "\"imagePullPolicy\":\"IfNotPresent\"}],\"restartPolicy\":\"Always\","
                "\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":"
                "\"ClusterFirst\",\"serviceAccountName\":\"default\",\"nodeName\":\"node-%zu\","
                "\"securityContext\":{},\"schedulerName\":"
                "\"default-scheduler\",\"tolerations\":[{\"key\":\"node.kubernetes.io/"
                "not-ready\",\"operator\":\"Exists\",\"effect\":"
                "\"NoExecute\",\"tolerationSeconds\":300},{\"key\":\"node.kubernetes.io/"
                "unreachable\",\"operator\":\"Exists\",\"effect\":"
                "\"NoExecute\",\"tolerationSeconds\":300}],\"priority\":0,\"enableServiceLinks\":true},",
                n, n % 7, n, n % 100);
}

static void pod_status(struct buf *out, size_t n, uint64_t version)
{
    static const char *const conditions[] = {"Initialized", "Ready", "ContainersReady", "PodScheduled"};
    buf_appendf(out, "\"status\":{\"phase\":\"Running\",\"conditions\":[");
    for (size_t i = 0; i < array_size(conditions); i++)
        buf_appendf(out,
                    "%s{\"type\":\"%s\",\"status\":\"%s\",\"lastProbeTime\":null,\"lastTransitionTime\":"
                    "\"2026-01-01T%02u:%02u:%02uZ\"}",
                    i ? "," : "", conditions[i], version % 2 && i == 1 ? "False" : "True",
                    (unsigned)(version / 3600 % 24), (unsigned)(version / 60 % 60), (unsigned)(version % 60));
    buf_appendf(out,
                "],\"hostIP\":\"10.0.0.%zu\",\"podIP\":\"10.1.%zu.%zu\",\"startTime\":\"2026-01-01T00:00:"
                "00Z\",\"containerStatuses\":"
                "[{\"name\":\"web\",\"state\":{\"running\":{\"startedAt\":\"2026-01-01T00:00:05Z\"}},"
                "\"lastState\":{},\"ready\":true,"
                "\"restartCount\":%" PRIu64
                ",\"image\":\"shop/web:1.27.3\",\"imageID\":\"sha256:4bb46517cac397bdb0bab6eba09b0e1f8e90d"
                "2d6b8c8a6e4f6c7a6d0d0a5e6f7\",\"containerID\":\"containerd://"
                "%016zx%016zx\",\"started\":true}],\"qosClass\":"
                "\"Burstable\"}}",
                n % 100, n / 250 % 250, n % 250, version / 2, n * 2654435761u, n * 40503u);
}

struct object *pod_make(size_t number, uint64_t version, int64_t stamp_us)
{
    struct buf json = BUF_INIT(1 << 20);
    struct object *pod = NULL;
    pod_metadata(&json, number, version, stamp_us);
    pod_spec(&json, number);
    pod_status(&json, number, version);
    if (object_create(json.data, json.len, NULL, &pod) != 0)
        abort();
    buf_deinit(&json);
    return pod;
}

int64_t pod_stamp_us(const struct object *pod)
{
    struct slice annotations = object_annotations(pod);
    const char *at =
        annotations.data ? memmem(annotations.data, annotations.len, STAMP, sizeof(STAMP) - 1) : NULL;
    return at ? strtoll(at + sizeof(STAMP) - 1, NULL, 10) : 0;
}
