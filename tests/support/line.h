#ifndef TI_TESTS_SUPPORT_LINE_H
#define TI_TESTS_SUPPORT_LINE_H

/*
 * One line from an API server to an informer, in one process under virtual time: an in-process API server, a
 * publisher and an informer with a loopback broker between them. What stands between API server and publisher
 * is under test.
 */

#include "apiserver/local.h"
#include "informer/informer.h"
#include "provider/publisher.h"
#include "transport/loopback.h"

struct line {
    struct loop *loop;
    struct apiserver *server;
    struct local *local;
    struct loopback_broker *broker;
    struct transport *up, *down; /* the publisher's, the informer's */
    struct publisher *publisher;
    struct informer *informer;
    size_t drops; /* replicas that went */
};

/* The informer's name is "viewer"; provider: the publisher's. */
void line_open(struct line *line, const char *provider, const struct publisher_ops *ops, void *arg);
/* The same, and what the informer tells goes to the test. */
void line_open_told(struct line *line, const char *provider, const struct informer_ops *told, void *arg);
/* In two steps, since what is under test lends its stores to the publisher: first everything that speaks. */
void line_close_publisher(struct line *line);
void line_close(struct line *line);

struct rest *line_rest(struct line *line);
void line_run(struct line *line, int64_t us); /* so much virtual time */

/* Objects by JSON with single quotes instead of double ones. */
void line_create(struct line *line, const struct gvr *gvr, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void line_update(struct line *line, const struct gvr *gvr, bool status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void line_delete(struct line *line, const struct gvr *gvr, const char *key);

/* What the informer has; NULL where it has none. */
struct informer_cluster *line_cluster(struct line *line);
struct informer_replica *line_replica(struct line *line, const struct gvr *gvr);
size_t line_count(struct line *line, const struct gvr *gvr); /* objects; SIZE_MAX without a replica */

extern const struct gvr line_configmaps, line_secrets, line_crds, line_widgets, line_deployments;
void line_create_crd(struct line *line); /* widgets.v1.example.com */

#endif
