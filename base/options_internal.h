#ifndef TI_BASE_OPTIONS_INTERNAL_H
#define TI_BASE_OPTIONS_INTERNAL_H

/* Shared between the files of the option parser: options.c (sources), options_value.c (texts to values),
 * options_config.c (the YAML file), options_name.c (spellings, suggestions), options_help.c and
 * options_man.c. */

#include "base/options.h"

enum option_source {
    OPTION_FROM_NOTHING,
    OPTION_FROM_DEFAULT,
    OPTION_FROM_FILE,
    OPTION_FROM_ENVIRONMENT,
    OPTION_FROM_COMMAND
};

/* One option in the course of a parse. */
struct option {
    const struct option_spec *spec;
    void *value; /* in the group's target */
    enum option_source source;
};

struct options {
    const struct program_info *info;
    const struct option_group *groups;
    size_t group_count;
    struct option *list; /* of all groups, owned */
    size_t count;
};

/* options_value.c. where names the place of the value for people: "--log-level", "TI_LOG_LEVEL", "x.yaml:
 * log-level". */
int option_value_set(const struct option_spec *spec, void *value, const char *where, const char *text,
                     struct error *err);
void option_value_free(const struct option_spec *spec, void *value);
bool option_takes_value(const struct option_spec *spec);
bool option_is_setting(const struct option_spec *spec); /* false for --help and its like */

/* Sets the option from a source unless a stronger one has: the first value of a source replaces, further ones
 * add. */
int option_give(struct option *option, enum option_source source, const char *where, const char *text,
                struct error *err);

/* options_name.c */
struct option *options_find(struct options *options, const char *name, size_t len);
struct option *options_find_letter(struct options *options, char letter);
const char *options_nearest(const struct options *options, const char *name,
                            size_t len);                                /* NULL where none is near */
void option_environment_name(const char *name, char *out, size_t size); /* "log-level" → "TI_LOG_LEVEL" */

/* options_config.c */
int options_read_config(struct options *options, const char *path, struct error *err);

/* options_help.c, options_man.c */
struct option_exit_code {
    int code;
    const char *meaning;
};
extern const struct option_exit_code option_exit_codes[];
extern const size_t option_exit_code_count;

void options_print_help(const struct options *options, FILE *out);
void options_print_man(const struct options *options, FILE *out);

#endif
