/* minicluster: a cluster's API, a few controllers and pretended nodes, in one small process. */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/http.h"
#include "apiserver/kubeconfig.h"
#include "base/mem.h"
#include "base/program.h"
#include "samples/minicluster/cluster.h"

struct settings {
    struct option_endpoint listen;
    char *kubeconfig_out;
    char *name;
    int64_t nodes, pods, churn;
    bool controllers;
};

static const struct option_spec specs[] = {
    {.name = "listen",
     .type = OPTION_ENDPOINT,
     .value = "ADDRESS",
     .fallback = "127.0.0.1:0",
     .help = "where to serve the API, on plain http and without any authentication; port 0 takes one that is "
             "free",
     .offset = offsetof(struct settings, listen)},
    {.name = "kubeconfig-out",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "write a kubeconfig for this cluster, once it listens",
     .offset = offsetof(struct settings, kubeconfig_out)},
    {.name = "name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .fallback = "minicluster",
     .help = "of the cluster and the context in that kubeconfig",
     .offset = offsetof(struct settings, name)},
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
     .help = "running pods of 3 KB to begin with, a hundred in a namespace",
     .offset = offsetof(struct settings, pods)},
    {.name = "churn",
     .type = OPTION_NUMBER,
     .value = "N",
     .fallback = "0",
     .most = 100000,
     .help = "changes to those pods (or to the nodes, where there are none) each second",
     .offset = offsetof(struct settings, churn)},
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
        "Serves list, watch and writes as kubectl and client-go expect them, out of memory; Deployments make "
        "ReplicaSets, those make pods, and pods run on nodes that are not there. Anyone who reaches the "
        "address may do anything: keep it on the loopback.",
    .example = "minicluster --kubeconfig-out /tmp/mini.yaml &\n"
               "kubectl --kubeconfig /tmp/mini.yaml create deployment web --image nginx\n",
};

static void host_in_url(const char *host, char *out, size_t size)
{
    bool any = !host[0] || !strcmp(host, "0.0.0.0");
    snprintf(out, size, strchr(host, ':') ? "[%s]" : "%s", any ? "127.0.0.1" : host);
}

static int announce(const struct settings *settings, uint16_t port, struct error *err)
{
    char host[280];
    host_in_url(settings->listen.host, host, sizeof(host));
    cleanup_free char *url = mem_printf("http://%s:%u", host, port);
    if (settings->kubeconfig_out) {
        struct kubeconfig_out out = {.path = settings->kubeconfig_out, .name = settings->name, .url = url};
        int r = kubeconfig_write(&out, err);
        if (r != 0)
            return r;
    }
    printf("minicluster %s: serving %s%s%s\n", settings->name, url,
           settings->kubeconfig_out ? ", kubeconfig " : "",
           settings->kubeconfig_out ? settings->kubeconfig_out : "");
    fflush(stdout);
    return 0;
}

static void stop(void *arg)
{
    program_end(arg, 0);
}

static int serve(struct program *program, const struct settings *settings)
{
    struct error err = {0};
    struct listener *listener = NULL;
    struct cluster_options options = {
        .loop = program->loop,
        .log = &program->log,
        .nodes = (unsigned)settings->nodes,
        .pods = (unsigned)settings->pods,
        .churn = (unsigned)settings->churn,
        .passive = !settings->controllers,
    };
    struct cluster *cluster = cluster_create(&options);
    struct listener_options listen = {.host = settings->listen.host, .port = settings->listen.port};
    int r = listener_create(cluster_server(cluster), &listen, &listener, &err);
    if (r == 0)
        r = announce(settings, listener_port(listener), &err);
    if (r == 0)
        r = program_run(program, stop, program);
    else
        fprintf(stderr, "minicluster: %s\n", err.text);
    listener_destroy(listener);
    cluster_destroy(cluster);
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
