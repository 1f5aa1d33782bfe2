/* What an attic counts, as it is shown. */
#include "base/attic.h"
#include "base/mem.h"

#define FORM(name) "form=\"" name "\""

static const struct metric objects =
    METRIC_GAUGE("transport_informer_memory_objects",
                 "Objects in memory, by form; a packed one may be hot as well.");
static const struct metric object_bytes =
    METRIC_GAUGE("transport_informer_memory_object_bytes", "What objects in memory take, by form, in bytes.");
static const struct metric hot_peak = METRIC_GAUGE("transport_informer_memory_hot_peak_bytes",
                                                   "The most that hot objects have taken so far, in bytes.");
static const struct metric pool_bytes =
    METRIC_GAUGE("transport_informer_memory_pool_bytes",
                 "Memory for packed objects and for what all objects have at hand, in bytes.");
static const struct metric dictionaries =
    METRIC_GAUGE("transport_informer_memory_dictionaries", "Dictionaries that objects are packed with.");
static const struct metric dictionary_bytes =
    METRIC_GAUGE("transport_informer_memory_dictionary_bytes", "What the dictionaries take, in bytes.");
static const struct metric packs =
    METRIC_COUNTER("transport_informer_memory_packs_total", "Objects that were packed.");
static const struct metric unpacks =
    METRIC_COUNTER("transport_informer_memory_unpacks_total", "Objects that were unpacked, to be read.");

void attic_counters(const struct attic *attic, struct counters *out)
{
#define STAT(...) COUNTER(struct attic_stats, __VA_ARGS__)
    static const struct counter list[] = {
        STAT(hot, &objects, FORM("hot")),
        STAT(hot_bytes, &object_bytes, FORM("hot")),
        STAT(waiting, &objects, FORM("waiting")),
        STAT(waiting_bytes, &object_bytes, FORM("waiting")),
        STAT(packed, &objects, FORM("packed")),
        STAT(packed_bytes, &object_bytes, FORM("packed")),
        STAT(pool_bytes, &pool_bytes),
        STAT(dictionaries, &dictionaries),
        STAT(dictionary_bytes, &dictionary_bytes),
        STAT(packs, &packs),
        STAT(unpacks, &unpacks),
        STAT(hot_bytes_peak, &hot_peak),
    };
#undef STAT
    _Static_assert(sizeof(struct attic_stats) == array_size(list) * sizeof(uint64_t), "one is missing");
    struct attic_stats stats = attic_stats(attic);
    counters_add(out, "memory", "", list, array_size(list), &stats);
}
