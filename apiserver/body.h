#ifndef TI_APISERVER_BODY_H
#define TI_APISERVER_BODY_H

/* What stands in the body of a request: JSON, YAML, or the protobuf of kubectl's generators. */

#include "apiserver/request.h"
#include "apiserver/tree.h"

bool body_is_readable(const struct request *request); /* by its Content-Type, of a whole object */
/* The body as a tree, yours. An absent body is NULL with 0. 0, or an HTTP code with status set. */
int body_parse(const struct request *request, cJSON **tree, struct status *status);

#endif
