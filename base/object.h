#ifndef TI_BASE_OBJECT_H
#define TI_BASE_OBJECT_H

/*
 * A Kubernetes object is the bytes that the API server sent, less the fields that are cut on the way. It is
 * parsed once, by a single pass that finds its identity and checks that it is JSON; after that it is shared
 * by reference and never changes.
 *
 * What lies in memory is the matter of base/attic.h: an object that was made on a shelf is packed while
 * nobody looks at it, and unpacked when somebody does. Slices got from an object are therefore good until
 * control goes back to the loop, and not longer, however long the object is held; its key alone stays where
 * it is.
 *
 * Texts below (key, uid, resource_version) are the JSON text between the quotes, so an escape stays as it was
 * written; Go's encoder writes one name always the same way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum {
    OBJECT_E_SYNTAX = 1, /* not JSON, or cut off */
    OBJECT_E_SHAPE = 2,  /* JSON, but no object with metadata.name, or names beyond the API's bounds */
};

#define OBJECT_KEY_MAX                                                                                       \
    1024 /* "namespace/name", NUL included: 63 + 1 + 253 in practice, more where names have escapes */

/* What one pass finds. Strings are without quotes; labels and annotations are
 * the JSON values. What is absent has data NULL. */
struct object_meta {
    struct slice kind, api_version;
    struct slice name, namespace_, uid, resource_version;
    struct slice labels, annotations;
};

/* Scans one JSON value that must be an object and fill the text but for white space around it. Strict as to
 * structure and strings (control characters, escapes), lenient as to number spelling. Depth is bounded (512).
 * 0, OBJECT_E_SYNTAX. Lack of a name is not an error here. */
int object_scan(const char *json, size_t len, struct object_meta *meta);

/* The 128 bits that stand for (key, uid, bytes) of an object. Sums of them wrap, part by part with carry. */
struct digest {
    uint64_t low, high;
};

void digest_add(struct digest *sum, struct digest value);
void digest_sub(struct digest *sum, struct digest value);
bool digest_equal(struct digest a, struct digest b);

/* A field to cut, as a path of member names: {"metadata", "managedFields"}. */
struct field_path {
    char **names; /* owned */
    size_t count;
};

/* How an object is made from what the API server sends. kind and api_version are put in front where the text
 * has none (items of a list lack them, watch events have them), so that both ways give the same bytes. */
struct object_rules {
    char *kind, *api_version; /* owned, may be NULL */
    struct field_path *cut;   /* owned */
    size_t cut_count;
    struct shelf *shelf; /* where it is kept; borrowed. NULL: on none, and it stays as it is */
    /* The object of that key as it is known so far, NULL where it is not: the greatest part of it, most often
     * the spec, is not scanned again where it stands there just so. May be NULL. */
    const struct object *(*known)(void *arg, const char *key);
    void *known_arg;
};

void object_rules_deinit(struct object_rules *rules);
/* Adds a field: "metadata.managedFields" or ".metadata.annotations['a.b/c']". 0, or 1 where it does not
 * parse. */
int object_rules_cut(struct object_rules *rules, const char *path);

struct shelf;
struct object; /* shared, immutable; loop thread only */

/* Makes an object with one reference. rules may be NULL: the bytes as they are.
 * 0, OBJECT_E_SYNTAX, OBJECT_E_SHAPE; *out is set on 0 only. */
int object_create(const char *json, size_t len, const struct object_rules *rules, struct object **out);
struct object *object_ref(struct object *object);
void object_unref(struct object *object); /* NULL is fine */
void object_unrefp(struct object **object);

const char *object_key(const struct object *object); /* "namespace/name" or "name"; NUL-terminated */
uint64_t object_key_hash(const struct object *object);
struct slice object_bytes(const struct object *object);
/* Of key, uid and bytes together: what it weighs for its sender, however it is held here. */
size_t object_size(const struct object *object);
struct slice object_name(const struct object *object);
struct slice object_namespace(const struct object *object); /* len 0 for cluster scope */
struct slice object_uid(const struct object *object);
struct slice object_resource_version(const struct object *object);
struct slice object_labels(const struct object *object); /* JSON object, or absent */
struct slice object_annotations(const struct object *object);
struct shelf *object_shelf(const struct object *object); /* where it is kept; NULL: on none */
struct digest object_digest(const struct object *object);
bool object_equal(const struct object *a, const struct object *b); /* same digest */

uint64_t key_hash(const char *key, size_t len); /* XXH3-64; what object_key_hash() gives for that key */

#endif
