#include "apiserver/served.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Instead of [from, to): some text. */
struct cut {
    const char *from, *to;
    void (*put)(const struct item *item, const struct cut *cut, struct buf *out);
};

static void put_version(const struct item *item, const struct cut *cut, struct buf *out)
{
    (void)cut;
    buf_appendf(out, "%" PRIu64, item->revision);
}

static void put_version_member(const struct item *item, const struct cut *cut, struct buf *out)
{
    (void)cut;
    buf_appendf(out, "\"resourceVersion\":\"%" PRIu64 "\",", item->revision);
}

static void put_annotations(const struct item *item, const struct cut *cut, struct buf *out)
{
    struct slice version = object_resource_version(item->object);
    (void)cut;
    buf_appendf(out, "\"" ANNOTATION_CLUSTER "\":\"%s\",\"" ANNOTATION_CLUSTER_VERSION "\":\"",
                item->partition->name);
    buf_append(out, version.data, version.len);
    buf_append_char(out, '"');
    if (isdigit((unsigned char)item->partition->stale[0]))
        buf_appendf(out, ",\"" ANNOTATION_STALE "\":\"%s\"", item->partition->stale);
}

/* Behind those that are there: in JSON the last one counts. */
static void put_more_annotations(const struct item *item, const struct cut *cut, struct buf *out)
{
    struct slice there = object_annotations(item->object);
    if (json_skip_space(there.data + 1, cut->from) != cut->from)
        buf_append_char(out, ',');
    put_annotations(item, cut, out);
}

static void put_only_annotations(const struct item *item, const struct cut *cut, struct buf *out)
{
    buf_append_char(out, '{');
    put_annotations(item, cut, out);
    buf_append_char(out, '}');
}

static void put_annotations_member(const struct item *item, const struct cut *cut, struct buf *out)
{
    buf_append_str(out, "\"annotations\":");
    put_only_annotations(item, cut, out);
    buf_append_char(out, ',');
}

static struct cut cut_version(const struct item *item, const char *metadata)
{
    struct slice version = object_resource_version(item->object);
    if (!version.data)
        return (struct cut){metadata + 1, metadata + 1, put_version_member};
    return (struct cut){version.data, version.data + version.len, put_version};
}

static struct cut cut_annotations(const struct item *item, struct slice metadata)
{
    struct slice there = object_annotations(item->object);
    if (there.data)
        return (struct cut){there.data + there.len - 1, there.data + there.len - 1, put_more_annotations};
    struct slice null = json_member(metadata, "annotations");
    if (null.data)
        return (struct cut){null.data, null.data + null.len, put_only_annotations};
    return (struct cut){metadata.data + 1, metadata.data + 1, put_annotations_member};
}

/* In the order in which they stand. Returns how many. */
static int cuts_of(const struct item *item, struct cut cuts[2])
{
    struct slice metadata = json_member(object_bytes(item->object), "metadata");
    cuts[0] = cut_version(item, metadata.data);
    if (!item->partition->name[0])
        return 1;
    cuts[1] = cut_annotations(item, metadata);
    if (cuts[1].from < cuts[0].from) {
        struct cut first = cuts[1];
        cuts[1] = cuts[0];
        cuts[0] = first;
    }
    return 2;
}

void served_append(const struct item *item, struct slice part, struct buf *out)
{
    struct cut cuts[2];
    const char *at = part.data, *end = part.data + part.len;
    int count = cuts_of(item, cuts);
    for (int i = 0; i < count; i++) {
        if (cuts[i].from < at || cuts[i].to > end)
            continue;
        buf_append(out, at, (size_t)(cuts[i].from - at));
        cuts[i].put(item, &cuts[i], out);
        at = cuts[i].to;
    }
    buf_append(out, at, (size_t)(end - at));
}
