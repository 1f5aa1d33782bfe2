#ifndef TI_APISERVER_CRD_H
#define TI_APISERVER_CRD_H

/*
 * CustomResourceDefinitions: one that is stored is served from then on, under its storage version. One that
 * is deleted stays, marked, until its objects are gone: those are deleted, too, and may have finalizers of
 * their own. Then it goes, which ends the watches on them.
 */

#include "apiserver/write.h"

int crd_admit(const struct write *write, cJSON *tree); /* nothing for other kinds; sets names and status */
/* What the definition of a custom resource says of its objects, parsed, yours. NULL: nothing. */
cJSON *crd_schema(const struct apiserver *server, const struct resource *resource);
/* A definition that is to be deleted is marked, with the finalizer of its objects. False for other kinds, and
 * where it is already. */
bool crd_mark_deleted(const struct write *write, cJSON *tree);
/* Can such an object be made? 0, or 403: its definition is about to go. */
int crd_admit_object(const struct write *write, const cJSON *tree);
/* An object was stored or deleted: of a definition, or one that has a definition. */
void crd_changed(struct apiserver *server, const struct collection *collection, struct object *object,
                 bool deleted);

#endif
