#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US INT64_C(1000000)

static const struct metric cpu =
    METRIC_COUNTER("process_cpu_seconds_total", "CPU time of the process, user and system, in seconds.");
static const struct metric resident =
    METRIC_GAUGE("process_resident_memory_bytes", "Memory of the process that is resident, in bytes.");
static const struct metric virtual = METRIC_GAUGE("process_virtual_memory_bytes",
                                                  "Address space of the process, in bytes.");
static const struct metric open_fds =
    METRIC_GAUGE("process_open_fds", "File descriptors that the process has open.");
static const struct metric max_fds =
    METRIC_GAUGE("process_max_fds", "File descriptors that the process may have open.");
static const struct metric start_time =
    METRIC_GAUGE("process_start_time_seconds", "When the process was started, in seconds since 1970 (UTC).");

static void add_memory(struct metrics *out)
{
    unsigned long long pages, resident_pages, page = (unsigned long long)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%llu %llu", &pages, &resident_pages) == 2) {
        metrics_number(out, &virtual, NULL, pages * page);
        metrics_number(out, &resident, NULL, resident_pages * page);
    }
    fclose(file);
}

static void add_cpu(struct metrics *out)
{
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
        metrics_seconds(out, &cpu, NULL, used.tv_sec * SECOND_US + used.tv_nsec / 1000);
}

/* The one that reads the folder is counted, and is no other's. */
static void add_fds(struct metrics *out)
{
    uint64_t count = 0;
    struct rlimit limit;
    DIR *folder = opendir("/proc/self/fd");
    if (folder) {
        while (readdir(folder))
            count++;
        closedir(folder);
        metrics_number(out, &open_fds, NULL, count - 3); /* ".", "..", and the folder */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metrics_number(out, &max_fds, NULL, limit.rlim_cur);
}

/* In ticks since the system was started; the name before it may hold anything. */
static bool started_ticks(unsigned long long *ticks)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    const char *rest = strrchr(text, ')');
    return rest && sscanf(rest + 1,
                          " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                          ticks) == 1;
}

static void add_start_time(struct metrics *out)
{
    struct timespec wall, boot;
    unsigned long long ticks;
    if (!started_ticks(&ticks) || clock_gettime(CLOCK_REALTIME, &wall) != 0 ||
        clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return;
    int64_t booted_us = (wall.tv_sec - boot.tv_sec) * SECOND_US + (wall.tv_nsec - boot.tv_nsec) / 1000;
    int64_t since_us =
        (int64_t)(ticks * (unsigned long long)SECOND_US / (unsigned long long)sysconf(_SC_CLK_TCK));
    metrics_seconds(out, &start_time, NULL, booted_us + since_us);
}

void process_metrics(struct metrics *out)
{
    add_cpu(out);
    add_memory(out);
    add_fds(out);
    add_start_time(out);
}
