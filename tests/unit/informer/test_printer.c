#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "informer/printer.h"

struct bench {
    struct loop *loop;
    struct printer *printer;
    FILE *file;
    char text[1 << 16];
};

static const struct gvr pods = {"", "v1", "pods"};
static const struct gvr deployments = {"apps", "v1", "deployments"};
static const struct gvr widgets = {"example.com", "v1", "widgets"};
static const struct gvr nodes = {"", "v1", "nodes"};

static void on_closed(void *arg, int error)
{
    (void)arg;
    fail_msg("the output was closed: %d", error);
}

/* 90 s after 2026-01-01T00:00:00Z */
static int64_t wall_us(void)
{
    return INT64_C(1767225690) * 1000000;
}

static void set_up(struct bench *bench, enum printer_format format, bool kinds)
{
    memset(bench, 0, sizeof(*bench));
    bench->loop = loop_create_simulated(1);
    bench->file = tmpfile();
    assert_non_null(bench->file);
    struct printer_config config = {
        .fd = fileno(bench->file), .format = format, .kinds = kinds, .closed = on_closed, .wall_us = wall_us};
    bench->printer = printer_create(bench->loop, &config);
}

static void tear_down(struct bench *bench)
{
    printer_destroy(bench->printer);
    loop_destroy(bench->loop);
    fclose(bench->file);
}

static void turn(struct bench *bench)
{
    while (loop_step(bench->loop))
        ;
}

static void event(struct bench *bench, const char *cluster, const struct gvr *gvr, enum event_type type,
                  const char *json)
{
    struct object *object;
    assert_int_equal(object_create(json, strlen(json), NULL, &object), 0);
    printer_event(bench->printer, cluster, gvr, type, object);
    object_unref(object);
}

static void expect(struct bench *bench, const char *text)
{
    ssize_t n = pread(fileno(bench->file), bench->text, sizeof(bench->text) - 1, 0);
    assert_true(n >= 0);
    bench->text[n] = '\0';
    assert_string_equal(bench->text, text);
}

static void freshness(struct bench *bench, const char *cluster, const struct gvr *gvr, size_t count,
                      struct replica_freshness freshness)
{
    printer_freshness(bench->printer, cluster, gvr, count, &freshness);
}

static void a_line_of_json_has_the_objects_bytes(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, PRINTER_JSON, false);
    event(&bench, "c1", &deployments, EVENT_ADDED,
          "{\"metadata\": {\"name\":\"a\\u001b\"},\"big\":12345678901234567890}");
    event(&bench, "c2", &pods, EVENT_DELETED, "{\"metadata\":{\"name\":\"b\"},\r\n\"x\":1}");
    freshness(&bench, "c1", &pods, 3, (struct replica_freshness){.synced = true, .resource_version = "17"});
    freshness(&bench, "c1", &pods, 3, (struct replica_freshness){.age_s = 40, .resource_version = ""});
    turn(&bench);
    expect(&bench,
           "{\"type\":\"ADDED\",\"cluster\":\"c1\",\"group\":\"apps\",\"version\":\"v1\",\"resource\":"
           "\"deployments\","
           "\"object\":{\"metadata\": {\"name\":\"a\\u001b\"},\"big\":12345678901234567890}}\n"
           "{\"type\":\"DELETED\",\"cluster\":\"c2\",\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\","
           "\"object\":{\"metadata\":{\"name\":\"b\"},  \"x\":1}}\n"
           "{\"type\":\"SYNCED\",\"cluster\":\"c1\",\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\","
           "\"object\":{\"resourceVersion\":\"17\",\"ageSeconds\":0}}\n"
           "{\"type\":\"STALE\",\"cluster\":\"c1\",\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\","
           "\"object\":{\"reason\":\"silent\",\"resourceVersion\":\"\",\"ageSeconds\":40}}\n");
    tear_down(&bench);
}

#define METADATA(name, more)                                                                                 \
    "\"metadata\":{\"name\":\"" name "\"" more ",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"}"
#define NAMED(name) "{\"kind\":\"Widget\"," METADATA(name, ",\"namespace\":\"default\"") "}"

static void rows_of_one_turn_are_aligned(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, PRINTER_TABLE, false);
    event(&bench, "c1", &widgets, EVENT_ADDED, NAMED("a"));
    event(&bench, "cluster10", &widgets, EVENT_MODIFIED, NAMED("bb"));
    expect(&bench, "");
    turn(&bench);
    expect(&bench, "EVENT      CLUSTER     NAMESPACE   NAME   AGE\n"
                   "ADDED      c1          default     a      90s\n"
                   "MODIFIED   cluster10   default     bb     90s\n");
    tear_down(&bench);
}

static void widths_are_kept_for_later_rows(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, PRINTER_TABLE, false);
    event(&bench, "cluster10", &widgets, EVENT_MODIFIED, NAMED("a"));
    turn(&bench);
    event(&bench, "c1", &widgets, EVENT_ADDED, NAMED("b"));
    turn(&bench);
    expect(&bench, "EVENT      CLUSTER     NAMESPACE   NAME   AGE\n"
                   "MODIFIED   cluster10   default     a      90s\n"
                   "ADDED      c1          default     b      90s\n");
    tear_down(&bench);
}

static void another_resource_begins_another_table(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, PRINTER_TABLE, true);
    event(&bench, "c1", &widgets, EVENT_ADDED, NAMED("a"));
    event(&bench, "c1", &deployments, EVENT_MODIFIED,
          "{\"kind\":\"Deployment\"," METADATA(
              "nginx", ",\"namespace\":\"n\"") ",\"spec\":{\"replicas\":3},\"status\":{\"readyReplicas\":2,"
                                               "\"updatedReplicas\":3,\"availableReplicas\":2}}");
    event(&bench, "c1", &nodes, EVENT_ADDED,
          "{" METADATA("node1", "") ",\"kind\":\"Node\",\"status\":{\"nodeInfo\":"
                                    "{\"kubeletVersion\":\"v1.34.0\"},\"conditions\":[{\"type\":\"Ready\","
                                    "\"status\":\"True\"}]}}");
    freshness(&bench, "c1", &widgets, 1,
              (struct replica_freshness){.synced = true, .resource_version = "17"});
    freshness(&bench, "c1", &deployments, 1,
              (struct replica_freshness){
                  .alive = true, .state = STREAM_FORBIDDEN, .age_s = 40, .resource_version = "9"});
    turn(&bench);
    expect(&bench,
           "EVENT   CLUSTER   NAMESPACE   NAME                   AGE\n"
           "ADDED   c1        default     widget.example.com/a   90s\n"
           "\n"
           "EVENT      CLUSTER   NAMESPACE   NAME                    READY   UP-TO-DATE   AVAILABLE   AGE\n"
           "MODIFIED   c1        n           deployment.apps/nginx   2/3     3            2           90s\n"
           "\n"
           "EVENT   CLUSTER   NAME         STATUS   ROLES    AGE   VERSION\n"
           "ADDED   c1        node/node1   Ready    <none>   90s   v1.34.0\n"
           "\n"
           "EVENT    CLUSTER   RESOURCE              OBJECTS   FRESHNESS\n"
           "SYNCED   c1        widgets.example.com   1         complete up to 17\n"
           "STALE    c1        deployments.apps      1         forbidden, complete up to 9, heard 40s ago\n");
    tear_down(&bench);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, PRINTER_TABLE, false);
    event(&bench, "c\x1b[2J", &widgets, EVENT_ADDED, NAMED("a\xc2\x9b"));
    turn(&bench);
    expect(&bench, "EVENT   CLUSTER    NAMESPACE   NAME      AGE\n"
                   "ADDED   c\\x1b[2J   default     a\\u009b   90s\n");
    tear_down(&bench);
}

static void a_flush_prints_all_at_once(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, PRINTER_TABLE, false);
    event(&bench, "c1", &widgets, EVENT_ADDED, NAMED("a"));
    assert_int_equal(printer_flush(bench.printer), 0);
    expect(&bench, "EVENT   CLUSTER   NAMESPACE   NAME   AGE\nADDED   c1        default     a      90s\n");
    turn(&bench);
    expect(&bench, "EVENT   CLUSTER   NAMESPACE   NAME   AGE\nADDED   c1        default     a      90s\n");
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_json_has_the_objects_bytes),
        cmocka_unit_test(rows_of_one_turn_are_aligned),
        cmocka_unit_test(widths_are_kept_for_later_rows),
        cmocka_unit_test(another_resource_begins_another_table),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(a_flush_prints_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
