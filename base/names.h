#ifndef TI_BASE_NAMES_H
#define TI_BASE_NAMES_H

/*
 * What people call a resource, beside its plural: for kubectl, which asks for these names before anything
 * else; and what is to be had of its objects beside them. Each is a DNS label; lists have a space between
 * two.
 */

#include "base/json.h"

#define NAMES_LIST_MAX 64

struct names {
    char singular[NAMES_LIST_MAX];     /* "deployment"; "" where not known, as the lists are */
    char short_names[NAMES_LIST_MAX];  /* "deploy" */
    char categories[NAMES_LIST_MAX];   /* "all" */
    char subresources[NAMES_LIST_MAX]; /* "scale status": those of the two that can be read */
};

/* Appends it; a word that is no DNS label, or finds no room, is left out. */
void names_add(char list[NAMES_LIST_MAX], const char *word);
bool names_have(const char *list, const char *word);
bool names_equal(const struct names *a, const struct names *b);

/* As one short text, to be kept; yours to free. NULL where nothing is known. Whatever a text says, what comes
 * of it is names. */
char *names_pack(const struct names *names);
void names_unpack(const char *packed, struct names *out); /* NULL is fine */

#endif
