#ifndef TI_APISERVER_FIELDS_H
#define TI_APISERVER_FIELDS_H

/*
 * Sets of fields, in the form of managedFields' fieldsV1:
 *
 *     {"f:spec": {"f:replicas": {}, "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}}}
 *
 * A leaf is an empty object. "." is the element of a list itself.
 */

#include "apiserver/tree.h"

cJSON *fields_of(const cJSON *tree); /* all fields of an object but those that identify it */
/* Those of `tree` whose value is another in `old`, or absent there. */
cJSON *fields_changed(const cJSON *tree, const cJSON *old);

void fields_subtract(cJSON *set, const cJSON *other); /* what is in other is taken out of set */
void fields_unite(cJSON *set, const cJSON *other);
bool fields_empty(const cJSON *set);

/* Removes from the tree what the set names. */
void fields_remove(cJSON *tree, const cJSON *set);

/* Takes out of the set what is not in the tree. */
void fields_prune(cJSON *set, const cJSON *tree);

/* The first field that is in both sets and has another value in b than in a, as ".spec.replicas"; false where
 * there is none. */
bool fields_conflict(const cJSON *set, const cJSON *other, const cJSON *a, const cJSON *b, struct buf *path);

/* Puts the fields of config into tree: objects member by member, lists with keys element by element. */
void fields_merge(cJSON *tree, const cJSON *config);

#endif
