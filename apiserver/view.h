#ifndef TI_APISERVER_VIEW_H
#define TI_APISERVER_VIEW_H

/*
 * What a collection, or one partition of it, held at one revision; to be read at leisure. It shares its pages
 * with the collection (object_set.h), so that it costs little to take and to keep.
 *
 * Read in the order of partitions, and of keys in each.
 */

#include "apiserver/storage.h"

struct view_part {
    struct partition *partition; /* held */
    struct object_set objects;
};

struct view {
    struct view_part *parts; /* in the order of their names */
    size_t count;
};

/* An object in its place; all borrowed from the view, or whatever it came from. */
struct item {
    const struct partition *partition;
    struct object *object;
    uint64_t revision;
};

/* Where a reader is. */
struct view_reader {
    const struct view *view;
    const char *namespace_; /* NULL: all; borrowed */
    size_t part;
    struct object_place at, end; /* in that part */
};

/* only: that partition; NULL: all. Revision: the current one, or one before it. 0, STORAGE_E_EXPIRED. */
int view_take(const struct collection *collection, const struct partition *only, uint64_t revision,
              struct view *out);
void view_deinit(struct view *view); /* a zeroed one is empty */

struct view_reader view_read(const struct view *view, const char *namespace_);
/* Goes on behind that key of that partition. */
struct view_reader view_read_after(const struct view *view, const char *namespace_, const char *partition,
                                   const char *key);
bool view_next(struct view_reader *reader, struct item *item); /* false at the end */
size_t view_left(const struct view_reader *reader);            /* how many are still to come */

#endif
