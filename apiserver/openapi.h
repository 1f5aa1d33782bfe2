#ifndef TI_APISERVER_OPENAPI_H
#define TI_APISERVER_OPENAPI_H

#include <stdbool.h>

struct exchange;

/* Answers /openapi/v2 and /openapi/v3…; false for any other path. */
bool openapi_answer(struct exchange *exchange);

#endif
