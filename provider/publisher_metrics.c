/* What a publisher counts, as it is shown. */
#include "base/mem.h"
#include "provider/publisher_internal.h"

#define LABELS_LIMIT 1024
#define ANSWER(name) "answer=\"" name "\""
#define REASON(name) "reason=\"" name "\""

static const struct metric events =
    METRIC_COUNTER("transport_informer_publisher_events_total", "Changes of objects that were published.");
static const struct metric patched =
    METRIC_COUNTER("transport_informer_publisher_patched_events_total",
                   "Events that were published as what changed since the one before.");
static const struct metric coalesced =
    METRIC_COUNTER("transport_informer_publisher_coalesced_events_total",
                   "Changes that were overtaken by a newer one before they were published.");
static const struct metric heartbeats =
    METRIC_COUNTER("transport_informer_publisher_heartbeats_total", "Heartbeats that were published.");
static const struct metric messages =
    METRIC_COUNTER("transport_informer_publisher_messages_total",
                   "Messages other than heartbeats that were published or refused by the broker's queue.");
static const struct metric bytes = METRIC_COUNTER("transport_informer_publisher_bytes_total",
                                                  "Payloads of messages other than heartbeats, in bytes.");
static const struct metric syncs =
    METRIC_COUNTER("transport_informer_publisher_syncs_total",
                   "Syncs that informers asked for, by how they were answered.");
static const struct metric replayed =
    METRIC_COUNTER("transport_informer_publisher_replayed_deltas_total", "Deltas that were sent again.");
static const struct metric repair_messages =
    METRIC_COUNTER("transport_informer_publisher_repair_messages_total",
                   "Messages of repairs, by kind: digests of buckets, and the keys that differ.");
static const struct metric wants_refused =
    METRIC_COUNTER("transport_informer_publisher_wants_refused_total",
                   "Streams that informers wanted, and that are not to be had.");
static const struct metric dropped = METRIC_COUNTER(
    "transport_informer_publisher_dropped_total",
    "What was dropped, by reason: messages that the broker's queue refused (unsent), signals of "
    "informers (malformed, excess), states of objects (too_large).");
static const struct metric conflicts =
    METRIC_COUNTER("transport_informer_publisher_conflicts_total",
                   "Times that another provider of the same name was heard.");
static const struct metric unheard =
    METRIC_COUNTER("transport_informer_publisher_unheard_total",
                   "Times that the broker did not pass on what was published.");

static const struct metric stream_objects =
    METRIC_GAUGE("transport_informer_stream_objects", "Objects of a stream, as they are published.");
static const struct metric stream_ready =
    METRIC_GAUGE("transport_informer_stream_ready",
                 "1 while a stream is published; else it is not wanted, or not complete yet.");
static const struct metric stream_age =
    METRIC_GAUGE("transport_informer_stream_age_seconds",
                 "Time since the API server was last heard about a resource.");
static const struct metric stream_pending = METRIC_GAUGE("transport_informer_stream_pending_objects",
                                                         "Objects whose newest state waits to be published.");
static const struct metric stream_transfers =
    METRIC_GAUGE("transport_informer_stream_transfers",
                 "Answers to syncs that are on their way to informers.");
static const struct metric stream_events =
    METRIC_COUNTER("transport_informer_stream_events_total",
                   "Changes of a stream's objects that were published.");
static const struct metric stream_coalesced = METRIC_COUNTER(
    "transport_informer_stream_coalesced_events_total",
    "Changes of a stream's objects that were overtaken by a newer one before they were published.");
static const struct metric stream_messages =
    METRIC_COUNTER("transport_informer_stream_messages_total",
                   "Messages with a stream's deltas, snapshots and repairs.");
static const struct metric stream_bytes =
    METRIC_COUNTER("transport_informer_stream_bytes_total", "Payloads of a stream's messages, in bytes.");
static const struct metric stream_syncs =
    METRIC_COUNTER("transport_informer_stream_syncs_total", "Syncs of a stream that were answered, by how.");
static const struct metric stream_dropped =
    METRIC_COUNTER("transport_informer_stream_dropped_total",
                   "States of a stream's objects that were left out, by reason.");

const struct publisher_stats *publisher_stats(const struct publisher *publisher)
{
    return &publisher->stats;
}

void publisher_counters(const struct publisher *publisher, struct counters *out)
{
#define STAT(...) COUNTER(struct publisher_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(events, &events),
        STAT(patched, &patched),
        STAT(coalesced, &coalesced),
        STAT(messages, &messages),
        STAT(bytes, &bytes),
        STAT(unsent, &dropped, REASON("unsent")),
        STAT(syncs_equal, &syncs, ANSWER("equal")),
        STAT(syncs_snapshot, &syncs, ANSWER("snapshot")),
        STAT(syncs_ended, &syncs, ANSWER("ended")),
        STAT(syncs_replay, &syncs, ANSWER("replay")),
        STAT(syncs_repair, &syncs, ANSWER("repair")),
        STAT(digests, &repair_messages, "kind=\"digests\""),
        STAT(repairs, &repair_messages, "kind=\"keys\""),
        STAT(deltas_replayed, &replayed),
        STAT(wants_refused, &wants_refused),
        STAT(heartbeats, &heartbeats),
        STAT(syncs_refused, &syncs, ANSWER("refused")),
        STAT(malformed, &dropped, REASON("malformed")),
        STAT(excess, &dropped, REASON("excess")),
        STAT(conflicts, &conflicts),
        STAT(unheard, &unheard),
        STAT(too_large, &dropped, REASON("too_large")),
    };
#undef STAT
    _Static_assert(sizeof(struct publisher_stats) == array_size(list) * sizeof(uint64_t), "one is missing");
    counters_add(out, "publisher", "", list, array_size(list), &publisher->stats);
}

/* What comes only with trouble shows once there is some. */
static void add_stream_counters(const struct publisher_stream *stream, const char *labels,
                                struct metrics *out)
{
#define STAT(...) COUNTER(struct stream_stats, __VA_ARGS__)
    static const struct counter always[] = {
        STAT(events, &stream_events),
        STAT(coalesced, &stream_coalesced),
        STAT(messages, &stream_messages),
        STAT(bytes, &stream_bytes),
    };
    static const struct counter sparse[] = {
        STAT(syncs_equal, &stream_syncs, ANSWER("equal")),
        STAT(syncs_replay, &stream_syncs, ANSWER("replay")),
        STAT(syncs_repair, &stream_syncs, ANSWER("repair")),
        STAT(syncs_snapshot, &stream_syncs, ANSWER("snapshot")),
        STAT(too_large, &stream_dropped, REASON("too_large")),
    };
#undef STAT
    counters_add(&(struct counters){.metrics = out}, "stream", labels, always, array_size(always),
                 &stream->stats);
    counters_add(&(struct counters){.metrics = out, .sparse = true}, "stream", labels, sparse,
                 array_size(sparse), &stream->stats);
}

static void add_stream(const struct publisher_stream *stream, struct metrics *out)
{
    struct buf labels = BUF_INIT(LABELS_LIMIT);
    const struct transfer *transfer;
    uint64_t transfers;
    topics_labels(stream->publisher->name, stream->audience->name, &stream->gvr, &labels);
    DL_COUNT(stream->transfers, transfer, transfers);
    metrics_number(out, &stream_objects, labels.data, store_count(stream->published));
    metrics_number(out, &stream_ready, labels.data, stream->ready);
    metrics_number(out, &stream_pending, labels.data, HASH_COUNT(stream->pending_by_key));
    metrics_number(out, &stream_transfers, labels.data, transfers);
    int64_t age_us = stream->ops && stream->ops->age_us ? stream->ops->age_us(stream->arg) : -1;
    if (age_us >= 0)
        metrics_seconds(out, &stream_age, labels.data, age_us);
    add_stream_counters(stream, labels.data, out);
    buf_deinit(&labels);
}

void publisher_metrics(const struct publisher *publisher, struct metrics *out)
{
    for (const struct audience *audience = publisher->audiences; audience; audience = audience->hh.next)
        for (const struct publisher_stream *stream = audience->streams; stream; stream = stream->next)
            add_stream(stream, out);
}
