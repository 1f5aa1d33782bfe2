#ifndef TI_APISERVER_VALIDATION_H
#define TI_APISERVER_VALIDATION_H

/*
 * Is the content of an object valid? What clients get wrong and are told by a real server, in its words:
 * names and values in metadata, types of a few fields, and what must not change. Not each field of each kind
 * is looked at.
 */

#include "apiserver/write.h"

/* "" where that is a qualified name ("app", "example.com/app"), else what is wrong with it. */
const char *qualified_name_fault(const char *text);

/* Metadata has the types that all else relies on. 0, or 400 with write->status set. */
int validate_shape(const struct write *write, const cJSON *tree);

/* old: what it replaces; NULL where it is new. 0, or an HTTP code with write->status set. */
int validate_content(const struct write *write, const cJSON *tree, const cJSON *old);

#endif
