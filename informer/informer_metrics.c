/* What an informer counts, as it is shown. */
#include "base/mem.h"
#include "informer/informer_internal.h"

#define ANSWER(name) "answer=\"" name "\""
#define REASON(name) "reason=\"" name "\""

static const struct metric events =
    METRIC_COUNTER("transport_informer_informer_events_total", "Changes of objects in replicas.");
static const struct metric patched =
    METRIC_COUNTER("transport_informer_informer_patched_events_total",
                   "Events that were told as what changed since the one before.");
static const struct metric deltas =
    METRIC_COUNTER("transport_informer_informer_deltas_total", "Messages with changes that were applied.");
static const struct metric unfit =
    METRIC_COUNTER("transport_informer_informer_unfit_deltas_total",
                   "Times that a change could not be applied to what is here, by reason: one before it is "
                   "missing (gap), another state would come out (root), or the object that it changes is "
                   "missing (base).");
static const struct metric syncs =
    METRIC_COUNTER("transport_informer_informer_syncs_total", "Syncs that were asked for.");
static const struct metric answers =
    METRIC_COUNTER("transport_informer_informer_sync_answers_total",
                   "Syncs that came to an end, by how: equal, repair (of the buckets that "
                   "differ), snapshot, ended (there is no such stream), or failed.");
static const struct metric haves =
    METRIC_COUNTER("transport_informer_informer_haves_total", "Messages of repairs that told what is here.");
static const struct metric delayed =
    METRIC_COUNTER("transport_informer_informer_syncs_delayed_total",
                   "Syncs that were put off, since a provider makes us sync too often.");
static const struct metric dropped =
    METRIC_COUNTER("transport_informer_informer_dropped_total",
                   "What was dropped, by reason: messages that came twice (duplicate), waited in "
                   "vain for one before them (held), are of a run that is not followed (foreign), "
                   "are old (old_catalog), were not asked for (unasked), do not decode "
                   "(malformed), lack parts (parts), are too many (excess), or pass bounds "
                   "(refused, stream_refused, cluster_refused); and signals that the broker's "
                   "queue refused (unsent).");
static const struct metric namesakes =
    METRIC_COUNTER("transport_informer_informer_namesake_answers_total",
                   "Answers to another informer of the same name; unasked, too.");
static const struct metric conflicts = METRIC_COUNTER("transport_informer_informer_conflicts_total",
                                                      "Times that two providers of one name were heard.");
static const struct metric whois =
    METRIC_COUNTER("transport_informer_informer_whois_total", "Times that was asked who is there.");
static const struct metric misinstalled =
    METRIC_COUNTER("transport_informer_informer_misinstalled_total",
                   "Snapshots put in place that were not what had been verified: a fault of this program.");

const struct informer_stats *informer_stats(const struct informer *informer)
{
    return &informer->stats;
}

void informer_counters(const struct informer *informer, struct counters *out)
{
#define STAT(...) COUNTER(struct informer_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(events, &events),
        STAT(patched, &patched),
        STAT(deltas, &deltas),
        STAT(duplicates, &dropped, REASON("duplicate")),
        STAT(gaps, &unfit, REASON("gap")),
        STAT(divergences, &unfit, REASON("root")),
        STAT(bases_missing, &unfit, REASON("base")),
        STAT(held_dropped, &dropped, REASON("held")),
        STAT(syncs, &syncs),
        STAT(syncs_equal, &answers, ANSWER("equal")),
        STAT(syncs_repair, &answers, ANSWER("repair")),
        STAT(syncs_ended, &answers, ANSWER("ended")),
        STAT(haves, &haves),
        STAT(syncs_snapshot, &answers, ANSWER("snapshot")),
        STAT(syncs_failed, &answers, ANSWER("failed")),
        STAT(syncs_delayed, &delayed),
        STAT(foreign, &dropped, REASON("foreign")),
        STAT(catalogs_old, &dropped, REASON("old_catalog")),
        STAT(unasked, &dropped, REASON("unasked")),
        STAT(namesakes, &namesakes),
        STAT(malformed, &dropped, REASON("malformed")),
        STAT(parts_given_up, &dropped, REASON("parts")),
        STAT(excess, &dropped, REASON("excess")),
        STAT(refused, &dropped, REASON("refused")),
        STAT(streams_refused, &dropped, REASON("stream_refused")),
        STAT(clusters_refused, &dropped, REASON("cluster_refused")),
        STAT(conflicts, &conflicts),
        STAT(whois, &whois),
        STAT(misinstalled, &misinstalled),
        STAT(unsent, &dropped, REASON("unsent")),
    };
#undef STAT
    _Static_assert(sizeof(struct informer_stats) == array_size(list) * sizeof(uint64_t), "one is missing");
    counters_add(out, "informer", "", list, array_size(list), &informer->stats);
}
