#ifndef TI_BASE_YAML_H
#define TI_BASE_YAML_H

/*
 * YAML text to a cJSON tree, for the small documents that people write: kubeconfigs and --config files. JSON
 * is read too, being YAML.
 *
 * Plain scalars mean what they mean to kubectl (YAML 1.1 with its words for true and false, octal and
 * hexadecimal integers, ~ for null). A plain scalar that became a number or a boolean keeps its spelling in
 * valuestring, because where a text is wanted, `name: 007` and `name: on` are texts: yaml_text() gives it.
 *
 * Refused, with the line: aliases (a few lines of them unfold into gigabytes), keys that are given twice or
 * are no scalars, tags other than YAML's own, NUL characters, a second document, and what passes the bounds
 * below.
 */

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/error.h"

#define YAML_SIZE_MAX ((size_t)8 << 20) /* bytes of text */
#define YAML_DEPTH_MAX 64               /* mappings and sequences within one another */
#define YAML_KEYS_MAX 4096              /* keys of one mapping */

/* *out is yours (cJSON_Delete). An empty document is a null. 0; EX_DATAERR with err: "line 3: …". */
int yaml_parse(const char *text, size_t len, cJSON **out, struct error *err);

/* The same for a file; err begins with its path. 0; EX_NOINPUT where it cannot be read; EX_DATAERR. */
int yaml_read_file(const char *path, cJSON **out, struct error *err);

/* The text of a scalar as it was written; NULL for null, mappings, sequences and NULL. Borrowed from the
 * tree. */
const char *yaml_text(const cJSON *item);

/* The member of a mapping by its exact name; NULL where there is none or item is no mapping. */
const cJSON *yaml_member(const cJSON *item, const char *name);

#endif
