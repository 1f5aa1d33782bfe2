#include "base/names.h"

#include <stdio.h>

#include "base/gvr.h"
#include "base/mem.h"

void names_add(char list[NAMES_LIST_MAX], const char *word)
{
    size_t len = strlen(list);
    if (dns_label_valid(word) && len + strlen(word) + 2 <= NAMES_LIST_MAX)
        sprintf(list + len, "%s%s", len ? " " : "", word);
}

char *names_pack(const struct names *names)
{
    if (!names->singular[0] && !names->short_names[0] && !names->categories[0])
        return NULL;
    return mem_printf("%s\n%s\n%s", names->singular, names->short_names, names->categories);
}

static const char *take_line(const char *at, char *out, size_t size)
{
    size_t len = strcspn(at, "\n");
    snprintf(out, size, "%.*s", (int)len, at);
    return at + len + (at[len] == '\n');
}

void names_unpack(const char *packed, struct names *out)
{
    *out = (struct names){0};
    if (!packed)
        return;
    packed = take_line(packed, out->singular, sizeof(out->singular));
    packed = take_line(packed, out->short_names, sizeof(out->short_names));
    take_line(packed, out->categories, sizeof(out->categories));
}
