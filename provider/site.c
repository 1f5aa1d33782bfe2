#include "provider/site.h"

static void on_known(void *arg, const char *uid, const char *version)
{
    struct site *site = arg;
    log_info(site->log, "cluster", "%s is %s, Kubernetes %s", http_config(site->http)->server,
             *uid ? uid : "of unknown identity", *version ? version : "of unknown version");
    publisher_set_cluster(site->outlet->publisher, uid, version);
    connection_start(site->outlet->connection);
    struct provider_config config = {
        .loop = site->loop,
        .rest = http_rest(site->http),
        .publisher = site->outlet->publisher,
        .log = site->log,
        .attic = site->attic,
        .selection = site->selection,
    };
    site->provider = provider_create(&config);
}

static int on_absent(void *arg, const char *audience, const struct gvr *gvr)
{
    struct site *site = arg;
    return site->provider ? provider_absent(site->provider, audience, gvr) : 0;
}

const struct publisher_ops site_publisher_ops = {.absent = on_absent};

static void on_silent(void *arg, bool silent)
{
    const struct site *site = arg;
    provider_silent(site->provider, silent);
}

static void on_replaced(void *arg)
{
    struct site *site = arg;
    timer_start(&site->again, 0);
}

/* By way of the loop, so that everything may be closed. */
static void on_again(void *arg)
{
    struct site *site = arg;
    site->replaced(site->arg);
}

int site_open(struct site *site, const struct site_config *config, struct error *err)
{
    static const struct identity_ops ops = {.known = on_known, .replaced = on_replaced, .silent = on_silent};
    struct kubeconfig_options options = {.path = config->cluster->kubeconfig,
                                         .context = config->cluster->context};
    struct kubeconfig *kubeconfig;
    int r = kubeconfig_load(&options, &kubeconfig, err);
    if (r != 0)
        return r;
    *site = (struct site){.loop = config->loop,
                          .log = config->log,
                          .attic = config->attic,
                          .selection = config->selection,
                          .outlet = config->outlet,
                          .replaced = config->replaced,
                          .arg = config->arg};
    timer_init(&site->again, site->loop, on_again, site);
    site->http = http_create(site->loop, site->log, kubeconfig);
    site->identity = identity_create(site->loop, http_rest(site->http), site->log, &ops, site);
    return 0;
}

void site_metrics(const struct site *site, const char *cluster, struct metrics *out)
{
    if (site->provider)
        provider_metrics(site->provider, cluster, out);
}

void site_ready(const struct site *site, struct checks *out)
{
    checks_add(out, "cluster", site->provider ? NULL : "it is not known yet which cluster this is");
    if (site->provider)
        provider_ready(site->provider, out);
}

void site_close(struct site *site)
{
    timer_stop(&site->again);
    identity_destroy(site->identity);
    provider_destroy(site->provider);
    http_destroy(site->http);
    *site = (struct site){0};
}
