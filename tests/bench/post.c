#include "tests/bench/bench.h"

#include <stdio.h>

#include "provider/publisher.h"

static void on_connected(void *arg)
{
    struct post *post = arg;
    publisher_on_connected(post->publisher);
    if (post->connected)
        post->connected(post->arg);
}

static void on_disconnected(void *arg, const char *reason)
{
    struct post *post = arg;
    fprintf(stderr, "bench: %s: %s\n", post->name, reason);
    publisher_on_disconnected(post->publisher);
}

static void on_message(void *arg, const char *topic, const void *payload, size_t len, bool retained)
{
    (void)retained;
    struct post *post = arg;
    post->heard_bytes += len;
    publisher_on_message(post->publisher, topic, payload, len);
}

static void on_drained(void *arg)
{
    publisher_on_drained(((struct post *)arg)->publisher);
}

void post_open(struct post *post)
{
    static const struct transport_callbacks callbacks = {on_connected, on_disconnected, on_message,
                                                         on_drained};
    struct gvr pods;
    gvr_set(&pods, "", "v1", "pods");
    post->heard_bytes = 0;
    post->transport = bench_transport(post->loop, post->options, post->name);
    struct publisher_options options = {
        .name = post->name, .topics = bench_topics(), .encoding = post->options->encoding};
    post->publisher = publisher_create(post->loop, post->transport, &options, NULL, NULL);
    publisher_set_cluster(post->publisher, post->name, "v1.36.1");
    publisher_stream_ready(publisher_add(post->publisher, "all", &pods, "Pod", true, post->store));
    publisher_complete(post->publisher);
    transport_start(post->transport, &callbacks, post);
}

void post_close(struct post *post)
{
    publisher_destroy(post->publisher);
    transport_destroy(post->transport);
}
