#include "base/names.h"

#include <string.h>

#include "base/gvr.h"
#include "base/mem.h"

void names_add(char list[NAMES_LIST_MAX], const char *word)
{
    size_t len = strlen(list), more = strlen(word);
    if (!dns_label_valid(word) || len + (len > 0) + more >= NAMES_LIST_MAX)
        return;
    if (len)
        list[len++] = ' ';
    memcpy(list + len, word, more + 1);
}

bool names_have(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == len && !memcmp(at, word, len))
            return true;
    return false;
}

bool names_equal(const struct names *a, const struct names *b)
{
    return !strcmp(a->singular, b->singular) && !strcmp(a->short_names, b->short_names) &&
           !strcmp(a->categories, b->categories) && !strcmp(a->subresources, b->subresources);
}

char *names_pack(const struct names *names)
{
    if (names_equal(names, &(struct names){0}))
        return NULL;
    return mem_printf("%s\n%s\n%s\n%s", names->singular, names->short_names, names->categories,
                      names->subresources);
}

/* Word by word: what was kept in a file may be anything. */
static const char *take_line(const char *at, char list[NAMES_LIST_MAX])
{
    while (*at && *at != '\n') {
        size_t len = strcspn(at, " \n");
        cleanup_free char *word = mem_dup(at, len);
        names_add(list, word);
        at += len + (at[len] == ' ');
    }
    return at + (*at == '\n');
}

void names_unpack(const char *packed, struct names *out)
{
    *out = (struct names){0};
    if (!packed)
        return;
    packed = take_line(packed, out->singular);
    packed = take_line(packed, out->short_names);
    packed = take_line(packed, out->categories);
    take_line(packed, out->subresources);
}
