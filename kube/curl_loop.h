#ifndef TI_KUBE_CURL_LOOP_H
#define TI_KUBE_CURL_LOOP_H

/*
 * A libcurl multi handle, with its pool of connections, driven by the loop: its sockets are uv_polls, its
 * timeout is a timer. libcurl must not be called back into from its own callbacks: curl_loop_add() and
 * curl_loop_remove() are for code that runs outside of them.
 */

#include <curl/curl.h>

#include "base/loop.h"

/* Below what servers allow by default (Go: 250), so that it is we who open a further connection before the
 * limit. */
#define CURL_LOOP_STREAMS_PER_CONNECTION 100

struct curl_loop;

/* A transfer has ended and is no longer in the loop; easy is the caller's again. Called outside of libcurl.
 */
typedef void curl_loop_done(void *arg, CURL *easy, CURLcode code);

struct curl_loop *curl_loop_create(struct loop *loop, curl_loop_done *done,
                                   void *arg); /* loop must be a real one */
/* Every transfer must have been removed. Not from within done(). */
void curl_loop_destroy(struct curl_loop *curl);

void curl_loop_add(struct curl_loop *curl, CURL *easy);
void curl_loop_remove(struct curl_loop *curl, CURL *easy);

#endif
