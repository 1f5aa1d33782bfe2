#ifndef TI_KUBE_WATCH_DECODER_H
#define TI_KUBE_WATCH_DECODER_H

/*
 * Frames the body of a watch into events. The API server writes one {"type":"ADDED","object":{…}} a line;
 * chunks of the body end anywhere, inside a UTF-8 character too.
 *
 * Each byte is looked at once for the end of its line: what is kept of an unfinished line is never searched
 * again. A line that lies whole in one chunk is used where it stands, without a copy.
 *
 * The object is handed on unparsed; object_create() is its only parse. That holds for lines as Go writes them
 * (type first, then object, nothing else): there the object is what stands between, and if that is no JSON
 * the object scan says so. Any other order of members, or white space, takes the slower way through
 * base/json.h.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/event.h"
#include "base/json.h"

enum {
    WATCH_E_TOO_LONG = 1,  /* a line is longer than the limit */
    WATCH_E_SYNTAX = 2,    /* a line is no watch event */
    WATCH_E_TRUNCATED = 3, /* the stream ended inside a line */
    WATCH_E_STOPPED = 4,   /* the callback returned false */
};

struct watch_event {
    enum event_type type;
    struct slice object; /* borrowed until the callback returns */
    struct slice line;   /* what the object was cut from */
};

struct watch_decoder {
    struct buf line; /* a line whose end has not come yet; its limit is that of a line */
    size_t ignored;  /* events of a type that we do not know */
    bool (*event)(void *arg, const struct watch_event *event); /* false: stop; must not deinit the decoder */
    void *arg;
};

void watch_decoder_init(struct watch_decoder *decoder, size_t limit_bytes,
                        bool (*event)(void *arg, const struct watch_event *event), void *arg);
void watch_decoder_deinit(struct watch_decoder *decoder); /* may be used again after it, as after init */

/* Bytes that came. 0, WATCH_E_TOO_LONG, WATCH_E_SYNTAX, WATCH_E_STOPPED; after any but 0 the rest is lost:
 * deinit. */
int watch_decoder_feed(struct watch_decoder *decoder, const char *data, size_t len);

/* The stream has ended. A last event without its newline is still an event. 0, WATCH_E_TRUNCATED,
 * WATCH_E_STOPPED. */
int watch_decoder_finish(struct watch_decoder *decoder);

/* The careful way of cutting a line: 0, WATCH_E_SYNTAX, or -1 for a type that we do not know. For a caller
 * whose object scan has refused event->object: members behind the object, which no known server sends, would
 * have been in it. */
int watch_event_split(struct slice line, struct watch_event *event);

#endif
