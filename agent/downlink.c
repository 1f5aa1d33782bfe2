#include "agent/downlink.h"

#include "base/mem.h"
#include "informer/inlet.h"

static const struct gvr deployments = {"apps", "v1", "deployments"};

struct downlink {
    struct informer *informer;
    struct applier *applier;
    const struct informer_replica *replica; /* the one that is attached */
    bool started, following;
};

static const struct option_spec specs[] = {
    {.name = "deploy-to",
     .type = OPTION_LIST,
     .value = "NAMESPACE",
     .help = "workloads may go to this namespace; without it to any",
     .valid = dns_label_valid,
     .allowed = "a namespace's name, such as default",
     .offset = offsetof(struct downlink_options, namespaces)},
    {.name = "adopt",
     .type = OPTION_BOOL,
     .help =
         "take over workloads that came from another source, such as that of a hub that was set up anew, or "
         "from one that went back, as one restored from a backup does; without it they are left as they are",
     .offset = offsetof(struct downlink_options, adopt)},
};

struct option_group downlink_option_group(struct downlink_options *options)
{
    return (struct option_group){"Workloads", specs, array_size(specs), options};
}

static bool on_wanted(void *arg, const char *cluster, const struct gvr *gvr)
{
    (void)arg;
    (void)cluster;
    return gvr_equal(gvr, &deployments);
}

static void on_replica(void *arg, struct informer_replica *replica)
{
    struct downlink *downlink = arg;
    if (!downlink->started)
        applier_start(downlink->applier);
    downlink->started = true;
    downlink->replica = replica;
    applier_source_attach(downlink->applier, replica_store(replica));
}

/* It is no older than what was here before only if it says so itself. */
static void on_heard(void *arg, struct informer_replica *replica)
{
    struct downlink *downlink = arg;
    struct replica_freshness freshness = replica_freshness(replica);
    if (downlink->replica == replica && downlink->following && freshness.resource_version[0])
        applier_source_version(downlink->applier, freshness.resource_version, freshness.exact);
}

static void on_synced(void *arg, struct informer_replica *replica)
{
    struct downlink *downlink = arg;
    if (downlink->replica != replica)
        return;
    downlink->following = true;
    applier_source_synced(downlink->applier, cluster_uid(replica_cluster(replica)));
    on_heard(arg, replica);
}

static void on_stale(void *arg, struct informer_replica *replica)
{
    struct downlink *downlink = arg;
    if (downlink->replica != replica)
        return;
    downlink->following = false;
    applier_source_stale(downlink->applier);
}

static void on_dropped(void *arg, struct informer_replica *replica)
{
    struct downlink *downlink = arg;
    if (downlink->replica != replica)
        return;
    downlink->replica = NULL;
    downlink->following = false;
    applier_source_detach(downlink->applier);
}

static struct applier *applier_open(const struct downlink_config *config)
{
    const struct option_list *namespaces = &config->options->namespaces;
    cleanup_free const char **allowed = mem_zalloc((namespaces->count + 1) * sizeof(char *));
    for (size_t i = 0; i < namespaces->count; i++)
        allowed[i] = namespaces->items[i];
    struct applier_config applier = {
        .loop = config->loop,
        .rest = config->rest,
        .log = config->log,
        .attic = config->attic,
        .gvr = deployments,
        .kind = "Deployment",
        .source_namespace = config->cluster,
        .default_namespace = config->cluster,
        .namespaces = namespaces->count ? allowed : NULL,
        .adopt = config->options->adopt,
    };
    static const struct applier_ops ops = {.condition = NULL};
    return applier_create(&applier, &ops, NULL);
}

struct downlink *downlink_create(const struct downlink_config *config)
{
    static const struct informer_ops ops = {.wanted = on_wanted,
                                            .replica = on_replica,
                                            .synced = on_synced,
                                            .stale = on_stale,
                                            .heard = on_heard,
                                            .dropped = on_dropped};
    struct downlink *downlink = mem_zalloc(sizeof(*downlink));
    downlink->applier = applier_open(config);
    struct informer_options options = {.name = config->cluster,
                                       .provider = TOPICS_HUB,
                                       .topics = *config->topics,
                                       .encoding = config->encoding,
                                       .attic = config->attic,
                                       .log = config->log};
    downlink->informer = inlet_create(config->loop, config->connection, NULL, &options, &ops, downlink);
    return downlink;
}

void downlink_counters(const struct downlink *downlink, struct counters *out)
{
    informer_counters(downlink->informer, out);
    applier_counters(downlink->applier, out);
}

bool downlink_metrics(const struct downlink *downlink, struct metrics *out, size_t part)
{
    return informer_metrics(downlink->informer, out, part);
}

const struct applier_stats *downlink_workloads(const struct downlink *downlink)
{
    return applier_stats(downlink->applier);
}

void downlink_ready(const struct downlink *downlink, struct checks *out)
{
    bool synced = applier_target_state(downlink->applier) == REFLECTOR_SYNCED;
    checks_add(out, "workloads", !downlink->started || synced ? NULL : "what is here is not listed yet");
}

void downlink_destroy(struct downlink *downlink)
{
    if (!downlink)
        return;
    applier_source_detach(downlink->applier);
    informer_destroy(downlink->informer);
    applier_destroy(downlink->applier);
    free(downlink);
}
