#ifndef TI_TRANSPORT_CATALOG_H
#define TI_TRANSPORT_CATALOG_H

/*
 * The bodies of presence, catalog and heartbeat: small JSON texts in both encodings, written and read by
 * cJSON. Fields that a reader does not know are skipped; numbers and lengths are checked.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/gvr.h"
#include "base/json.h"
#include "base/names.h"

#define CATALOG_STREAMS_MAX 4096
#define CATALOG_BODY_MAX                                                                                     \
    ((size_t)1 << 20) /* bytes; a longer body is malformed: a tree costs many times its text */

enum {
    CATALOG_E_MALFORMED = 1,
};

struct presence {
    bool alive;           /* false: the last will, or a farewell */
    char cluster[64];     /* uid of the namespace kube-system: which cluster this is, whatever its name. "" if
                             unknown */
    char version[64];     /* of Kubernetes, "" if unknown */
    int64_t heartbeat_ms; /* how often a heartbeat comes */
};

/* What a stream's objects are worth just now. In all but the first they are those last seen, and stale. */
enum stream_state {
    STREAM_ACTIVE,
    STREAM_FORBIDDEN,   /* the API server does not let the provider read them */
    STREAM_UNAVAILABLE, /* it does not answer */
    STREAM_UNWANTED,    /* nobody has said that they are of interest: the provider watches nothing */
    STREAM_STARTING,    /* the first list since the start, or since it is of interest again, is under way */
};
const char *stream_state_text(enum stream_state state); /* "active" … */

struct catalog_entry {
    struct gvr gvr;
    char kind[64];
    bool namespaced;
    uint64_t epoch; /* 0: it may be had, but nothing of it is published now */
    struct names names;
};

struct heartbeat_entry { /* in the order of the catalog */
    uint64_t sequence;   /* of the last event published */
    int64_t age_s;       /* since the API server was last heard about this resource; -1: never */
    enum stream_state state;
    int64_t lease_s;  /* how long it is still of interest to somebody; -1: it is published in any case */
    char version[64]; /* the resourceVersion up to which it is complete at that event; "" if unknown */
};

void presence_format(struct buf *out, const struct presence *presence);
int presence_parse(struct slice body, struct presence *presence); /* 0, CATALOG_E_MALFORMED */

/* complete: false while the provider still finds out what there is. */
void catalog_format(struct buf *out, bool complete, const struct catalog_entry *entries, size_t count);
/* *entries is yours to free. 0, CATALOG_E_MALFORMED. */
int catalog_parse(struct slice body, bool *complete, struct catalog_entry **entries, size_t *count);
uint64_t catalog_hash(struct slice body); /* what a heartbeat names it by */

/* As it is written into a heartbeat: up to 63 letters, digits, '.', '_' and '-'. */
bool catalog_version_valid(const char *version);
void heartbeat_format(struct buf *out, const struct heartbeat_entry *entries, size_t count);
int heartbeat_parse(struct slice body, struct heartbeat_entry **entries, size_t *count);

#endif
