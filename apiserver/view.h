#ifndef TI_APISERVER_VIEW_H
#define TI_APISERVER_VIEW_H

/*
 * What a collection, or one partition of it, held at one revision; to be read at leisure. It shares its pages
 * with the collection (object_set.h), so that it costs little to take and to keep.
 *
 * Read in the order of partitions, and of keys in each. What counts of a partition is its name: one that has
 * been dropped since is part of an earlier state, and so is what one of that name had before it.
 */

#include "apiserver/storage.h"

struct view_part {
    struct partition *partition; /* held */
    struct object_set objects;
};

struct view {
    struct view_part *parts; /* in the order of their names */
    size_t count, cap;
    const struct collection *collection;
    bool one;          /* partition's, and no other's */
    uint64_t revision; /* what it is to show, */
    uint64_t reached;  /* and what it shows: later events are undone */
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

enum { VIEW_E_MORE = 2 };

/* only: that partition; NULL: all. Revision: the current one, or one before it, in which case the view is to
 * be wound back before it is read, so many events at a time as there is time for. 0, STORAGE_E_EXPIRED; of
 * view_rewind() VIEW_E_MORE, too, as long as there is more to undo. */
int view_begin(const struct collection *collection, const struct partition *only, uint64_t revision,
               struct view *out);
int view_rewind(struct view *view, size_t most);
/* Both, to the end. */
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
