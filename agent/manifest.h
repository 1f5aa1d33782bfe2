#ifndef TI_AGENT_MANIFEST_H
#define TI_AGENT_MANIFEST_H

/*
 * What an object at the source becomes on the target cluster. The text is cut and spliced, never reprinted:
 * what is sent are the source's own bytes, less what is the source's alone (status, identity, ownership, its
 * annotations about us), with our label and annotations put in.
 *
 * The inventory is on the objects themselves: whatever carries the label is ours, and its annotations say
 * from which object of which store it came.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/object.h"

#define MANIFEST_PREFIX "hub.transport-informer/"
#define MANIFEST_SELECTED MANIFEST_PREFIX "resources" /* label at the source: this one goes down */
#define MANIFEST_TARGET_NAMESPACE MANIFEST_PREFIX "target-namespace" /* label at the source */
#define MANIFEST_MANAGED_BY MANIFEST_PREFIX "managed-by" /* label on the target, with this value: */
#define MANIFEST_MANAGER "transport-informer"
#define MANIFEST_SOURCE MANIFEST_PREFIX "source" /* annotation on the target: key at the source */
#define MANIFEST_TARGET                                                                                      \
    MANIFEST_PREFIX "target" /* annotation on the target: its own key; a copy has another */
#define MANIFEST_STORE                                                                                       \
    MANIFEST_PREFIX "store" /* annotation on the target: id of the store that the source is in */

#define MANIFEST_GENERATION                                                                                  \
    MANIFEST_PREFIX "generation"   /* annotation on the target: resourceVersion at the source when applied */
#define MANIFEST_BEFORE ".before-" /* in a store id: the store as it was before it went back */

#define MANIFEST_SELECTOR MANIFEST_MANAGED_BY "=" MANIFEST_MANAGER

/* Which objects of the source go where. Texts are borrowed. */
struct manifest_rules {
    const char *source_namespace;  /* only from there; NULL: from all */
    bool all;                      /* also those without the label MANIFEST_SELECTED */
    const char *default_namespace; /* on the target, where the source does not say */
};

bool manifest_wanted(const struct manifest_rules *rules, const struct object *source);

/* The key on the target: raw JSON text as object_key() has it. out has OBJECT_KEY_MAX bytes. 0, or 1 where
 * the source names a namespace that can be none. */
int manifest_target(const struct manifest_rules *rules, const struct object *source, char *out);

/* A store id becomes part of annotations as it is: 1 to 128 letters, digits, '-', '_' and '.'. */
bool manifest_store_id_valid(const char *store_id);

/* The body of a server-side apply. 0, or BUF_E_LIMIT. generated: with the generation, which is the source's
 * resourceVersion; without it two states that only differ there give the same. */
int manifest_build(const struct object *source, const char *target_key, const char *store_id, bool generated,
                   struct buf *out);

/* Two states of a source object that make the same manifest, and lead to the same key: the source's status
 * may differ, and what is said about us there. Both are wanted. */
bool manifest_same(const struct manifest_rules *rules, const struct object *a, const struct object *b);

/* Where an object on the target came from; data NULL where it does not say. */
struct manifest_owner {
    bool managed; /* it carries the label */
    struct slice source, target, store, generation;
};

struct manifest_owner manifest_owner(struct slice object);

/* A number that changes when something changes that the manifest sets, or might set: everything but status
 * and what the API server keeps in metadata. Of labels and annotations only those count that the manifest
 * has; the generation does not. */
uint64_t manifest_fingerprint(struct slice object, struct slice manifest);

#endif
