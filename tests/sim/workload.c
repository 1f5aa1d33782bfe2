#include "tests/sim/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/manifest.h"
#include "base/mem.h"

bool workload_key(struct slice key, int *region, int *name)
{
    char text[64];
    snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(key));
    return sscanf(text, "cluster%d/web-%d", region, name) == 2 && --*region >= 0 && *region < REGIONS &&
           *name >= 0 && *name < NAMES;
}

uint64_t workload_token(const struct object *object)
{
    struct slice bytes = object_bytes(object);
    const char *at = memmem(bytes.data, bytes.len, "\"image\":\"token:", 15);
    return at ? strtoull(at + 15, NULL, 10) : 0;
}

bool workload_selected(const struct object *object)
{
    return json_member(object_labels(object), MANIFEST_SELECTED).data;
}

char *workload_json(int region, int name, uint64_t token, bool chosen)
{
    return mem_printf(
        "{\"metadata\":{\"name\":\"web-%d\",\"namespace\":\"cluster%d\",\"labels\":{%s%s}},\"spec\":{"
        "\"replicas\":%u,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":"
        "{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"token:%llu\"}]}}}}",
        name, region + 1, "\"" MANIFEST_TARGET_NAMESPACE "\":\"default\"",
        chosen ? ",\"" MANIFEST_SELECTED "\":\"\"" : "", (unsigned)(token % 5), (unsigned long long)token);
}
