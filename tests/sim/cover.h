#ifndef TI_TESTS_SIM_COVER_H
#define TI_TESTS_SIM_COVER_H

/*
 * What has happened in a run of the simulation, how often. A simulation shows nothing about what never
 * happens in it: with a thousand seeds or more, each of these must have.
 */

#include <stdint.h>
#include <stdio.h>

#include "transport/envelope.h"

#define COVERS(X)                                                                                            \
    /* faults of processes and of the broker */                                                              \
    X(KILL_PROVIDER, "provider killed")                                                                      \
    X(KILL_INFORMER, "informer killed")                                                                      \
    X(FAREWELL, "process ended with goodbye")                                                                \
    X(BROKER_RESTART, "broker restarted")                                                                    \
    X(BROKER_FORGOT, "broker restarted without retained messages")                                           \
    X(PARTITION, "client cut off")                                                                           \
    X(BREAK, "connection broken")                                                                            \
    X(DEAF, "client that hears nothing")                                                                     \
    X(MUTE, "client that is not heard")                                                                      \
    X(TRANSFERS_CUT, "second connection cut off, or late")                                                   \
    X(TRANSFERS_BREAK, "second connection broken")                                                           \
    X(TRANSFERS_DEAF, "second connection that hears nothing")                                                \
    X(WEATHER, "weather changed")                                                                            \
    X(SHORT_QUEUE, "short queues at the broker")                                                             \
    X(TRAP_SET, "trap set for a message of one kind")                                                        \
    X(TRAP_LOSE, "message of one kind lost on purpose")                                                      \
    X(TRAP_KILL, "process killed at a message of one kind")                                                  \
    X(TRAP_BREAK, "connection broken at a message of one kind")                                              \
    X(KEPT, "informer began with objects that it had kept")                                                  \
    X(IMPOSTOR_SAME, "second provider of one name, same cluster")                                            \
    X(IMPOSTOR_OTHER, "second provider of one name, another cluster")                                        \
    X(NAMESAKES, "second informer of one name")                                                              \
    X(LOST, "messages lost")                                                                                 \
    X(REPEATED, "messages repeated")                                                                         \
    X(FLIPPED, "messages with a bit flipped")                                                                \
    X(OVERFLOWED, "messages dropped by a full queue")                                                        \
    /* faults of API servers, and what becomes of clusters */                                                \
    X(API_RESTART, "API server restarted")                                                                   \
    X(API_CUT, "API connections cut")                                                                        \
    X(API_END_WATCHES, "watches ended")                                                                      \
    X(API_HALF_OPEN, "watches half open")                                                                    \
    X(API_BREAK_AFTER, "answers break in the middle")                                                        \
    X(API_STALE, "stale API server at a provider's restart")                                                 \
    X(API_LAGS, "API server lags")                                                                           \
    X(API_SLOW, "API server slow")                                                                           \
    X(API_HANGS, "API server hangs")                                                                         \
    X(API_REFUSES, "API server refuses connections")                                                         \
    X(API_FORBIDS, "resource forbidden")                                                                     \
    X(API_GONE, "resource gone")                                                                             \
    X(API_BACK, "resource back")                                                                             \
    X(API_EXPIRED, "watches expired")                                                                        \
    X(API_RECOVERED, "API server well again")                                                                \
    X(RESTORED, "cluster restored from a backup")                                                            \
    X(REWORDED, "other bytes at the same version")                                                           \
    X(SET_UP_ANEW, "cluster set up anew under its name")                                                     \
    X(EMPTIED, "all objects of a resource deleted")                                                          \
    X(SAME_NAME_OTHER_UID, "same name, other uid at once")                                                   \
    /* what it led to */                                                                                     \
    X(EVENTS, "changes told by informers")                                                                   \
    X(SYNCS, "syncs")                                                                                        \
    X(SYNCS_EQUAL, "syncs answered equal")                                                                   \
    X(SYNCS_REPAIR, "syncs answered by a repair")                                                            \
    X(SYNCS_REPLAY, "syncs answered by a replay")                                                            \
    X(SYNCS_SNAPSHOT, "syncs answered by a snapshot")                                                        \
    X(SYNCS_FAILED, "syncs that failed")                                                                     \
    X(DUPLICATES, "deltas that were old")                                                                    \
    X(GAPS, "gaps")                                                                                          \
    X(DIVERGENCES, "roots that differed")                                                                    \
    X(FOREIGN, "messages of another epoch or boot")                                                          \
    X(MALFORMED, "messages not understood")                                                                  \
    X(CONFLICTS, "conflicts of two providers")                                                               \
    X(REPLAYED, "deltas sent once more")                                                                     \
    X(PATCHED, "changes sent as patches")                                                                    \
    X(COALESCED, "changes coalesced")                                                                        \
    X(ENDED, "replicas dropped")                                                                             \
    /* after the faults */                                                                                   \
    X(FAIR_LOAD, "fair weather: load")                                                                       \
    X(FAIR_PROVIDER, "fair weather: provider restarted, nothing changed")                                    \
    X(FAIR_INFORMER, "fair weather: informer restarted")                                                     \
    X(FAIR_LOSS, "fair weather: one delta lost")                                                             \
    X(FAIR_REORDER, "fair weather: reordering")                                                              \
    X(FAIR_BUSY, "fair weather: informers restarted under load")                                             \
    X(FAIR_LATE, "fair weather: copies that come late")                                                      \
    X(FAIR_CATALOG, "fair weather: catalogs that come late")                                                 \
    X(FAIR_STORM, "fair weather: deltas lost all the time")                                                  \
    X(FAIR_DAMAGE, "fair weather: bits flipped")                                                             \
    X(FAIR_GONE, "fair weather: resource gone and back, copies come late")                                   \
    X(FAIR_ANEW, "fair weather: cluster set up anew, copies come late")                                      \
    X(FAIR_SILENCE, "fair weather: provider silent")                                                         \
    X(FAIR_WILL, "fair weather: a will that comes late")                                                     \
    X(EMPTY_STREAM, "streams without objects at the end")                                                    \
    /* the way down */                                                                                       \
    X(DOWN_KILL_HUB, "down: hub killed")                                                                     \
    X(DOWN_KILL_AGENT, "down: agent killed")                                                                 \
    X(DOWN_MEDDLED, "down: workload changed or deleted by somebody else")                                    \
    X(DOWN_DELETED, "down: workload deleted by an agent")                                                    \
    X(DOWN_RESTORED, "down: source restored from a backup")                                                  \
    X(DOWN_ANEW, "down: source set up anew under its address")                                               \
    X(DOWN_SECOND, "down: second hub with another source")                                                   \
    X(DOWN_FROZEN, "down: workloads that wait for an adoption")                                              \
    X(DOWN_ADOPTED, "down: what came from another source adopted")

enum cover {
#define X(name, text) COVER_##name,
    COVERS(X)
#undef X
        COVER_KINDS, /* and one for each kind of message that was published */
    COVER_COUNT = COVER_KINDS + MESSAGE_KIND_COUNT
};

struct coverage {
    uint64_t counts[COVER_COUNT];
};

void coverage_add(struct coverage *sum, const struct coverage *more);
/* One line for each. Returns how many never happened. */
int coverage_print(const struct coverage *coverage, FILE *out);
const char *cover_text(enum cover cover);

#endif
