#ifndef TI_APISERVER_DISCOVERY_H
#define TI_APISERVER_DISCOVERY_H

#include <stdbool.h>

struct exchange;

/* Is anything served under the group of the request, in any version? */
bool discovery_has_group(const struct exchange *exchange);

/* As a real server answers for a path that nobody in it knows: plain text. */
void discovery_answer_unknown(struct exchange *exchange);

#endif
