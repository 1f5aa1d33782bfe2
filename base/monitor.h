#ifndef TI_BASE_MONITOR_H
#define TI_BASE_MONITOR_H

/*
 * What a program tells of itself to those who watch over it: over HTTP where --metrics asks for that
 * (base/exporter.h), and to systemd where it has started us (base/notify.h).
 *
 * To systemd a program is started once its loop runs: a broker that is away, or a cluster that is still being
 * set up, is no failure of the start, but something to wait for. What is not ready is in the status, and what
 * stalls the loop for too long lets the watchdog bite.
 */

#include "base/counters.h"
#include "base/exporter.h"
#include "base/log.h"
#include "base/options.h"

/* The program's own work, as far as it tells of itself. May be NULL, each. */
struct monitor_ops {
    void (*counters)(void *arg, struct counters *out);
    /* Adds the measurements of this part of its streams, counted from 0. False: it was the last one. */
    bool (*streams)(void *arg, struct metrics *out, size_t part);
    void (*ready)(void *arg, struct checks *out);
};

struct monitor;

/* Serves from now on, where a host is given. name: of the program. Loop and log are borrowed. 0, or what
 * exporter_create() gives. */
int monitor_create(struct loop *loop, struct log *log, const char *name,
                   const struct option_endpoint *endpoint, struct monitor **out, struct error *err);
void monitor_destroy(struct monitor *monitor); /* NULL is fine */

/* From now on the work is asked. NULL: no longer. */
void monitor_attend(struct monitor *monitor, const struct monitor_ops *ops, void *arg);
void monitor_started(struct monitor *monitor); /* the loop runs */
void monitor_stopping(struct monitor *monitor);

/* All counters in one line, for the log. */
void monitor_line(const struct monitor *monitor, struct buf *out);

#endif
