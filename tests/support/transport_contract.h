#ifndef TI_TESTS_SUPPORT_TRANSPORT_CONTRACT_H
#define TI_TESTS_SUPPORT_TRANSPORT_CONTRACT_H

/*
 * The contract of transport/transport.h as tests that know no implementation. A program gives a backend,
 * which brings a broker and connections to it, and runs all of them.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/loop.h"
#include "transport/transport.h"

struct contract_client {
    const char *name;
    const char *will_topic; /* NULL: none. The payload is "will", retained */
    size_t window;          /* bytes in flight; 0: the default */
};

struct contract_backend {
    struct loop *(*loop_create)(void);
    void *(*broker_create)(struct loop *loop); /* up and ready */
    void (*broker_down)(void *broker);         /* as by kill -9 */
    void (*broker_up)(void *broker);
    void (*broker_destroy)(void *broker); /* after its clients */
    struct transport *(*client_create)(void *broker, const struct contract_client *options);
    void (*client_break)(void *broker, struct transport *transport); /* its connection, from outside */
};

int contract_run(const char *name, const struct contract_backend *backend); /* the number of failed tests */

#endif
