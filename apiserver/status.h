#ifndef TI_APISERVER_STATUS_H
#define TI_APISERVER_STATUS_H

/*
 * How a request failed, in the words of a real API server: clients act on code and reason, and kubectl prints
 * the message. Made on the stack, filled by whoever finds the fault, printed at the end as a Status object.
 */

#include "apiserver/resource.h"
#include "apiserver/token.h"
#include "base/buf.h"

#define STATUS_CAUSES_MAX 3

struct status_cause {
    char reason[64], message[600], field[128];
};

struct status {
    int code;           /* HTTP; 0: nothing failed */
    const char *reason; /* a literal: "NotFound" */
    char message[2000];
    char name[256], group[254], kind[64]; /* details; empty: left out */
    struct status_cause causes[STATUS_CAUSES_MAX];
    size_t cause_count;
    int retry_after_s;              /* 0: left out */
    bool generic;                   /* found before anything was looked at: has empty details */
    char continue_[TOKEN_TEXT_MAX]; /* in the metadata; empty: left out */
};

/* All return code, so that a failure is one statement. */
int status_set(struct status *status, int code, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The path, or the method on it, is none that is served. */
int status_no_such_path(struct status *status);
int status_no_such_method(struct status *status);
int status_not_acceptable(struct status *status); /* no form of answer that is asked for is served */
/* Such as the scale of a deployment, which only its cluster has. */
int status_not_mirrored(struct status *status, const struct resource *resource, const char *subresource);
/* The way into a pod, such as its log; fleet: of one that is mirrored here, else there are no containers. */
int status_no_way_in(struct status *status, bool fleet, const char *subresource);
int status_no_such_cluster(struct status *status, const char *cluster);
/* Several clusters have one of that name; where: their names, as many as are to be told. */
int status_ambiguous(struct status *status, const struct resource *resource, const char *name,
                     const char *where);
int status_read_only(struct status *status, const struct resource *resource);
int status_not_found(struct status *status, const struct resource *resource, const char *name);
int status_exists(struct status *status, const struct resource *resource, const char *name);
int status_conflict(struct status *status, const struct resource *resource, const char *name,
                    const char *why);
/* field: "metadata.name"; cause: "FieldValueInvalid"; the message follows the field. What status tells
 * already of the same object is told, too; of more causes than it has room for the first ones are. */
int status_invalid(struct status *status, const struct resource *resource, const char *name,
                   const char *cause, const char *field, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* The first cause, in other words than those of status_invalid(). */
void status_cause(struct status *status, const char *reason, const char *message, const char *field);

void status_details(struct status *status, const struct resource *resource, const char *name);
void status_print(const struct status *status, struct buf *out); /* one line, ended by a newline */

#endif
