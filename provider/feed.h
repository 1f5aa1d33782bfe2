#ifndef TI_PROVIDER_FEED_H
#define TI_PROVIDER_FEED_H

/*
 * One resource of a cluster on its way out: a mirror that keeps a store equal to the API server's, and a
 * stream that publishes the store to everybody.
 *
 *     API server ──reflector──▶ mirror ──▶ store ──▶ publisher_stream
 *
 * It is watched only while some informer wants it (provider/interest.h), or always where that is asked for.
 * The stream is in the catalog from the beginning, and announced when the store is whole. When the interest
 * lapses the watch ends and the store is emptied; informers keep what they have, as stale.
 *
 * While the API server forbids the resource or does not answer, the objects stay as they were last seen and
 * are marked as stale; they are taken away only when the resource is really gone from the API. What comes
 * back then is a new stream.
 */

#include <stdbool.h>

#include "base/options.h"
#include "kube/api_table.h"
#include "kube/reflector.h"
#include "provider/publisher.h"

struct feed_config {
    struct loop *loop; /* borrowed, as rest, publisher and log are */
    struct rest *rest;
    struct publisher *publisher;
    struct log *log;     /* may be NULL */
    struct attic *attic; /* where the objects are kept; borrowed, may be NULL */
    struct gvr gvr;
    const char *kind, *api_version; /* "Deployment", "apps/v1"; copied, as what follows */
    bool namespaced;
    struct names names;
    const char *namespace_;                /* NULL: all; of no meaning for cluster scope */
    const char *selector;                  /* of labels; NULL: everything */
    const struct option_list *drop_fields; /* cut besides metadata.managedFields; may be NULL */
    bool always;                           /* whether or not anybody wants it */
};

struct feed;

/* changed: its state is another one; may be NULL. It must not destroy the feed. NULL where the names make no
 * topic, or a field to cut is none. */
struct feed *feed_create(const struct feed_config *config, void (*changed)(void *arg, struct feed *feed),
                         void *arg);
/* After the publisher, which borrows the store; informers hear nothing. NULL is fine. */
void feed_destroy(struct feed *feed);

/* The API server offers the resource: from now on it may be had. Again, and at once, where it was gone. */
void feed_start(struct feed *feed);

/* What the API server calls it now, and of which kind it is. */
void feed_describe(struct feed *feed, const struct api_resource *resource);

/* Its API server says nothing at all, or does again: until then what there is may be old. */
void feed_doubt(struct feed *feed, bool doubted);

const struct gvr *feed_gvr(const struct feed *feed);
struct store *feed_store(struct feed *feed);
enum reflector_state feed_state(const struct feed *feed);
bool feed_awake(const struct feed *feed); /* somebody wants it */
void feed_metrics(const struct feed *feed, const char *cluster, struct metrics *out);
const char *feed_reason(const struct feed *feed); /* one line; "" where all is well */

#endif
