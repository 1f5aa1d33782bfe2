/* --help: teaches the program on one screen or two. Two columns; the right one is wrapped. */

#include "base/options_internal.h"

#include <string.h>

#include "base/mem.h"

#define WIDTH 100
#define COLUMN 32

const struct option_exit_code option_exit_codes[] = {
    {EX_OK, "done, or stopped as asked (SIGINT, SIGTERM)"},
    {EX_USAGE, "an option is unknown, missing or has a wrong value"},
    {EX_DATAERR, "what was read is not what it should be"},
    {EX_NOINPUT, "a file that was named cannot be read"},
    {EX_UNAVAILABLE, "broker or cluster refuse for good, or cannot be reached"},
    {EX_SOFTWARE, "a fault of the program itself"},
    {EX_OSERR, "the system refused a resource, such as a port"},
    {EX_CANTCREAT, "a file that was named cannot be written"},
    {EX_IOERR, "the output cannot be written, such as to a disk that is full"},
    {EX_TEMPFAIL, "what was waited for did not come in time; trying again may help"},
    {EX_NOPERM, "credentials were refused"},
    {EX_CONFIG, "a configuration file or a kubeconfig is wrong"},
};
const size_t option_exit_code_count = array_size(option_exit_codes);

/* Prints text from column `at` on, wrapped and indented to COLUMN. */
static void print_wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
    while (*text) {
        size_t len = strcspn(text, " ");
        if (at > indent && at + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > indent ? " " : "", (int)len, text);
        text += len + (text[len] == ' ');
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const char *label, const char *text)
{
    size_t len = strlen(label);
    fprintf(out, "  %s", label);
    if (len + 4 > COLUMN) {
        fputc('\n', out);
        fprintf(out, "%*s", COLUMN, "");
    } else {
        fprintf(out, "%*s", (int)(COLUMN - 2 - len), "");
    }
    print_wrapped(out, text, COLUMN, COLUMN);
}

static void option_label(const struct option_spec *spec, char *out, size_t size)
{
    size_t n = 0;
    if (spec->letter)
        n += (size_t)snprintf(out, size, "-%c, ", spec->letter);
    n += (size_t)snprintf(out + n, size - n, "--%s", spec->name);
    if (spec->alias)
        n += (size_t)snprintf(out + n, size - n, ", --%s", spec->alias);
    if (option_takes_value(spec))
        snprintf(out + n, size - n, " %s", spec->value);
}

static void option_text(const struct option_spec *spec, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s", spec->help);
    if (spec->type == OPTION_LIST)
        n += (size_t)snprintf(out + n, size - n, "; repeatable");
    if (spec->fallback)
        snprintf(out + n, size - n, " (default: %s)", spec->fallback);
    else if (spec->required)
        snprintf(out + n, size - n, " (required)");
}

static void print_group(FILE *out, const struct option_group *group)
{
    char label[160], text[1024];
    fprintf(out, "\n%s:\n", group->title);
    for (size_t i = 0; i < group->count; i++) {
        const struct option_spec *spec = &group->specs[i];
        if (!spec->help)
            continue;
        option_label(spec, label, sizeof(label));
        option_text(spec, text, sizeof(text));
        print_row(out, label, text);
    }
}

static void print_example(FILE *out, const char *example)
{
    fputs("\nExample:\n", out);
    while (*example) {
        size_t len = strcspn(example, "\n");
        fprintf(out, "  %.*s\n", (int)len, example);
        example += len + (example[len] == '\n');
    }
}

static void print_exit_codes(FILE *out)
{
    fputs("\nExit codes:\n", out);
    for (size_t i = 0; i < option_exit_code_count; i++)
        fprintf(out, "  %3d  %s\n", option_exit_codes[i].code, option_exit_codes[i].meaning);
}

void options_print_help(const struct options *options, FILE *out)
{
    const struct program_info *info = options->info;
    fprintf(out, "%s: %s\n\nUsage:\n  %s %s\n\n", info->name, info->summary, info->name, info->usage);
    print_wrapped(out, info->description, 0, 0);
    print_example(out, info->example);
    for (size_t i = 0; i < options->group_count; i++)
        print_group(out, &options->groups[i]);
    fputs("\nEnvironment and file:\n  Each option is also read from the environment (--log-level: "
          "TI_LOG_LEVEL) and from the\n"
          "  YAML file of --config (log-level: …). The command line wins over the environment, that over\n"
          "  the file. Secrets are given in files only.\n",
          out);
    print_exit_codes(out);
}
