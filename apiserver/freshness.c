#include "apiserver/freshness.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAMED_MAX 3 /* clusters; the others are counted */

struct names {
    struct buf text;
    size_t count;
};

static bool mirrored(const struct partition *partition)
{
    return strcmp(partition->stale, PARTITION_NOT_MIRRORED) != 0;
}

static void add(struct names *names, const struct partition *partition)
{
    if (names->count++ >= NAMED_MAX)
        return;
    buf_appendf(&names->text, "%s%s", names->count > 1 ? ", " : "", partition->name);
    if (partition->stale[0] && mirrored(partition))
        buf_appendf(&names->text, isdigit((unsigned char)partition->stale[0]) ? " (last heard %s)" : " (%s)",
                    partition->stale);
}

static void say(struct buf *out, const char *what, struct names *names)
{
    if (names->count) {
        buf_appendf(out, "%s%s: %s", out->len ? "; " : "", what, names->text.data);
        if (names->count > NAMED_MAX)
            buf_appendf(out, " and %zu more", names->count - NAMED_MAX);
    }
    buf_deinit(&names->text);
}

static void add_stale(struct names *stale, struct names *unmirrored, const struct collection *collection,
                      const struct partition *only)
{
    for (size_t i = 0; i < collection->partition_count; i++) {
        const struct partition *partition = collection->partitions[i];
        if (partition->stale[0] && (!only || only == partition))
            add(mirrored(partition) ? stale : unmirrored, partition);
    }
}

static bool other_version(const struct collection *a, const struct collection *b)
{
    const struct gvr *x = &a->resource.gvr, *y = &b->resource.gvr;
    return strcmp(x->version, y->version) && !strcmp(x->resource, y->resource) && !strcmp(x->group, y->group);
}

static void add_absent(struct names *names, const struct exchange *exchange,
                       const struct collection *collection)
{
    for (const struct collection *c = server_next(exchange, NULL); c; c = server_next(exchange, c))
        for (size_t i = 0; other_version(c, collection) && i < c->partition_count; i++)
            if (!collection_find(collection, c->partitions[i]->name))
                add(names, c->partitions[i]);
}

void freshness_warn(struct exchange *exchange, const struct collection *collection,
                    const struct partition *only)
{
    struct names stale = {.text = BUF_INIT(1024)}, absent = {.text = BUF_INIT(1024)},
                 unmirrored = {.text = BUF_INIT(1024)};
    char unmirrored_what[128];
    if (!exchange->server->storage.fleet)
        return;
    add_stale(&stale, &unmirrored, collection, only);
    if (!only)
        add_absent(&absent, exchange, collection);
    say(&exchange->warning, "not up to date", &stale);
    snprintf(unmirrored_what, sizeof(unmirrored_what), "%s are not mirrored (see --resource of a provider)",
             collection->resource.gvr.resource);
    say(&exchange->warning, unmirrored_what, &unmirrored);
    say(&exchange->warning, "not in here, since it is another version that they serve", &absent);
}
