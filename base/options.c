/* The sources of options, strongest first: each gives its values to options that no stronger source has
 * given. That is why the command line is read first: it also names the file. */

#include "base/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/options_internal.h"

/* The command line, as far as it is read. */
struct arguments {
    int argc, next;
    char **argv;
};

static void deinit_options(struct options *options)
{
    free(options->list);
}

static void add_group(struct options *options, const struct option_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        options->list[options->count++] = (struct option){
            .spec = &group->specs[i],
            .value = (char *)group->target + group->specs[i].offset,
        };
}

static struct options collect(const struct program_info *info, const struct option_group *groups,
                              size_t count)
{
    struct options options = {.info = info, .groups = groups, .group_count = count};
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += groups[i].count;
    options.list = mem_alloc((total + 1) * sizeof(*options.list));
    for (size_t i = 0; i < count; i++)
        add_group(&options, &groups[i]);
    return options;
}

int option_give(struct option *option, enum option_source source, const char *where, const char *text,
                struct error *err)
{
    if (option->source > source)
        return 0;
    if (option->source < source)
        option_value_free(option->spec, option->value);
    option->source = source;
    return option_value_set(option->spec, option->value, where, text, err);
}

static int unknown(const struct options *options, const char *argument, const char *name, size_t len,
                   struct error *err)
{
    const char *nearest = name ? options_nearest(options, name, len) : NULL;
    int shown = (int)strcspn(argument, "=");
    if (nearest)
        return error_set(err, EX_USAGE, "unknown option %.*s; did you mean --%s? (--help shows all)", shown,
                         argument, nearest);
    return error_set(err, EX_USAGE, "unknown option %.*s; --help shows those there are", shown, argument);
}

static int show(const struct options *options, const struct option_spec *spec, FILE *out)
{
    if (spec->type == OPTION_HELP)
        options_print_help(options, out);
    else if (spec->type == OPTION_MAN)
        options_print_man(options, out);
    else
        fprintf(out, "%s %s\n", options->info->name, TI_VERSION);
    return OPTIONS_E_SHOWN;
}

/* value: what stood behind "=", or NULL. */
static int give_argument(struct options *options, struct option *option, const char *value,
                         struct arguments *arguments, FILE *out, struct error *err)
{
    const struct option_spec *spec = option->spec;
    char where[80];
    snprintf(where, sizeof(where), "--%s", spec->name);
    if (!option_is_setting(spec))
        return value ? error_set(err, EX_USAGE, "%s takes no value", where) : show(options, spec, out);
    if (!value && spec->type == OPTION_BOOL)
        value = "true";
    if (!value && arguments->next < arguments->argc)
        value = arguments->argv[arguments->next++];
    if (!value)
        return error_set(err, EX_USAGE, "%s needs a value: %s %s", where, where, spec->value);
    return option_give(option, OPTION_FROM_COMMAND, where, value, err);
}

/* "--no-once": the bool option "once", false. NULL where it is nothing of that kind. */
static struct option *find_negated(struct options *options, const char *name, size_t len)
{
    if (len < 4 || memcmp(name, "no-", 3) != 0)
        return NULL;
    struct option *option = options_find(options, name + 3, len - 3);
    return option && option->spec->type == OPTION_BOOL ? option : NULL;
}

static int take_long(struct options *options, const char *argument, struct arguments *arguments, FILE *out,
                     struct error *err)
{
    const char *name = argument + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : NULL;
    struct option *option = options_find(options, name, len);
    if (option)
        return give_argument(options, option, value, arguments, out, err);
    option = value ? NULL : find_negated(options, name, len);
    if (option)
        return give_argument(options, option, "false", arguments, out, err);
    return unknown(options, argument, name, len, err);
}

static int take_short(struct options *options, const char *argument, struct arguments *arguments, FILE *out,
                      struct error *err)
{
    struct option *option = options_find_letter(options, argument[1]);
    const char *value = argument[2] == '=' ? argument + 3 : argument + 2;
    if (option)
        return give_argument(options, option, argument[2] ? value : NULL, arguments, out, err);
    return unknown(options, argument, argument[2] ? argument + 1 : NULL, strcspn(argument + 1, "="), err);
}

static int read_command(struct options *options, int argc, char **argv, FILE *out, struct error *err)
{
    struct arguments arguments = {.argc = argc, .next = 1, .argv = argv};
    int r = 0;
    while (r == 0 && arguments.next < argc) {
        const char *argument = argv[arguments.next++];
        if (argument[0] == '-' && argument[1] == '-' && argument[2])
            r = take_long(options, argument, &arguments, out, err);
        else if (argument[0] == '-' && argument[1] && argument[1] != '-')
            r = take_short(options, argument, &arguments, out, err);
        else
            r = error_set(err, EX_USAGE,
                          "unexpected \"%.100s\": every argument is an option; --help shows them", argument);
    }
    return r;
}

static int read_variable(struct option *option, const char *name, struct error *err)
{
    char variable[80];
    if (!name)
        return 0;
    option_environment_name(name, variable, sizeof(variable));
    const char *text = getenv(variable);
    if (!text || !text[0])
        return 0;
    return option_give(option, OPTION_FROM_ENVIRONMENT, variable, text, err);
}

static int read_environment(struct options *options, struct error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < options->count; i++) {
        struct option *option = &options->list[i];
        if (!option_is_setting(option->spec) || option->source > OPTION_FROM_ENVIRONMENT)
            continue;
        r = read_variable(option, option->spec->name, err);
        if (r == 0 && option->source != OPTION_FROM_ENVIRONMENT)
            r = read_variable(option, option->spec->alias, err);
    }
    return r;
}

static int read_file(struct options *options, struct error *err)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option *option = &options->list[i];
        if (option->spec->type == OPTION_CONFIG && option->source != OPTION_FROM_NOTHING)
            return options_read_config(options, *(char **)option->value, err);
    }
    return 0;
}

static int set_defaults(struct options *options, struct error *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < options->count; i++) {
        struct option *option = &options->list[i];
        if (option->source == OPTION_FROM_NOTHING && option->spec->fallback)
            r = option_give(option, OPTION_FROM_DEFAULT, option->spec->name, option->spec->fallback, err);
    }
    return r;
}

static int check_required(const struct options *options, struct error *err)
{
    char variable[80];
    for (size_t i = 0; i < options->count; i++) {
        const struct option_spec *spec = options->list[i].spec;
        if (!spec->required || options->list[i].source != OPTION_FROM_NOTHING)
            continue;
        option_environment_name(spec->name, variable, sizeof(variable));
        return error_set(err, EX_USAGE, "--%s %s is missing: %s (or set %s)", spec->name, spec->value,
                         spec->help, variable);
    }
    return 0;
}

int options_parse(const struct program_info *info, const struct option_group *groups, size_t count, int argc,
                  char **argv, FILE *out, struct error *err)
{
    cleanup_with(deinit_options) struct options options = collect(info, groups, count);
    int r = read_command(&options, argc, argv, out, err);
    if (r == 0)
        r = read_environment(&options, err);
    if (r == 0)
        r = read_file(&options, err);
    if (r == 0)
        r = set_defaults(&options, err);
    if (r == 0)
        r = check_required(&options, err);
    return r;
}

void options_free(const struct option_group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < groups[i].count; n++)
            option_value_free(&groups[i].specs[n], (char *)groups[i].target + groups[i].specs[n].offset);
}
