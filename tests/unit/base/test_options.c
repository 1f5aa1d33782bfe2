#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/gvr.h"
#include "base/mem.h"
#include "base/options.h"

struct values {
    char *broker, *cluster, *config, *password_file;
    struct option_list resources;
    bool once, quiet;
    int64_t expect, timeout, beat, limit;
    struct option_endpoint listen;
    int output;
};

static const struct option_spec specs[] = {
    {.name = "broker",
     .type = OPTION_TEXT,
     .value = "URL",
     .fallback = "tcp://127.0.0.1:1883",
     .help = "where the broker is",
     .offset = offsetof(struct values, broker)},
    {.name = "cluster",
     .alias = "cluster-name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "the cluster's name",
     .valid = dns_label_valid,
     .allowed = "a lower-case DNS label, such as cluster1",
     .offset = offsetof(struct values, cluster)},
    {.name = "password-file",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "a file with the password",
     .offset = offsetof(struct values, password_file)},
    {.name = "resource",
     .type = OPTION_LIST,
     .value = "RESOURCE",
     .fallback = "pods,services",
     .help = "what to mirror",
     .offset = offsetof(struct values, resources)},
    {.name = "once",
     .type = OPTION_BOOL,
     .help = "print the synced state and end",
     .offset = offsetof(struct values, once)},
    {.name = "quiet",
     .type = OPTION_BOOL,
     .fallback = "true",
     .help = "say little",
     .offset = offsetof(struct values, quiet)},
    {.name = "expect",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "-1",
     .least = -1,
     .most = 100000,
     .help = "clusters to wait for",
     .offset = offsetof(struct values, expect)},
    {.name = "timeout",
     .type = OPTION_DURATION,
     .value = "TIME",
     .fallback = "30s",
     .help = "how long to wait",
     .offset = offsetof(struct values, timeout)},
    {.name = "beat",
     .type = OPTION_DURATION,
     .value = "TIME",
     .least = 1500000,
     .most = 600000000,
     .offset = offsetof(struct values, beat)},
    {.name = "limit",
     .type = OPTION_SIZE,
     .value = "BYTES",
     .help = "a bound",
     .offset = offsetof(struct values, limit)},
    {.name = "listen",
     .type = OPTION_ENDPOINT,
     .value = "HOST:PORT",
     .help = "where to listen",
     .offset = offsetof(struct values, listen)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_CHOICE,
     .value = "table|json",
     .help = "the form of the output",
     .offset = offsetof(struct values, output)},
    {.name = "config",
     .type = OPTION_CONFIG,
     .value = "FILE",
     .help = "a file",
     .offset = offsetof(struct values, config)},
    {.name = "version", .type = OPTION_VERSION, .help = "print the version"},
    {.name = "help", .letter = 'h', .type = OPTION_HELP, .help = "print this"},
    {.name = "help-man", .type = OPTION_MAN},
};

static const struct program_info info = {
    .name = "thing",
    .summary = "does things",
    .usage = "[options]",
    .description = "It does one thing after the other, until there is none left to do; then it waits, since "
                   "things come back.",
    .example = "thing --once\n",
};

/* One parse: its arguments, what came out. */
struct parse {
    struct values values;
    struct error err;
    char *out;
    size_t out_len;
    int result;
};

static struct option_group group_of(struct values *values)
{
    return (struct option_group){"Things", specs, array_size(specs), values};
}

/* arguments: separated by one space. */
static void run(struct parse *parse, const char *arguments)
{
    char *text = mem_printf("thing %s", arguments), *argv[32];
    int argc = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    memset(parse, 0, sizeof(*parse));
    FILE *out = open_memstream(&parse->out, &parse->out_len);
    struct option_group group = group_of(&parse->values);
    parse->result = options_parse(&info, &group, 1, argc, argv, out, &parse->err);
    fclose(out);
    free(text);
}

static void done(struct parse *parse)
{
    struct option_group group = group_of(&parse->values);
    options_free(&group, 1);
    free(parse->out);
}

static void refuse(const char *arguments, int code, const char *text)
{
    struct parse parse;
    run(&parse, arguments);
    if (strcmp(parse.err.text, text) != 0)
        print_error("got: %s\n", parse.err.text);
    assert_int_equal(parse.result, code);
    assert_int_equal(parse.err.code, code);
    assert_string_equal(parse.err.text, text);
    done(&parse);
}

static void defaults_hold_where_nothing_is_given(void **state)
{
    (void)state;
    struct parse parse;
    run(&parse, "");
    assert_int_equal(parse.result, 0);
    assert_string_equal(parse.values.broker, "tcp://127.0.0.1:1883");
    assert_null(parse.values.cluster);
    assert_int_equal(parse.values.resources.count, 2);
    assert_string_equal(parse.values.resources.items[1], "services");
    assert_true(parse.values.quiet);
    assert_int_equal(parse.values.expect, -1);
    assert_int_equal(parse.values.timeout, 30000000);
    done(&parse);
}

static void every_shape_of_value_is_read(void **state)
{
    (void)state;
    struct parse parse;
    run(&parse,
        "--broker=a --cluster-name c1 --resource pods --resource nodes,jobs --once --no-quiet --expect 3 "
        "--timeout 1h30m500ms --limit 128KiB --listen [::1]:8080 -o json");
    assert_int_equal(parse.result, 0);
    assert_string_equal(parse.values.broker, "a");
    assert_string_equal(parse.values.cluster, "c1");
    assert_int_equal(parse.values.resources.count, 3);
    assert_string_equal(parse.values.resources.items[0], "pods");
    assert_string_equal(parse.values.resources.items[2], "jobs");
    assert_true(parse.values.once);
    assert_false(parse.values.quiet);
    assert_int_equal(parse.values.expect, 3);
    assert_int_equal(parse.values.timeout, INT64_C(5400500000));
    assert_int_equal(parse.values.limit, 131072);
    assert_string_equal(parse.values.listen.host, "::1");
    assert_int_equal(parse.values.listen.port, 8080);
    assert_int_equal(parse.values.output, 1);
    done(&parse);
}

static void short_forms_are_read(void **state)
{
    (void)state;
    const char *forms[] = {"-o json", "-ojson", "-o=json", "--output=json"};
    for (size_t i = 0; i < array_size(forms); i++) {
        struct parse parse;
        run(&parse, forms[i]);
        assert_int_equal(parse.result, 0);
        assert_int_equal(parse.values.output, 1);
        done(&parse);
    }
}

static void the_last_of_a_repeated_single_value_counts(void **state)
{
    (void)state;
    struct parse parse;
    run(&parse, "--broker a --broker b --cluster x --cluster-name y");
    assert_string_equal(parse.values.broker, "b");
    assert_string_equal(parse.values.cluster, "y");
    done(&parse);
}

static void unknown_options_name_the_nearest(void **state)
{
    (void)state;
    refuse("--brocker x", EX_USAGE, "unknown option --brocker; did you mean --broker? (--help shows all)");
    refuse("--brokr=x", EX_USAGE, "unknown option --brokr; did you mean --broker? (--help shows all)");
    refuse("--password geheim", EX_USAGE,
           "unknown option --password; did you mean --password-file? (--help shows all)");
    refuse("-cluster x", EX_USAGE, "unknown option -cluster; did you mean --cluster? (--help shows all)");
    refuse("--xyzzy-plugh-plover", EX_USAGE,
           "unknown option --xyzzy-plugh-plover; --help shows those there are");
    refuse("-z", EX_USAGE, "unknown option -z; --help shows those there are");
    refuse("pods", EX_USAGE, "unexpected \"pods\": every argument is an option; --help shows them");
    refuse("--", EX_USAGE, "unexpected \"--\": every argument is an option; --help shows them");
    refuse("--no-broker", EX_USAGE, "unknown option --no-broker; did you mean --broker? (--help shows all)");
}

static void bad_values_name_option_value_and_what_is_allowed(void **state)
{
    (void)state;
    refuse("-o yaml", EX_USAGE, "--output: \"yaml\" is not allowed; give one of table, json");
    refuse("--once=yes", EX_USAGE, "--once: \"yes\" is not allowed; give true or false");
    refuse("--expect 100001", EX_USAGE,
           "--expect: \"100001\" is not allowed; give a number from -1 to 100000");
    refuse("--expect 1x", EX_USAGE, "--expect: \"1x\" is not allowed; give a number from -1 to 100000");
    refuse("--cluster A.b", EX_USAGE,
           "--cluster: \"A.b\" is not allowed; give a lower-case DNS label, such as cluster1");
    refuse("--broker", EX_USAGE, "--broker needs a value: --broker URL");
    refuse("--help=x", EX_USAGE, "--help takes no value");
    refuse("--resource a,,b", EX_USAGE, "--resource: \"a,,b\" is not allowed; give a text that is not empty");
}

static void a_time_has_bounds_where_they_are_given(void **state)
{
    (void)state;
    const char *outside[] = {"--beat 1499ms", "--beat 0", "--beat 600001ms"};
    const char *inside[] = {"--beat 1500ms", "--beat 10m"};
    for (size_t i = 0; i < array_size(outside); i++) {
        cleanup_free char *said =
            mem_printf("--beat: \"%s\" is not allowed; give a time with its unit, such as "
                       "500ms, 30s or 1h30m, from 1.5s to 600s",
                       outside[i] + strlen("--beat "));
        refuse(outside[i], EX_USAGE, said);
    }
    for (size_t i = 0; i < array_size(inside); i++) {
        struct parse parse;
        run(&parse, inside[i]);
        assert_int_equal(parse.result, 0);
        done(&parse);
    }
}

static void refuse_each(const char *option, const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct parse parse;
        char *arguments = mem_printf("%s=%s", option, values[i]);
        run(&parse, arguments);
        if (parse.result != EX_USAGE)
            print_error("%s was taken\n", arguments);
        assert_int_equal(parse.result, EX_USAGE);
        done(&parse);
        free(arguments);
    }
}

static void what_is_no_quantity_is_refused(void **state)
{
    (void)state;
    static const char *const times[] = {
        "", "30", "s", "-1s", "1d", "1s_", "9223372036854775807h", "99999999999999999999s"};
    static const char *const sizes[] = {"", "k", "-1", "1X", "1k1", "9223372036854775807KiB"};
    static const char *const endpoints[] = {"",     "8080", ":8080", "a:",   "a:65536",
                                            "a:-1", "a:1x", "[::1]", "[]:1", "::1:80"};
    refuse_each("--timeout", times, array_size(times));
    refuse_each("--limit", sizes, array_size(sizes));
    refuse_each("--listen", endpoints, array_size(endpoints));
}

static char *write_config(const char *text)
{
    char *path = mem_strdup("/tmp/ti-test-options-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void run_config(struct parse *parse, const char *text, const char *more)
{
    char *path = write_config(text);
    char *arguments = mem_printf("--config %s %s", path, more);
    run(parse, arguments);
    unlink(path);
    free(path);
    free(arguments);
}

static void stronger_sources_win(void **state)
{
    (void)state;
    struct parse parse;
    setenv("TI_BROKER", "environment", 1);
    setenv("TI_CLUSTER_NAME", "environment", 1);
    setenv("TI_RESOURCE", "jobs,nodes", 1);
    setenv("TI_EXPECT", "", 1);
    run_config(&parse,
               "broker: file\ncluster: file\nresource: [a, b, c]\ntimeout: 5s\nexpect: 7\nonce: yes\n",
               "--broker command");
    assert_int_equal(parse.result, 0);
    assert_string_equal(parse.values.broker, "command");
    assert_string_equal(parse.values.cluster, "environment");
    assert_int_equal(parse.values.resources.count, 2);
    assert_string_equal(parse.values.resources.items[0], "jobs");
    assert_int_equal(parse.values.timeout, 5000000);
    assert_int_equal(parse.values.expect, 7);
    assert_true(parse.values.once);
    done(&parse);
    unsetenv("TI_BROKER");
    unsetenv("TI_CLUSTER_NAME");
    unsetenv("TI_RESOURCE");
    unsetenv("TI_EXPECT");
}

static void a_bad_variable_is_named(void **state)
{
    (void)state;
    setenv("TI_OUTPUT", "xml", 1);
    refuse("", EX_USAGE, "TI_OUTPUT: \"xml\" is not allowed; give one of table, json");
    unsetenv("TI_OUTPUT");
}

static void refuse_config(const char *text, int code, const char *part)
{
    struct parse parse;
    run_config(&parse, text, "");
    if (!strstr(parse.err.text, part))
        print_error("got: %s\n", parse.err.text);
    assert_int_equal(parse.result, code);
    assert_int_equal(parse.err.code, code);
    assert_non_null(strstr(parse.err.text, part));
    done(&parse);
}

static void what_is_wrong_in_the_file_is_named(void **state)
{
    (void)state;
    refuse_config("brocker: x\n", EX_CONFIG, ": unknown option \"brocker\"; did you mean broker?");
    refuse_config("config: x\n", EX_CONFIG, ": unknown option \"config\"");
    refuse_config("help: true\n", EX_CONFIG, ": unknown option \"help\"");
    refuse_config("output: xml\n", EX_CONFIG, ": output: \"xml\" is not allowed; give one of table, json");
    refuse_config("broker: [a]\n", EX_CONFIG, ": broker: this is to be one value");
    refuse_config("- a\n", EX_CONFIG, "mapping of option names");
    refuse_config("a: [\n", EX_CONFIG, "--config: /tmp/ti-test-options-");
    refuse("--config /nowhere/x.yaml", EX_NOINPUT,
           "--config: /nowhere/x.yaml: cannot be read: No such file or directory");
}

static void an_empty_file_says_nothing(void **state)
{
    (void)state;
    struct parse parse;
    run_config(&parse, "# nothing\nresource: ~\n", "");
    assert_int_equal(parse.result, 0);
    assert_int_equal(parse.values.resources.count, 2);
    done(&parse);
}

static void what_is_required_must_be_given(void **state)
{
    (void)state;
    static const struct option_spec required[] = {
        {.name = "cluster",
         .type = OPTION_TEXT,
         .value = "NAME",
         .help = "the cluster's name",
         .required = true},
    };
    char *value = NULL, *argv[] = {(char *)"thing"};
    struct option_group group = {"Things", required, 1, &value};
    struct error err = {0};
    assert_int_equal(options_parse(&info, &group, 1, 1, argv, stdout, &err), EX_USAGE);
    assert_string_equal(err.text, "--cluster NAME is missing: the cluster's name (or set TI_CLUSTER)");
    setenv("TI_CLUSTER", "c1", 1);
    assert_int_equal(options_parse(&info, &group, 1, 1, argv, stdout, &err), 0);
    assert_string_equal(value, "c1");
    options_free(&group, 1);
    assert_null(value);
    unsetenv("TI_CLUSTER");
}

static void expect_shown(const char *arguments, const char *const *parts, size_t count)
{
    struct parse parse;
    run(&parse, arguments);
    assert_int_equal(parse.result, OPTIONS_E_SHOWN);
    for (size_t i = 0; i < count; i++) {
        if (!strstr(parse.out, parts[i]))
            print_error("\"%s\" is not in:\n%s\n", parts[i], parse.out);
        assert_non_null(strstr(parse.out, parts[i]));
    }
    done(&parse);
}

static void help_shows_what_there_is(void **state)
{
    (void)state;
    static const char *const help[] = {
        "thing: does things\n\nUsage:\n  thing [options]\n",
        "  thing --once\n",
        "\nThings:\n",
        "  --broker URL                  where the broker is (default: tcp://127.0.0.1:1883)\n",
        "  --cluster, --cluster-name NAME\n                                the cluster's name\n",
        "  -o, --output table|json       the form of the output\n",
        "what to mirror; repeatable (default: pods,services)\n",
        "TI_LOG_LEVEL",
        "\n   64  ",
    };
    static const char *const version[] = {"thing " TI_VERSION "\n"};
    static const char *const man[] = {".TH THING 1",
                                      "\\fB\\-o\\fR, \\fB\\-\\-output\\fR \\fItable|json\\fR\n",
                                      "Environment: TI_PASSWORD_FILE.\n"};
    expect_shown("--help", help, array_size(help));
    expect_shown("--once -h --unknown", help, array_size(help));
    expect_shown("--version", version, array_size(version));
    expect_shown("--help-man", man, array_size(man));
}

static void help_keeps_to_its_width(void **state)
{
    (void)state;
    struct parse parse;
    run(&parse, "--help");
    for (char *line = strtok(parse.out, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 102); /* bytes: one character has three */
    done(&parse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_where_nothing_is_given),
        cmocka_unit_test(every_shape_of_value_is_read),
        cmocka_unit_test(short_forms_are_read),
        cmocka_unit_test(the_last_of_a_repeated_single_value_counts),
        cmocka_unit_test(unknown_options_name_the_nearest),
        cmocka_unit_test(bad_values_name_option_value_and_what_is_allowed),
        cmocka_unit_test(a_time_has_bounds_where_they_are_given),
        cmocka_unit_test(what_is_no_quantity_is_refused),
        cmocka_unit_test(stronger_sources_win),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(what_is_wrong_in_the_file_is_named),
        cmocka_unit_test(an_empty_file_says_nothing),
        cmocka_unit_test(what_is_required_must_be_given),
        cmocka_unit_test(help_shows_what_there_is),
        cmocka_unit_test(help_keeps_to_its_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
