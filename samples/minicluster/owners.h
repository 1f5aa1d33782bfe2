#ifndef TI_SAMPLES_MINICLUSTER_OWNERS_H
#define TI_SAMPLES_MINICLUSTER_OWNERS_H

/* Who belongs to whom: for each uid, the objects that name it in metadata.ownerReferences. Kept up to date
 * with each event. */

#include "apiserver/storage.h"

struct owned {
    struct collection *collection; /* borrowed */
    char *key;
    struct owned *prev, *next;
};

struct owner;
struct owners {
    struct owner *by_uid; /* hash table */
};

void owners_deinit(struct owners *owners);
void owners_note(struct owners *owners, struct collection *collection, const struct event *event);

/* The first of what belongs to that uid, the others behind it; NULL where nothing does. Borrowed until the
 * next change. */
const struct owned *owners_find(const struct owners *owners, const char *uid);

/* Calls for each owner reference of an object. */
void owners_each(const struct object *object,
                 void (*found)(void *arg, struct slice uid, struct slice reference), void *arg);

#endif
