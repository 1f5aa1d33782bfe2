#ifndef TI_SAMPLES_MINICLUSTER_SCHEDULE_H
#define TI_SAMPLES_MINICLUSTER_SCHEDULE_H

/* When a CronJob runs: five fields of cron, with lists, ranges, steps and names, or "@hourly" and the like;
 * in UTC. */

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    uint64_t minutes, hours, days, months, weekdays; /* a bit each; days and months from 1, Sunday is 0 */
    bool any_day, any_weekday;                       /* where neither is, one of them is enough */
};

bool schedule_parse(const char *text, struct schedule *out); /* false: it is none */

/* The first time after that one, in seconds since 1970; -1: there is none in the next five years. */
int64_t schedule_next(const struct schedule *schedule, int64_t after_s);

#endif
