#ifndef TI_PROVIDER_SITE_H
#define TI_PROVIDER_SITE_H

/*
 * The upward half of a program beside a cluster: from its kubeconfig to what is published of it.
 *
 *     kubeconfig ──▶ HTTP client ──▶ identity ──▶ broker ──▶ provider
 *
 * The broker is spoken to only once it is known which cluster this is (provider/identity.h).
 */

#include "kube/cluster_options.h"
#include "kube/http.h"
#include "provider/identity.h"
#include "provider/outlet.h"
#include "provider/provider.h"

struct site {
    struct loop *loop;
    struct log *log;
    struct attic *attic;
    const struct selection_options *selection; /* borrowed, as the outlet is */
    struct outlet *outlet;
    struct http *http;
    struct identity *identity;
    struct provider *provider; /* NULL until it is known which cluster this is */
    struct timer again;
    void (*replaced)(void *arg);
    void *arg;
};

struct site_config {
    struct loop *loop; /* borrowed, as all that follows */
    struct log *log;
    struct attic *attic; /* may be NULL */
    const struct cluster_options *cluster;
    const struct selection_options *selection;
    struct outlet *outlet;
    /* From the loop: another cluster answers under the address. Nothing of what was published holds: close
     * outlet and site (which is allowed in here), and open new ones. */
    void (*replaced)(void *arg);
    void *arg;
};

/* Starts at once. 0, or what kubeconfig_load() gives. */
int site_open(struct site *site, const struct site_config *config, struct error *err);

/* For outlet_open(); its arg is the site, which may not be open yet. */
extern const struct publisher_ops site_publisher_ops;

void site_metrics(const struct site *site, const char *cluster,
                  struct metrics *out); /* as provider_metrics() */
void site_ready(const struct site *site, struct checks *out);

/* After outlet_close(), since the publisher borrows stores. A zeroed one is fine. */
void site_close(struct site *site);

#endif
