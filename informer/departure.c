/*
 * Replicas that go: their stream has ended, or their cluster is another one now. What they hold is told as
 * deleted, so many objects in a turn of the loop, and then they are dropped.
 *
 * As long as one of a cluster goes, its catalogs pass for lost, since a stream that they have by its name is
 * another one; and it is not followed as another cluster. Once all are gone it is asked who it is, and what
 * it has.
 */
#include "informer/informer_internal.h"

/* Takes that many of its objects away at most. True where none are left. */
static bool replica_empty(struct informer_replica *replica, size_t *left)
{
    size_t gone = store_delete_some(replica->store, *left, true);
    REPLICA_COUNT(replica, events, gone);
    bounds_account(replica);
    *left -= gone;
    return store_count(replica->store) == 0;
}

/* One turn's work. */
static void departure_go_on(struct informer_cluster *cluster)
{
    size_t left = cluster->informer->options.slice_objects;
    struct informer_replica *replica, *next;
    DL_FOREACH_SAFE(cluster->replicas, replica, next)
    {
        if (!replica->departing)
            continue;
        if (!replica_empty(replica, &left))
            break;
        cluster->departing--;
        replica_drop(replica);
    }
    if (cluster->departing)
        timer_start(&cluster->departure, 0);
}

static void on_departure(void *arg)
{
    struct informer_cluster *cluster = arg;
    departure_go_on(cluster);
    if (cluster->departing)
        return;
    cluster->whois_us = 0; /* whenever it was asked last, the answer was not taken */
    cluster_whois(cluster);
}

static void depart(struct informer_replica *replica)
{
    if (replica->departing)
        return;
    replica->departing = true;
    replica->cluster->departing++;
    sync_stop(replica);
    replica->whole = replica->leased = false;
    replica->epoch = replica->sequence = 0;
}

void replica_depart(struct informer_replica *replica)
{
    struct informer_cluster *cluster = replica->cluster;
    depart(replica);
    departure_go_on(cluster);
}

bool cluster_depart(struct informer_cluster *cluster)
{
    struct informer_replica *replica;
    DL_FOREACH(cluster->replicas, replica)
    depart(replica);
    departure_go_on(cluster);
    return cluster->departing == 0;
}

void departure_init(struct informer_cluster *cluster)
{
    timer_init(&cluster->departure, cluster->informer->loop, on_departure, cluster);
}

void departure_deinit(struct informer_cluster *cluster)
{
    timer_stop(&cluster->departure);
}
