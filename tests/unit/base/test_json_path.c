/* What JSONPaths of definitions lead to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json_path.h"

static const char object[] =
    "{\"metadata\":{\"labels\":{\"app\":\"web\",\"a.b/c\":\"dotted\"}},\"spec\":{\"replicas\":3,\"empty\":{},"
    "\"ports\":[{\"port\":80,\"name\":\"http\"},{\"port\":443},{\"name\":\"last\"}],\"hosts\":[\"a\",\"b\"]},"
    "\"status\":{\"conditions\":[{\"type\":\"Synced\",\"status\":\"False\"},"
    "{\"type\":\"Ready\",\"status\":\"True\"}]}}";

static void check(const char *path, const char *expected)
{
    struct slice found = json_path_first((struct slice){object, sizeof(object) - 1}, path);
    if (!found.data != !expected || (expected && !slice_equal(found, expected)))
        fail_msg("%s: %.*s, not %s", path, SLICE_ARGS(found), expected ? expected : "nothing");
}

static void members_and_elements_are_found(void **state)
{
    (void)state;
    check(".spec.replicas", "3");
    check("$.spec.replicas", "3");
    check(".metadata.labels.app", "\"web\"");
    check(".metadata.labels.a\\.b/c", "\"dotted\"");
    check(".metadata.labels['a.b/c']", "\"dotted\"");
    check(".metadata.labels[\"app\"]", "\"web\"");
    check(".spec.ports[1].port", "443");
    check(".spec.ports[-1].name", "\"last\"");
    check(".spec.hosts[*]", "\"a\"");
    check(".spec.hosts", "[\"a\",\"b\"]");
    check(".spec.ports[*].name", "\"http\"");
    check(".metadata.labels.*", "\"web\"");
}

static void elements_are_filtered(void **state)
{
    (void)state;
    check(".status.conditions[?(@.type==\"Ready\")].status", "\"True\"");
    check(".status.conditions[?(@.type == 'Ready')].status", "\"True\"");
    check(".status.conditions[?(@.type!=\"Synced\")].status", "\"True\"");
    check(".status.conditions[?(@.type==\"Gone\")].status", NULL);
    check(".spec.ports[?(@.port==443)].port", "443");
    check(".spec.ports[?(@.name)].port", "80");
    check(".spec.ports[?(@.other)].port", NULL);
}

static void what_is_not_there_or_no_path_leads_nowhere(void **state)
{
    (void)state;
    static const char *const paths[] = {".spec.nothing",
                                        ".spec.replicas.more",
                                        ".spec.ports[3]",
                                        ".spec.ports[-4]",
                                        ".spec.empty.*",
                                        ".spec.hosts[0].name",
                                        "spec",
                                        ".spec..port",
                                        ".spec.ports[",
                                        ".spec.ports[1",
                                        ".spec.ports[x]",
                                        ".metadata.labels['app'",
                                        ".spec.ports[?(",
                                        ".spec.ports[?(@.a=1)]",
                                        ".spec.ports[?(@.a==\"1)]",
                                        ".spec.ports[?(@.a==1",
                                        ".spec[*][*][*][*]"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        check(paths[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_are_found),
        cmocka_unit_test(elements_are_filtered),
        cmocka_unit_test(what_is_not_there_or_no_path_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
