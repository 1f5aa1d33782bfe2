#ifndef TI_KUBE_STATUS_H
#define TI_KUBE_STATUS_H

/*
 * How a request ended, as those need it who must decide what to do next: one word for the decision, and one
 * line for people. It is made from the way the connection ended, the HTTP status, and the Status object that
 * API servers send as the body of a refusal or as the object of an ERROR event.
 */

#include <stddef.h>
#include <stdint.h>

#include "kube/rest.h"

enum outcome {
    OUTCOME_OK,
    OUTCOME_EXPIRED,      /* 410: the resourceVersion or continue token is too old */
    OUTCOME_TOO_LARGE,    /* the resourceVersion is newer than what this server has */
    OUTCOME_TOO_MANY,     /* 429: later */
    OUTCOME_REFUSED,      /* nothing listens there */
    OUTCOME_LOST,         /* broken, timed out, unreachable; 502, 503, 504 */
    OUTCOME_INTERNAL,     /* 500 */
    OUTCOME_UNAUTHORIZED, /* 401 */
    OUTCOME_FORBIDDEN,    /* 403 */
    OUTCOME_NOT_FOUND,    /* 404 */
    OUTCOME_CONFLICT,     /* 409 */
    OUTCOME_INVALID,      /* 400, 405, 406, 415, 422: asking again the same way is of no use */
    OUTCOME_ERROR,        /* any other error that the server states */
    OUTCOME_MALFORMED,    /* an answer that we cannot read, or of a kind that we did not ask for */
};

struct status {
    enum outcome outcome;
    int code;               /* HTTP status, or that of the Status object; 0 where none came */
    int64_t retry_after_ms; /* -1 where the server did not say */
    char reason[64];        /* the Status object's own word ("Expired"); "" where there was none */
    char text[512];         /* for people: one line, never empty but for OUTCOME_OK */
};

const char *outcome_text(enum outcome outcome); /* "expired" … */

void status_ok(struct status *status, int code);

/* From the way in which an answer ended; body may be a Status object, or anything else, or absent. */
void status_from_answer(struct status *status, enum rest_result result, const char *why, int code,
                        int64_t retry_after_ms, const char *body, size_t body_len);

/* From the object of an ERROR event. */
void status_from_object(struct status *status, const char *json, size_t len);

/* Our own finding about an answer that came as 200. */
void status_malformed(struct status *status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
