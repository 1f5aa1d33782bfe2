#include "apiserver/label_selector.h"

#include <string.h>

#include "base/mem.h"
#include "store/selector.h"

static const char *comma(const struct buf *out)
{
    return out->len ? "," : "";
}

static void print_values(const cJSON *values, struct buf *out)
{
    const cJSON *value;
    cJSON_ArrayForEach(value, values)
    {
        if (cJSON_IsString(value))
            buf_appendf(out, "%s%s", value->prev->next ? "," : "", value->valuestring);
    }
}

static void print_requirement(const cJSON *requirement, struct buf *out)
{
    const char *key = tree_text(requirement, "key"), *operator= tree_text(requirement, "operator");
    if (!strcmp(operator, "Exists") || !strcmp(operator, "DoesNotExist")) {
        buf_appendf(out, "%s%s%s", comma(out), operator[0] == 'D' ? "!" : "", key);
        return;
    }
    buf_appendf(out, "%s%s %s (", comma(out), key, strcmp(operator, "In") ? "notin" : "in");
    print_values(tree_at(requirement, "values"), out);
    buf_append_char(out, ')');
}

void label_selector_print(const cJSON *selector, struct buf *out)
{
    const cJSON *item;
    for (item = tree_first(tree_at(selector, "matchLabels")); item; item = item->next)
        if (cJSON_IsString(item))
            buf_appendf(out, "%s%s=%s", comma(out), item->string, item->valuestring);
    cJSON_ArrayForEach(item, tree_at(selector, "matchExpressions")) print_requirement(item, out);
}

bool label_selector_matches(const cJSON *selector, struct slice labels)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    struct selector parsed;
    if (!selector)
        return false;
    label_selector_print(selector, &text);
    bool matches = selector_parse_labels(&parsed, text.data ? text.data : "", NULL) == 0 &&
                   selector_matches_labels(&parsed, labels);
    selector_deinit(&parsed);
    return matches;
}
