#ifndef TI_TRANSPORT_ENVELOPE_H
#define TI_TRANSPORT_ENVELOPE_H

/*
 * A message: a header whose fields depend on its kind, and a body. docs/protocol.md is the specification; the
 * vectors in tests/vectors/ are read by this codec's tests. Two encodings carry the same content:
 *
 *  - zstd: a small binary header, items by length, the body compressed where that pays;
 *  - plain: one JSON line of header, then a body that can be read as it is, for `mosquitto_sub -v`.
 *
 * A decoder takes either. Every field of remote origin is checked here: what decodes is well formed, though
 * it may still be a lie.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/event.h"
#include "base/object.h"

#define PROTOCOL_VERSION 1
#define ENVELOPE_SMALL_MAX ((size_t)1 << 20) /* bytes in the body of a kind that carries no objects */

enum message_kind {
    MESSAGE_PRESENCE = 1, /* provider: here I am (retained), or I am gone (last will) */
    MESSAGE_CATALOG,      /* provider, per audience: its streams */
    MESSAGE_HEARTBEAT,    /* provider, per audience: how far each stream of the catalog is */
    MESSAGE_DELTA,        /* provider: events from..from+items-1 */
    MESSAGE_END,          /* provider: the stream is over, and its objects are gone for the reason given */
    MESSAGE_EQUAL,        /* answer to sync: you have what is published at `to` */
    MESSAGE_CHUNK,        /* answer to sync: all objects of one range of key hashes, read at `to` */
    MESSAGE_SYNC,         /* informer: this is what I have, bring me up to date */
    MESSAGE_CREDIT,       /* informer: so many chunks in all may be sent for this nonce */
    MESSAGE_WHOIS,        /* informer: say presence and catalog again */
    MESSAGE_DIGESTS,      /* answer to sync: what each bucket of a range of key hashes adds up to, at `to` */
    MESSAGE_HAVE,         /* informer: what I have in those buckets that differ */
    MESSAGE_REPAIR,       /* answer to have: what of that is right, and the rest of those buckets, at `to` */
    MESSAGE_WANT,         /* informer: these streams are of interest for so long */
    MESSAGE_KIND_COUNT
};

/* Why a stream is over; both mean that the objects are no more, as far as this informer is concerned. */
enum end_reason { END_GONE = 1, END_REVOKED = 2 };

enum {
    ENVELOPE_E_MALFORMED = 1, /* not a message, cut off, or a field out of bounds */
    ENVELOPE_E_VERSION = 2,   /* a message of another protocol version */
    ENVELOPE_E_CHECK = 3,     /* the checksum does not match: bytes were changed on the way */
    ENVELOPE_E_LIMIT = 4,     /* the body would unpack to more than the limit */
    ENVELOPE_E_SIGNED = 5,    /* signed, which this version cannot verify */
};

enum encoding { ENCODING_ZSTD, ENCODING_PLAIN };
int encoding_parse(const char *text, enum encoding *encoding); /* 0, or 1 for an unknown word */

/* Which fields a kind has is in envelope.c, and in the specification. Others are zero. */
struct message {
    enum message_kind kind;
    bool last;         /* chunk, digests, have, repair: the last one of its kind for its nonce */
    bool whole;        /* sync: the answer must be a whole snapshot, or equal */
    uint64_t boot;     /* presence, catalog, heartbeat: one run of a provider */
    uint64_t revision; /* catalog, heartbeat: which one of its audience in this run; a newer one has a greater
                          number */
    uint64_t catalog;  /* heartbeat: hash of the catalog body that it counts by */
    uint64_t epoch;    /* the incarnation of a stream; sync: the one the informer has, 0 for none */
    uint64_t nonce;    /* sync, credit, and the answers; 0 in an end nobody asked for */
    uint64_t from;     /* delta, end: sequence of the first event */
    uint64_t items;    /* delta: number of events in the body */
    uint64_t to;       /* answers: the state is that after this event; sync: what the informer has */
    uint64_t index;    /* answers of a nonce: 0, 1, …, digests and repairs together; have: 0, 1, … */
    uint64_t first, last_hash; /* chunk, digests: the range of key hashes, both inclusive */
    uint64_t bits;      /* digests: a bucket is the key hashes that have these many leading bits in common */
    struct digest root; /* delta: after its last event; answers: at `to`; sync: what the informer has */
    uint64_t count;     /* number of objects that root stands for */
    uint64_t credit;    /* sync, credit: answers that may be sent in all */
    uint64_t reason;    /* end: enum end_reason */
    uint64_t lease;     /* want: seconds; 0: no longer */
    struct slice body;  /* decoded: unpacked; borrowed from the decoder until its next use */
    bool plain;         /* decoded: which way the body is written */
};

/* One event of a delta, or one object of a chunk. Slices are borrowed from the body. */
struct item {
    enum event_type type; /* ADDED, MODIFIED or DELETED */
    struct slice object;  /* the bytes; for DELETED of the plain encoding a stub that names the object */
    /* MODIFIED of the binary form, instead of the bytes: what makes them of those of the base, which is the
     * object of that key hash with these low bits of the digest. A zstd frame without its magic number */
    struct slice patch;
    uint64_t key_hash;
    uint32_t base;
    /* DELETED only; item_key() puts the first two together */
    struct slice namespace_; /* of the plain encoding */
    struct slice key;        /* the plain encoding: the name */
    struct slice uid;
};

struct codec; /* compression contexts and scratch; one per provider or informer */

struct codec *codec_create(enum encoding encoding, size_t body_limit);
void codec_destroy(struct codec *codec);

/* Bodies of delta and chunk, one item after the other. Bytes are appended to body as this codec's encoding
 * has them. 0, BUF_E_LIMIT. old (for a deletion) or new_ is NULL, as for a store's observer. */
int codec_put_item(struct codec *codec, struct buf *body, const struct object *old,
                   const struct object *new_);

/* MODIFIED as what changed since base, an object of the same key. 0; 1, with nothing appended, where that is
 * not to be had: the plain encoding, no gain, no room. Readers find the base by its key hash alone: the
 * caller knows that no other object has it. */
int codec_put_patch(struct codec *codec, struct buf *body, const struct object *base,
                    const struct object *new_);

/* Header and body to one payload; message->body is as codec_put_item() left it, or the kind's own text. The
 * result is borrowed until the codec's next use. */
struct slice codec_encode(struct codec *codec, const struct message *message);

/* 0 or ENVELOPE_E_*. On 0 message->body is borrowed until the codec's next use or the payload's end,
 * whichever is first. */
int codec_decode(struct codec *codec, const void *payload, size_t len, struct message *message);

/* Goes through the items of a delta or chunk. cursor starts at 0. True with *item set; false at the end, and
 * then *cursor == body.len unless the body is malformed. */
bool message_next_item(const struct message *message, size_t *cursor, struct item *item);

/* Is this the object that a patch starts from? */
bool patch_fits(uint32_t base, const struct object *object);

/* The bytes that a patch makes of its base. 0 with *out borrowed until the next one of this codec,
 * ENVELOPE_E_MALFORMED, _LIMIT. */
int codec_unpatch(struct codec *codec, struct slice patch, const struct object *base, struct slice *out);

/* The key of what a DELETED item names, NUL-terminated. out has OBJECT_KEY_MAX bytes. 0,
 * ENVELOPE_E_MALFORMED. */
int item_key(const struct item *item, char *out);

/* The run of the informer that asks by this nonce: the same in all of its nonces. */
static inline uint32_t nonce_run(uint64_t nonce)
{
    return (uint32_t)(nonce >> 32);
}

const char *message_kind_text(enum message_kind kind); /* "delta" */

#endif
