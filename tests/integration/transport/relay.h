#ifndef TI_TESTS_INTEGRATION_TRANSPORT_RELAY_H
#define TI_TESTS_INTEGRATION_TRANSPORT_RELAY_H

/* Carries one TCP connection at a time to a port of this machine, in threads of its own, and can break it. */

#include <stdbool.h>
#include <stdint.h>

struct relay;

/* old: answers for the broker to MQTT 5, that it does not know that version. */
struct relay *relay_create(uint16_t target, bool old);
uint16_t relay_port(const struct relay *relay);
void relay_break(struct relay *relay); /* the connection that there is; the next one is carried again */
void relay_destroy(struct relay *relay);

#endif
