#include "tests/sim/keep.h"

#include <string.h>
#include <utlist.h>

#include "base/mem.h"

struct row {
    struct row *next;
    size_t len;
    char bytes[];
};

struct stream {
    struct stream *next;
    struct record record;
    struct row *rows;
};

struct keep {
    struct stream *streams;
};

struct keep *keep_create(void)
{
    return mem_zalloc(sizeof(struct keep));
}

static void forget(struct keep *keep)
{
    struct stream *stream, *next;
    struct row *row, *after;
    LL_FOREACH_SAFE(keep->streams, stream, next)
    {
        LL_FOREACH_SAFE(stream->rows, row, after)
        free(row);
        free(stream);
    }
    keep->streams = NULL;
}

void keep_destroy(struct keep *keep)
{
    if (!keep)
        return;
    forget(keep);
    free(keep);
}

static void write_replica(struct keep *keep, const struct informer_replica *replica)
{
    struct stream *stream = mem_zalloc(sizeof(*stream));
    const struct store *store = replica_store(replica);
    replica_record(replica, &stream->record);
    struct object *object = store_seek(store, 0);
    for (; object; object = store_after(store, object)) {
        struct slice bytes = object_bytes(object);
        struct row *row = mem_alloc(sizeof(*row) + bytes.len);
        row->len = bytes.len;
        memcpy(row->bytes, bytes.data, bytes.len);
        LL_PREPEND(stream->rows, row);
    }
    LL_PREPEND(keep->streams, stream);
}

void keep_write(struct keep *keep, const struct informer *informer)
{
    const struct informer_cluster *cluster = NULL;
    const struct informer_replica *replica = NULL;
    forget(keep);
    while ((cluster = informer_next_cluster(informer, cluster)))
        while ((replica = cluster_next_replica(cluster, replica)))
            write_replica(keep, replica);
}

size_t keep_restore(const struct keep *keep, struct informer *informer)
{
    size_t count = 0;
    for (const struct stream *stream = keep->streams; stream; stream = stream->next) {
        struct informer_replica *replica = informer_restore(informer, &stream->record);
        struct store *store = replica ? replica_store(replica) : NULL;
        for (const struct row *row = stream->rows; replica && row; row = row->next, count++) {
            struct object *object;
            struct object_rules rules = {.shelf = store_shelf(store)};
            if (object_create(row->bytes, row->len, &rules, &object) != 0)
                abort(); /* it was one */
            store_put(store, object);
            object_unref(object);
        }
        if (replica)
            replica_restored(replica, true);
    }
    return count;
}

const char *keep_uid(const struct keep *keep, const char *cluster)
{
    const struct stream *stream = keep->streams;
    while (stream && strcmp(stream->record.cluster, cluster) != 0)
        stream = stream->next;
    return stream ? stream->record.uid : "";
}
