#include "samples/minicluster/clusters.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/http.h"
#include "apiserver/kubeconfig.h"
#include "base/mem.h"
#include "samples/minicluster/faults.h"

#define HISTORY_BYTES ((size_t)32 << 20) /* of all clusters together, for each resource */
#define PART_CLUSTERS 64
#define LABELS_LIMIT 1024

struct served {
    struct cluster *cluster;
    struct faults *faults;
    struct listener *listener;
    char *name, *url;
};

struct clusters {
    const struct clusters_options *options;
    unsigned count, filled;
    struct served served[];
};

static void host_in_url(const char *host, char *out, size_t size)
{
    bool any = !host[0] || !strcmp(host, "0.0.0.0");
    snprintf(out, size, strchr(host, ':') ? "[%s]" : "%s", any ? "127.0.0.1" : host);
}

static void on_filled(void *arg);

/* Many share what one may have to itself, so that what changes for days costs no more than that. */
static struct cluster *create_cluster(struct clusters *clusters)
{
    struct cluster_options each = clusters->options->each;
    if (clusters->count > 1)
        each.history_bytes = HISTORY_BYTES / clusters->count;
    each.filled = on_filled;
    each.arg = clusters;
    return cluster_create(&each);
}

static int serve(struct clusters *clusters, unsigned i, struct error *err)
{
    char host[280];
    struct served *served = &clusters->served[i];
    const struct clusters_options *options = clusters->options;
    struct listener_options listen = {.host = options->host,
                                      .port = (uint16_t)(options->port ? options->port + i : 0)};
    served->cluster = create_cluster(clusters);
    served->faults = faults_create(cluster_server(served->cluster));
    served->name =
        options->count == 1 ? mem_strdup(options->name) : mem_printf("%s-%u", options->name, i + 1);
    int r = listener_create(cluster_server(served->cluster), &listen, &served->listener, err);
    if (r != 0)
        return r;
    host_in_url(options->host, host, sizeof(host));
    served->url = mem_printf("http://%s:%u", host, listener_port(served->listener));
    return 0;
}

static int write_kubeconfig(const struct clusters *clusters, const char *path, struct error *err)
{
    struct kubeconfig_entry entries[CLUSTERS_MAX];
    for (unsigned i = 0; i < clusters->count; i++)
        entries[i] =
            (struct kubeconfig_entry){.name = clusters->served[i].name, .url = clusters->served[i].url};
    return kubeconfig_write(path, entries, clusters->count, err);
}

static void announce(const struct clusters *clusters, const char *kubeconfig)
{
    for (unsigned i = 0; i < clusters->count; i++)
        printf("minicluster %s: serving %s%s%s\n", clusters->served[i].name, clusters->served[i].url,
               kubeconfig ? ", kubeconfig " : "", kubeconfig ? kubeconfig : "");
    fflush(stdout);
}

/* The last one makes it known that all are there. */
static void on_filled(void *arg)
{
    struct clusters *clusters = arg;
    const struct clusters_options *options = clusters->options;
    struct error err = {0};
    if (++clusters->filled < clusters->count)
        return;
    int r = options->kubeconfig_out ? write_kubeconfig(clusters, options->kubeconfig_out, &err) : 0;
    if (r == 0)
        announce(clusters, options->kubeconfig_out);
    options->ready(options->arg, r ? &err : NULL);
}

static int start(struct clusters *clusters, struct error *err)
{
    const struct clusters_options *options = clusters->options;
    if (options->port && options->port + options->count - 1 > UINT16_MAX)
        return error_set(err, EX_USAGE, "--listen: there are no %u ports from %u on", options->count,
                         options->port);
    for (unsigned i = 0; i < options->count; i++) {
        int r = serve(clusters, i, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int clusters_create(const struct clusters_options *options, struct clusters **out, struct error *err)
{
    struct clusters *clusters = mem_zalloc(sizeof(*clusters) + options->count * sizeof(clusters->served[0]));
    clusters->options = options;
    clusters->count = options->count;
    int r = start(clusters, err);
    if (r == 0)
        *out = clusters;
    else
        clusters_destroy(clusters);
    return r;
}

static void served_metrics(const struct served *served, struct metrics *out)
{
    struct buf instance = BUF_INIT(LABELS_LIMIT);
    struct counters counters = {.metrics = out};
    metric_label(&instance, "cluster", served->name);
    apiserver_counters(cluster_server(served->cluster), instance.data, &counters);
    listener_counters(served->listener, instance.data, &counters);
    buf_deinit(&instance);
}

bool clusters_metrics(const struct clusters *clusters, struct metrics *out, size_t part)
{
    size_t end = (part + 1) * PART_CLUSTERS;
    for (size_t i = part * PART_CLUSTERS; i < end && i < clusters->count; i++)
        served_metrics(&clusters->served[i], out);
    return end < clusters->count;
}

void clusters_check(const struct clusters *clusters, struct checks *out)
{
    char why[64];
    snprintf(why, sizeof(why), "%u of %u are filled", clusters->filled, clusters->count);
    checks_add(out, "clusters", clusters->filled < clusters->count ? why : NULL);
}

void clusters_destroy(struct clusters *clusters)
{
    if (!clusters)
        return;
    for (unsigned i = 0; i < clusters->count; i++) {
        struct served *served = &clusters->served[i];
        listener_destroy(served->listener);
        faults_destroy(served->faults);
        cluster_destroy(served->cluster);
        free(served->name);
        free(served->url);
    }
    free(clusters);
}
