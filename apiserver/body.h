#ifndef TI_APISERVER_BODY_H
#define TI_APISERVER_BODY_H

/* What stands in the body of a request: JSON, YAML, or the protobuf of kubectl's generators. */

#include "apiserver/request.h"
#include "apiserver/tree.h"

bool body_is_readable(const struct request *request); /* by its Content-Type, of a whole object */
/* What a real server reads the type of an object into, as it says where that fails. */
#define BODY_TYPE_META                                                                                       \
    "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "                         \
    "\"json:\\\"kind,omitempty\\\"\" }"
/* "json: cannot unmarshal array into Go value of type …", yours to free. */
char *body_mistyped(const cJSON *tree, const char *type);
/* An object of that kind was to be in the body, and is not: tree is NULL, or something else. */
int body_no_object(const struct request *request, const cJSON *tree, const char *kind, struct status *status);
/* A custom object does not say its kind. */
int body_no_kind(const struct request *request, const char *kind, struct status *status);
/* The body as a tree, yours. An absent body is NULL with 0. 0, or an HTTP code with status set. */
int body_parse(const struct request *request, cJSON **tree, struct status *status);

#endif
