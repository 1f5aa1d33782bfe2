#ifndef TI_KUBE_HTTP_INTERNAL_H
#define TI_KUBE_HTTP_INTERNAL_H

/*
 * The parts of the HTTP client: calls and pools (http.c), the options of one transfer (http_setup.c), what
 * its end means (http_outcome.c).
 */

#include <curl/curl.h>
#include <stdbool.h>

#include "kube/credentials.h"
#include "kube/curl_loop.h"
#include "kube/http.h"

#define HTTP_CONNECT_TIMEOUT_MS 15000L

enum call_state {
    CALL_QUEUED,  /* to be launched on the next turn, or when credentials are there */
    CALL_RUNNING, /* in its pool */
    CALL_OVER,    /* done or cancelled: no callback any more, memory goes on the next turn */
};

struct rest_call {
    struct http *http;
    struct rest_call *next, *prev; /* in http->calls */
    enum call_state state;

    char *method, *url, *accept, *content_type; /* accept, content_type may be NULL */
    char *body;                                 /* NULL where there is none */
    size_t body_len;
    int64_t idle_timeout_ms, timeout_ms;
    struct rest_callbacks callbacks;
    void *arg;

    struct http_pool *pool;
    CURL *easy; /* NULL unless running */
    struct curl_slist *headers, *connect_to;
    char error[CURL_ERROR_SIZE];
    uint64_t generation; /* of the credentials that went with it */
    int status;          /* of the answer; 0 before its headers */
    bool refused, again; /* a 401 that is kept from the caller; this is the second try */
    bool paused;         /* until the loop's next turn */
    struct timer deadline, idle;
    int64_t last_byte_us;
};

/* http_setup.c. With the credentials that are READY. */
void http_setup(struct rest_call *call, const struct kubeconfig *config,
                const struct credentials *credentials);

/* http_outcome.c. reason has room for size bytes. */
enum rest_result http_outcome(const struct rest_call *call, CURLcode code, char *reason, size_t size);

#endif
