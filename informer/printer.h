#ifndef TI_INFORMER_PRINTER_H
#define TI_INFORMER_PRINTER_H

/*
 * Prints what an informer sees. As a table it looks as `kubectl get --watch --output-watch-events` does, with
 * the cluster before the namespace and a header whenever the resource changes; rows that come in one turn of
 * the loop are aligned with each other. As JSON each event is one line, with the object's bytes as they are:
 *
 *     {"type":"ADDED","cluster":"c1","group":"","version":"v1","resource":"pods","object":{…}}
 *     {"type":"STALE","cluster":"c1",…,"object":{"reason":"silent","resourceVersion":"17","ageSeconds":40}}
 *
 * Remote text never reaches a terminal unescaped: in tables, control characters and bytes that are no UTF-8
 * are shown as \x1b or \u009b. (In JSON the API server has escaped them; object_scan() refuses others.)
 */

#include "base/event.h"
#include "base/gvr.h"
#include "base/loop.h"
#include "base/object.h"
#include "informer/informer.h"

enum printer_format { PRINTER_TABLE, PRINTER_JSON };

struct printer;

struct printer_config {
    int fd; /* borrowed */
    enum printer_format format;
    bool kinds; /* names as kubectl prints them where there are several kinds: "deployment.apps/nginx" */
    /* Once, from the loop: the output cannot be written any more. error is an errno; EPIPE: the reader has
     * gone, which is a good end. */
    void (*closed)(void *arg, int error);
    void *arg;
    int64_t (*wall_us)(void); /* µs since 1970, for ages; NULL: the system's clock */
};

struct printer *printer_create(struct loop *loop, const struct printer_config *config);
void printer_destroy(struct printer *printer); /* drops what is not written yet; NULL is fine */

/* object: borrowed; the last state known for EVENT_DELETED. */
void printer_event(struct printer *printer, const char *cluster, const struct gvr *gvr, enum event_type type,
                   const struct object *object);

/* SYNCED: the stream of this resource is complete, with so many objects; or STALE: that is not known any
 * more, and why. */
void printer_freshness(struct printer *printer, const char *cluster, const struct gvr *gvr, size_t count,
                       const struct replica_freshness *freshness);

int printer_flush(struct printer *printer); /* writes all, waiting for the reader; 0, or -errno */

#endif
