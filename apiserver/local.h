#ifndef TI_APISERVER_LOCAL_H
#define TI_APISERVER_LOCAL_H

/*
 * An API server in this process, seen as a struct rest: what kube/ speaks to in tests, simulations and
 * miniclusters. Answers come in pieces from timers of the server's loop, never from inside rest_start(); over
 * a simulated loop all of it repeats.
 *
 * A local is one client's way to one replica of the server, with the faults of both on command. Several may
 * stand before one server, each as far behind as it is told.
 */

#include "apiserver/server.h"
#include "kube/rest.h"

struct local;

struct local *local_create(struct apiserver *server); /* the server is borrowed */
void local_destroy(struct local *local);              /* open calls end without a callback; NULL is fine */
struct rest *local_rest(struct local *local);

/* How answers flow: that many bytes at most, each piece after that long. 0 bytes: as much as there is.
 * Initially as much as there is, in the next turn of the loop. */
void local_set_pace(struct local *local, size_t bytes, int64_t delay_us);

void local_set_refusing(struct local *local, bool refusing); /* new requests: REST_REFUSED */
void local_set_hanging(struct local *local,
                       bool hanging);        /* nothing flows, nothing ends; goes on afterwards */
void local_cut(struct local *local);         /* every open call ends with REST_BROKEN */
void local_cut_watches(struct local *local); /* only those that stream */
/* Open watches are half open from now on: no byte comes, and no end. New requests are not concerned. */
void local_stall_watches(struct local *local);
/* Another server answers under the same address. Open calls are cut; the horizon is that of before. The
 * server is borrowed as the one before it, which is not needed any more. */
void local_point_to(struct local *local, struct apiserver *server);
/* Each answer to requests that start from now on breaks after that many bytes of body; SIZE_MAX: none does.
 */
void local_break_after(struct local *local, size_t bytes);

/* A replica that lags: it has seen the history up to that revision and no further. Lists and gets with a
 * resourceVersion, and all watches, show that state; consistent lists (without one) are always current.
 * UINT64_MAX: it follows. */
void local_set_horizon(struct local *local, uint64_t revision);

size_t local_open_calls(const struct local *local);
uint64_t local_started_calls(const struct local *local); /* ever */

#endif
