/* fuzz: ti_transport */
/* Whatever arrives as a topic: a topic that parses is exactly the one that is built from its parts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "transport/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int rebuild(const struct topics *topics, const struct topic *topic, topics_text out)
{
    switch (topic->kind) {
    case TOPIC_SIGNAL:
        return topics_signal(topics, topic->provider, topic->informer, out);
    case TOPIC_WHOIS:
        return topics_whois(topics, topic->informer, out);
    case TOPIC_PRESENCE:
        return topics_presence(topics, topic->provider, out);
    case TOPIC_AUDIENCE:
        return topics_audience(topics, topic->provider, topic->informer, out);
    case TOPIC_STREAM:
        return topics_stream(topics, topic->provider, topic->informer, &topic->gvr, out);
    }
    return -1;
}

static void check(const struct topics *topics, const char *text)
{
    struct topic topic;
    topics_text again;
    if (topics_parse(topics, text, &topic) != 0)
        return;
    if (rebuild(topics, &topic, again) != 0 || strcmp(again, text) != 0)
        abort();
}

/* The first line is the topic; where there are more, the next two are prefixes of their own. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct topics fixed = {.signal = "s", .payload = "/p"};
    cleanup_free char *text = mem_dup(data, size);
    char *rest = text, *topic = strsep(&rest, "\n"), *signal = strsep(&rest, "\n"),
         *payload = strsep(&rest, "\n");
    check(&fixed, topic);
    struct topics own;
    struct error err;
    if (signal && payload && topics_init(&own, signal, payload, &err) == 0)
        check(&own, topic);
    return 0;
}
