/* minicluster: a cluster's API, a few controllers and pretended nodes, in one small process. */

#include <stddef.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/program.h"
#include "samples/minicluster/clusters.h"

struct settings {
    struct option_endpoint listen;
    char *kubeconfig_out;
    char *name;
    int64_t clusters, nodes, pods, churn, node_grace, toleration;
    bool controllers;
};

static const struct option_spec specs[] = {
    {.name = "listen",
     .type = OPTION_ENDPOINT,
     .value = "ADDRESS",
     .fallback = "127.0.0.1:0",
     .help = "where to serve the API, on plain http and without any authentication; port 0 takes one that is "
             "free; further clusters take the ports that follow",
     .offset = offsetof(struct settings, listen)},
    {.name = "kubeconfig-out",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "write a kubeconfig once all is served and there, with a context for each cluster",
     .offset = offsetof(struct settings, kubeconfig_out)},
    {.name = "name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .fallback = "minicluster",
     .help = "of the cluster and the context in that kubeconfig; several are NAME-1, NAME-2, …",
     .offset = offsetof(struct settings, name)},
    {.name = "clusters",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "1",
     .least = 1,
     .most = CLUSTERS_MAX,
     .help = "clusters in this process, each with a port, nodes and pods of its own",
     .offset = offsetof(struct settings, clusters)},
    {.name = "nodes",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "2",
     .most = 10000,
     .help = "nodes to pretend; without any, pods stay Pending",
     .offset = offsetof(struct settings, nodes)},
    {.name = "pods",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "0",
     .most = 1000000,
     .help = "running pods of 3 KB to begin with, a hundred in a namespace; the API answers while they are "
             "made, and "
             "its /readyz says when they are all there",
     .offset = offsetof(struct settings, pods)},
    {.name = "churn",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "0",
     .most = 100000,
     .help = "changes to those pods (or to the nodes, where there are none) each second",
     .offset = offsetof(struct settings, churn)},
    {.name = "node-grace",
     .type = OPTION_NUMBER,
     .value = "SECONDS",
     .fallback = "40",
     .least = 1,
     .most = 86400,
     .help =
         "after which a node that does not renew its Lease is not ready; it does four times as often, until "
         "it is annotated minicluster/kubelet=stopped",
     .offset = offsetof(struct settings, node_grace)},
    {.name = "toleration",
     .type = OPTION_NUMBER,
     .value = "SECONDS",
     .fallback = "300",
     .least = 1,
     .most = 86400,
     .help = "after which pods are evicted from a node that is not ready, where they say nothing else",
     .offset = offsetof(struct settings, toleration)},
    {.name = "controllers",
     .type = OPTION_BOOL,
     .fallback = "true",
     .help = "act on workloads; --no-controllers makes an API that only keeps them, such as a hub's source",
     .offset = offsetof(struct settings, controllers)},
};

static const struct program_info info = {
    .name = "minicluster",
    .summary = "a small Kubernetes API with pretended nodes, for demos and tests",
    .usage = "[options]",
    .description =
        "Serves list, watch and writes as kubectl and client-go expect them, out of memory; Deployments, "
        "StatefulSets, DaemonSets, Jobs and CronJobs have pods, which run on nodes that are not there, and "
        "start, run and end as "
        "their annotations minicluster/start-seconds, minicluster/run-seconds and minicluster/exit-code "
        "ask. Anyone who reaches the address may do anything: keep it on the loopback. Faults are made by "
        "POST to /minicluster/faults/NAME: cut, end and expire happen at once (to open requests, watches "
        "and the history); error, drop, slow and stale stay for what verb=, resource= and times= choose, "
        "are told by GET /minicluster/faults, and end by DELETE.",
    .example = "minicluster --kubeconfig-out /tmp/mini.yaml &\n"
               "kubectl --kubeconfig /tmp/mini.yaml create deployment web --image nginx\n"
               "curl -X POST \"$server/minicluster/faults/error?code=429&verb=list&times=3\"\n",
};

static void stop(void *arg)
{
    program_end(arg, 0);
}

static bool on_streams(void *arg, struct metrics *out, size_t part)
{
    return clusters_metrics(arg, out, part);
}

static void on_check(void *arg, struct checks *out)
{
    clusters_check(arg, out);
}

static void on_ready(void *arg, const struct error *failed)
{
    if (failed)
        program_fail(arg, failed);
}

static int serve(struct program *program, const struct settings *settings)
{
    static const struct monitor_ops ops = {.streams = on_streams, .ready = on_check};
    struct error err = {0};
    struct clusters *clusters = NULL;
    struct clusters_options options = {
        .host = settings->listen.host,
        .port = settings->listen.port,
        .name = settings->name,
        .kubeconfig_out = settings->kubeconfig_out,
        .count = (unsigned)settings->clusters,
        .each = {.loop = program->loop,
                 .log = &program->log,
                 .nodes = (unsigned)settings->nodes,
                 .pods = (unsigned)settings->pods,
                 .churn = (unsigned)settings->churn,
                 .node_grace_s = settings->node_grace,
                 .toleration_s = settings->toleration,
                 .passive = !settings->controllers},
        .ready = on_ready,
        .arg = program,
    };
    int r = clusters_create(&options, &clusters, &err);
    if (r == 0) {
        program_attend(program, &ops, clusters);
        r = program_run(program, stop, program);
        program_attend(program, NULL, NULL);
    } else {
        fprintf(stderr, "minicluster: %s\n", err.text);
    }
    clusters_destroy(clusters);
    return r;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct program program;
    const struct option_group groups[] = {
        {.title = "Cluster", .specs = specs, .count = array_size(specs), .target = &settings}};
    int code = program_init(&program, &info, groups, array_size(groups), argc, argv);
    if (code == 0)
        code = serve(&program, &settings);
    return program_deinit(&program, code);
}
