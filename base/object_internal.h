#ifndef TI_BASE_OBJECT_INTERNAL_H
#define TI_BASE_OBJECT_INTERNAL_H

/*
 * How an object is held. What is asked for most, key, hash and digest, is in the object itself. The rest is
 * its body, a copy of the text with what the scan found in it; or, packed, that body in a few hundred bytes.
 *
 *     raw:     object ──▶ body ──▶ packed, where it was that before
 *     packed:  object ──▶ packed
 *
 * An object never changes, so what it was packed to once stays right: going back from raw to packed then
 * costs no more than to free the body.
 */

#include "base/attic.h"
#include "base/object.h"

/* Positions are from the start of the bytes; len 0 where absent. */
struct layout {
    uint32_t uid_len;
    uint32_t version_at, version_len;
    uint32_t labels_at, labels_len;
    uint32_t annotations_at, annotations_len;
    uint32_t bulk_at, bulk_len; /* the longest top-level value that is an object, metadata apart */
};

enum body_place { BODY_LOOSE, BODY_WAITING, BODY_HOT };

struct body {
    struct object *object;
    struct shelf *shelf;      /* NULL: of none, and it stays raw */
    struct packed *packed;    /* owned; NULL where it never was packed */
    struct body *prev, *next; /* in the shelf's waiting ones, or the attic's hot ones */
    uint32_t tick;            /* the attic's, when it was put there */
    bool touched;             /* since then */
    uint8_t place;            /* enum body_place */
    /* From here on it is packed. */
    struct layout layout;
    char text[]; /* key NUL uid NUL bytes NUL */
};

struct packed {
    struct shelf *shelf;
    uint32_t len;
    uint8_t dictionary; /* its number on the shelf */
    char data[];
};

struct object {
    uint32_t refs;
    uint32_t text_len; /* without the last NUL */
    uint64_t key_hash;
    struct digest digest;
    union {
        struct body *body;
        struct packed *packed;
    };
    uint16_t key_len;
    uint16_t name_len : 15;
    uint16_t is_packed : 1;
    char key[]; /* NUL-terminated */
};

/* What the object itself takes; with a short key, its padding too. */
static inline size_t object_head_size(size_t key_len)
{
    size_t size = offsetof(struct object, key) + key_len + 1;
    return size > sizeof(struct object) ? size : sizeof(struct object);
}

/* attic.c. An object with its body is new on the shelf, or about to go. shelf may be NULL. */
struct object *shelf_alloc(struct shelf *shelf, size_t size); /* for the object itself */
void shelf_add(struct shelf *shelf, struct object *object);
void shelf_free(struct object *object); /* with all that it has */
void shelf_unpack(struct object *object);

#endif
