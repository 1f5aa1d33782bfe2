#ifndef TI_HUB_DEPLOY_H
#define TI_HUB_DEPLOY_H

/*
 * The downward half of a hub: from the source cluster to the workloads that are published, and what became of
 * them back to the source.
 *
 *     rest ──▶ identity ──▶ outlet ──▶ workloads, status_writer
 *
 * It has a connection of its own to the broker, opened only once it is known which cluster the source is: its
 * uid is the identity of the store that agents hold on to. Without a uid nothing goes down. When another
 * cluster comes to answer under the same address, all of it begins anew, as another store.
 */

#include "informer/informer.h"
#include "kube/rest.h"
#include "provider/outlet.h"

struct deploy_config {
    struct loop *loop; /* borrowed, as all that follows */
    struct log *log;   /* may be NULL, as attic */
    struct attic *attic;
    struct rest *rest;  /* the source */
    const char *server; /* how it is called, for the log */
    /* Opens the connection to the broker that is the hub's as a provider, with these ops. 0, or one of
     * sysexits with err set. */
    int (*open)(void *arg, struct outlet *outlet, const struct publisher_ops *ops, void *ops_arg,
                struct error *err);
    const struct informer *informer; /* of all clusters; its replicas are watched for status. NULL: nobody
                                        reports any */
    /* From the loop: the source is another cluster now. Destroy this one (which is allowed in here), and make
     * another. */
    void (*replaced)(void *arg);
    void *arg; /* of both */
};

struct deploy;

/* Starts at once. 0, or what open() gives. */
int deploy_create(const struct deploy_config *config, struct deploy **out, struct error *err);
void deploy_counters(const struct deploy *deploy, struct counters *out); /* NULL is fine, as below */
void deploy_metrics(const struct deploy *deploy, struct metrics *out);
void deploy_ready(const struct deploy *deploy, struct checks *out);
void deploy_farewell(struct deploy *deploy);
void deploy_destroy(struct deploy *deploy); /* before the informer */

/* As the informer's ops. */
void deploy_replica(struct deploy *deploy, struct informer_replica *replica);
void deploy_synced(struct deploy *deploy, struct informer_replica *replica, bool synced);
void deploy_dropped(struct deploy *deploy, struct informer_replica *replica);

#endif
