/* The clusters at a glance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "hub/summary.h"
#include "provider/provider.h"
#include "tests/support/line.h"

struct fixture {
    struct line line;
    struct selection_options selection;
    struct provider *provider;
    struct summary *summary;
    char *text;
    size_t len;
    FILE *out;
    bool muted; /* the fleet is told nothing */
};

static void on_cluster(void *arg, struct informer_cluster *cluster)
{
    struct fixture *f = arg;
    if (!f->muted)
        summary_changed(f->summary, cluster);
}

static void on_heard(void *arg, struct informer_replica *replica)
{
    on_cluster(arg, replica_cluster(replica));
}

static int setup(void **state)
{
    static const struct informer_ops told = {.cluster = on_cluster,
                                             .replica = on_heard,
                                             .synced = on_heard,
                                             .stale = on_heard,
                                             .heard = on_heard,
                                             .dropped = on_heard};
    struct fixture *f = mem_zalloc(sizeof(*f));
    line_open_told(&f->line, "cluster1", &told, f);
    f->out = open_memstream(&f->text, &f->len);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    summary_destroy(f->summary);
    line_close_publisher(&f->line);
    provider_destroy(f->provider);
    line_close(&f->line);
    fclose(f->out);
    free(f->text);
    free(f);
    return 0;
}

static void start(struct fixture *f, enum summary_view view)
{
    struct provider_config config = {.loop = f->line.loop,
                                     .rest = line_rest(&f->line),
                                     .publisher = f->line.publisher,
                                     .selection = &f->selection};
    f->provider = provider_create(&config);
    f->summary = summary_create(f->line.loop, f->line.informer, view, f->out);
}

static size_t lines(const struct fixture *f)
{
    size_t count = 0;
    for (const char *c = f->text; *c; c++)
        count += *c == '\n';
    return count;
}

static void each_change_is_a_line(void **state)
{
    struct fixture *f = *state;
    start(f, SUMMARY_VIEW_LINES);
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_non_null(strstr(f->text, "cluster1: synced, 13 of 13 resources, version v1.32.0, 4 objects\n"));
    size_t before = lines(f);
    line_create(&f->line, &line_configmaps, "{'metadata':{'name':'a','namespace':'default'}}");
    line_run(&f->line, 10 * LOOP_SECOND);
    assert_int_equal(lines(f), before); /* objects come and go */
    loopback_cut(f->line.up);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_int_equal(lines(f), before + 1);
    assert_non_null(strstr(f->text, "cluster1: silent, 0 of 13 resources"));
}

/* It looks at what it is told of, and at nothing else: clusters at rest cost nothing. */
static void nothing_is_looked_at_without_a_word(void **state)
{
    struct fixture *f = *state;
    start(f, SUMMARY_VIEW_LINES);
    line_run(&f->line, 10 * LOOP_SECOND);
    size_t before = lines(f);
    f->muted = true;
    loopback_cut(f->line.up);
    line_run(&f->line, 60 * LOOP_SECOND);
    assert_int_equal(lines(f), before);
    summary_changed(f->summary, line_cluster(&f->line));
    line_run(&f->line, 2 * LOOP_SECOND);
    assert_int_equal(lines(f), before + 1);
}

static void the_table_is_drawn_anew_where_it_changed(void **state)
{
    struct fixture *f = *state;
    publisher_set_cluster(f->line.publisher, "uid-1", "v1\033[2J");
    start(f, SUMMARY_VIEW_TABLE);
    line_run(&f->line, 10 * LOOP_SECOND);
    const char *last = f->text;
    for (const char *next; (next = strstr(last + 1, "\033[H\033[J"));)
        last = next;
    assert_non_null(strstr(last, "CLUSTER"));
    assert_non_null(strstr(last, "13/13"));
    assert_non_null(strstr(last, "\\x1b[2J")); /* a cluster's text does nothing to the terminal */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_change_is_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_looked_at_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(the_table_is_drawn_anew_where_it_changed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
