/*
 * Replicas of a run before. Nothing that was known of their provider's run holds any more, as when one is
 * silent for long: the store is what it was, and stale, until a provider of the same cluster announces the
 * stream; then it is asked for by its root, as any other.
 */
#include "informer/informer_internal.h"

#include <string.h>

/* A file may say anything. */
static bool is_valid(const struct record *record)
{
    struct gvr gvr;
    return topics_participant_valid(record->cluster) && kind_valid(record->kind) &&
           gvr_set(&gvr, record->gvr.group, record->gvr.version, record->gvr.resource) == 0;
}

static bool is_acceptable(struct informer_cluster *cluster, const struct record *record)
{
    return !cluster_find(cluster, record->audience, &record->gvr) && bounds_stream(cluster, &record->gvr);
}

/* An unknown age is that of what was never heard. */
static int64_t age_s(const struct informer *informer, const struct record *record)
{
    int64_t age_s = loop_wall_us(informer->loop) / LOOP_SECOND - record->heard_s;
    if (!record->heard_s)
        return -1;
    return age_s > 0 ? age_s : 0;
}

struct informer_replica *informer_restore(struct informer *informer, const struct record *record)
{
    struct informer_cluster *cluster = is_valid(record) ? cluster_get(informer, record->cluster) : NULL;
    if (!cluster || !is_acceptable(cluster, record))
        return NULL;
    cluster_known(cluster, record);
    struct catalog_entry entry = {
        .gvr = record->gvr, .namespaced = record->namespaced, .names = record->names};
    memcpy(entry.kind, record->kind, sizeof(entry.kind));
    struct informer_replica *replica = replica_create(cluster, record->audience, &entry);
    replica->whole = record->whole;
    replica->epoch = record->epoch;
    replica->sequence = record->sequence;
    replica->age_s = age_s(informer, record);
    replica->age_at_us = loop_now_us(informer->loop);
    if (informer->ops->heard)
        informer->ops->heard(informer->arg, replica);
    return replica;
}

void replica_restored(struct informer_replica *replica, bool whole)
{
    replica->whole = replica->whole && whole;
    bounds_account(replica);
}

void replica_record(const struct informer_replica *replica, struct record *record)
{
    const struct informer_cluster *cluster = replica->cluster;
    struct replica_freshness freshness = replica_freshness(replica);
    int64_t now_s = loop_wall_us(replica->informer->loop) / LOOP_SECOND;
    *record = (struct record){.gvr = replica->gvr,
                              .namespaced = replica->namespaced,
                              .since_s = cluster->since_s,
                              .whole = replica->whole,
                              .current = freshness.synced,
                              .heard_s = freshness.age_s < 0 ? 0 : now_s - freshness.age_s};
    memcpy(record->cluster, cluster->name, sizeof(record->cluster));
    memcpy(record->uid, cluster->presence.cluster, sizeof(record->uid));
    memcpy(record->version, cluster->presence.version, sizeof(record->version));
    memcpy(record->audience, replica->audience, sizeof(record->audience));
    memcpy(record->kind, replica->kind, sizeof(record->kind));
    names_unpack(replica->names, &record->names);
    if (replica->phase == REPLICA_INSTALLING) /* the store is on its way there */
        return;
    record->epoch = replica->epoch;
    record->sequence = replica->sequence;
}
