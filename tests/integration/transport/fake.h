#ifndef TI_TESTS_INTEGRATION_TRANSPORT_FAKE_H
#define TI_TESTS_INTEGRATION_TRANSPORT_FAKE_H

/* A broker that misbehaves in one way, in a thread of its own. It reads CONNECT and answers by a script. */

#include <stddef.h>
#include <stdint.h>

/* What it does with a connection, by the protocol level of its CONNECT; a NULL answer is none. */
struct fake_answer {
    int level;        /* 4 or 5; 0 ends the script */
    const void *data; /* sent as answer to CONNECT */
    size_t len;
    const void *suback; /* the reason code that follows the packet id in the answer to SUBSCRIBE, one byte */
    int keep_open;      /* else the connection is closed behind the answer */
};

struct fake;

struct fake *fake_create(const struct fake_answer *script); /* borrowed until destroy */
uint16_t fake_port(const struct fake *fake);
int fake_connects(struct fake *fake, int level);          /* how many CONNECTs of that level have come */
void fake_wait_for_connect(struct fake *fake, int level); /* the first */
void fake_destroy(struct fake *fake);

#endif
