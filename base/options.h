#ifndef TI_BASE_OPTIONS_H
#define TI_BASE_OPTIONS_H

/*
 * The options of a program, as tables. A layer describes the options that it understands in an array of
 * option_spec whose values land in a struct of its own; a program puts the groups that it needs side by side.
 * --help, the man page, the environment and the configuration file all come out of the same tables.
 *
 * An option called "log-level" is --log-level on the command line, TI_LOG_LEVEL in the environment and
 * "log-level" in the YAML file of --config. The command line wins over the environment, that over the file,
 * that over the default; a list is replaced by the source that wins, never merged. An empty environment
 * variable counts as absent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum option_type {
    OPTION_TEXT,     /* char *: owned, NULL where not given */
    OPTION_LIST,     /* struct option_list: repeatable, and split at commas */
    OPTION_BOOL,     /* bool: --x, --x=true, --x=false, --no-x */
    OPTION_NUMBER,   /* int64_t, from least to most */
    OPTION_DURATION, /* int64_t in µs: "500ms", "30s", "1h30m", "0" */
    OPTION_SIZE,     /* int64_t in bytes: "4096", "64k", "128KiB", "2MiB" */
    OPTION_ENDPOINT, /* struct option_endpoint: "127.0.0.1:8080", "[::1]:0" */
    OPTION_CHOICE,   /* int: place of the word in .value, which is "text|json" */
    OPTION_CONFIG,   /* char *: as OPTION_TEXT, and the file is read for options */
    OPTION_HELP,     /* these three print and end; no value, no environment, no file */
    OPTION_MAN,
    OPTION_VERSION,
};

struct option_list {
    char **items; /* owned */
    size_t count;
};

struct option_endpoint {
    char host[256]; /* without brackets */
    uint16_t port;  /* 0: any free one, where one listens */
};

struct option_spec {
    const char *name;  /* "signal" */
    const char *alias; /* "signal-topic", or NULL */
    char letter;       /* 'o' for -o, or 0 */
    enum option_type type;
    const char *value;    /* what stands for the value in --help: "URL"; for a choice its words */
    const char *fallback; /* the default as one would write it, or NULL */
    const char *help;     /* without full stop; NULL hides the option from --help */
    bool required;
    int64_t least, most;             /* of a number or a duration, in µs; both 0: not negative */
    bool (*valid)(const char *text); /* a further check of TEXT and of each item of a LIST, or NULL */
    const char *allowed; /* what valid() accepts, for people: "a lower-case DNS label, such as cluster1" */
    size_t offset;       /* of the value in the group's target */
};

struct option_group {
    const char *title; /* "Broker" */
    const struct option_spec *specs;
    size_t count;
    void *target; /* the struct that the offsets are of; zeroed by the caller */
};

/* What a program says of itself in --help, --version and its man page. */
struct program_info {
    const char *name;        /* "provider" */
    const char *summary;     /* one line, without full stop */
    const char *usage;       /* what follows the name: "--cluster NAME [options]" */
    const char *description; /* a few sentences */
    const char *example;     /* one or more command lines, each ended by a newline */
};

enum {
    OPTIONS_E_SHOWN = 1, /* help, version or man page was printed: the program is done, well */
};

/* Fills the targets. 0, OPTIONS_E_SHOWN, EX_USAGE for the command line and the environment, EX_NOINPUT where
 * the file cannot be read, EX_CONFIG for what stands in it. out is where help goes. The targets are to be
 * freed in every case. */
int options_parse(const struct program_info *info, const struct option_group *groups, size_t count, int argc,
                  char **argv, FILE *out, struct error *err);

/* Frees what the targets own and zeroes those fields. */
void options_free(const struct option_group *groups, size_t count);

#endif
