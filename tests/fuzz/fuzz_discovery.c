/* fuzz: ti_kube */

/*
 * The documents of discovery, and names looked up in what they say: the first line of the input is a person's
 * spelling, the second the answer of /api or /apis, the third that of a group version.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kube/discovery_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_line(struct slice *text)
{
    struct slice line = *text;
    const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
    line.len = end ? (size_t)(end - text->data) : text->len;
    size_t taken = line.len + (end ? 1 : 0);
    text->data += taken;
    text->len -= taken;
    return line;
}

static void check_resource(void *arg, const struct api_resource *resource)
{
    struct api_resource again;
    if (api_table_get(arg, &resource->gvr, &again) != 0 || strcmp(again.kind, resource->kind) != 0)
        abort(); /* whatever is told can be found */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct slice line = next_line(&text), root = next_line(&text), resources = next_line(&text);
    cleanup_free char *spelling = mem_dup(line.data, line.len);
    struct api_table table, again;
    struct group_versions list = {0};
    struct group_version apps = {(char[]){"apps"}, (char[]){"v1"}};
    api_table_init(&table);
    api_table_init(&again);
    discovery_read_root(&(struct discovery_reading){&table, NULL, &list}, root);
    discovery_read_resources(&(struct discovery_reading){&table, NULL, &list}, &apps, resources);
    discovery_read_root(&(struct discovery_reading){&again, &table, &list}, root);

    struct api_resource found;
    struct error err = {0};
    if (api_table_resolve(&table, spelling, &found, &err) != 0 && err.code == 0)
        abort();
    api_table_each(&table, check_resource, &table);
    api_table_deinit(&table);
    api_table_deinit(&again);
    group_versions_deinit(&list);
    return 0;
}
