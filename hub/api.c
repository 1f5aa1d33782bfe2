#include "hub/api.h"

#include <string.h>

#include "apiserver/http.h"
#include "base/mem.h"
#include "hub/clusters.h"
#include "hub/fleet.h"

#define HISTORY_EVENTS 20000 /* of each resource, over all clusters */
#define HISTORY_BYTES ((size_t)64 << 20)
#define YEAR_2020_S INT64_C(1577836800)

struct api {
    struct apiserver *server;
    struct fleet *fleet;
    struct clusters *clusters;
    struct listener *read_only;
};

static const struct option_spec specs[] = {
    {.name = "read-only-http",
     .type = OPTION_ENDPOINT,
     .value = "ADDRESS",
     .help =
         "serve the fleet to kubectl on plain http, to read, without a token: an address of the loopback, "
         "such as 127.0.0.1:8080",
     .offset = offsetof(struct api_options, read_only_http)},
};

struct option_group api_option_group(struct api_options *options)
{
    return (struct option_group){"API", specs, array_size(specs), options};
}

/* Each run counts from its start's second on, far more than it can have changes in one: so a version that was
 * given before is always an old one, and one from a clock that was ahead is none of ours. */
static uint64_t first_revision(struct loop *loop)
{
    int64_t seconds = loop_wall_us(loop) / LOOP_SECOND - YEAR_2020_S;
    return (uint64_t)(seconds > 0 ? seconds : 1) << 32;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

static int listen_read_only(struct api *api, const struct api_options *options, struct error *err)
{
    const struct option_endpoint *at = &options->read_only_http;
    if (!is_loopback(at->host))
        return error_set(err, EX_USAGE,
                         "--read-only-http %s:%u: whoever reaches it may read everything: give an address of "
                         "the loopback, such as 127.0.0.1:8080",
                         at->host, at->port);
    struct listener_options listen = {.host = at->host, .port = at->port};
    return listener_create(api->server, &listen, &api->read_only, err);
}

int api_create(struct loop *loop, struct log *log, const struct api_options *options, struct api **out,
               struct error *err)
{
    *out = NULL;
    if (!options->read_only_http.host[0])
        return 0;
    struct apiserver_options serve = {.loop = loop,
                                      .log = log,
                                      .history_events = HISTORY_EVENTS,
                                      .history_bytes = HISTORY_BYTES,
                                      .fleet = true,
                                      .revision = first_revision(loop)};
    struct api *api = mem_zalloc(sizeof(*api));
    api->server = apiserver_create(&serve);
    api->fleet = fleet_create(loop, apiserver_storage(api->server));
    api->clusters = clusters_create(loop, apiserver_storage(api->server));
    int r = listen_read_only(api, options, err);
    if (r != 0) {
        api_destroy(api);
        return r;
    }
    log_info(log, "api", "serving the fleet, to read: kubectl --server http://%s:%u get pods -A",
             options->read_only_http.host, listener_port(api->read_only));
    *out = api;
    return 0;
}

void api_destroy(struct api *api)
{
    if (!api)
        return;
    listener_destroy(api->read_only);
    clusters_destroy(api->clusters);
    fleet_destroy(api->fleet);
    apiserver_destroy(api->server);
    free(api);
}

void api_cluster(struct api *api, struct informer_cluster *cluster)
{
    if (!api)
        return;
    clusters_changed(api->clusters, cluster);
    fleet_cluster(api->fleet, cluster);
}

void api_replica(struct api *api, struct informer_replica *replica)
{
    if (api)
        fleet_replica(api->fleet, replica);
}

void api_heard(struct api *api, struct informer_replica *replica)
{
    if (!api)
        return;
    clusters_changed(api->clusters, replica_cluster(replica));
    fleet_heard(api->fleet, replica);
}

void api_dropped(struct api *api, struct informer_replica *replica)
{
    if (api)
        fleet_dropped(api->fleet, replica);
}
