#ifndef TI_APISERVER_ADMISSION_H
#define TI_APISERVER_ADMISSION_H

/*
 * May this object be stored? The checks that clients rely on, with the answers of a real server: kind and
 * version, names, namespace, and for a few kinds what kubectl users get wrong. A full validation of every
 * field is not attempted.
 */

#include "apiserver/write.h"

int admit_shape(const struct write *write,
                cJSON *tree); /* apiVersion and kind; sets them where they are absent */
int admit_namespace(const struct write *write, cJSON *tree); /* that of the object and of the URL; sets it */
int admit_namespace_open(const struct write *write,
                         const cJSON *tree);            /* it exists and is not being deleted */
int admit_name(const struct write *write, cJSON *tree); /* makes it from generateName where it is absent */
int admit_delete(const struct write *write); /* nothing may delete the namespaces that clusters stand on */
/* old: what it replaces; NULL where it is new. */
int admit_content(const struct write *write, const cJSON *tree, const cJSON *old);

#endif
