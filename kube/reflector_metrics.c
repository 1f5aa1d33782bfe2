/* What a reflector counts, as it is shown. */
#include "base/counters.h"
#include "base/mem.h"
#include "kube/reflector.h"

static const struct metric synced =
    METRIC_GAUGE("transport_informer_reflector_synced", "1 while a resource was listed, and is watched.");
static const struct metric lists =
    METRIC_COUNTER("transport_informer_reflector_lists_total",
                   "Lists of a resource that were begun, by how: in pages, or streamed.");
static const struct metric watches =
    METRIC_COUNTER("transport_informer_reflector_watches_total", "Watches of a resource that were begun.");
static const struct metric events =
    METRIC_COUNTER("transport_informer_reflector_events_total", "Events that watches of a resource told.");
static const struct metric dropped = METRIC_COUNTER(
    "transport_informer_reflector_dropped_total",
    "What came from the API server and was dropped, by reason: objects that are none (malformed), events of "
    "another kind (foreign).");

void reflector_metrics(const struct reflector *reflector, const char *labels, struct metrics *out)
{
#define STAT(...) COUNTER(struct reflector_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(lists, &lists, "mode=\"pages\""),
        STAT(streams, &lists, "mode=\"stream\""),
        STAT(watches, &watches),
        STAT(events, &events),
        STAT(refused, &dropped, "reason=\"malformed\""),
        STAT(ignored, &dropped, "reason=\"foreign\""),
    };
#undef STAT
    _Static_assert(sizeof(struct reflector_stats) == array_size(list) * sizeof(uint64_t), "one is missing");
    metrics_number(out, &synced, labels, reflector_state(reflector) == REFLECTOR_SYNCED);
    counters_add(&(struct counters){.metrics = out}, "reflector", labels, list, array_size(list),
                 reflector_stats(reflector));
}
