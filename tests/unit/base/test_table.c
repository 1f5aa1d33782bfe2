/* Objects as rows, in the words of kube-apiserver's printers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/table_internal.h"

#define NOW_S INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define CREATED "\"creationTimestamp\":\"2025-12-31T23:54:30Z\""

static void check_row(const char *group, const char *kind, const char *json, const char *expected)
{
    const struct table *table = table_of(group, kind);
    struct table_object row = table_object((struct slice){json, strlen(json)});
    struct buf out = BUF_INIT(4096);
    for (size_t i = 0; i < table->count; i++) {
        if (i)
            buf_append_char(&out, '|');
        table_cell_text(&table->columns[i], &row, NOW_S * 1000000, &out);
    }
    assert_string_equal(out.data, expected);
    buf_deinit(&out);
}

static void durations_are_kubectls(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-5, "<invalid>"},
                 {-1, "0s"},
                 {0, "0s"},
                 {119, "119s"},
                 {120, "2m"},
                 {330, "5m30s"},
                 {599, "9m59s"},
                 {600, "10m"},
                 {10799, "179m"},
                 {10800, "3h"},
                 {3 * 3600 + 60, "3h1m"},
                 {28800, "8h"},
                 {47 * 3600, "47h"},
                 {48 * 3600, "2d"},
                 {49 * 3600, "2d1h"},
                 {8 * 86400, "8d"},
                 {729 * 86400, "729d"},
                 {730 * 86400, "2y"},
                 {731 * 86400, "2y1d"},
                 {2920 * (int64_t)86400, "8y"}};
    for (size_t i = 0; i < array_size(cases); i++) {
        struct buf out = BUF_INIT(64);
        table_duration(cases[i].seconds, &out);
        assert_string_equal(out.data, cases[i].text);
        buf_deinit(&out);
    }
}

static void pods(void **state)
{
    (void)state;
    check_row(
        "", "Pod",
        "{\"metadata\":{\"name\":\"web\"," CREATED
        "},\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
        "\"nodeName\":\"n1\"},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\",\"containerStatuses\":"
        "[{"
        "\"ready\":true,\"restartCount\":2,\"state\":{\"running\":{}},\"lastState\":{\"terminated\":{"
        "\"finishedAt\":"
        "\"2025-12-31T23:59:00Z\"}}},{\"ready\":false,\"restartCount\":0,\"state\":{\"waiting\":{\"reason\":"
        "\"CrashLoopBackOff\"}}}]}}",
        "web|1/2|CrashLoopBackOff|2 (60s ago)|5m30s|10.0.0.1|n1|<none>|<none>");
    check_row("", "Pod",
              "{\"metadata\":{\"name\":\"p\"," CREATED
              "},\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Pending\"}}",
              "p|0/1|Pending|0|5m30s|<none>|<none>|<none>|<none>");
    check_row("", "Pod",
              "{\"metadata\":{\"name\":\"p\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"," CREATED
              "},\"spec\":{"
              "\"containers\":[{}]},\"status\":{\"phase\":\"Running\"}}",
              "p|0/1|Terminating|0|5m30s|<none>|<none>|<none>|<none>");
    check_row("", "Pod",
              "{\"metadata\":{\"name\":\"p\"," CREATED
              "},\"spec\":{\"containers\":[{}],\"initContainers\":[{},{}]},\"status\":"
              "{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"state\":{\"terminated\":{\"exitCode\":0}}"
              "},{\"state\":{"
              "\"running\":{}}}],\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":"
              "\"PodInitializing\"}}}]}}",
              "p|0/1|Init:1/2|0|5m30s|<none>|<none>|<none>|<none>");
    check_row(
        "", "Pod",
        "{\"metadata\":{\"name\":\"p\"," CREATED
        "},\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Succeeded\","
        "\"containerStatuses\":[{\"state\":{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}}]}}",
        "p|0/1|Completed|0|5m30s|<none>|<none>|<none>|<none>");
}

static void workloads(void **state)
{
    (void)state;
#define TEMPLATE                                                                                             \
    "\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x:1\"},{\"name\":\"b\",\"image\":"  \
    "\"y\"}]}}"
    check_row("apps", "Deployment",
              "{\"metadata\":{\"name\":\"d\"," CREATED
              "},\"spec\":{\"replicas\":3,\"selector\":{\"matchLabels\":{\"app\":\"w\"},"
              "\"matchExpressions\":[{\"key\":\"t\",\"operator\":\"In\",\"values\":[\"x\",\"y\"]}]}," TEMPLATE
              "},\"status\":{"
              "\"readyReplicas\":2,\"updatedReplicas\":3,\"availableReplicas\":1}}",
              "d|2/3|3|1|5m30s|a,b|x:1,y|app=w,t in (x,y)");
    check_row("apps", "ReplicaSet",
              "{\"metadata\":{\"name\":\"r\"," CREATED "},\"spec\":{\"replicas\":3," TEMPLATE
              "},\"status\":{\"replicas\":2}}",
              "r|3|2|0|5m30s|a,b|x:1,y|<none>");
    check_row("batch", "Job",
              "{\"metadata\":{\"name\":\"j\"," CREATED "},\"spec\":{\"completions\":1," TEMPLATE
              "},\"status\":{\"succeeded\":1,"
              "\"startTime\":\"2025-12-31T23:54:30Z\",\"completionTime\":\"2025-12-31T23:54:45Z\","
              "\"conditions\":[{\"type\":"
              "\"Complete\",\"status\":\"True\"}]}}",
              "j|Complete|1/1|15s|5m30s|a,b|x:1,y|<none>");
}

static void other_kinds(void **state)
{
    (void)state;
    check_row("", "Service",
              "{\"metadata\":{\"name\":\"s\"," CREATED
              "},\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.96.0.1\",\"ports\":[{"
              "\"port\":80,\"nodePort\":30080,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"}],"
              "\"selector\":{\"a\":\"b\"}}}",
              "s|NodePort|10.96.0.1|<none>|80:30080/TCP,53/UDP|5m30s|a=b");
    check_row("", "ConfigMap",
              "{\"metadata\":{\"name\":\"c\"," CREATED "},\"data\":{\"a\":\"1\",\"b\":\"2\"}}", "c|2|5m30s");
    check_row("", "Namespace",
              "{\"metadata\":{\"name\":\"n\"," CREATED "},\"status\":{\"phase\":\"Active\"}}",
              "n|Active|5m30s");
    check_row("", "Node",
              "{\"metadata\":{\"name\":\"n\",\"labels\":{\"node-role.kubernetes.io/worker\":\"\"}," CREATED
              "},\"spec\":{"
              "\"unschedulable\":true},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
              "\"addresses\":[{"
              "\"type\":\"InternalIP\",\"address\":\"1.2.3.4\"}],\"nodeInfo\":{\"kubeletVersion\":\"v1\","
              "\"osImage\":\"o\","
              "\"kernelVersion\":\"k\",\"containerRuntimeVersion\":\"c\"}}}",
              "n|Ready,SchedulingDisabled|worker|5m30s|v1|1.2.3.4|<none>|o|k|c");
    check_row("example.com", "Widget", "{\"metadata\":{\"name\":\"w\"," CREATED "}}", "w|5m30s");
    check_row("example.com", "Widget", "{\"metadata\":{\"name\":\"w\"}}", "w|<unknown>");
}

#define META(name) "\"metadata\":{\"name\":\"" name "\"," CREATED "}"

static void what_is_many_is_counted(void **state)
{
    (void)state;
#define IPS "[{\"ip\":\"1.1.1.1\"},{\"ip\":\"::2\"}]"
    check_row("", "Endpoints",
              "{" META("e") ",\"subsets\":[{\"addresses\":" IPS ",\"ports\":[{\"port\":80},{\"port\":81}]}]}",
              "e|1.1.1.1:80,[::2]:80,1.1.1.1:81 + 1 more...|5m30s");
    check_row("", "Endpoints", "{" META("e") ",\"subsets\":[{\"addresses\":" IPS "}]}",
              "e|1.1.1.1,::2|5m30s");
    check_row("", "Endpoints", "{" META("e") "}", "e|<none>|5m30s");
#define SLICE "\"addressType\":\"IPv4\""
    check_row("discovery.k8s.io", "EndpointSlice",
              "{" META("s") "," SLICE ",\"ports\":[{\"port\":80},{\"name\":\"x\"},{}],\"endpoints\":[{"
                            "\"addresses\":[\"a\",\"b\"]},"
                            "{\"addresses\":[\"c\",\"d\",\"e\"]}]}",
              "s|IPv4|80,x,*|a,b,c + 2 more...|5m30s");
    check_row("discovery.k8s.io", "EndpointSlice", "{" META("s") "," SLICE "}",
              "s|IPv4|<unset>|<unset>|5m30s");
#define HOST(host) "{\"host\":\"" host "\"}"
    check_row("networking.k8s.io", "Ingress",
              "{" META("i") ",\"spec\":{\"rules\":[" HOST("a") ",{}," HOST("b") "," HOST("c") "," HOST(
                  "d") "]}}",
              "i|<none>|a,b,c + 2 more...||80|5m30s");
    check_row("networking.k8s.io", "Ingress", "{" META("i") "}", "i|<none>|*||80|5m30s");
}

static void autoscalers_show_their_targets(void **state)
{
    (void)state;
#define HPA(metrics, current)                                                                                \
    "{" META("h") ",\"spec\":{\"scaleTargetRef\":{\"kind\":\"Deployment\",\"name\":\"web\"},"                \
                  "\"minReplicas\":2,\"maxReplicas\":9,"                                                     \
                  "\"metrics\":[" metrics                                                                    \
                  "]},\"status\":{\"currentReplicas\":3,\"currentMetrics\":[" current "]}}"
#define CPU "{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"averageUtilization\":80}}}"
#define PODS "{\"type\":\"Pods\",\"pods\":{\"target\":{\"averageValue\":\"10\"}}}"
#define OUTSIDE "{\"type\":\"External\",\"external\":{\"target\":{\"averageValue\":\"5\"}}}"
#define QUEUE "{\"type\":\"Object\",\"object\":{\"target\":{\"value\":\"7\"}}}"
    check_row("autoscaling", "HorizontalPodAutoscaler", HPA("", ""), "h|Deployment/web|<none>|2|9|3|5m30s");
    check_row("autoscaling", "HorizontalPodAutoscaler",
              HPA(CPU "," PODS,
                  "{\"type\":\"Resource\",\"resource\":{\"current\":{\"averageUtilization\":41}}}"),
              "h|Deployment/web|cpu: 41%/80%, <unknown>/10|2|9|3|5m30s");
    check_row("autoscaling", "HorizontalPodAutoscaler",
              HPA(OUTSIDE "," QUEUE "," CPU, "{\"external\":{\"current\":{\"averageValue\":\"4\"}}},{"
                                             "\"object\":{\"current\":{\"value\":\"6\"}}}"),
              "h|Deployment/web|4/5 (avg), 6/7 + 1 more...|2|9|3|5m30s");
    check_row("autoscaling", "HorizontalPodAutoscaler", HPA("{\"type\":\"New\"}", ""),
              "h|Deployment/web|<unknown type>|2|9|3|5m30s");
}

static void what_clusters_are_ruled_by(void **state)
{
    (void)state;
    check_row("policy", "PodDisruptionBudget",
              "{" META("p") ",\"spec\":{\"minAvailable\":\"50%\"},\"status\":{\"disruptionsAllowed\":1}}",
              "p|50%|N/A|1|5m30s");
    check_row("", "ResourceQuota",
              "{" META("q") ",\"status\":{\"hard\":{\"limits.cpu\":\"2\",\"pods\":\"4\",\"secrets\":\"5\"},"
                            "\"used\":{\"pods\":\"1\"}}}",
              "q|pods: 1/4, secrets: 0/5|limits.cpu: 0/2|5m30s");
    check_row("storage.k8s.io", "StorageClass",
              "{\"metadata\":{\"name\":\"fast\",\"annotations\":{\"storageclass.kubernetes.io/"
              "is-default-class\":\"true\"}," CREATED
              "},\"provisioner\":\"disk\",\"allowVolumeExpansion\":true}",
              "fast (default)|disk|Delete|Immediate|true|5m30s");
    check_row("networking.k8s.io", "IngressClass",
              "{" META("c") ",\"spec\":{\"controller\":\"x\",\"parameters\":{\"apiGroup\":\"g\",\"kind\":"
                            "\"K\",\"name\":\"n\"}}}",
              "c|x|K.g/n|5m30s");
    check_row("scheduling.k8s.io", "PriorityClass", "{" META("high") ",\"value\":1000}",
              "high|1000|false|5m30s|");
    check_row("storage.k8s.io", "CSIDriver",
              "{" META("d") ",\"spec\":{\"volumeLifecycleModes\":[\"Persistent\",\"Ephemeral\"]}}",
              "d|true|false|false|<unset>|false|Persistent,Ephemeral|5m30s");
    check_row("storage.k8s.io", "CSINode", "{" META("n") ",\"spec\":{\"drivers\":[{},{}]}}", "n|2|5m30s");
}

static void print_all(const struct table *tables, const char *json)
{
    struct buf out = BUF_INIT(1 << 16);
    for (; tables->kind[0]; tables++) {
        struct table_object row = table_object((struct slice){json, strlen(json)});
        for (size_t i = 0; i < tables->count; i++) {
            buf_clear(&out);
            assert_int_equal(table_cell_json(&tables->columns[i], &row, NOW_S * 1000000, &out), 0);
            assert_ptr_equal(json_skip_value(out.data, out.data + out.len, 0), out.data + out.len);
        }
    }
    buf_deinit(&out);
}

/* Objects come from clusters that may be anything. */
static void objects_may_lack_everything(void **state)
{
    (void)state;
    static const char *const objects[] = {
        "{}",
        "{\"metadata\":7,\"spec\":\"x\",\"status\":[1],\"data\":null,\"involvedObject\":[],\"subsets\":{},"
        "\"ports\":\"x\"}",
        "{\"globalDefault\":\"a\\\"b\",\"value\":\"1x\",\"allowVolumeExpansion\":\"true]\",\"count\":\"9,\"}",
        "{\"spec\":{\"rules\":[7],\"metrics\":[7,{\"type\":\"Resource\"}],\"containers\":[null],\"ports\":[[]"
        "]},"
        "\"status\":{\"conditions\":[7],\"hard\":[],\"used\":7},\"subsets\":[{\"addresses\":[7],\"ports\":[7]"
        "}],"
        "\"subjects\":[7],\"endpoints\":[7,{\"addresses\":7}],\"series\":[]}"};
    for (size_t i = 0; i < array_size(objects); i++) {
        print_all(table_workloads, objects[i]);
        print_all(table_core, objects[i]);
        print_all(table_others, objects[i]);
    }
}

static void text_stays_one_line(void **state)
{
    (void)state;
    check_row(
        "", "Event",
        "{\"metadata\":{\"name\":\"e\"},\"type\":\"Normal\",\"reason\":\"\\u001b[31m\\u00e9\",\"message\":"
        "\"a\\\"b\\nc\","
        "\"lastTimestamp\":\"2025-12-31T23:59:59Z\",\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\"}}",
        "1s|Normal|^[[31m\xc3\xa9|pod/p|||a\"b...|<unknown>|1|e");
}

static void json_cells_are_json(void **state)
{
    (void)state;
    static const char json[] = "{\"metadata\":{\"name\":[\"x\"]},\"data\":{\"a\":1}}";
    const struct table *table = table_of("", "ConfigMap");
    struct buf out = BUF_INIT(4096);
    struct table_object row = table_object((struct slice){json, strlen(json)});
    table_cell_json(&table->columns[0], &row, 0, &out);
    table_cell_json(&table->columns[1], &row, 0, &out);
    assert_string_equal(out.data, "\"[\\\"x\\\"]\"1");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_kubectls),
        cmocka_unit_test(pods),
        cmocka_unit_test(workloads),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(what_is_many_is_counted),
        cmocka_unit_test(autoscalers_show_their_targets),
        cmocka_unit_test(what_clusters_are_ruled_by),
        cmocka_unit_test(objects_may_lack_everything),
        cmocka_unit_test(text_stays_one_line),
        cmocka_unit_test(json_cells_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
