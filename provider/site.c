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
        .selection = site->selection,
    };
    site->provider = provider_create(&config);
}

int site_open(struct site *site, struct loop *loop, struct log *log, const struct cluster_options *cluster,
              const struct selection_options *selection, struct outlet *outlet, struct error *err)
{
    struct kubeconfig_options options = {.path = cluster->kubeconfig, .context = cluster->context};
    struct kubeconfig *kubeconfig;
    int r = kubeconfig_load(&options, &kubeconfig, err);
    if (r != 0)
        return r;
    *site = (struct site){.loop = loop, .log = log, .selection = selection, .outlet = outlet};
    site->http = http_create(loop, log, kubeconfig);
    site->identity = identity_create(loop, http_rest(site->http), log, on_known, site);
    return 0;
}

void site_close(struct site *site)
{
    identity_destroy(site->identity);
    provider_destroy(site->provider);
    http_destroy(site->http);
    *site = (struct site){0};
}
