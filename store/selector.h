#ifndef TI_STORE_SELECTOR_H
#define TI_STORE_SELECTOR_H

/*
 * Label and field selectors, as kubectl's -l and --field-selector have them:
 *
 *     app=web,tier!=db,env in (dev,test),env notin (prod),canary,!legacy,weight>5
 *     metadata.name=x,status.phase!=Running
 *
 * A label selector is matched against the JSON object of labels, a field selector against the whole object.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/object.h"

enum selector_operator {
    SELECTOR_IN,     /* the key is there with one of the values; =, == are this with one value */
    SELECTOR_NOT_IN, /* it is not there, or with another value */
    SELECTOR_EXISTS,
    SELECTOR_ABSENT,
    SELECTOR_GREATER, /* both are integers */
    SELECTOR_LESS,
};

struct selector_term {
    char *key;
    enum selector_operator op;
    char **values;
    size_t count;
};

struct selector {
    struct selector_term *terms; /* all must hold; none: everything matches */
    size_t count;
};

/* 0, or EX_DATAERR with err set; *selector is empty then. An empty text selects everything. */
int selector_parse_labels(struct selector *selector, const char *text, struct error *err);
int selector_parse_fields(struct selector *selector, const char *text, struct error *err);
void selector_deinit(struct selector *selector);

/* Moves the terms of that key to another selector, which is empty. */
void selector_take(struct selector *selector, const char *key, struct selector *out);
bool selector_matches_text(const struct selector *selector, struct slice value); /* whatever its keys */

bool selector_matches_labels(const struct selector *selector, struct slice labels); /* labels may be absent */
bool selector_matches_fields(const struct selector *selector, struct slice object);

/* The value that a field selector asks for by equality, NULL where it does not. */
const char *selector_exact(const struct selector *selector, const char *key);

#endif
