#ifndef TI_APISERVER_MEMBERS_H
#define TI_APISERVER_MEMBERS_H

/*
 * The members of one object, for whoever looks for many of them: what two objects have in common is found in
 * time that grows with their sizes, not with the product of them.
 *
 * Two objects have their members in the same order more often than not, so the member behind the one that was
 * found last is looked at first. Whatever is not there is looked for from the beginning; where that was
 * done for long in an object of many members, a table of them is made, by the hash of their names. Few
 * members never get one.
 *
 * While it is in use, members come, go and are replaced through it only; what is inside of them is the
 * caller's. A cJSON tree has no place for such a table, hence it stands beside it, and lives shorter.
 */

#include <stdint.h>

#include "apiserver/tree.h"

struct members_slot;

struct members {
    cJSON *object;
    cJSON *beside;              /* to be looked at first */
    struct members_slot *slots; /* NULL: no table yet */
    size_t mask, used;          /* of the slots; used ones never become free again */
    size_t steps;               /* members looked at without a table */
};

/* Whoever only looks may give an object that is const; what is no object has no members. */
void members_init(struct members *members, const cJSON *object);
void members_deinit(struct members *members);
#define cleanup_members __attribute__((__cleanup__(members_deinit)))

cJSON *members_find(struct members *members, const char *name);              /* NULL where absent */
cJSON *members_set(struct members *members, const char *name, cJSON *value); /* as tree_set(); the value */
void members_remove(struct members *members, cJSON *member); /* and deletes it; NULL is fine */

#endif
