#include "apiserver/server_internal.h"

void server_answer_discovery(struct exchange *exchange)
{
    struct status status;
    status_set(&status, 404, "NotFound", "the server could not find the requested resource");
    exchange_fail(exchange, &status);
}
