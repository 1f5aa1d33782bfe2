#ifndef TI_TESTS_BENCH_BENCH_H
#define TI_TESTS_BENCH_BENCH_H

/*
 * The two ends of a measurement, as processes of their own over a real broker. The publishing end holds pods
 * that look like real ones, and changes them; the following end is an informer. They speak with run.py in
 * lines on stdin and stdout.
 */

#include <stdint.h>

#include "base/loop.h"
#include "base/object.h"
#include "transport/envelope.h"
#include "transport/topics.h"
#include "transport/transport.h"

struct bench_options {
    const char *broker;
    size_t pods;
    enum encoding encoding;
};

/* pods.c: the pod of that number, in that version, stamped with the time (µs) at which it changed. */
struct object *pod_make(size_t number, uint64_t version, int64_t stamp_us);
int64_t pod_stamp_us(const struct object *pod); /* 0 where there is none */

/* bench.c */
int64_t cpu_us(void);       /* of this process, user and system */
int64_t memory_bytes(void); /* resident, private */
struct topics bench_topics(void);
struct transport *bench_transport(struct loop *loop, const struct bench_options *options, const char *name);

int bench_publish(const struct bench_options *options);
int bench_follow(const struct bench_options *options);
int bench_raw(const struct bench_options *options, size_t bytes, size_t messages);

#endif
