#ifndef TI_KUBE_RESOURCE_VERSION_H
#define TI_KUBE_RESOURCE_VERSION_H

/*
 * Which of two states of one API server is the later one? Its resourceVersions say so where they are decimal
 * numbers, as they are with etcd, and from Kubernetes 1.35 on by promise. Others are not compared.
 */

#include <stdbool.h>
#include <stdint.h>

/* True where text is a decimal number, above 0, without leading zeros. */
bool resource_version_parse(const char *text, uint64_t *out);

#endif
