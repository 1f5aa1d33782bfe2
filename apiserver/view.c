#include "apiserver/view.h"

#include <string.h>

#include "base/mem.h"

/* The first part whose name is not before that one. */
static size_t part_from(const struct view *view, const char *name)
{
    size_t low = 0, high = view->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(view->parts[middle].partition->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct view_part *add_part(struct view *view, size_t at, struct partition *partition)
{
    if (view->count == view->cap) {
        view->cap = view->cap ? view->cap * 2 : 1;
        view->parts = mem_realloc(view->parts, view->cap * sizeof(*view->parts));
    }
    memmove(view->parts + at + 1, view->parts + at, (view->count - at) * sizeof(*view->parts));
    view->parts[at] = (struct view_part){.partition = partition};
    view->count++;
    partition->holders++;
    return &view->parts[at];
}

/* NULL where it is not asked for. One that has been dropped before the view was taken comes back. */
static struct view_part *part_of(struct view *view, struct partition *partition)
{
    size_t at = part_from(view, partition->name);
    if (at < view->count && !strcmp(view->parts[at].partition->name, partition->name))
        return &view->parts[at];
    return view->one ? NULL : add_part(view, at, partition);
}

static void undo(struct view *view, const struct event *event)
{
    struct view_part *part = part_of(view, event->partition);
    if (part)
        event_undo(event, &part->objects);
    view->reached = event->revision - 1;
}

int view_rewind(struct view *view, size_t most)
{
    const struct collection *collection = view->collection;
    if (view->reached <= view->revision)
        return 0;
    if (view->revision < collection->dropped)
        return STORAGE_E_EXPIRED;
    for (size_t i = collection_events_until(collection, view->reached); i-- > 0;) {
        const struct event *event = collection_event(collection, i);
        if (event->revision <= view->revision)
            break;
        if (most-- == 0)
            return VIEW_E_MORE;
        undo(view, event);
    }
    view->reached = view->revision;
    return 0;
}

int view_begin(const struct collection *collection, const struct partition *only, uint64_t revision,
               struct view *out)
{
    *out = (struct view){.collection = collection,
                         .one = only,
                         .revision = revision,
                         .reached = collection->storage->revision};
    if (revision < collection->dropped)
        return STORAGE_E_EXPIRED;
    out->cap = only ? 1 : collection->partition_count + 1;
    out->parts = mem_alloc(out->cap * sizeof(*out->parts));
    for (size_t i = 0; i < collection->partition_count; i++)
        if (!only || collection->partitions[i] == only)
            object_set_copy(&add_part(out, out->count, collection->partitions[i])->objects,
                            &collection->partitions[i]->objects);
    return 0;
}

int view_take(const struct collection *collection, const struct partition *only, uint64_t revision,
              struct view *out)
{
    int r = view_begin(collection, only, revision, out);
    return r == 0 ? view_rewind(out, SIZE_MAX) : r;
}

void view_deinit(struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        object_set_deinit(&view->parts[i].objects);
        partition_release(view->parts[i].partition);
    }
    free(view->parts);
    *view = (struct view){0};
}

/* ---- reading ---- */

static void enter_part(struct view_reader *reader)
{
    const struct view *view = reader->view;
    if (reader->part < view->count)
        object_set_range(&view->parts[reader->part].objects, reader->namespace_, &reader->at, &reader->end);
}

struct view_reader view_read(const struct view *view, const char *namespace_)
{
    struct view_reader reader = {.view = view, .namespace_ = namespace_};
    enter_part(&reader);
    return reader;
}

struct view_reader view_read_after(const struct view *view, const char *namespace_, const char *partition,
                                   const char *key)
{
    struct view_reader reader = {.view = view, .namespace_ = namespace_};
    reader.part = part_from(view, partition);
    enter_part(&reader);
    if (reader.part == view->count || strcmp(view->parts[reader.part].partition->name, partition))
        return reader;
    const struct object_set *objects = &view->parts[reader.part].objects;
    struct object_place at = object_set_seek(objects, key), behind = at;
    const struct object_entry *entry = object_set_next(objects, &behind);
    reader.at = entry && !strcmp(object_key(entry->object), key) ? behind : at;
    return reader;
}

static bool before(struct object_place a, struct object_place b)
{
    return a.page < b.page || (a.page == b.page && a.slot < b.slot);
}

bool view_next(struct view_reader *reader, struct item *item)
{
    const struct view *view = reader->view;
    for (; reader->part < view->count; reader->part++, enter_part(reader)) {
        const struct view_part *part = &view->parts[reader->part];
        const struct object_entry *entry =
            before(reader->at, reader->end) ? object_set_next(&part->objects, &reader->at) : NULL;
        if (!entry)
            continue;
        *item = (struct item){part->partition, entry->object, entry->revision};
        return true;
    }
    return false;
}

static size_t between(const struct object_set *objects, struct object_place from, struct object_place to)
{
    size_t a = object_set_rank(objects, from), b = object_set_rank(objects, to);
    return b > a ? b - a : 0;
}

size_t view_left(const struct view_reader *reader)
{
    struct view_reader at = *reader;
    size_t left = 0;
    for (; at.part < at.view->count; at.part++, enter_part(&at))
        left += between(&at.view->parts[at.part].objects, at.at, at.end);
    return left;
}
