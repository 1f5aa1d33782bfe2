#include <string.h>

#include "apiserver/storage.h"
#include "base/mem.h"

static size_t partition_place(const struct collection *collection, const char *name, bool *found)
{
    size_t low = 0, high = collection->partition_count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(collection->partitions[middle]->name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct partition *collection_find(const struct collection *collection, const char *name)
{
    bool found;
    size_t at = partition_place(collection, name, &found);
    return found ? collection->partitions[at] : NULL;
}

struct partition *collection_partition(struct collection *collection, const char *name)
{
    bool found;
    size_t at = partition_place(collection, name, &found), len = strlen(name);
    if (found)
        return collection->partitions[at];
    if (collection->partition_count == collection->partition_cap) {
        collection->partition_cap = collection->partition_cap ? collection->partition_cap * 2 : 1;
        collection->partitions =
            mem_realloc(collection->partitions, collection->partition_cap * sizeof(struct partition *));
    }
    struct partition *partition = mem_zalloc(sizeof(*partition) + len + 1);
    partition->collection = collection;
    partition->holders = 1;
    partition->begun = collection->storage->revision;
    audience_init(&partition->audience, &collection->storage->herald);
    memcpy(partition->name, name, len);
    memmove(collection->partitions + at + 1, collection->partitions + at,
            (collection->partition_count - at) * sizeof(struct partition *));
    collection->partitions[at] = partition;
    collection->partition_count++;
    return partition;
}

void partition_release(struct partition *partition)
{
    if (--partition->holders)
        return;
    object_set_deinit(&partition->objects);
    free(partition);
}

bool partition_empty(struct partition *partition, size_t most)
{
    const struct object_entry *entry;
    while ((entry = object_set_next(&partition->objects, &(struct object_place){0})) && most-- > 0)
        storage_commit(partition, entry->object, true);
    return entry != NULL;
}

void partition_drop(struct partition *partition)
{
    struct collection *collection = partition->collection;
    bool found;
    size_t at = partition_place(collection, partition->name, &found);
    collection->partition_count--;
    memmove(collection->partitions + at, collection->partitions + at + 1,
            (collection->partition_count - at) * sizeof(struct partition *));
    partition->dropped = true;
    audience_call(&partition->audience, collection->storage->revision + 1);
    partition_release(partition);
}
