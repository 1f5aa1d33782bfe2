#include "hub/api.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/certificate_files.h"
#include "apiserver/http.h"
#include "apiserver/kubeconfig.h"
#include "base/listen.h"
#include "base/mem.h"
#include "hub/clusters.h"
#include "hub/fleet.h"
#include "hub/state.h"

#define HISTORY_EVENTS 20000 /* of each resource, over all clusters */
#define HISTORY_BYTES ((size_t)64 << 20)
#define REVISIONS_PER_US 2048
#define PORT 8443
#define SEATS 20000
#define PEM_MAX ((size_t)1 << 20)
#define LOOK_US (2 * LOOP_SECOND) /* at the files of a certificate that is given */

struct api {
    struct loop *loop;
    struct log *log;
    const struct api_options *options;
    struct apiserver *server;
    struct fleet *fleet;
    struct clusters *clusters;
    struct access *access;
    struct seats seats;
    struct listener *secure, *read_only; /* NULL where not asked for */
    struct buf token, certificate, key;  /* the latter two: of our own, where none is given */
    struct certificate_files files;      /* that is given */
    struct timer look;                   /* at those */
};

static const struct option_spec specs[] = {
    {.name = "listen",
     .type = OPTION_ENDPOINT,
     .value = "ADDRESS",
     .help =
         "serve the fleet to kubectl over TLS, with tokens (127.0.0.1:8443 where only --kubeconfig-out or "
         "another option for it is given); port 0 takes one that is free",
     .offset = offsetof(struct api_options, listen)},
    {.name = "kubeconfig-out",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "write a kubeconfig for that, with a token, once it listens",
     .offset = offsetof(struct api_options, kubeconfig_out)},
    {.name = "token-file",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "more tokens, each in a line of 'TOKEN read-only|read-write [whose]'; read again when it "
             "changes, which ends the watches of those that are gone; one that is read-only is not shown "
             "Secrets",
     .offset = offsetof(struct api_options, token_file)},
    {.name = "listen-cert",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help =
         "PEM file of the certificate to show, read again when it changes; without it one that vouches for "
         "itself, kept in --state-dir",
     .offset = offsetof(struct api_options, certificate)},
    {.name = "listen-key",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "PEM file of the key of --listen-cert",
     .offset = offsetof(struct api_options, key)},
    {.name = "read-only-http",
     .type = OPTION_ENDPOINT,
     .value = "ADDRESS",
     .help = "serve the fleet, without Secrets, on plain http, to read, without a token: an address of the "
             "loopback, such as 127.0.0.1:8080",
     .offset = offsetof(struct api_options, read_only_http)},
    {.name = "state-dir",
     .type = OPTION_TEXT,
     .value = "DIR",
     .help = "where the token, the certificate and the store are kept; without it $STATE_DIRECTORY, "
             "/var/lib/transport-informer for root, or ~/.local/state/transport-informer",
     .offset = offsetof(struct api_options, state_dir)},
};

struct option_group api_option_group(struct api_options *options)
{
    return (struct option_group){"API", specs, array_size(specs), options};
}

/* Each run counts from its start's microsecond on, far more for each than there can be changes in one: so a
 * version that was given before is always an old one, and one from a clock that was ahead is none of ours.
 * Good until 2112, when they no longer fit the 63 bits that some clients have. */
uint64_t api_first_revision(struct loop *loop)
{
    return (uint64_t)loop_wall_us(loop) * REVISIONS_PER_US;
}

static void print_url(const char *scheme, const char *host, uint16_t port, char *out, size_t size)
{
    bool any = !host[0] || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
    snprintf(out, size, strchr(host, ':') && !any ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
             any ? "127.0.0.1" : host, port);
}

/* ---- over TLS ---- */

static bool wants_secure(const struct api_options *options)
{
    return options->listen.host[0] || options->listen.port || options->kubeconfig_out ||
           options->token_file || options->certificate || options->key;
}

static int find_certificate(struct api *api, const char *state, const char *host, struct error *err)
{
    const struct api_options *options = api->options;
    if (!options->certificate)
        return state_certificate(state, host, &api->certificate, &api->key, err);
    int r = certificate_files_init(&api->files, api->log, options->certificate, options->key, err);
    return r == 0 ? 0 : error_prefix(err, "--listen-cert");
}

static const struct buf *certificate_of(const struct api *api)
{
    return api->options->certificate ? &api->files.certificate : &api->certificate;
}

static const struct buf *key_of(const struct api *api)
{
    return api->options->certificate ? &api->files.key : &api->key;
}

static int find_credentials(struct api *api, const char *host, struct error *err)
{
    cleanup_free char *state = NULL;
    int r = state_open(api->options->state_dir, &state, err);
    if (r == 0)
        r = state_token(state, &api->token, err);
    if (r == 0)
        r = find_certificate(api, state, host, err);
    if (r != 0)
        return r;
    api->access = access_create(api->log);
    access_add(api->access, api->token.data, ACCESS_WRITE, "fleet");
    if (api->options->token_file && access_read(api->access, api->options->token_file, err) != 0)
        return error_prefix(err, "--token-file");
    return 0;
}

static const char *secure_host(const struct api *api)
{
    const struct option_endpoint *at = &api->options->listen;
    return at->host[0] || at->port ? at->host : "127.0.0.1";
}

/* The certificate stands in it: it is written again with another one. */
static int write_kubeconfig(const struct api *api, struct error *err)
{
    char url[320];
    const char *file = api->options->kubeconfig_out;
    print_url("https", secure_host(api), listener_port(api->secure), url, sizeof(url));
    struct kubeconfig_entry fleet = {
        .name = "fleet", .url = url, .ca_pem = certificate_of(api)->data, .token = api->token.data};
    return file ? kubeconfig_write(file, &fleet, 1, err) : 0;
}

static int announce(const struct api *api, struct error *err)
{
    char url[320];
    const char *file = api->options->kubeconfig_out;
    print_url("https", secure_host(api), listener_port(api->secure), url, sizeof(url));
    int r = write_kubeconfig(api, err);
    if (r == 0)
        log_info(api->log, "api", "serving the fleet at %s%s%s", url,
                 file ? ": kubectl get pods -A --kubeconfig " : "", file ? file : "");
    return r;
}

static void on_look(void *arg)
{
    struct api *api = arg;
    struct error err = {0};
    if (certificate_files_look(&api->files) &&
        (listener_show(api->secure, certificate_of(api)->data, key_of(api)->data, &err) != 0 ||
         write_kubeconfig(api, &err) != 0))
        log_error(api->log, "api", "%s", err.text);
    timer_start(&api->look, LOOK_US);
}

static int listen_secure(struct api *api, struct error *err)
{
    const struct option_endpoint *at = &api->options->listen;
    bool given = at->host[0] || at->port;
    const char *host = secure_host(api);
    if (!api->options->certificate != !api->options->key)
        return error_set(err, EX_USAGE, "--listen-cert and --listen-key go together");
    int r = find_credentials(api, host, err);
    if (r != 0)
        return r;
    struct listener_options listen = {.host = host,
                                      .port = given ? at->port : PORT,
                                      .seats = &api->seats,
                                      .log = api->log,
                                      .gate = {.access = api->access},
                                      .certificate = certificate_of(api)->data,
                                      .key = key_of(api)->data};
    r = listener_create(api->server, &listen, &api->secure, err);
    if (r != 0)
        return error_prefix(err, "--listen");
    if (api->options->certificate)
        timer_start(&api->look, LOOK_US);
    return announce(api, err);
}

/* ---- on plain http ---- */

static int listen_read_only(struct api *api, struct error *err)
{
    const struct option_endpoint *at = &api->options->read_only_http;
    if (!listen_is_loopback(at->host))
        return error_set(err, EX_USAGE,
                         "--read-only-http %s:%u: whoever reaches it may read everything: give an address of "
                         "the loopback, such as 127.0.0.1:8080",
                         at->host, at->port);
    struct listener_options listen = {.host = at->host,
                                      .port = at->port,
                                      .seats = &api->seats,
                                      .log = api->log,
                                      .gate = {.read_only = true, .local = true}};
    char url[320];
    int r = listener_create(api->server, &listen, &api->read_only, err);
    if (r != 0)
        return error_prefix(err, "--read-only-http");
    print_url("http", at->host, listener_port(api->read_only), url, sizeof(url));
    log_info(api->log, "api", "serving the fleet, to read: kubectl get pods -A --server %s", url);
    return 0;
}

/* ---- life ---- */

int api_listen(struct api *api, struct error *err)
{
    if (!api)
        return 0;
    int r = wants_secure(api->options) ? listen_secure(api, err) : 0;
    return r == 0 && api->options->read_only_http.host[0] ? listen_read_only(api, err) : r;
}

void api_create(struct loop *loop, struct log *log, const struct api_options *options, uint64_t revision,
                struct api **out)
{
    *out = NULL;
    if (!wants_secure(options) && !options->read_only_http.host[0])
        return;
    struct apiserver_options serve = {.loop = loop,
                                      .log = log,
                                      .history_events = HISTORY_EVENTS,
                                      .history_bytes = HISTORY_BYTES,
                                      .fleet = true,
                                      .revision = revision};
    struct api *api = mem_zalloc(sizeof(*api));
    *api = (struct api){.loop = loop,
                        .log = log,
                        .options = options,
                        .server = apiserver_create(&serve),
                        .token = BUF_INIT(PEM_MAX),
                        .certificate = BUF_INIT(PEM_MAX),
                        .key = BUF_INIT(PEM_MAX)};
    timer_init(&api->look, loop, on_look, api);
    seats_init(&api->seats, SEATS);
    api->fleet = fleet_create(loop, apiserver_storage(api->server));
    api->clusters = clusters_create(loop, apiserver_storage(api->server));
    *out = api;
}

static void forget_secret(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->len);
    buf_deinit(secret);
}

void api_destroy(struct api *api)
{
    if (!api)
        return;
    timer_stop(&api->look);
    listener_destroy(api->secure);
    listener_destroy(api->read_only);
    clusters_destroy(api->clusters);
    fleet_destroy(api->fleet);
    apiserver_destroy(api->server);
    access_destroy(api->access);
    forget_secret(&api->token);
    forget_secret(&api->key);
    certificate_files_deinit(&api->files);
    buf_deinit(&api->certificate);
    free(api);
}

void api_cluster(struct api *api, struct informer_cluster *cluster)
{
    if (!api)
        return;
    clusters_changed(api->clusters, cluster);
    fleet_cluster(api->fleet, cluster);
}

void api_heard(struct api *api, struct informer_replica *replica)
{
    if (!api)
        return;
    clusters_changed(api->clusters, replica_cluster(replica));
    fleet_heard(api->fleet, replica);
}

void api_replica(struct api *api, struct informer_replica *replica)
{
    if (api)
        fleet_replica(api->fleet, replica);
}

void api_renamed(struct api *api, struct informer_replica *replica)
{
    if (api)
        fleet_renamed(api->fleet, replica);
}

void api_dropped(struct api *api, struct informer_replica *replica)
{
    if (api)
        fleet_dropped(api->fleet, replica);
}

void api_counters(const struct api *api, struct counters *out)
{
    if (api)
        apiserver_counters(api->server, "", out);
    if (api && api->secure)
        listener_counters(api->secure, "listener=\"tls\"", out);
    if (api && api->read_only)
        listener_counters(api->read_only, "listener=\"http\"", out);
}
