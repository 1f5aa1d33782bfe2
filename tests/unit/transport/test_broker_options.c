#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "transport/broker_options.h"

static int parse(struct broker_options *options, int argc, char **argv, struct error *err)
{
    static const struct program_info info = {"thing", "", "", "", ""};
    memset(options, 0, sizeof(*options));
    struct option_group group = broker_option_group(options);
    int r = options_parse(&info, &group, 1, argc, argv, stdout, err);
    struct topics topics;
    return r == 0 ? broker_options_check(options, &topics, err) : r;
}

static void expect(int code, const char *text, const char *arguments)
{
    char *line = mem_printf("thing %s", arguments), *argv[16];
    int argc = 0;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    struct broker_options options;
    struct error err = {0};
    assert_int_equal(parse(&options, argc, argv, &err), code);
    assert_non_null(strstr(err.text, text));
    struct option_group group = broker_option_group(&options);
    options_free(&group, 1);
    free(line);
}

static void sensible_options_are_taken(void **state)
{
    (void)state;
    expect(0, "", "");
    expect(0, "", "--signal-topic /signal --payload-topic /payload");
    expect(0, "", "--signal ti --payload ti2");
    expect(0, "", "--username u --password-file /dev/null --tls-cert /dev/null --tls-key /dev/null");
}

static void prefixes_are_checked(void **state)
{
    (void)state;
    expect(EX_USAGE, "--signal and --payload", "--signal ti --payload ti");
    expect(EX_USAGE, "--signal", "--signal a/#");
}

static void halves_are_refused(void **state)
{
    (void)state;
    expect(EX_USAGE, "--tls-key is missing", "--tls-cert c");
    expect(EX_USAGE, "--tls-cert is missing", "--tls-key c");
    expect(EX_USAGE, "needs --username", "--password-file f");
}

static void a_keepalive_has_bounds(void **state)
{
    (void)state;
    expect(0, "", "--keepalive 5s");
    expect(0, "", "--keepalive 18h");
    expect(EX_USAGE, "--keepalive", "--keepalive 4999ms");
    expect(EX_USAGE, "--keepalive", "--keepalive 64801s");
}

static void files_must_be_readable(void **state)
{
    (void)state;
    expect(EX_NOINPUT, "--tls-ca: /nowhere cannot be read: No such file", "--tls-ca /nowhere");
    expect(EX_NOINPUT, "--password-file: /nowhere", "--username u --password-file /nowhere");
    expect(EX_NOINPUT, "--tls-key: /nowhere", "--tls-cert /dev/null --tls-key /nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sensible_options_are_taken), cmocka_unit_test(prefixes_are_checked),
        cmocka_unit_test(halves_are_refused),         cmocka_unit_test(a_keepalive_has_bounds),
        cmocka_unit_test(files_must_be_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
