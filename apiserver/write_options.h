#ifndef TI_APISERVER_WRITE_OPTIONS_H
#define TI_APISERVER_WRITE_OPTIONS_H

/*
 * The options of writes (meta/v1 CreateOptions, UpdateOptions, PatchOptions, DeleteOptions), checked as a
 * real server does before anything is looked at: what is misspelt would else be done otherwise than was
 * meant.
 */

#include "apiserver/request.h"
#include "apiserver/tree.h"

/* Those of the query. 0, or an HTTP code with status set. */
int write_options_check(const struct request *request, struct status *status);

/* The options of a DELETE, out of body (NULL: none) and query; *out is yours. 0, or an HTTP code with status
 * set. */
int delete_options_parse(const struct request *request, const cJSON *body, cJSON **out,
                         struct status *status);

#endif
