/* The provider beside a cluster, as the program wires it: identity first, then the broker, then the feeds. */
#include "tests/sim/world.h"

#include "base/mem.h"
#include "provider/identity.h"
#include "provider/provider.h"
#include "tests/sim/outlet.h"

struct site {
    struct world *world;
    struct kube *kube;
    struct transport *transport;
    struct outlet outlet; /* owns the transport */
    struct identity *identity;
    struct provider *provider; /* NULL until the cluster is known */
    struct selection_options selection;
    struct attic *attic;
    struct timer again;
};

static void site_open(struct site *site);
static void site_close(struct site *site, bool graceful);

static struct log *log_of(struct world *world)
{
    return world->options.verbose ? &world->log : NULL;
}

static void on_known(void *arg, const char *uid, const char *version)
{
    struct site *site = arg;
    publisher_set_cluster(site->outlet.publisher, uid, version);
    connection_start(site->outlet.connection);
    struct provider_config config = {
        .loop = site->world->loop,
        .rest = local_rest(site->kube->local),
        .publisher = site->outlet.publisher,
        .log = log_of(site->world),
        .attic = site->attic,
        .selection = &site->selection,
    };
    site->provider = provider_create(&config);
}

static int on_absent(void *arg, const char *audience, const struct gvr *gvr)
{
    struct site *site = arg;
    return site->provider ? provider_absent(site->provider, audience, gvr) : 0;
}

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

static void on_again(void *arg)
{
    struct site *site = arg;
    site_close(site, true);
    site_open(site);
}

static void site_open(struct site *site)
{
    static const struct identity_ops identity_ops = {
        .known = on_known, .replaced = on_replaced, .silent = on_silent};
    static const struct publisher_ops publisher_ops = {.absent = on_absent};
    struct world *world = site->world;
    site->transport = outlet_over_loopback(world, site->kube->name, &publisher_ops, site, &site->outlet);
    site->identity =
        identity_create(world->loop, local_rest(site->kube->local), log_of(world), &identity_ops, site);
}

static void site_close(struct site *site, bool graceful)
{
    world_count_publisher(site->world, publisher_stats(site->outlet.publisher));
    if (graceful)
        publisher_farewell(site->outlet.publisher);
    else
        loopback_doom(site->transport);
    publisher_destroy(site->outlet.publisher);
    connection_destroy(site->outlet.connection);
    identity_destroy(site->identity);
    provider_destroy(site->provider);
    site->provider = NULL;
}

static void select_resources(struct site *site)
{
    struct option_list *list = &site->selection.resources;
    list->items = mem_zalloc(KUBE_KINDS * sizeof(char *));
    for (size_t i = 0; i < KUBE_KINDS; i++) {
        const struct kube_resource *resource = &site->kube->resources[i];
        if (resource->used)
            list->items[list->count++] = mem_strdup(resource->gvr.resource);
    }
}

static void *site_start(struct world *world, int index)
{
    struct site *site = mem_zalloc(sizeof(*site));
    site->world = world;
    site->kube = &world->kubes[index];
    timer_init(&site->again, world->loop, on_again, site);
    site->selection.always = world->always;
    site->attic = world_attic(world);
    select_resources(site);
    site_open(site);
    return site;
}

static void site_end(void *process, bool graceful)
{
    struct site *site = process;
    timer_stop(&site->again);
    site_close(site, graceful);
    attic_destroy(site->attic);
    for (size_t i = 0; i < site->selection.resources.count; i++)
        free(site->selection.resources.items[i]);
    free(site->selection.resources.items);
    free(site);
}

static struct transport *site_transport(void *process)
{
    return ((struct site *)process)->transport;
}

const struct actor_ops provider_actor = {site_start, site_end, site_transport, NULL};

const struct publisher_stats *provider_process_stats(const void *process)
{
    return publisher_stats(((const struct site *)process)->outlet.publisher);
}

struct publisher_memory provider_process_memory(const void *process)
{
    return publisher_memory(((const struct site *)process)->outlet.publisher);
}
