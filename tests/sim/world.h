#ifndef TI_TESTS_SIM_WORLD_H
#define TI_TESTS_SIM_WORLD_H

/*
 * A fleet in one thread and under virtual time: clusters with a provider beside each, informers elsewhere,
 * and a broker between them. The seed decides how many there are, what changes in the clusters, and what
 * fails, and when.
 *
 *      opening ──▶ chaos ──▶ settling ──▶ fair weather
 *
 * For a while all of it goes wrong at once. Then the faults stop, and some time later the informers' stores
 * must equal the clusters'. Then there is load again, but nothing fails any more: nobody may ask for
 * anything, and what is done on purpose (a restart, one message lost) may cost no more than it has to. That
 * is what shows a safeguard that is broken where another one puts right what it lets through.
 *
 * The witnesses watch all the time that no informer ever tells what its cluster's record does not.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/loop.h"
#include "base/log.h"
#include "informer/informer.h"
#include "provider/publisher.h"
#include "tests/sim/cover.h"
#include "tests/sim/keep.h"
#include "tests/sim/kube.h"
#include "transport/loopback.h"

#define WORLD_KUBES 4
#define WORLD_INFORMERS 3

struct world;

/* ---- processes: actor.c ---- */

/* Processes do what the programs do, without their command lines. A killed one leaves nothing but what it had
 * published. */
struct actor_ops {
    void *(*start)(struct world *world, int index);
    void (*end)(void *process, bool graceful);
    struct transport *(*transport)(void *process);
    struct transport *(*transfers)(
        void *process); /* its second connection; NULL, either, where it has none */
};

extern const struct actor_ops provider_actor; /* provider_site.c; index: of the cluster */
extern const struct actor_ops informer_actor; /* informer_site.c */

/* A place where a process runs, or will again. */
struct actor {
    struct world *world;
    const struct actor_ops *ops;
    int index;
    void *process; /* NULL: down */
    struct timer revive, join, join_transfers;
    bool deaf, mute;     /* while join is active */
    bool transfers_deaf; /* the second connection, while join_transfers is active */
};

const char *actor_name(const struct actor *actor); /* of its client at the broker */
/* Of its second one it is this, behind the name. */
#define ACTOR_TRANSFERS "/transfers"
/* Is it one of this actor's clients? And which one? */
bool actor_is(const struct actor *actor, const char *client, bool *transfers);
/* The second connection of one that runs; NULL where there is none. */
struct transport *actor_transfers(const struct actor *actor);
void actor_init(struct actor *actor, struct world *world, const struct actor_ops *ops, int index);
void actor_deinit(struct actor *actor);
void actor_start(struct actor *actor);
void actor_kill(struct actor *actor, bool graceful, int64_t revive_us); /* revive_us -1: it stays down */
void actor_cut(struct actor *actor, int64_t join_us);
void actor_hush(struct actor *actor, bool deaf, int64_t join_us);
/* The second connection alone, of one that has it: nothing passes until then, or it hears nothing. */
void actor_cut_transfers(struct actor *actor, int64_t join_us);
void actor_hush_transfers(struct actor *actor, int64_t join_us);

/* The informer of a running informer_actor, and how many providers' stats were counted. */
struct informer *informer_process_informer(const void *process);
const struct publisher_stats *provider_process_stats(const void *process);
struct publisher_memory provider_process_memory(const void *process);

/* ---- what an informer tells, held against the clusters' records: witness.c ---- */

struct witness;
struct witness *witness_create(struct world *world, struct informer_replica *replica);
void witness_destroy(struct witness *witness);
/* Do the informers' views equal the clusters? Says what differs, where out is not NULL. */
bool world_converged(struct world *world, FILE *out);

/* ---- what they hold for a while: memory.c ---- */

void memory_watch(struct world *world);
void memory_unwatch(struct world *world);

/* ---- what goes over the wire: wire.c ---- */

/* A passage of a loopback: counts it, springs traps; true loses it. */
bool wire_loses(void *arg, const struct loopback_passage *passage);

enum trap_kind { TRAP_NONE, TRAP_LOSE, TRAP_KILL, TRAP_BREAK };

/* Waits for a message of one kind, and then does something. */
struct trap {
    enum trap_kind kind;
    enum message_kind message;
    int count; /* so many times */
    struct timer spring;
    char client[32]; /* whom it has caught */
};

/* ---- faults: faults.c ---- */

void faults_init(struct world *world);
void faults_deinit(struct world *world);
void faults_begin(struct world *world);
void faults_calm(struct world *world); /* of network and broker */
void faults_end(struct world *world);  /* what is broken is whole again, what is down comes up */

/* ---- the world ---- */

struct world_options {
    uint64_t seed;
    bool verbose;
};

struct world_result {
    bool ok;
    char oracle[32]; /* which one spoke: one word */
    char why[512];
    uint64_t trace; /* of all that the informers told: the same for the same seed */
    uint64_t changes, told;
    int64_t settled_us; /* how long convergence took after the faults */
    struct coverage coverage;
};

struct world {
    struct world_options options;
    struct world_result result;
    struct loop *loop;
    struct log log;
    enum encoding encoding;
    size_t max_payload, window_messages;
    int64_t heartbeat_us;
    int kube_count, informer_count;
    struct kube
        kubes[WORLD_KUBES + 1]; /* the last one: another cluster that comes under the first one's name */
    struct loopback_broker *broker;
    struct loopback_faults weather;
    struct actor providers[WORLD_KUBES];
    struct actor impostor; /* a second provider under the first one's name */
    bool impostor_was;     /* there was one: informers may have followed now the one, now the other … */
    bool impostor_same;    /* … of the same cluster, and so in any order */
    struct actor informers[WORLD_INFORMERS];
    bool impatient;                      /* informers hold few deltas for a replay that may come */
    struct keep *keeps[WORLD_INFORMERS]; /* what outlives them; NULL: nothing does */
    unsigned wants[WORLD_INFORMERS];     /* which kinds each of them follows, a set of 1 << enum kube_kind */
    bool always;                         /* providers watch whether or not somebody wants it */

    struct timer strike, broker_up;
    struct timer look;
    int64_t strike_us; /* between two faults, on average */
    uint64_t enabled;  /* faults of this seed, a set */
    struct trap trap;
    uint64_t deltas_lost; /* on their way to a client: one of so many; 0: none */
    uint64_t parts;       /* messages that were no whole ones */
};

uint64_t world_dice(struct world *world, uint64_t sides);
void world_cover(struct world *world, enum cover cover);
/* oracle: one word, for who wants to know what it was that found out. */
void world_fail(struct world *world, const char *oracle, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* False, for the caller to return; out may be NULL. */
bool world_say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *world, const void *data, size_t len);
struct topics world_topics(void);
struct attic *world_attic(struct world *world); /* of a process: so small that it packs all the time */
/* The one that runs and has this client; NULL where there is none. */
struct actor *world_actor(struct world *world, const char *client, bool *transfers);
/* By name; the first one, not the impostor's. NULL where there is none. */
int world_kube_index(const struct world *world, const char *name); /* -1 where there is none */
struct kube *world_kube(struct world *world, const char *name);
/* What the statistics of a process that ends add to the coverage. */
void world_count_informer(struct world *world, const struct informer_stats *stats);
void world_count_publisher(struct world *world, const struct publisher_stats *stats);

void world_load(struct world *world, bool on);
void world_pass(struct world *world, int64_t time_us); /* or until something is wrong */
void world_expect_converged(struct world *world, int64_t within_us);
void fair_run(struct world *world); /* fair.c */

struct world_result world_run(const struct world_options *options);

#endif
