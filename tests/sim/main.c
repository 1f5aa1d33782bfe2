#include "tests/sim/down.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
#define ENOUGH 1000 /* so many seeds show everything that is to be shown */

static const char usage[] =
    "usage: sim [--seeds N] [--from S] [--seed S] [--jobs J] [--replay] [--until-failure] [--verbose]\n"
    "  --seeds N        run N seeds (default 100); with 1000 or more, everything in the table has to happen\n"
    "  --from S         beginning with this one (default 1)\n"
    "  --seed S         run that one seed, and say what it did\n"
    "  --jobs J         in so many processes (default 1)\n"
    "  --replay         run each seed twice: both must be the same to the byte\n"
    "  --until-failure  end with the first seed that fails\n"
    "  --verbose        log what the processes say\n";

struct plan {
    uint64_t first, count;
    int jobs;
    bool replay, until_failure, verbose;
};

struct totals {
    uint64_t seeds, failed, changes, told;
    int64_t settled_us;
    struct coverage coverage;
};

/* A seed is a world for the way up, and every second one a world for the way down as well. */
static struct world_result both_ways(const struct world_options *options)
{
    struct world_result up = world_run(options);
    if (!up.ok || options->seed % 2)
        return up;
    struct world_result down = down_run(options);
    coverage_add(&down.coverage, &up.coverage);
    down.changes += up.changes;
    down.told += up.told;
    down.trace ^= up.trace;
    down.settled_us = up.settled_us;
    return down;
}

static bool run_seed(const struct plan *plan, uint64_t seed, struct totals *totals)
{
    struct world_options options = {.seed = seed, .verbose = plan->verbose};
    struct world_result result = both_ways(&options);
    if (result.ok && plan->replay) {
        struct world_result again = both_ways(&options);
        if (again.trace != result.trace || again.told != result.told) {
            result.ok = false;
            snprintf(result.oracle, sizeof(result.oracle), "replay");
            snprintf(result.why, sizeof(result.why), "a second run told something else");
        }
    }
    if (!result.ok) {
        printf("seed %" PRIu64 ": %s: %s\n", seed, result.oracle, result.why);
        fflush(stdout);
    }
    totals->seeds++;
    totals->failed += !result.ok;
    totals->changes += result.changes;
    totals->told += result.told;
    coverage_add(&totals->coverage, &result.coverage);
    if (result.settled_us > totals->settled_us)
        totals->settled_us = result.settled_us;
    return result.ok;
}

/* Every jobs-th seed, beginning with the job-th. */
static struct totals run_share(const struct plan *plan, uint64_t job)
{
    struct totals totals = {0};
    for (uint64_t i = job; i < plan->count; i += (uint64_t)plan->jobs)
        if (!run_seed(plan, plan->first + i, &totals) && plan->until_failure)
            break;
    return totals;
}

static void totals_add(struct totals *sum, const struct totals *more)
{
    sum->seeds += more->seeds;
    sum->failed += more->failed;
    sum->changes += more->changes;
    sum->told += more->told;
    coverage_add(&sum->coverage, &more->coverage);
    if (more->settled_us > sum->settled_us)
        sum->settled_us = more->settled_us;
}

/* The read end of a pipe that brings the totals of one share, worked on by a child. */
static int spawn(const struct plan *plan, uint64_t job)
{
    int ends[2];
    fflush(stdout);
    if (pipe(ends) != 0)
        abort();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid > 0) {
        close(ends[1]);
        return ends[0];
    }
    struct totals totals = run_share(plan, job);
    bool written = write(ends[1], &totals, sizeof(totals)) == (ssize_t)sizeof(totals);
    fflush(stdout);
    _exit(written ? 0 : 1);
}

/* A child that died without a word has failed. */
static void gather(int end, struct totals *sum)
{
    struct totals totals;
    size_t have = 0;
    ssize_t n;
    while (have < sizeof(totals) && (n = read(end, (char *)&totals + have, sizeof(totals) - have)) > 0)
        have += (size_t)n;
    close(end);
    if (have == sizeof(totals)) {
        totals_add(sum, &totals);
    } else {
        sum->failed++;
        printf("seed unknown: crash: a process ended before its seeds\n");
    }
}

static struct totals run_all(const struct plan *plan)
{
    struct totals sum = {0};
    int ends[JOBS_MAX];
    if (plan->jobs == 1)
        return run_share(plan, 0);
    for (int i = 0; i < plan->jobs; i++)
        ends[i] = spawn(plan, (uint64_t)i);
    for (int i = 0; i < plan->jobs; i++)
        gather(ends[i], &sum);
    while (wait(NULL) > 0)
        ;
    return sum;
}

static bool read_plan(struct plan *plan, int argc, char **argv)
{
    *plan = (struct plan){.first = 1, .count = 100, .jobs = 1};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--replay") == 0)
            plan->replay = true;
        else if (strcmp(argv[i], "--until-failure") == 0)
            plan->until_failure = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            plan->verbose = true;
        else if (strcmp(argv[i], "--seeds") == 0 && more)
            plan->count = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0 && more)
            plan->first = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0 && more)
            plan->jobs = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0 && more)
            plan->first = strtoull(argv[++i], NULL, 10), plan->count = 1;
        else
            return false;
    }
    return plan->count > 0 && plan->jobs > 0 && plan->jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
    struct plan plan;
    if (!read_plan(&plan, argc, argv)) {
        fputs(usage, stderr);
        return 64;
    }
    struct totals totals = run_all(&plan);
    int never = plan.count > 1 ? coverage_print(&totals.coverage, stdout) : 0;
    bool blind = never > 0 && plan.count >= ENOUGH;
    printf("%" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " changes, %" PRIu64
           " told; slowest to settle %" PRId64 " s%s\n",
           totals.seeds, totals.failed, totals.changes, totals.told, totals.settled_us / LOOP_SECOND,
           blind ? "; some of the table never happened" : "");
    return totals.failed || blind ? 1 : 0;
}
