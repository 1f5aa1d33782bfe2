#ifndef TI_TESTS_SIM_DOWN_INTERNAL_H
#define TI_TESTS_SIM_DOWN_INTERNAL_H

#include "agent/downlink.h"
#include "apiserver/local.h"
#include "hub/deploy.h"
#include "tests/sim/down.h"
#include "tests/sim/workload.h"

#define SOURCES 8

/* One that was the source of workloads, or is. */
struct source {
    struct apiserver *server;
    char uid[KUBE_UID_MAX];
    uint64_t absent[REGIONS][NAMES]; /* its revision when the key was last given up; 0: never */
    uint64_t first, saved;           /* revisions from which it can be restored */
};

struct hub {
    struct down *down;
    struct local *local; /* its way to its source */
    struct transport *transport;
    struct deploy *deploy; /* NULL: down */
    struct timer revive, join;
};

/* A cluster with an agent. */
struct region {
    struct down *down;
    int index;
    char name[24];
    struct apiserver *server;
    struct local *local;
    struct attic *attic;
    struct transport *transport;
    struct connection *connection;
    struct downlink *downlink; /* NULL: down */
    struct timer revive, join;
    struct downlink_options options;
    bool by_hand;         /* somebody else writes just now */
    uint64_t last[NAMES]; /* token of what an agent applied last */
    uint64_t writes;      /* by the agent */
};

struct down {
    struct world world; /* loop, broker, result, dice; nobody lives in it */
    struct source sources[SOURCES];
    int source_count, current; /* the one that the hub's address leads to */
    struct hub hub, other;     /* the second one of that name */
    struct region regions[REGIONS];
    int region_count;
    struct timer load, strike, broker_up, well, restore;
    uint64_t token;
    uint64_t *said[REGIONS][NAMES]; /* tokens that some source had for it, in order */
    size_t said_count[REGIONS][NAMES];
    bool broken;    /* the source is another one now, or went back */
    unsigned drama; /* what may become of the source in this seed */
};

static inline struct source *source_of(struct down *down)
{
    return &down->sources[down->current];
}

/* down_oracle.c */
void down_judge(struct region *region, const struct event *event); /* an agent has written that */
/* Each cluster has what it should have. Says into out, which may be NULL, what it has not. */
bool down_is_right(struct down *down, FILE *out);

#endif
