/* What an API server counts, as it is shown. */
#include "apiserver/server_internal.h"
#include "base/mem.h"

#define CLASS(name) "class=\"" name "\""

static const struct metric requests =
    METRIC_COUNTER("transport_informer_apiserver_requests_total",
                   "Requests to the API that are over, watches included, by class of status.");
static const struct metric sent = METRIC_COUNTER("transport_informer_apiserver_sent_bytes_total",
                                                 "Bodies of answers of the API, in bytes.");
static const struct metric outpaced =
    METRIC_COUNTER("transport_informer_apiserver_outpaced_watches_total",
                   "Watches that were ended, since their reader was so slow that the history had moved on.");
static const struct metric in_flight = METRIC_GAUGE("transport_informer_apiserver_requests_in_flight",
                                                    "Requests to the API that are being answered, by kind.");

struct in_flight {
    uint64_t watches, others;
};

static struct in_flight count_in_flight(const struct apiserver *server)
{
    struct in_flight count = {0};
    for (const struct exchange *exchange = server->exchanges; exchange; exchange = exchange->next) {
        count.watches += exchange->watch;
        count.others += !exchange->watch;
    }
    return count;
}

static void add_in_flight(const struct apiserver *server, const char *instance, struct metrics *out)
{
    static const struct counter list[] = {
        COUNTER(struct in_flight, watches, &in_flight, "kind=\"watch\""),
        COUNTER(struct in_flight, others, &in_flight, "kind=\"other\""),
    };
    struct in_flight count = count_in_flight(server);
    counters_add(&(struct counters){.metrics = out}, "apiserver", instance, list, array_size(list), &count);
}

void apiserver_count(struct apiserver *server, int status)
{
    server->stats.ok += status < 400;
    server->stats.refused += status >= 400 && status < 500;
    server->stats.failed += status >= 500;
}

void apiserver_counters(const struct apiserver *server, const char *instance, struct counters *out)
{
#define STAT(...) COUNTER(struct apiserver_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(ok, &requests, CLASS("2xx")),
        STAT(refused, &requests, CLASS("4xx")),
        STAT(failed, &requests, CLASS("5xx")),
        STAT(bytes, &sent),
        STAT(outpaced, &outpaced),
    };
#undef STAT
    _Static_assert(sizeof(struct apiserver_stats) == array_size(list) * sizeof(uint64_t), "one is missing");
    counters_add(out, "apiserver", instance, list, array_size(list), &server->stats);
    if (out->metrics)
        add_in_flight(server, instance, out->metrics);
}
