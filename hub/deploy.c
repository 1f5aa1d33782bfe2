#include "hub/deploy.h"

#include "base/mem.h"
#include "hub/status_writer.h"
#include "hub/workloads.h"
#include "provider/identity.h"

struct deploy {
    struct loop *loop;
    struct log *log;
    struct attic *attic;
    const struct informer *informer;
    struct outlet outlet;
    struct rest *rest;
    char *server;
    struct identity *identity;
    struct workloads *workloads;  /* NULL until it is known which cluster the source is */
    struct status_writer *writer; /* the same */
    struct timer again;
    void (*replaced)(void *arg);
    void *arg;
};

static void on_asked(void *arg, const char *informer)
{
    struct deploy *deploy = arg;
    if (deploy->workloads)
        workloads_asked(deploy->workloads, informer);
}

/* Replicas that were there before the writer. */
static void attach_all(struct deploy *deploy)
{
    struct informer_cluster *cluster = NULL;
    while (deploy->informer && (cluster = informer_next_cluster(deploy->informer, cluster))) {
        struct informer_replica *replica = NULL;
        while ((replica = cluster_next_replica(cluster, replica))) {
            deploy_replica(deploy, replica);
            deploy_synced(deploy, replica, replica_synced(replica));
        }
    }
}

static void writer_open(struct deploy *deploy, const char *uid)
{
    struct status_writer_config config = {
        .loop = deploy->loop,
        .log = deploy->log,
        .rest = deploy->rest,
        .source = workloads_source(deploy->workloads),
        .store_id = uid,
    };
    deploy->writer = status_writer_create(&config);
    attach_all(deploy);
}

static void on_confirm(void *arg)
{
    struct deploy *deploy = arg;
    identity_confirm(deploy->identity);
}

static void on_confirmed(void *arg)
{
    struct deploy *deploy = arg;
    if (deploy->workloads)
        workloads_confirmed(deploy->workloads);
}

static void on_replaced(void *arg)
{
    struct deploy *deploy = arg;
    timer_start(&deploy->again, 0);
}

/* By way of the loop, so that everything may be destroyed. */
static void on_again(void *arg)
{
    struct deploy *deploy = arg;
    deploy->replaced(deploy->arg);
}

static void on_known(void *arg, const char *uid, const char *version)
{
    struct deploy *deploy = arg;
    if (!*uid) {
        log_error(deploy->log, "hub",
                  "the source cluster has no identity: no workloads go down until the hub may \"get\" its "
                  "namespace kube-system and is started again");
        return;
    }
    log_info(deploy->log, "hub", "source of workloads: %s, which is %s, Kubernetes %s", deploy->server, uid,
             version);
    struct workloads_config config = {.loop = deploy->loop,
                                      .log = deploy->log,
                                      .attic = deploy->attic,
                                      .rest = deploy->rest,
                                      .publisher = deploy->outlet.publisher,
                                      .confirm = on_confirm,
                                      .went_back = on_replaced,
                                      .arg = deploy};
    publisher_set_cluster(deploy->outlet.publisher, uid, version);
    deploy->workloads = workloads_create(&config);
    writer_open(deploy, uid);
    connection_start(deploy->outlet.connection);
}

int deploy_create(const struct deploy_config *config, struct deploy **out, struct error *err)
{
    static const struct publisher_ops ops = {.asked = on_asked};
    static const struct identity_ops identity_ops = {
        .known = on_known, .confirmed = on_confirmed, .replaced = on_replaced};
    struct deploy *deploy = mem_zalloc(sizeof(*deploy));
    *deploy = (struct deploy){.loop = config->loop,
                              .log = config->log,
                              .attic = config->attic,
                              .informer = config->informer,
                              .rest = config->rest,
                              .server = mem_strdup(config->server),
                              .replaced = config->replaced,
                              .arg = config->arg};
    timer_init(&deploy->again, deploy->loop, on_again, deploy);
    int r = config->open(config->arg, &deploy->outlet, &ops, deploy, err);
    if (r != 0) {
        deploy_destroy(deploy);
        return r;
    }
    deploy->identity = identity_create(config->loop, config->rest, config->log, &identity_ops, deploy);
    *out = deploy;
    return 0;
}

void deploy_counters(const struct deploy *deploy, struct counters *out)
{
    if (!deploy)
        return;
    publisher_counters(deploy->outlet.publisher, out);
    connection_counters(deploy->outlet.connection, "workloads", out);
}

void deploy_metrics(const struct deploy *deploy, struct metrics *out)
{
    if (deploy)
        publisher_metrics(deploy->outlet.publisher, out);
}

void deploy_ready(const struct deploy *deploy, struct checks *out)
{
    if (!deploy)
        return;
    bool synced = deploy->workloads && workloads_synced(deploy->workloads);
    checks_add(out, "source",
               synced              ? NULL
               : deploy->workloads ? "not listed yet"
                                   : "not known yet which cluster it is");
    connection_ready(deploy->outlet.connection, "workloads", out);
}

void deploy_farewell(struct deploy *deploy)
{
    if (deploy)
        outlet_farewell(&deploy->outlet);
}

void deploy_destroy(struct deploy *deploy)
{
    if (!deploy)
        return;
    timer_stop(&deploy->again);
    identity_destroy(deploy->identity);
    status_writer_destroy(deploy->writer);
    outlet_close(&deploy->outlet);
    workloads_destroy(deploy->workloads);
    free(deploy->server);
    free(deploy);
}

static bool is_workload(const struct deploy *deploy, const struct informer_replica *replica)
{
    return deploy && deploy->writer && gvr_equal(replica_gvr(replica), &workloads_gvr);
}

void deploy_replica(struct deploy *deploy, struct informer_replica *replica)
{
    if (is_workload(deploy, replica))
        status_writer_attach(deploy->writer, cluster_name(replica_cluster(replica)), replica_store(replica));
}

void deploy_synced(struct deploy *deploy, struct informer_replica *replica, bool synced)
{
    if (is_workload(deploy, replica))
        status_writer_synced(deploy->writer, replica_store(replica), synced);
}

void deploy_dropped(struct deploy *deploy, struct informer_replica *replica)
{
    if (is_workload(deploy, replica))
        status_writer_detach(deploy->writer, replica_store(replica));
}
