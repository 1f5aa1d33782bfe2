#ifndef TI_TESTS_SIM_WORLD_H
#define TI_TESTS_SIM_WORLD_H

/*
 * A cluster, a provider beside it, two informers elsewhere and a broker between them, in one thread and under
 * virtual time. The seed decides what changes in the cluster, and what fails, and when. For a while all of it
 * goes wrong at once; then the faults stop, and some time later the informers' stores must equal the
 * cluster's. The witnesses watch all the time that no informer ever tells what the cluster's own history does
 * not.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "apiserver/local.h"
#include "base/loop.h"
#include "base/log.h"
#include "informer/informer.h"
#include "provider/publisher.h"
#include "transport/loopback.h"

#define WORLD_RESOURCES 3
#define WORLD_INFORMERS 2

struct world;

/* site.c: the processes. A killed one leaves nothing but what it had published. */
struct provider_site;
struct provider_site *provider_site_create(struct world *world);
void provider_site_kill(struct provider_site *site, bool graceful);
struct transport *provider_site_transport(struct provider_site *site);
const struct publisher_stats *provider_site_stats(const struct provider_site *site);

struct informer_site;
struct informer_site *informer_site_create(struct world *world, int index);
void informer_site_kill(struct informer_site *site, bool graceful);
struct transport *informer_site_transport(struct informer_site *site);
struct informer *informer_site_informer(struct informer_site *site);

/* witness.c: what an informer tells, held against the cluster's history. */
struct witness;
struct witness *witness_create(struct world *world, struct informer_replica *replica);
void witness_destroy(struct witness *witness);
/* Does the informer's view equal the cluster's? Says what differs, where out is not NULL. */
bool world_converged(struct world *world, FILE *out);

struct world_options {
    uint64_t seed;
    int64_t chaos_us;  /* how long things fail */
    int64_t settle_us; /* how long the rest may take */
    bool verbose;
    enum encoding encoding;
};

struct world_result {
    bool ok;
    char why[512];
    uint64_t trace; /* of all that the informers told: the same for the same seed */
    uint64_t changes, told, kills, syncs, equal, gaps, divergences;
    int64_t settled_us; /* how long convergence took after the faults */
};

struct world {
    struct world_options options;
    struct world_result result;
    struct loop *loop;
    struct log log;
    struct apiserver *server;
    struct local *local;
    struct object_rules rules[WORLD_RESOURCES];
    struct gvr gvrs[WORLD_RESOURCES];
    struct loopback_broker *broker;
    struct provider_site *provider;
    struct informer_site *informers[WORLD_INFORMERS];
    struct timer load, fault, revive_provider, revive_informer[WORLD_INFORMERS], broker_up, join_provider,
        join_informer[WORLD_INFORMERS];
    uint64_t names; /* objects live under this many names per resource */
    int64_t load_us;
};

void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *world, const void *data, size_t len);
struct world_result world_run(const struct world_options *options);

extern const char *const world_resource_names[WORLD_RESOURCES];

#endif
