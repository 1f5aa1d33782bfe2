#ifndef TI_APISERVER_MANAGED_H
#define TI_APISERVER_MANAGED_H

/*
 * metadata.managedFields: who set which fields, and server-side apply, which stands on it.
 */

#include "apiserver/write.h"

/* Notes that write->manager has made `tree` out of `old` (NULL: created it) by a plain write. */
void managed_record(const struct write *write, const cJSON *old, cJSON *tree);

#endif
