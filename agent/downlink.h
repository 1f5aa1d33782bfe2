#ifndef TI_AGENT_DOWNLINK_H
#define TI_AGENT_DOWNLINK_H

/*
 * The downward half of an agent: what the hub publishes for this cluster alone, into the applier.
 *
 *     broker ──▶ informer (of the hub only) ──▶ replica's store ──▶ applier ──▶ API server
 *
 * The applier's store id is the identity that the hub's presence gives: the uid of the cluster that the hub
 * takes the workloads from. A hub with another source is another store, and what it lacks is not deleted.
 */

#include "agent/applier.h"
#include "base/options.h"
#include "informer/informer.h"
#include "transport/connection.h"

struct rest;

struct downlink_options {
    struct option_list namespaces; /* empty: all */
    bool adopt;
};

struct option_group downlink_option_group(struct downlink_options *options); /* "Workloads" */

struct downlink_config {
    struct loop *loop; /* borrowed, as all that follows */
    struct log *log;
    struct attic *attic;           /* may be NULL */
    struct connection *connection; /* not started yet */
    struct rest *rest;             /* this cluster */
    const struct topics *topics;
    enum encoding encoding;
    const char *cluster; /* the name of this cluster */
    const struct downlink_options *options;
};

struct downlink;

struct downlink *downlink_create(const struct downlink_config *config);
void downlink_counters(const struct downlink *downlink, struct counters *out);
bool downlink_metrics(const struct downlink *downlink, struct metrics *out,
                      size_t part);                                              /* as informer_metrics() */
const struct applier_stats *downlink_workloads(const struct downlink *downlink); /* how they are */
/* A hub may be away: then there is nothing to wait for. */
void downlink_ready(const struct downlink *downlink, struct checks *out);
void downlink_destroy(struct downlink *downlink); /* before the connection; NULL is fine */

#endif
