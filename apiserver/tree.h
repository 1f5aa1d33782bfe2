#ifndef TI_APISERVER_TREE_H
#define TI_APISERVER_TREE_H

/*
 * JSON as a tree, for the write path only: what is read is served as the bytes that were stored.
 *
 * The tree is cJSON's, with one repair. cJSON keeps numbers as doubles, which would change 64-bit integers
 * beyond 2^53 and the spelling of fractions; so after parsing, each number that a double and "%d" do not give
 * back exactly is replaced by its own text. Strings are C strings there, hence a NUL character in one is
 * refused, not cut off.
 */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/object.h"

void tree_deletep(cJSON **tree);
#define cleanup_tree __attribute__((__cleanup__(tree_deletep)))

/* NULL where it is not one JSON value, is no UTF-8, has a NUL character, or a member twice. */
cJSON *tree_parse(const char *json, size_t len);
int tree_print(const cJSON *tree, struct buf *out); /* compact; 0, BUF_E_LIMIT */
bool tree_equal(const cJSON *a, const cJSON *b);    /* NULL equals NULL only; members in any order */

cJSON *tree_at(const cJSON *tree, const char *path);        /* "metadata.name"; NULL where absent */
const char *tree_text(const cJSON *tree, const char *path); /* "" where absent or no string */
/* Its first member; NULL where it is no object: only members have names. */
cJSON *tree_first(const cJSON *object);
double tree_number(const cJSON *tree, const char *path, double otherwise); /* from -2^53 to 2^53 */
/* A count is whole, and no more than TREE_COUNT_MAX, which some can be added without leaving an int. */
#define TREE_COUNT_MAX 1000000
int tree_count(const cJSON *tree, const char *path, int otherwise);
cJSON *tree_make(cJSON *tree, const char *path); /* the object there, made where absent or no object */
/* The array there, likewise; NULL where it is no object that should have it. */
cJSON *tree_make_list(cJSON *object, const char *name);

/* Replace or add one member; value is taken. What is no object stays as it is: its parts are not named. */
void tree_set(cJSON *object, const char *name, cJSON *value);
void tree_set_text(cJSON *object, const char *name, const char *text);
void tree_set_number(cJSON *object, const char *name, double number);
void tree_default(cJSON *object, const char *name,
                  cJSON *value); /* only where absent or null; value is taken */
void tree_remove(cJSON *object, const char *name);
void tree_add(cJSON *list, cJSON *item); /* item is taken; what is no array stays as it is */

/* The members named first come first, in that order; the others keep theirs. names ends with NULL. */
void tree_order(cJSON *object, const char *const *names);

#endif
