/*
 * Near names for one that is unknown: a name counts as near when at most two single-character edits lead to
 * it (one, for short ones), or when the one begins with the other.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "kube/api_table_internal.h"

#define NAME_MAX_BYTES 64
#define SUGGESTIONS 3

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits (Levenshtein) between two names of less than NAME_MAX_BYTES. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1], len = strlen(b);
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t above = row[j];
            row[j] = min3(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len];
}

/* How far the name is from what was written; SIZE_MAX where it is not near at all. */
static size_t nearness(const char *written, const char *name)
{
    size_t len = strlen(written), name_len = strlen(name);
    if (name_len >= NAME_MAX_BYTES)
        return SIZE_MAX;
    if (len >= 3 && name_len >= 3 && strncmp(written, name, len < name_len ? len : name_len) == 0)
        return 1;
    size_t edits = distance(written, name);
    return edits <= (len < 5 ? 1 : 2) ? edits : SIZE_MAX;
}

static size_t entry_nearness(const struct api_table *table, const struct api_entry *entry,
                             const char *written)
{
    size_t plural = nearness(written, api_text(table, entry->resource));
    size_t singular = nearness(written, api_text(table, entry->singular));
    return plural < singular ? plural : singular;
}

/* The name before the first dot, in lower case; false where it is longer than any. */
static bool first_name(const char *spelling, char out[NAME_MAX_BYTES])
{
    size_t len = strcspn(spelling, ".");
    if (len == 0 || len >= NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(spelling[i] >= 'A' && spelling[i] <= 'Z' ? spelling[i] - 'A' + 'a' : spelling[i]);
    out[len] = '\0';
    return true;
}

/* Adds the names at that distance which are not there yet. */
static void add_at(const struct api_table *table, const char *written, size_t edits, struct buf *out,
                   int *count)
{
    for (size_t i = 0; i < table->count && *count < SUGGESTIONS; i++) {
        char text[GVR_TEXT_MAX];
        if (entry_nearness(table, &table->entries[i], written) != edits)
            continue;
        api_entry_text(table, &table->entries[i], text, sizeof(text));
        if (out->len && strstr(out->data, text))
            continue;
        buf_appendf(out, "%s%s", *count ? ", " : "", text);
        ++*count;
    }
}

void api_table_suggest(const struct api_table *table, const char *spelling, struct error *err)
{
    char written[NAME_MAX_BYTES];
    if (!err || !first_name(spelling, written))
        return;
    struct buf names = BUF_INIT(300);
    int count = 0;
    for (size_t edits = 0; edits <= 2; edits++)
        add_at(table, written, edits, &names, &count);
    size_t used = strlen(err->text);
    if (count)
        snprintf(err->text + used, sizeof(err->text) - used, "; did you mean %s?", names.data);
    else
        snprintf(err->text + used, sizeof(err->text) - used, "; see kubectl api-resources");
    buf_deinit(&names);
}
