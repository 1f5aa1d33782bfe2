#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: sim [--seeds N] [--seed S] [--replay] [--verbose]\n"
                            "  --seeds N   run seeds 1 to N (default 100)\n"
                            "  --seed S    run that one seed, and say what it did\n"
                            "  --replay    run each seed twice: both must be the same to the byte\n"
                            "  --verbose   log what the processes say\n";

static struct world_options options_for(uint64_t seed, bool verbose)
{
    return (struct world_options){
        .seed = seed,
        .chaos_us = 60 * LOOP_SECOND,
        .settle_us = 300 * LOOP_SECOND,
        .verbose = verbose,
        .encoding = seed % 4 == 0 ? ENCODING_PLAIN : ENCODING_ZSTD,
    };
}

static bool run_seed(uint64_t seed, bool replay, bool verbose, struct world_result *total)
{
    struct world_options options = options_for(seed, verbose);
    struct world_result result = world_run(&options);
    if (result.ok && replay) {
        struct world_result again = world_run(&options);
        if (again.trace != result.trace || again.told != result.told) {
            printf("seed %" PRIu64 ": a second run told something else\n", seed);
            return false;
        }
    }
    if (!result.ok)
        printf("seed %" PRIu64 ": %s\n", seed, result.why);
    total->changes += result.changes;
    total->told += result.told;
    total->kills += result.kills;
    total->syncs += result.syncs;
    total->equal += result.equal;
    total->gaps += result.gaps;
    total->divergences += result.divergences;
    if (result.settled_us > total->settled_us)
        total->settled_us = result.settled_us;
    return result.ok;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, last = 100;
    bool replay = false, verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            last = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            first = last = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--replay") == 0) {
            replay = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else {
            fputs(usage, stderr);
            return 64;
        }
    }
    uint64_t failed = 0;
    struct world_result total = {0};
    for (uint64_t seed = first; seed <= last; seed++)
        failed += !run_seed(seed, replay, verbose, &total);
    printf("%" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " changes, %" PRIu64 " told, %" PRIu64
           " kills, %" PRIu64 " syncs (%" PRIu64 " equal), %" PRIu64 " gaps, %" PRIu64
           " divergences; slowest to settle %" PRId64 " s\n",
           last - first + 1, failed, total.changes, total.told, total.kills, total.syncs, total.equal,
           total.gaps, total.divergences, total.settled_us / LOOP_SECOND);
    return failed || first > last ? 1 : 0;
}
