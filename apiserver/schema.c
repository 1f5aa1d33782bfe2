#include "apiserver/schema.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool says(const cJSON *schema, const char *extension)
{
    return cJSON_IsTrue(member(schema, extension));
}

static bool is_number(const cJSON *value)
{
    return cJSON_IsNumber(value) || cJSON_IsRaw(value); /* raw: a number that keeps its spelling (tree.h) */
}

static double number_of(const cJSON *value)
{
    return cJSON_IsRaw(value) ? strtod(value->valuestring, NULL) : value->valuedouble;
}

static bool is_integer(const cJSON *value)
{
    double number = is_number(value) ? number_of(value) : 0.5;
    return fabs(number) > 1e18 || number == (double)(long long)number; /* beyond, there are no fractions */
}

static char *path_of(const char *path, const char *name)
{
    return mem_printf("%s%s%s", path, path[0] ? "." : "", name);
}

/* What describes that member; NULL where nothing does. */
static const cJSON *schema_of(const cJSON *schema, const char *name)
{
    const cJSON *known = member(member(schema, "properties"), name);
    const cJSON *any = member(schema, "additionalProperties");
    return known ? known : cJSON_IsObject(any) ? any : NULL;
}

/* ---- what it does not have ---- */

struct pruner {
    void (*unknown)(void *arg, const char *path);
    void *arg;
};

static bool is_type(const char *name)
{
    return !strcmp(name, "apiVersion") || !strcmp(name, "kind") || !strcmp(name, "metadata");
}

/* typed: it is an object of its own, with a type and metadata. */
static void prune(const struct pruner *pruner, const cJSON *schema, cJSON *value, const char *path,
                  bool typed);

static void prune_member(const struct pruner *pruner, const cJSON *schema, cJSON *value, cJSON *item,
                         const char *path)
{
    const cJSON *inner = schema_of(schema, item->string);
    cleanup_free char *name = path_of(path, item->string);
    if (inner) {
        prune(pruner, inner, item, name, says(inner, "x-kubernetes-embedded-resource"));
        return;
    }
    if (says(schema, "x-kubernetes-preserve-unknown-fields") ||
        cJSON_IsTrue(member(schema, "additionalProperties")))
        return;
    pruner->unknown(pruner->arg, name);
    cJSON_Delete(cJSON_DetachItemViaPointer(value, item));
}

static void prune(const struct pruner *pruner, const cJSON *schema, cJSON *value, const char *path,
                  bool typed)
{
    int i = 0;
    for (cJSON *item = value->child, *next; item; item = next) {
        next = item->next;
        if (cJSON_IsObject(value) && !(typed && is_type(item->string)))
            prune_member(pruner, schema, value, item, path);
        if (!cJSON_IsArray(value) || !member(schema, "items"))
            continue;
        cleanup_free char *name = mem_printf("%s[%d]", path, i++);
        prune(pruner, member(schema, "items"), item, name, false);
    }
}

void schema_prune(const cJSON *schema, cJSON *object, void (*unknown)(void *arg, const char *path), void *arg)
{
    const struct pruner pruner = {unknown, arg};
    prune(&pruner, schema, object, "", true);
}

/* ---- what is left out ---- */

static void default_members(const cJSON *schema, cJSON *object)
{
    for (const cJSON *property = tree_first(member(schema, "properties")); property;
         property = property->next) {
        const cJSON *otherwise = member(property, "default"), *there = member(object, property->string);
        bool absent = !there || (cJSON_IsNull(there) && !says(property, "nullable"));
        if (otherwise && absent)
            tree_set(object, property->string, cJSON_Duplicate(otherwise, true));
        else if (there && absent)
            tree_remove(object, property->string);
    }
}

void schema_default(const cJSON *schema, cJSON *object)
{
    const cJSON *items = member(schema, "items");
    if (cJSON_IsObject(object))
        default_members(schema, object);
    for (cJSON *item = object->child; item; item = item->next) {
        const cJSON *inner = cJSON_IsObject(object) ? schema_of(schema, item->string) : items;
        if (inner)
            schema_default(inner, item);
    }
}

/* ---- what is wrong ---- */

struct checker {
    void (*fault)(void *arg, const struct schema_fault *fault);
    void *arg;
};

static void tell(const struct checker *checker, const char *reason, const char *path, char *message)
{
    checker->fault(checker->arg, &(struct schema_fault){reason, path, message});
    free(message);
}

static const char *type_of(const cJSON *value)
{
    return cJSON_IsObject(value)   ? "object"
           : cJSON_IsArray(value)  ? "array"
           : cJSON_IsString(value) ? "string"
           : cJSON_IsBool(value)   ? "boolean"
           : is_integer(value)     ? "integer"
           : is_number(value)      ? "number"
                                   : "null";
}

static bool fits(const cJSON *schema, const cJSON *value)
{
    const char *wanted = tree_text(schema, "type"), *type = type_of(value);
    if (says(schema, "x-kubernetes-int-or-string"))
        return cJSON_IsString(value) || is_integer(value);
    return !wanted[0] || !strcmp(wanted, type) || (!strcmp(wanted, "number") && is_number(value)) ||
           (cJSON_IsNull(value) && says(schema, "nullable"));
}

static char *shown(const cJSON *value)
{
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    tree_print(value, &out);
    return buf_steal(&out);
}

static void check_enum(const struct checker *checker, const cJSON *schema, const cJSON *value,
                       const char *path)
{
    const cJSON *known = member(schema, "enum"), *one;
    cleanup_with(buf_deinit) struct buf list = BUF_INIT(1024);
    if (!known)
        return;
    cJSON_ArrayForEach(one, known)
    {
        cleanup_free char *text = shown(one);
        if (tree_equal(one, value))
            return;
        buf_appendf(&list, "%s%s", list.len ? ", " : "", text);
    }
    cleanup_free char *text = shown(value);
    tell(checker, "FieldValueNotSupported", path,
         mem_printf("Unsupported value: %.200s: supported values: %s", text, list.data ? list.data : ""));
}

static void check_bounds(const struct checker *checker, const cJSON *schema, const cJSON *value,
                         const char *path)
{
    const cJSON *least = member(schema, "minimum"), *most = member(schema, "maximum");
    if (!is_number(value))
        return;
    cleanup_free char *text = shown(value);
    if (least && number_of(value) < number_of(least))
        tell(checker, "FieldValueInvalid", path,
             mem_printf("Invalid value: %s: %s in body should be greater than or equal to %.15g", text, path,
                        number_of(least)));
    if (most && number_of(value) > number_of(most))
        tell(checker, "FieldValueInvalid", path,
             mem_printf("Invalid value: %s: %s in body should be less than or equal to %.15g", text, path,
                        number_of(most)));
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void check_length(const struct checker *checker, const cJSON *schema, const cJSON *value,
                         const char *path)
{
    const cJSON *least = member(schema, "minLength"), *most = member(schema, "maxLength");
    if (!cJSON_IsString(value))
        return;
    double length = (double)characters(value->valuestring);
    if (least && length < number_of(least))
        tell(checker, "FieldValueInvalid", path,
             mem_printf("Invalid value: \"%.200s\": %s in body should be at least %.0f chars long",
                        value->valuestring, path, number_of(least)));
    if (most && length > number_of(most))
        tell(checker, "FieldValueTooLong", path,
             mem_printf("Too long: may not be more than %.0f bytes", number_of(most)));
}

static void check_required(const struct checker *checker, const cJSON *schema, const cJSON *value,
                           const char *path)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, member(schema, "required"))
    {
        if (!cJSON_IsString(name) || member(value, name->valuestring))
            continue;
        cleanup_free char *field = path_of(path, name->valuestring);
        tell(checker, "FieldValueRequired", field, mem_strdup("Required value"));
    }
}

static void check(const struct checker *checker, const cJSON *schema, const cJSON *value, const char *path);

static void check_inside(const struct checker *checker, const cJSON *schema, const cJSON *value,
                         const char *path)
{
    int i = 0;
    for (const cJSON *item = value->child; item; item = item->next) {
        bool object = cJSON_IsObject(value);
        const cJSON *inner = object ? schema_of(schema, item->string) : member(schema, "items");
        cleanup_free char *name = object ? path_of(path, item->string) : mem_printf("%s[%d]", path, i++);
        if (inner)
            check(checker, inner, item, name);
    }
}

static void tell_type(const struct checker *checker, const cJSON *schema, const cJSON *value,
                      const char *path)
{
    bool both = says(schema, "x-kubernetes-int-or-string");
    const char *type = type_of(value), *wanted = both ? "integer,string" : tree_text(schema, "type");
    tell(checker, "FieldValueTypeInvalid", path,
         mem_printf("Invalid value: \"%s\": %s in body must be of type %s: \"%s\"", type, path, wanted,
                    type));
    if (!strcmp(type, "number") && !strcmp(wanted, "integer")) /* a real server says both */
        tell(checker, "FieldValueInvalid", "<nil>",
             mem_printf("Invalid value: \"\": Checked value must be of type integer (default format) in %s",
                        path));
}

static void check(const struct checker *checker, const cJSON *schema, const cJSON *value, const char *path)
{
    if (!fits(schema, value)) {
        tell_type(checker, schema, value, path);
        return;
    }
    check_enum(checker, schema, value, path);
    check_bounds(checker, schema, value, path);
    check_length(checker, schema, value, path);
    if (cJSON_IsObject(value))
        check_required(checker, schema, value, path);
    check_inside(checker, schema, value, path);
}

void schema_check(const cJSON *schema, const cJSON *object,
                  void (*fault)(void *arg, const struct schema_fault *fault), void *arg)
{
    const struct checker checker = {fault, arg};
    check(&checker, schema, object, "");
}
