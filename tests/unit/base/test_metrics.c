#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/counters.h"
#include "base/process.h"
#include "tests/support/samples.h"

static const struct metric objects = METRIC_GAUGE("thing_objects", "Objects, \"quoted\" \\ in\ntwo lines.");
static const struct metric events = METRIC_COUNTER("thing_events_total", "Events.");

static void assert_text(struct metrics *metrics, const char *expected)
{
    struct buf all = BUF_INIT(1 << 20);
    const struct buf *piece;
    for (size_t i = 0; (piece = metrics_text(metrics, i)); i++)
        buf_append(&all, piece->data, piece->len);
    buf_append_str(&all, "");
    assert_string_equal(all.data, expected);
    assert_int_equal(all.len, metrics_size(metrics));
    buf_deinit(&all);
    metrics_destroy(metrics);
}

static void samples_of_one_metric_stand_together(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create(4096);
    metrics_number(metrics, &objects, "cluster=\"a\"", 1);
    metrics_number(metrics, &events, NULL, UINT64_MAX);
    metrics_number(metrics, &objects, "cluster=\"b\"", 0);
    assert_text(metrics, "# HELP thing_objects Objects, \"quoted\" \\\\ in\\ntwo lines.\n"
                         "# TYPE thing_objects gauge\n"
                         "thing_objects{cluster=\"a\"} 1\n"
                         "thing_objects{cluster=\"b\"} 0\n"
                         "# HELP thing_events_total Events.\n"
                         "# TYPE thing_events_total counter\n"
                         "thing_events_total 18446744073709551615\n");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    struct buf labels = BUF_INIT(256);
    metric_label(&labels, "plain", "pods.metrics.k8s.io");
    metric_label(&labels, "odd", "\\a\"b\\");
    metric_label(&labels, "none", "a\nb\xff");
    metric_label(&labels, "empty", "");
    metric_label(&labels, "utf8", "Zürich");
    assert_string_equal(labels.data,
                        "plain=\"pods.metrics.k8s.io\",odd=\"\\\\a\\\"b\\\\\",none=\"a\\\\x0ab\\\\xff\","
                        "empty=\"\",utf8=\"Zürich\"");
    buf_deinit(&labels);
}

static void times_are_seconds(void **state)
{
    (void)state;
    static const struct metric age = METRIC_GAUGE("age_seconds", "Age.");
    static const int64_t us[] = {0, 1, 999999, 1000000, 12345678, -1500000, INT64_MAX, INT64_MIN};
    struct metrics *metrics = metrics_create(4096);
    for (size_t i = 0; i < array_size(us); i++)
        metrics_seconds(metrics, &age, NULL, us[i]);
    assert_text(metrics, "# HELP age_seconds Age.\n# TYPE age_seconds gauge\n"
                         "age_seconds 0.000000\nage_seconds 0.000001\nage_seconds 0.999999\n"
                         "age_seconds 1.000000\nage_seconds 12.345678\nage_seconds -1.500000\n"
                         "age_seconds 9223372036854.775807\nage_seconds -9223372036854.775808\n");
}

/* Never a part of a line, and never without a word about it. */
static void what_passes_the_limit_is_left_out(void **state)
{
    (void)state;
    static const struct metric a = METRIC_GAUGE("a", "A.");
    const char *text = "# HELP a A.\n# TYPE a gauge\na 1\n";
    struct metrics *metrics = metrics_create(strlen(text));
    metrics_number(metrics, &a, NULL, 1);
    assert_false(metrics_full(metrics));
    metrics_number(metrics, &a, NULL, 2);
    assert_true(metrics_full(metrics));
    metrics_number(metrics, &objects, NULL, 2);
    assert_text(metrics, text);
}

struct fruit {
    uint64_t apples, pears, waited_us;
};

static void count(struct counters *out)
{
    static const struct metric fruit = METRIC_COUNTER("fruit_total", "Fruit."),
                               waited = METRIC_COUNTER("waited_seconds_total", "Waited.");
    static const struct counter list[] = {
        COUNTER(struct fruit, apples, &fruit, "kind=\"apple\""),
        COUNTER(struct fruit, pears, &fruit, "kind=\"pear\""),
        COUNTER(struct fruit, waited_us, &waited, .us = true),
    };
    counters_add(out, "fruit", "tree=\"1\"", list, array_size(list), &(struct fruit){3, 0, 1500});
    counters_add(out, "more", "", list, 1, &(struct fruit){2, 0, 0});
}

static void one_table_serves_a_line_and_samples(void **state)
{
    (void)state;
    struct buf line = BUF_INIT(4096);
    struct metrics *metrics = metrics_create(4096);
    count(&(struct counters){.line = &line});
    count(&(struct counters){.metrics = metrics});
    assert_string_equal(line.data, "fruit: apples=3 waited_us=1500; more: apples=2");
    assert_text(metrics, "# HELP fruit_total Fruit.\n# TYPE fruit_total counter\n"
                         "fruit_total{tree=\"1\",kind=\"apple\"} 3\n"
                         "fruit_total{tree=\"1\",kind=\"pear\"} 0\n"
                         "fruit_total{kind=\"apple\"} 2\n"
                         "# HELP waited_seconds_total Waited.\n# TYPE waited_seconds_total counter\n"
                         "waited_seconds_total{tree=\"1\"} 0.001500\n");
    buf_deinit(&line);
}

static void a_process_knows_itself(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_create(4096), *more = metrics_create(4096);
    process_metrics(metrics);
    FILE *file = tmpfile();
    process_metrics(more);
    fclose(file);
    assert_true(sample_of(more, "process_open_fds") == sample_of(metrics, "process_open_fds") + 1);
    assert_true(sample_of(metrics, "process_max_fds") >= sample_of(more, "process_open_fds"));
    assert_true(sample_of(metrics, "process_resident_memory_bytes") > 100000);
    assert_true(sample_of(metrics, "process_virtual_memory_bytes") >
                sample_of(metrics, "process_resident_memory_bytes"));
    assert_true(sample_of(more, "process_cpu_seconds_total") >=
                sample_of(metrics, "process_cpu_seconds_total"));
    double age_s = (double)time(NULL) - sample_of(metrics, "process_start_time_seconds");
    assert_true(age_s > -5 && age_s < 3600);
    metrics_destroy(metrics);
    metrics_destroy(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_one_metric_stand_together),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(times_are_seconds),
        cmocka_unit_test(what_passes_the_limit_is_left_out),
        cmocka_unit_test(one_table_serves_a_line_and_samples),
        cmocka_unit_test(a_process_knows_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
