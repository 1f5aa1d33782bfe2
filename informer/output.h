#ifndef TI_INFORMER_OUTPUT_H
#define TI_INFORMER_OUTPUT_H

/*
 * Text to a file descriptor without stalling the loop: what is written waits in a bounded buffer and goes out
 * as its reader takes it. Nothing is ever dropped: once the buffer is full, output_write() waits for the
 * reader, as any program does whose reader has stopped.
 *
 * The descriptor's mode is left alone (it may be shared with other processes): poll() says when 4 KiB fit
 * into a pipe, and no more than that is written at a time.
 */

#include <stddef.h>

#include "base/loop.h"

struct output;

/* closed: once, from the loop, when a write has failed: error is an errno, EPIPE where the reader has gone.
 * What is written afterwards is dropped. fd is borrowed. */
struct output *output_create(struct loop *loop, int fd, size_t limit_bytes,
                             void (*closed)(void *arg, int error), void *arg);
void output_destroy(struct output *output); /* drops what waits; NULL is fine */

void output_write(struct output *output, const char *text, size_t len);
int output_flush(struct output *output); /* writes all that waits; 0, or -errno */
size_t output_waiting(const struct output *output);

#endif
