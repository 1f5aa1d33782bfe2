#ifndef TI_APISERVER_REQUEST_H
#define TI_APISERVER_REQUEST_H

/*
 * A request taken apart: which resource, which object, which options, which form of answer. Everything here
 * is remote input; what does not parse is either absent (unknown options) or a Status. Of an option that is
 * given twice the first counts, as in a real server.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apiserver/status.h"
#include "kube/rest.h"

enum api_form {
    FORM_JSON,
    FORM_TABLE,      /* as=Table;g=meta.k8s.io;v=v1 */
    FORM_PARTIAL,    /* as=PartialObjectMetadata(List);g=meta.k8s.io;v=v1 */
    FORM_AGGREGATED, /* as=APIGroupDiscoveryList;g=apidiscovery.k8s.io */
    FORM_UNKNOWN,    /* JSON, but as something that is unknown */
    FORM_UNSERVED,   /* protobuf, HTML, … and nothing that is served */
};

#define REQUEST_PARAMS_MAX 32

struct request_param {
    const char *name, *value; /* decoded */
};

struct request {
    const char *method, *accept, *content_type; /* never NULL; borrowed */
    const char *body;
    size_t body_len;

    char *text;          /* owned: the path and query that everything below points into */
    const char *path;    /* as sent, without the query and the way to the cluster */
    const char *cluster; /* of /clusters/<name>/…; NULL: none was named */
    const char *group, *version, *resource, *name,
        *subresource;       /* "" where absent; resource "" : not a resource path */
    const char *namespace_; /* NULL: all namespaces, or cluster scope */
    struct request_param params[REQUEST_PARAMS_MAX];
    size_t param_count;
    bool old_watch; /* by the way to watch that was deprecated in 1.11: /api/v1/watch/… */
    enum api_form form;
};

/* 0, or an HTTP code with status set. Deinit in either case. */
int request_parse(struct request *request, const struct rest_request *from, struct status *status);
void request_deinit(struct request *request);

const char *request_param(const struct request *request, const char *name); /* "" where absent */
bool request_flag(const struct request *request, const char *name); /* given, and neither "false" nor "0" */
bool request_watches(const struct request *request);
/* As access rules have it: "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection".
 */
const char *request_verb(const struct request *request);
bool request_content_is(const struct request *request, const char *media_type);

enum { REQUEST_E_NUMBER = 1 };
int request_number(const struct request *request, const char *name, uint64_t otherwise, uint64_t *out);

#endif
