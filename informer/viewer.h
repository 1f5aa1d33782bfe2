#ifndef TI_INFORMER_VIEWER_H
#define TI_INFORMER_VIEWER_H

/*
 * Shows what an informer has, through a printer: every change as it happens, or the state at one moment.
 * Narrowed by cluster, resource, namespace and labels; an object that stops matching is shown as deleted, as
 * a watch with a selector does.
 */

#include "base/options.h"
#include "informer/informer.h"
#include "informer/printer.h"

/* What is shown; filled from a table of options. */
struct viewer_options {
    struct option_list clusters;  /* empty: all */
    struct option_list resources; /* empty: all that is published */
    char *namespace_;             /* NULL: all, and what is in none */
    char *selector;               /* NULL: everything */
};

struct option_group viewer_option_group(struct viewer_options *options); /* "What is shown" */

struct viewer;

/* options and printer are borrowed. follow: show changes as they happen. 0, EX_USAGE where the selector is
 * none. */
int viewer_create(const struct viewer_options *options, struct printer *printer, bool follow,
                  struct viewer **out, struct error *err);
void viewer_destroy(struct viewer *viewer); /* after the informer; NULL is fine */

/* For the informer's ops, whose arg is the viewer, or to be passed on. */
bool viewer_wanted(void *arg, const char *cluster, const struct gvr *gvr);
void viewer_replica(void *arg, struct informer_replica *replica);
void viewer_cluster(void *arg, struct informer_cluster *cluster);
void viewer_synced(void *arg, struct informer_replica *replica);
void viewer_heard(void *arg, struct informer_replica *replica); /* stale, too */
void viewer_dropped(void *arg, struct informer_replica *replica);

bool viewer_wants_cluster(const struct viewer *viewer, const char *cluster);

/* Prints all objects of a cluster, in the order of their names, as added. */
void viewer_print(struct viewer *viewer, const struct informer_cluster *cluster);

#endif
