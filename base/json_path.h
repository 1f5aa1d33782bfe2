#ifndef TI_BASE_JSON_PATH_H
#define TI_BASE_JSON_PATH_H

/*
 * The JSONPath that definitions of custom resources name their columns by, found by scanning:
 *
 *     .spec.replicas   .metadata.labels['app']   .metadata.labels.a\.b/c   .spec.ports[0].port
 *     .spec.hosts[*]   .status.conditions[?(@.type=="Ready")].status
 *
 * Filters compare by == and !=, or ask whether there is such a thing.
 */

#include "base/json.h"

/* The first value that the path leads to, as it stands, quotes and all; data NULL where there is none, or the
 * path is none of the above. Borrowed from json. */
struct slice json_path_first(struct slice json, const char *path);

#endif
