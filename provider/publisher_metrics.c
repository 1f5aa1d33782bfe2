/* What a publisher counts, as it is shown. */
#include "base/mem.h"
#include "provider/publisher_internal.h"

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
