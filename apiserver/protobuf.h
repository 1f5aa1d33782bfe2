#ifndef TI_APISERVER_PROTOBUF_H
#define TI_APISERVER_PROTOBUF_H

/*
 * Kubernetes protobuf, read only and only as far as kubectl goes: its generators (create deployment, create
 * configmap, …) send it. What is read is made the JSON that the same object would have been.
 */

#include "apiserver/status.h"
#include "apiserver/tree.h"

#define PROTOBUF_MEDIA_TYPE "application/vnd.kubernetes.protobuf"

/* NULL with status set where it is broken, of a kind that is not known here, or has a field that is not:
 * rather than store half an object, it is refused with advice. */
cJSON *protobuf_parse(const char *data, size_t len, struct status *status);

#endif
