#ifndef TI_APISERVER_CRD_H
#define TI_APISERVER_CRD_H

/*
 * CustomResourceDefinitions: one that is stored is served from then on, under its storage version; one that
 * is deleted takes its objects along and ends the watches on them. Schemas are not checked: what is stored is
 * what was sent.
 */

#include "apiserver/write.h"

int crd_admit(const struct write *write, cJSON *tree); /* nothing for other kinds; sets names and status */
void crd_changed(struct apiserver *server, const struct collection *collection, const struct object *object,
                 bool deleted);

#endif
