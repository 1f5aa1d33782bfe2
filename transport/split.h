#ifndef TI_TRANSPORT_SPLIT_H
#define TI_TRANSPORT_SPLIT_H

/*
 * Payloads longer than a broker takes travel as parts. A part is
 *
 *      0  'P'
 *      1  protocol version
 *      2  id of the payload, 64 random bits, little-endian
 *     10  length of the whole payload, 32 bits
 *     14  length of every part's bytes but the last one's, 32 bits
 *     18  index of this part, 32 bits
 *     22  bytes
 *
 * Parts may arrive in any order and more than once. A part that never comes loses the payload, as any message
 * may be lost: the next payload on the topic takes the place of what is unfinished.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "transport/transport.h"

/* Publishes at QoS 1, in parts where needed. 0, or the transport's outcome for the first part; a later part
 * that is refused loses the payload, which is told as 0: it was sent and is lost. */
int split_publish(struct transport *transport, const char *topic, struct slice payload, uint64_t id);

enum {
    ASSEMBLER_E_MORE = 1,      /* a part was taken, others are to come */
    ASSEMBLER_E_MALFORMED = 2, /* no part of anything, or at odds with the parts before it */
    ASSEMBLER_E_LIMIT = 3,     /* the whole would pass payload_limit */
};

struct assembler;

/* payload_limit: of one payload; total_limit: of all that are unfinished. Where that is reached the oldest of
 * the sender that has most make room, so that one sender cannot put out the others. In bytes. */
struct assembler *assembler_create(size_t payload_limit, size_t total_limit);
void assembler_destroy(struct assembler *assembler);

/* Takes what came on a topic, which is one sender's. On 0 *whole is the payload: either what was given or
 * what it completes, borrowed until the next call. Otherwise ASSEMBLER_E_*. */
int assembler_add(struct assembler *assembler, const char *sender, const char *topic, struct slice payload,
                  struct slice *whole);

size_t assembler_total(const struct assembler *assembler);      /* bytes of all that are unfinished */
uint64_t assembler_given_up(const struct assembler *assembler); /* payloads that never got all their parts */

#endif
