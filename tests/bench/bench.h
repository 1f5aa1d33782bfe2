#ifndef TI_TESTS_BENCH_BENCH_H
#define TI_TESTS_BENCH_BENCH_H

/*
 * The ends of a measurement, each a process of its own over a real broker: one that publishes (publish.c),
 * many that publish small clusters (fleet.c), one that follows (follow.c), and the broker alone (raw.c). They
 * speak with run.py in lines: commands on stdin, and on stdout a word and a JSON object each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/loop.h"
#include "base/object.h"
#include "transport/envelope.h"
#include "transport/topics.h"
#include "transport/transport.h"

struct bench_options {
    const char *broker;
    size_t clusters, pods;
    int64_t hot_bytes; /* objects that are held as they are, not packed */
    enum encoding encoding;
};

int bench_publish(const struct bench_options *options);
int bench_fleet(const struct bench_options *options);
int bench_follow(const struct bench_options *options);
int bench_raw(const struct bench_options *options, size_t bytes, size_t messages);

/* ---- pods.c: a load of pods that look like real ones, without the cost of printing them ---- */

struct pods; /* one text, in which digits are changed in place */

/* managed: with metadata.managedFields, as an API server sends them, and as the provider cuts them. */
struct pods *pods_create(bool managed);
void pods_destroy(struct pods *pods);
/* A line of a watch: that pod, in that version, changed at stamp_us. Borrowed until the next call. */
struct slice pods_line(struct pods *pods, size_t number, uint64_t version, int64_t stamp_us);
int64_t pod_stamp_us(const struct object *pod); /* 0 where there is none */

/* ---- feed.c: the bytes of a watch, through the decoder and the parser into a store ---- */

struct store;
struct feed;

struct feed *feed_create(struct loop *loop, struct store *store, size_t pods); /* the store's shelf is used */
void feed_destroy(struct feed *feed);
void feed_managed(struct feed *feed, bool managed); /* from now on pods have managed fields */
void feed_stamped(struct feed *feed,
                  bool stamped);   /* from now on changes carry the time; initially they do */
void feed_fill(struct feed *feed); /* each pod once, without a time */
/* The next `count` pods, of the first `span` ones, get a new version; bytes go on in pieces of 16 KiB, as a
 * socket gives them. dry: only makes the bytes. */
void feed_change(struct feed *feed, size_t span, size_t count, bool dry);

/* ---- post.c: a publisher of the pods of one store, over a connection of its own ---- */

struct publisher;
struct publisher_stats;

struct post {
    struct loop *loop;
    const struct bench_options *options;
    const char *name;
    struct store *store;
    struct transport *transport;
    struct publisher *publisher;
    uint64_t heard_bytes; /* payloads that came in */
    void (*connected)(void *arg);
    void *arg;
};

void post_open(struct post *post); /* transport and publisher are made, the rest is set before */
void post_close(struct post *post);

/* ---- lines.c: commands ---- */

struct lines {
    uv_pipe_t in;
    struct loop *loop; /* stopped at the end of the input */
    char text[256];
    void (*line)(void *arg, const char *line);
    void *arg;
};

void lines_open(struct lines *lines, struct loop *loop, void (*line)(void *arg, const char *line), void *arg);
void lines_close(struct lines *lines);

/* ---- stall.c: how long a turn of a loop keeps everything else waiting ---- */

struct stall {
    uv_prepare_t prepare;
    int64_t last_cpu_us, last_us, paused_cpu_us, paused_us;
    uint64_t last_idle_ns;
    int64_t cpu_us, us; /* the longest turn so far: of the thread's own time, and on the clock */
    uint64_t over_1ms;  /* turns of more than a millisecond of its own time */
};

void stall_start(struct stall *stall, struct loop *loop);
void stall_reset(struct stall *stall); /* and the turn under way does not count */
/* What is done between them is the benchmark's own, and not what it measures. */
void stall_pause(struct stall *stall);
void stall_resume(struct stall *stall);
void stall_stop(struct stall *stall);

/* ---- bench.c ---- */

int64_t cpu_us(void);       /* of this process, user and system */
int64_t memory_bytes(void); /* resident, private */
struct topics bench_topics(void);
struct attic *bench_attic(struct loop *loop, const struct bench_options *options);
struct store *bench_store(struct attic *attic); /* for pods */
struct transport *bench_transport(struct loop *loop, const struct bench_options *options, const char *name);

#endif
