#ifndef TI_KUBE_LIST_DECODER_H
#define TI_KUBE_LIST_DECODER_H

/*
 * Takes the body of a list apart while it arrives: each element of "items" is handed on as soon as its last
 * byte is there, and nothing but the element under way is held. A list of 300 MB costs the memory of its
 * largest object.
 *
 * The scan counts brackets and minds strings, no more: elements are handed on unparsed, for object_create(),
 * which is strict. Members may stand in any order (Go writes kind, apiVersion, metadata, items), so what the
 * list is and which version it has is known for sure only after list_decoder_finish(). Until then nothing may
 * be believed: a caller gathers the items apart.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"

enum {
    LIST_E_SYNTAX = 1,    /* not JSON, or no object */
    LIST_E_TOO_LONG = 2,  /* an item, or one of the members that we keep, is longer than the limit */
    LIST_E_STOPPED = 3,   /* the callback returned false */
    LIST_E_TRUNCATED = 4, /* the body ended before the list did */
    LIST_E_NO_LIST = 5, /* JSON, but another kind (a Table, a Status), or without items or resourceVersion */
};

struct list_decoder {
    bool (*item)(void *arg, struct slice json); /* borrowed text; false: stop; must not deinit the decoder */
    void *arg;

    /* What the list says of itself; owned, NULL where absent, whole only after finish. */
    char *kind, *api_version, *resource_version, *continue_token;
    bool has_items;
    size_t count;

    /* inside */
    int state;
    int capture;  /* what the value under way is for */
    int member;   /* the list's member under way */
    size_t depth; /* open brackets of the value under way */
    bool scalar;  /* it is a number or a literal */
    bool in_string, escaped;
    struct buf held; /* its bytes, where it did not come in one chunk; its limit is that of an item */
};

void list_decoder_init(struct list_decoder *decoder, size_t limit_bytes,
                       bool (*item)(void *arg, struct slice json), void *arg);
void list_decoder_deinit(struct list_decoder *decoder);

/* 0, LIST_E_SYNTAX, LIST_E_TOO_LONG, LIST_E_STOPPED; after any but 0 only deinit is left. */
int list_decoder_feed(struct list_decoder *decoder, const char *data, size_t len);

/* The body has ended. 0: a whole list, of a kind that ends in "List", with items (which may be null) and
 * resourceVersion. Else LIST_E_TRUNCATED, LIST_E_NO_LIST. */
int list_decoder_finish(struct list_decoder *decoder);

#endif
