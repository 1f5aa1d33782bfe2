#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attic.h"
#include "store/store.h"
#include "transport/mqtt.h"

int64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * LOOP_SECOND + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

int64_t memory_bytes(void)
{
    long size = 0, resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld %ld", &size, &resident, &shared) != 3)
        resident = shared = 0;
    if (file)
        fclose(file);
    return (int64_t)(resident - shared) * sysconf(_SC_PAGESIZE);
}

struct topics bench_topics(void)
{
    struct topics topics;
    topics_init(&topics, "bench/signal", "bench/payload", NULL);
    return topics;
}

struct attic *bench_attic(struct loop *loop, const struct bench_options *options)
{
    struct attic_options attic = {.hot_bytes = options->hot_bytes};
    return attic_create(loop, &attic);
}

struct store *bench_store(struct attic *attic)
{
    struct gvr pods;
    gvr_set(&pods, "", "v1", "pods");
    struct shelf *shelf = attic_shelf(attic, &pods);
    struct store *store = store_create_on(shelf);
    shelf_unref(shelf);
    return store;
}

struct transport *bench_transport(struct loop *loop, const struct bench_options *options, const char *name)
{
    struct mqtt_options mqtt = {.broker = options->broker, .client_id = name};
    struct transport *transport = NULL;
    struct error err = {0};
    if (mqtt_create(loop, &mqtt, &transport, &err) != 0) {
        fprintf(stderr, "bench: %s\n", err.text);
        exit(err.code);
    }
    return transport;
}
