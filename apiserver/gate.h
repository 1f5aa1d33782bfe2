#ifndef TI_APISERVER_GATE_H
#define TI_APISERVER_GATE_H

/*
 * What is looked at before a request gets to the API: where it comes from, and whose it is. A browser's page
 * of elsewhere is refused by its Origin, and one that has found a name for our address by its Host; nobody
 * may speak for somebody else; and without a token nothing is to be had where tokens are asked for. Who may
 * only read may not read Secrets, as with Kubernetes' own role "view": what is in there opens other doors.
 */

#include <microhttpd.h>
#include <stdbool.h>

#include "apiserver/access.h"
#include "apiserver/exchange.h"
#include "apiserver/status.h"

struct gate {
    struct access *access; /* NULL: nobody is asked for a token */
    bool read_only;        /* where nobody is asked for one: nobody may write here */
    bool local;            /* spoken to as localhost, or by an address of the loopback, and in no other way */
};

/* target: path and query, as sent. 0, with who asks in asker; or an HTTP code with status set. */
int gate_check(const struct gate *gate, struct MHD_Connection *connection, const char *method,
               const char *target, struct asker *asker, struct status *status);
/* Whether who was let in may still: what a token is good for may have changed. Of the methods that read. As
 * gate_check(). */
int gate_check_again(const struct gate *gate, const char *target, struct asker *asker, struct status *status);

#endif
