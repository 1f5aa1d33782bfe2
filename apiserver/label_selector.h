#ifndef TI_APISERVER_LABEL_SELECTOR_H
#define TI_APISERVER_LABEL_SELECTOR_H

/* meta/v1 LabelSelector: {"matchLabels": {…}, "matchExpressions": […]}. */

#include "apiserver/tree.h"

/* "a=b,c in (d,e)", as a query has it. What no query can say is left out. */
void label_selector_print(const cJSON *selector, struct buf *out);

/* NULL selects nothing, an empty one everything. labels: a JSON object, may be absent. */
bool label_selector_matches(const cJSON *selector, struct slice labels);

#endif
