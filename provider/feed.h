#ifndef TI_PROVIDER_FEED_H
#define TI_PROVIDER_FEED_H

/*
 * One resource of a cluster on its way out: a mirror that keeps a store equal to the API server's, and a
 * stream that publishes the store to everybody.
 *
 *     API server ──reflector──▶ mirror ──▶ store ──▶ publisher_stream
 *
 * The stream is announced when the store is whole for the first time. While the API server forbids the
 * resource or does not answer, the objects stay as they were last seen and are marked as stale; they are
 * taken away only when the resource is really gone from the API. What comes back then is a new stream.
 */

#include <stdbool.h>

#include "base/options.h"
#include "kube/reflector.h"
#include "provider/publisher.h"

struct feed_config {
    struct loop *loop; /* borrowed, as rest, publisher and log are */
    struct rest *rest;
    struct publisher *publisher;
    struct log *log; /* may be NULL */
    struct gvr gvr;
    const char *kind, *api_version; /* "Deployment", "apps/v1"; copied, as what follows */
    bool namespaced;
    const char *namespace_;                /* NULL: all; of no meaning for cluster scope */
    const char *selector;                  /* of labels; NULL: everything */
    const struct option_list *drop_fields; /* cut besides metadata.managedFields; may be NULL */
};

struct feed;

/* changed: its state is another one; may be NULL. It must not destroy the feed. NULL where the names make no
 * topic, or a field to cut is none. */
struct feed *feed_create(const struct feed_config *config, void (*changed)(void *arg, struct feed *feed),
                         void *arg);
/* After the publisher, which borrows the store; informers hear nothing. NULL is fine. */
void feed_destroy(struct feed *feed);

void feed_start(struct feed *feed);
void feed_stop(struct feed *feed); /* what is published stays */

const struct gvr *feed_gvr(const struct feed *feed);
struct store *feed_store(struct feed *feed);
enum reflector_state feed_state(const struct feed *feed);
const char *feed_reason(const struct feed *feed); /* one line; "" where all is well */

/* Its answer is known: it was synced once, or is forbidden or gone, or could not be had for half a minute. */
bool feed_settled(const struct feed *feed);

#endif
