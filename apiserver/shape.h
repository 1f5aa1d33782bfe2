#ifndef TI_APISERVER_SHAPE_H
#define TI_APISERVER_SHAPE_H

/*
 * Which fields an object may have. Of custom resources the definition's schema says that (schema.h). Of the
 * built-in kinds the outermost fields are known, and those of metadata; what stands further inside is kept as
 * it is, as there are no schemas of theirs here.
 */

#include "apiserver/write.h"

/* Takes unknown fields out, and does about them what the writer asked for. 0, or 400. */
int shape_prune(const struct write *write, cJSON *tree);
/* Of custom resources: defaults, and what the schema asks for. 0, or 422. */
int shape_admit(const struct write *write, cJSON *tree);

#endif
