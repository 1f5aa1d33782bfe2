#ifndef TI_KUBE_API_TABLE_INTERNAL_H
#define TI_KUBE_API_TABLE_INTERNAL_H

#include "kube/api_table.h"

struct api_entry {
    uint32_t group, version, resource, singular, kind; /* offsets into names */
    uint32_t short_names, categories;                  /* texts one behind the other, and an empty one */
    uint16_t verbs;
    uint8_t subresources; /* of enum api_subresource */
    bool namespaced;
};

static inline const char *api_text(const struct api_table *table, uint32_t offset)
{
    return table->names.data + offset;
}

/* How a person would have to write it: "pods", "deployments.apps". */
void api_entry_text(const struct api_table *table, const struct api_entry *entry, char *out, size_t size);

/* api_suggest.c: puts "; did you mean a, b?" behind err's text where there are names near to the spelling. */
void api_table_suggest(const struct api_table *table, const char *spelling, struct error *err);

#endif
