#include "apiserver/validation.h"

#include <ctype.h>
#include <string.h>

#include "apiserver/server_internal.h"
#include "base/mem.h"

#define PART_MAX 63

#define NAME_RULE                                                                                            \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " \
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "                  \
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_RULE                                                                                           \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "     \
    "must "                                                                                                  \
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used " \
    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define KEY_RULE                                                                                             \
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "     \
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

static bool of_word_letters(const char *text)
{
    while (isalnum((unsigned char)*text) || (*text && strchr("-_.", *text)))
        text++;
    return !*text;
}

static bool is_word(const char *text)
{
    size_t len = strlen(text);
    return len && of_word_letters(text) && isalnum((unsigned char)text[0]) &&
           isalnum((unsigned char)text[len - 1]);
}

const char *qualified_name_fault(const char *text)
{
    const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text;
    if (slash) {
        cleanup_free char *prefix = mem_dup(text, (size_t)(slash - text));
        if (!prefix[0])
            return "prefix part must be non-empty";
        if (!dns_subdomain_valid(prefix))
            return "prefix part must be a lowercase RFC 1123 subdomain";
    }
    if (strchr(name, '/'))
        return "a qualified name " NAME_RULE
               " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    if (!name[0])
        return "name part must be non-empty";
    if (strlen(name) > PART_MAX)
        return "name part must be no more than 63 characters";
    return is_word(name) ? "" : "name part " NAME_RULE;
}

/* ---- faults, in the words of a real server ---- */

static int invalid(const struct write *write, const cJSON *tree, const char *field, const char *value,
                   const char *why)
{
    return status_invalid(write->status, &write->collection->resource, tree_text(tree, "metadata.name"),
                          "FieldValueInvalid", field, "Invalid value: \"%.100s\": %s", value, why);
}

static int forbidden(const struct write *write, const cJSON *tree, const char *field, const char *why)
{
    return status_invalid(write->status, &write->collection->resource, tree_text(tree, "metadata.name"),
                          "FieldValueForbidden", field, "Forbidden: %s", why);
}

static const char *type_name(const cJSON *value)
{
    return cJSON_IsString(value)   ? "string"
           : cJSON_IsNumber(value) ? "number"
           : cJSON_IsBool(value)   ? "bool"
           : cJSON_IsArray(value)  ? "array"
                                   : "object";
}

static int mistyped(const struct write *write, const cJSON *value, const char *field, const char *type)
{
    const struct resource *resource = &write->collection->resource;
    return status_set(
        write->status, 400, "BadRequest",
        "%s in version \"%s\" cannot be handled as a %s: json: cannot unmarshal %s into Go struct field "
        "%s of type %s",
        resource->kind, resource->gvr.version, resource->kind, type_name(value), field, type);
}

/* ---- metadata ---- */

/* Every object has these. */
static const struct {
    const char *path;
    bool list; /* else an object */
    const char *type;
} shapes[] = {
    {"metadata", false, "v1.ObjectMeta"},
    {"metadata.labels", false, "map[string]string"},
    {"metadata.annotations", false, "map[string]string"},
    {"metadata.finalizers", true, "[]string"},
    {"metadata.ownerReferences", true, "[]v1.OwnerReference"},
    {"metadata.managedFields", true, "[]v1.ManagedFieldsEntry"},
};

/* A set of fields is objects to its leaves. */
static bool is_field_set(const cJSON *set)
{
    const cJSON *item;
    if (!cJSON_IsObject(set))
        return false;
    cJSON_ArrayForEach(item, set) if (!is_field_set(item)) return false;
    return true;
}

static int check_owners(const struct write *write, const cJSON *entries)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, entries)
    {
        const cJSON *set = tree_at(entry, "fieldsV1");
        if (!cJSON_IsObject(entry))
            return mistyped(write, entry, "ObjectMeta.metadata.managedFields", "v1.ManagedFieldsEntry");
        if (set && !cJSON_IsNull(set) && !is_field_set(set))
            return mistyped(write, set, "ObjectMeta.metadata.managedFields.fieldsV1", "v1.FieldsV1");
    }
    return 0;
}

int validate_shape(const struct write *write, const cJSON *tree)
{
    for (size_t i = 0; i < array_size(shapes); i++) {
        const cJSON *value = tree_at(tree, shapes[i].path);
        if (value && !cJSON_IsNull(value) && !(shapes[i].list ? cJSON_IsArray : cJSON_IsObject)(value))
            return mistyped(write, value, shapes[i].path, shapes[i].type);
    }
    return check_owners(write, tree_at(tree, "metadata.managedFields"));
}

/* It is a map, and everything in it is text. */
static int check_texts(const struct write *write, const cJSON *map, const char *field)
{
    const cJSON *value;
    if (map && !cJSON_IsObject(map) && !cJSON_IsNull(map))
        return mistyped(write, map, field, "map[string]string");
    cJSON_ArrayForEach(value, map) if (!cJSON_IsString(value)) return mistyped(write, value, field, "string");
    return 0;
}

static void check_labels(const struct write *write, const cJSON *tree)
{
    const cJSON *label;
    cJSON_ArrayForEach(label, tree_at(tree, "metadata.labels"))
    {
        const char *fault = qualified_name_fault(label->string);
        if (fault[0])
            invalid(write, tree, "metadata.labels", label->string, fault);
        if (strlen(label->valuestring) > PART_MAX)
            invalid(write, tree, "metadata.labels", label->valuestring, "must be no more than 63 bytes");
        if (label->valuestring[0] && !is_word(label->valuestring))
            invalid(write, tree, "metadata.labels", label->valuestring, VALUE_RULE);
    }
}

static void check_annotations(const struct write *write, const cJSON *tree)
{
    const cJSON *annotation;
    cJSON_ArrayForEach(annotation, tree_at(tree, "metadata.annotations"))
    {
        cleanup_free char *name = mem_strdup(annotation->string);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        const char *fault = qualified_name_fault(name);
        if (fault[0])
            invalid(write, tree, "metadata.annotations", annotation->string, fault);
    }
}

static bool has_word(const cJSON *list, const char *word)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (cJSON_IsString(item) && !strcmp(item->valuestring, word)) return true;
    return false;
}

static bool is_finalizer(const char *name)
{
    return (strchr(name, '/') && !qualified_name_fault(name)[0]) || !strcmp(name, "kubernetes") ||
           !strcmp(name, "orphan") || !strcmp(name, "foregroundDeletion");
}

static void check_finalizers(const struct write *write, const cJSON *tree, const cJSON *old)
{
    const cJSON *there = tree_at(old, "metadata.finalizers"), *item;
    bool leaving = old && tree_at(old, "metadata.deletionTimestamp");
    int i = 0;
    cJSON_ArrayForEach(item, tree_at(tree, "metadata.finalizers"))
    {
        const char *name = cJSON_IsString(item) ? item->valuestring : "";
        cleanup_free char *field = mem_printf("metadata.finalizers[%d]", i++);
        cleanup_free char *why =
            mem_printf("no new finalizers can be added if the object is being deleted, found new "
                       "finalizers []string{\"%.100s\"}",
                       name);
        if (!is_finalizer(name))
            invalid(write, tree, field, name,
                    "name is neither a standard finalizer name nor is it fully qualified");
        else if (leaving && !has_word(there, name))
            for (int look = 0; look < 2; look++) /* as a real server does, which says so */
                forbidden(write, tree, "metadata.finalizers", why);
    }
}

static int check_metadata(const struct write *write, const cJSON *tree, const cJSON *old)
{
    int r = check_texts(write, tree_at(tree, "metadata.labels"), "ObjectMeta.metadata.labels");
    if (r == 0)
        r = check_texts(write, tree_at(tree, "metadata.annotations"), "ObjectMeta.metadata.annotations");
    if (r != 0)
        return r;
    check_labels(write, tree);
    check_annotations(write, tree);
    check_finalizers(write, tree, old);
    return write->status->code;
}

/* ---- kinds ---- */

static bool frozen(const cJSON *tree)
{
    return tree && cJSON_IsTrue(tree_at(tree, "immutable"));
}

/* ConfigMaps and Secrets. */
static int check_data(const struct write *write, const cJSON *tree, const cJSON *old)
{
    const cJSON *value, *data = tree_at(tree, "data");
    cleanup_free char *whole = mem_printf("%s.data", write->collection->resource.kind);
    int r = check_texts(write, data, whole);
    if (r == 0) /* which has become data, where it is a map */
        r = check_texts(write, tree_at(tree, "stringData"), "Secret.stringData");
    if (r != 0)
        return r;
    cJSON_ArrayForEach(value, data)
    {
        cleanup_free char *field = mem_printf("data[%.100s]", value->string);
        if (!value->string[0] || !of_word_letters(value->string))
            invalid(write, tree, field, value->string, KEY_RULE);
    }
    if (frozen(old) && !frozen(tree))
        forbidden(write, tree, "immutable", "field is immutable when `immutable` is set");
    if (frozen(old) && !tree_equal(data, tree_at(old, "data")))
        forbidden(write, tree, "data", "field is immutable when `immutable` is set");
    return write->status->code;
}

static int check_pod(const struct write *write, const cJSON *tree, const cJSON *old)
{
    (void)old;
    if (cJSON_GetArraySize(tree_at(tree, "spec.containers")) > 0)
        return 0;
    return status_invalid(write->status, &write->collection->resource, tree_text(tree, "metadata.name"),
                          "FieldValueRequired", "spec.containers", "Required value");
}

static int check_replicas(const struct write *write, const cJSON *tree, const cJSON *old)
{
    (void)old;
    const cJSON *replicas = tree_at(tree, "spec.replicas");
    cleanup_free char *field = mem_printf("%sSpec.spec.replicas", write->collection->resource.kind);
    return !replicas || cJSON_IsNumber(replicas) ? 0 : mistyped(write, replicas, field, "int32");
}

static const struct {
    const char *kind;
    int (*check)(const struct write *write, const cJSON *tree, const cJSON *old);
} rows[] = {
    {"ConfigMap", check_data},      {"Secret", check_data},          {"Pod", check_pod},
    {"Deployment", check_replicas}, {"StatefulSet", check_replicas}, {"ReplicaSet", check_replicas},
};

int validate_content(const struct write *write, const cJSON *tree, const cJSON *old)
{
    const struct resource *resource = &write->collection->resource;
    int r = 0;
    for (size_t i = 0; i < array_size(rows) && r == 0 && !(resource->flags & RESOURCE_CUSTOM); i++)
        if (!strcmp(rows[i].kind, resource->kind))
            r = rows[i].check(write, tree, old);
    return r ? r : check_metadata(write, tree, old);
}
