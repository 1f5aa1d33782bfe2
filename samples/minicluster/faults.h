#ifndef TI_SAMPLES_MINICLUSTER_FAULTS_H
#define TI_SAMPLES_MINICLUSTER_FAULTS_H

/*
 * Faults of a cluster's API, on demand: what a client has to live with and a healthy server never shows. They
 * are made by requests to the API itself, below /minicluster/faults, so that a test in any language has them
 * with the client it has (kubectl create --raw, too).
 *
 * Some happen once, now:
 *
 *     POST …/cut       the connections of open requests break
 *     POST …/end       open watches end well, as a server does that sheds load
 *     POST …/expire    open watches are told 410 and end; the history is forgotten, so that whoever goes on
 *                      from an earlier resourceVersion gets 410 as well
 *
 * The others stay until they have happened `times` times, or are deleted. Where several apply to a request,
 * the first that has an answer gives it:
 *
 *     POST …/error     the answer is a Status: code=429 (500), retry-after=SECONDS (1 where code is 429)
 *     POST …/drop      the connection is closed without an answer
 *     POST …/slow      the answer begins delay-ms=N later; a write has happened by then
 *     POST …/stale     this is a replica that gets no news: watches, and reads with a resourceVersion, show
 *                      what was there when it began
 *
 *     GET …            those that stay, and how often each has happened
 *     DELETE …         all of them end; DELETE …/slow: those of that name
 *
 * All but end, expire and stale take verb=list and resource=pods (a plural), to choose requests.
 */

#include "apiserver/server.h"

struct faults;

/* The server is borrowed: faults_destroy() comes before its end. */
struct faults *faults_create(struct apiserver *server);
void faults_destroy(struct faults *faults); /* NULL is fine */

#endif
