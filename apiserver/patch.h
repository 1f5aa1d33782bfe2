#ifndef TI_APISERVER_PATCH_H
#define TI_APISERVER_PATCH_H

/*
 * The three patches of a Kubernetes API, on trees. The target is changed in place; where a patch cannot be
 * applied, status says why and the target is of no use any more.
 */

#include "apiserver/status.h"
#include "apiserver/tree.h"

void patch_merge(cJSON *target, const cJSON *patch);                       /* RFC 7386, of an object */
int patch_json(cJSON **target, const cJSON *patch, struct status *status); /* RFC 6902 */
int patch_strategic(cJSON *target, const cJSON *patch, struct status *status);

/* The keys by which the elements of a list are told apart ("name", or "port" and "protocol"), NULL-ended;
 * NULL for a list that is one value. field: the list's name; list: some list of that kind, which tells a
 * container's ports from a service's. */
const char *const *list_keys(const char *field, const cJSON *list);

/* The element of a list with the same keys as `like`, NULL where there is none. */
cJSON *list_match(const cJSON *list, const cJSON *like, const char *const *keys);

#endif
