/* fuzz: ti_base */

/*
 * The object scanner: any bytes are refused or understood, and what is understood stays inside the text. An
 * object made by the usual rules is one that the scanner takes, and comes out of the same rules unchanged.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_inside(struct slice slice, const char *text, size_t len)
{
    if (slice.data)
        assert(slice.data >= text && slice.data + slice.len <= text + len);
}

static void check_scan(const char *text, size_t len)
{
    struct object_meta meta;
    if (object_scan(text, len, &meta) != 0)
        return;
    const struct slice found[] = {meta.kind, meta.api_version,      meta.name,   meta.namespace_,
                                  meta.uid,  meta.resource_version, meta.labels, meta.annotations};
    for (size_t i = 0; i < array_size(found); i++)
        check_inside(found[i], text, len);
}

static void check_create(const char *text, size_t len, const struct object_rules *rules)
{
    struct object *object = NULL, *again = NULL;
    if (object_create(text, len, rules, &object) != 0)
        return;
    struct slice bytes = object_bytes(object);
    struct object_meta meta;
    assert(object_scan(bytes.data, bytes.len, &meta) == 0);
    assert(meta.kind.data && meta.api_version.data);
    assert(object_create(bytes.data, bytes.len, rules, &again) == 0);
    assert(object_equal(object, again));
    assert(strlen(object_key(object)) < OBJECT_KEY_MAX);
    object_unref(object);
    object_unref(again);
}

static const struct object *known_object(void *arg, const char *key)
{
    return strcmp(object_key(arg), key) == 0 ? arg : NULL;
}

/* Another version of an object comes out the same whether it is known what it was or not. */
static void check_known(char *text, size_t len, const struct object_rules *rules)
{
    struct object *known;
    if (object_create(text, len, rules, &known) != 0)
        return;
    struct object_rules knowing = *rules;
    knowing.known = known_object;
    knowing.known_arg = known;
    for (size_t i = 0; i < 16; i++) {
        struct object *with = NULL, *without = NULL;
        size_t at = (i * 7919 + len / 2) % len;
        char was = text[at];
        text[at] = (char)(was + 1);
        assert(object_create(text, len, &knowing, &with) == object_create(text, len, rules, &without));
        assert(!with == !without && (!with || object_equal(with, without)));
        text[at] = was;
        object_unref(with);
        object_unref(without);
    }
    object_unref(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct object_rules rules = {.kind = mem_strdup("Pod"), .api_version = mem_strdup("v1")};
    assert(object_rules_cut(&rules, "metadata.managedFields") == 0);
    assert(object_rules_cut(&rules, ".metadata.annotations['a.b/c']") == 0);

    /* A copy of exactly this length, so that a byte read behind it is found. */
    char *text = malloc(len ? len : 1);
    memcpy(text, data, len);
    check_scan(text, len);
    check_create(text, len, &rules);
    check_known(text, len, &rules);
    free(text);
    object_rules_deinit(&rules);
    return 0;
}
