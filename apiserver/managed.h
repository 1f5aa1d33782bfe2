#ifndef TI_APISERVER_MANAGED_H
#define TI_APISERVER_MANAGED_H

/*
 * metadata.managedFields: who set which fields, and server-side apply, which stands on it.
 *
 * A plain write makes its author the owner of the fields whose values it changes, and takes them from all
 * others. An apply states all the fields that its author cares for: it owns those from then on, together with
 * others that want the same value; another value in a field that somebody else owns is a conflict, unless
 * forced. What an author applied before and leaves out now goes, unless somebody else owns it too.
 *
 * Objects that no named author has written to have no managedFields: what controllers and simulations write
 * directly stays as small as it is.
 */

#include "apiserver/write.h"

/* Notes that write->manager has made `tree` out of `old` (NULL: created it) by a plain write. */
void managed_record(const struct write *write, const cJSON *old, cJSON *tree);

/* Server-side apply of config by write->manager; creates what is not there. */
int managed_apply(struct write *write, const cJSON *config, bool force);

#endif
