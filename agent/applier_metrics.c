/* What an applier counts, as it is shown. */
#include "agent/applier_internal.h"
#include "base/mem.h"

#define LABELS_LIMIT 128

static const struct metric requests =
    METRIC_COUNTER("transport_informer_applier_requests_total",
                   "Requests to the cluster's API, by outcome: applied or failed.");
static const struct metric repaired =
    METRIC_COUNTER("transport_informer_applier_repairs_total",
                   "Requests that were applied because of a change or a deletion in the cluster.");
static const struct metric deleted =
    METRIC_COUNTER("transport_informer_applier_deletions_total", "Workloads that were deleted.");

static const struct metric in_flight = METRIC_GAUGE("transport_informer_applier_requests_in_flight",
                                                    "Requests to the cluster's API that are under way.");
static const struct metric workloads =
    METRIC_GAUGE("transport_informer_applier_workloads",
                 "Workloads by how they are: applied, conflict, frozen and so on.");

static void add_gauges(const struct applier *a, struct metrics *out)
{
    metrics_number(out, &in_flight, NULL, a->stats.in_flight);
    for (size_t i = 0; i < APPLIER_CONDITIONS; i++) {
        struct buf labels = BUF_INIT(LABELS_LIMIT);
        metric_label(&labels, "condition", applier_condition_text((enum applier_condition)i));
        metrics_number(out, &workloads, labels.data, a->stats.works[i]);
        buf_deinit(&labels);
    }
}

void applier_counters(const struct applier *a, struct counters *out)
{
#define STAT(...) COUNTER(struct applier_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(applied, &requests, "outcome=\"applied\""),
        STAT(repaired, &repaired),
        STAT(deleted, &deleted),
        STAT(failed, &requests, "outcome=\"failed\""),
    };
#undef STAT
    counters_add(out, "applier", "", list, array_size(list), &a->stats);
    if (out->metrics)
        add_gauges(a, out->metrics);
}
