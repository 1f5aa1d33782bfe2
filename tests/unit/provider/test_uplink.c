/* The program beside a cluster, with nobody at the other ends: what is opened, closed and opened anew. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "provider/uplink.h"

static const struct program_info info = {
    .name = "thing", .summary = "", .usage = "", .description = "", .example = "thing\n"};

struct app {
    struct program program;
    struct uplink uplink;
    struct timer timer;
    int opened, closing, reports;
};

static void on_opened(void *arg)
{
    struct app *app = arg;
    assert_int_equal(app->opened, app->closing);
    assert_non_null(app->uplink.outlet.connection);
    assert_non_null(app->uplink.site.http);
    if (++app->opened == 1)
        timer_start(&app->uplink.site.again, 0); /* another cluster answers under the address */
    else
        timer_start(&app->timer, 0);
}

static void on_closing(void *arg)
{
    struct app *app = arg;
    app->closing++;
    assert_int_equal(app->opened, app->closing);
    assert_non_null(app->uplink.outlet.connection); /* whoever speaks over it goes first */
}

static void on_counters(void *arg, struct counters *out)
{
    struct app *app = arg;
    app->reports++;
    assert_non_null(strstr(out->line->data, "publisher:"));
    assert_non_null(strstr(out->line->data, "broker:"));
}

static void on_timer(void *arg)
{
    struct app *app = arg;
    struct buf line = BUF_INIT(4096);
    monitor_line(app->program.monitor, &line);
    buf_deinit(&line);
    program_end(&app->program, 7);
}

static char *write_kubeconfig(void)
{
    static char path[32];
    strcpy(path, "/tmp/test_uplink.XXXXXX");
    int fd = mkstemp(path);
    static const char text[] = "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                               "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
                               "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
                               "users: [{name: u, user: {}}]\n";
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static int run(struct app *app, char *kubeconfig, char *selector)
{
    static const struct uplink_ops ops = {
        .opened = on_opened, .closing = on_closing, .counters = on_counters};
    char *argv[] = {(char *)"thing",
                    (char *)"--cluster",
                    (char *)"c1",
                    (char *)"--broker",
                    (char *)"tcp://[::1]:1",
                    (char *)"--kubeconfig",
                    kubeconfig,
                    (char *)"--selector",
                    selector,
                    (char *)"--log-level",
                    (char *)"error",
                    NULL};
    struct option_group groups[UPLINK_GROUPS];
    *app = (struct app){0};
    uplink_option_groups(&app->uplink, "Thing", groups);
    int code =
        program_init(&app->program, &info, groups, array_size(groups), (int)array_size(argv) - 1, argv);
    assert_int_equal(code, 0);
    timer_init(&app->timer, app->program.loop, on_timer, app);
    code = uplink_run(&app->uplink, &app->program, &ops, app);
    return program_deinit(&app->program, code);
}

static void another_cluster_is_opened_anew(void **state)
{
    (void)state;
    struct app app;
    char *kubeconfig = write_kubeconfig();
    assert_int_equal(run(&app, kubeconfig, (char *)"a=b"), 7);
    assert_int_equal(app.opened, 2);
    assert_int_equal(app.closing, 2);
    assert_int_equal(app.reports, 1);
    unlink(kubeconfig);
}

static void what_cannot_be_opened_ends_it(void **state)
{
    (void)state;
    struct app app;
    assert_int_equal(run(&app, (char *)"/nowhere/config", (char *)"a=b"), EX_NOINPUT);
    assert_int_equal(app.opened, 0);
    char *kubeconfig = write_kubeconfig();
    assert_int_equal(run(&app, kubeconfig, (char *)"a in ("), EX_USAGE);
    assert_int_equal(app.opened + app.closing, 0);
    unlink(kubeconfig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_cluster_is_opened_anew),
        cmocka_unit_test(what_cannot_be_opened_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
