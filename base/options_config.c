/* The YAML file of --config: a mapping of option names to scalars or, for lists, sequences of them. */

#include "base/options_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/yaml.h"

static void delete_tree(cJSON **tree)
{
    cJSON_Delete(*tree);
}

static const char *scalar_text(const struct option_spec *spec, const cJSON *item)
{
    if (spec->type == OPTION_BOOL && cJSON_IsBool(item))
        return cJSON_IsTrue(item) ? "true" : "false";
    return yaml_text(item);
}

static int give_scalar(struct option *option, const char *where, const cJSON *item, struct error *err)
{
    const char *text = scalar_text(option->spec, item);
    if (!text)
        return error_set(err, EX_CONFIG, "%s: this is to be one value, not a list or a mapping", where);
    int r = option_give(option, OPTION_FROM_FILE, where, text, err);
    if (r != 0 && err)
        err->code = EX_CONFIG;
    return r != 0 ? EX_CONFIG : 0;
}

static int give_item(struct option *option, const char *where, const cJSON *item, struct error *err)
{
    const cJSON *element;
    int r = 0;
    if (cJSON_IsNull(item))
        return 0;
    if (option->spec->type != OPTION_LIST || !cJSON_IsArray(item))
        return give_scalar(option, where, item, err);
    cJSON_ArrayForEach(element, item)
    {
        r = give_scalar(option, where, element, err);
        if (r != 0)
            break;
    }
    return r;
}

static int unknown_key(const struct options *options, const char *path, const char *key, struct error *err)
{
    const char *nearest = options_nearest(options, key, strlen(key));
    if (nearest)
        return error_set(err, EX_CONFIG, "%s: unknown option \"%.100s\"; did you mean %s?", path, key,
                         nearest);
    return error_set(err, EX_CONFIG, "%s: unknown option \"%.100s\"; --help shows those there are", path,
                     key);
}

static int give_member(struct options *options, const char *path, const cJSON *item, struct error *err)
{
    char where[512];
    struct option *option = options_find(options, item->string, strlen(item->string));
    if (!option || !option_is_setting(option->spec) || option->spec->type == OPTION_CONFIG)
        return unknown_key(options, path, item->string, err);
    snprintf(where, sizeof(where), "%s: %s", path, item->string);
    return give_item(option, where, item, err);
}

static int read_failed(int code, struct error *err)
{
    error_prefix(err, "--config");
    code = code == EX_DATAERR ? EX_CONFIG : code;
    if (err)
        err->code = code;
    return code;
}

int options_read_config(struct options *options, const char *path, struct error *err)
{
    cleanup_with(delete_tree) cJSON *tree = NULL;
    int r = yaml_read_file(path, &tree, err);
    if (r != 0)
        return read_failed(r, err);
    if (cJSON_IsNull(tree))
        return 0;
    if (!cJSON_IsObject(tree))
        return error_set(err, EX_CONFIG, "%s: this is to be a mapping of option names to values", path);

    const cJSON *item;
    cJSON_ArrayForEach(item, tree)
    {
        r = give_member(options, path, item, err);
        if (r != 0)
            return r;
    }
    return 0;
}
