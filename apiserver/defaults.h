#ifndef TI_APISERVER_DEFAULTS_H
#define TI_APISERVER_DEFAULTS_H

/*
 * What a real server fills in where an object leaves it out, for the kinds that are common; and the status
 * that a new object starts with. Clients that compare what they wrote with what is stored meet the same
 * differences as there.
 */

#include "apiserver/server_internal.h"
#include "apiserver/tree.h"

void defaults_apply(struct apiserver *server, const struct resource *resource, cJSON *tree);
void defaults_first_status(const struct resource *resource, cJSON *tree); /* on create; drops what was sent */

#endif
