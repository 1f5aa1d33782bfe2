#ifndef TI_BASE_EXPORTER_H
#define TI_BASE_EXPORTER_H

/*
 * The HTTP side of any program, for those who watch over it: GET and HEAD of
 *
 *     /metrics    measurements, in the text format of Prometheus
 *     /healthz    200 as long as the loop turns
 *     /readyz     200, or 503 while something is not ready yet; each check is a line
 *
 * It is read-only, without TLS and without authentication: what it tells are numbers, and the names of
 * clusters and resources. Whoever connects is bounded: in how many there are, in the length of a request, and
 * in the time from the first byte to the last. Where there are too many, the one that dawdles gives way.
 */

#include "base/checks.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/metrics.h"

struct exporter_ops {
    /* Adds the measurements of this part of them, counted from 0. False: it was the last one. Each part is
     * asked for in a turn of the loop of its own. */
    bool (*collect)(void *arg, struct metrics *out, size_t part);
    void (*ready)(void *arg, struct checks *out);
};

struct exporter_config {
    struct loop *loop;   /* borrowed */
    const char *host;    /* for the call only */
    uint16_t port;       /* 0: any that is free */
    int64_t deadline_us; /* of a connection, from accept to close; 0: 10 s */
    const struct exporter_ops *ops;
    void *arg;
};

struct exporter;

/* 0, or what listen_open() gives. */
int exporter_create(const struct exporter_config *config, struct exporter **out, struct error *err);
uint16_t exporter_port(const struct exporter *exporter);
/* Closes all connections. NULL is fine. */
void exporter_destroy(struct exporter *exporter);

#endif
