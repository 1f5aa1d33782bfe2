/* --help-man: the same tables as a man page (man(7) macros). The build makes the pages with it, so that they
 * cannot drift from what the programs do. */

#include "base/options_internal.h"

#include <ctype.h>
#include <string.h>

/* Escapes what roff would take for itself. */
static void put(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        line_start = *text == '\n';
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

static void put_upper(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(toupper((unsigned char)*text), out);
}

static void print_head(const struct program_info *info, FILE *out)
{
    fputs(".TH ", out);
    put_upper(out, info->name);
    fprintf(out, " 1 \"\" \"transport-informer %s\" \"User Commands\"\n.SH NAME\n", TI_VERSION);
    put(out, info->name);
    fputs(" \\- ", out);
    put(out, info->summary);
    fputs("\n.SH SYNOPSIS\n.B ", out);
    put(out, info->name);
    fputs("\n", out);
    put(out, info->usage);
    fputs("\n.SH DESCRIPTION\n", out);
    put(out, info->description);
    fputs("\n", out);
}

static void print_label(const struct option_spec *spec, FILE *out)
{
    fputs(".TP\n\\fB", out);
    if (spec->letter)
        fprintf(out, "\\-%c\\fR, \\fB", spec->letter);
    fputs("\\-\\-", out);
    put(out, spec->name);
    if (spec->alias) {
        fputs("\\fR, \\fB\\-\\-", out);
        put(out, spec->alias);
    }
    fputs("\\fR", out);
    if (option_takes_value(spec)) {
        fputs(" \\fI", out);
        put(out, spec->value);
        fputs("\\fR", out);
    }
    fputs("\n", out);
}

static void print_option(const struct option_spec *spec, FILE *out)
{
    char variable[80];
    print_label(spec, out);
    put(out, spec->help);
    if (spec->type == OPTION_LIST)
        fputs("; repeatable", out);
    fputs(".\n", out);
    if (spec->fallback) {
        fputs("Default: ", out);
        put(out, spec->fallback);
        fputs(".\n", out);
    }
    if (option_is_setting(spec)) {
        option_environment_name(spec->name, variable, sizeof(variable));
        fprintf(out, "Environment: %s.\n", variable);
    }
}

static void print_group(const struct option_group *group, FILE *out)
{
    fputs(".SS ", out);
    put(out, group->title);
    fputs("\n", out);
    for (size_t i = 0; i < group->count; i++)
        if (group->specs[i].help)
            print_option(&group->specs[i], out);
}

static void print_exit_status(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < option_exit_code_count; i++) {
        fprintf(out, ".TP\n%d\n", option_exit_codes[i].code);
        put(out, option_exit_codes[i].meaning);
        fputs(".\n", out);
    }
}

void options_print_man(const struct options *options, FILE *out)
{
    print_head(options->info, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < options->group_count; i++)
        print_group(&options->groups[i], out);
    fputs(".SH ENVIRONMENT AND FILE\nThe command line wins over the environment, that over the YAML file of "
          "\\-\\-config,\nwhich has the same names as the command line. A list is replaced, never merged.\n",
          out);
    fputs(".SH SIGNALS\nSIGINT and SIGTERM end the program well, a second one at once. SIGUSR1 logs its "
          "counters in "
          "one line:\nwhat was sent, received, dropped, refused and repaired, and how long the loop was busy "
          "at "
          "most;\nwhat is 0 is left out.\n",
          out);
    print_exit_status(out);
    fputs(".SH EXAMPLE\n.nf\n", out);
    put(out, options->info->example);
    fputs(".fi\n", out);
}
