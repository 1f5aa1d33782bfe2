#include <string.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "kube/kubeconfig_internal.h"

static const char *list_of(const char *kind)
{
    if (strcmp(kind, "cluster") == 0)
        return "clusters";
    return strcmp(kind, "user") == 0 ? "users" : "contexts";
}

void kubeconfig_files_deinit(struct kubeconfig_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->files[i].path);
        cJSON_Delete(files->files[i].root);
    }
    free(files->files);
    *files = (struct kubeconfig_files){0};
}

static int check_entry(const char *path, const char *kind, const cJSON *entry, size_t position,
                       struct error *err)
{
    const char *name = yaml_text(yaml_member(entry, "name"));
    if (!name)
        return error_set(err, EX_CONFIG, "%s: entry %zu of \"%s\" has no name", path, position,
                         list_of(kind));
    const cJSON *value = yaml_member(entry, kind);
    if (value && !cJSON_IsObject(value) && !cJSON_IsNull(value))
        return error_set(err, EX_CONFIG, "%s: %s \"%.200s\" is no mapping", path, kind, name);
    for (const cJSON *earlier = entry->prev; earlier && earlier->next; earlier = earlier->prev) {
        const char *other = yaml_text(yaml_member(earlier, "name"));
        if (other && strcmp(other, name) == 0)
            return error_set(err, EX_CONFIG, "%s: %s \"%.200s\" is there twice", path, kind, name);
    }
    return 0;
}

static int check_list(const char *path, const char *kind, const cJSON *root, struct error *err)
{
    const cJSON *list = yaml_member(root, list_of(kind));
    if (!list || cJSON_IsNull(list))
        return 0;
    if (!cJSON_IsArray(list))
        return error_set(err, EX_CONFIG, "%s: \"%s\" must be a list", path, list_of(kind));
    size_t position = 1;
    for (const cJSON *entry = list->child; entry; entry = entry->next) {
        int r = check_entry(path, kind, entry, position++, err);
        if (r != 0)
            return r;
    }
    return 0;
}

static int check_file(const char *path, const cJSON *root, struct error *err)
{
    if (cJSON_IsNull(root))
        return 0;
    if (!cJSON_IsObject(root))
        return error_set(err, EX_CONFIG, "%s: not a kubeconfig (it should begin with \"apiVersion: v1\")",
                         path);
    const char *kind = yaml_text(yaml_member(root, "kind"));
    if (kind && kind[0] && strcmp(kind, "Config") != 0)
        return error_set(err, EX_CONFIG, "%s: a %.100s, not a kubeconfig (kind: Config)", path, kind);

    int r = check_list(path, "cluster", root, err);
    if (r == 0)
        r = check_list(path, "user", root, err);
    return r == 0 ? check_list(path, "context", root, err) : r;
}

/* Takes root. */
static int add_root(struct kubeconfig_files *files, const char *path, cJSON *root, struct error *err)
{
    int r = check_file(path, root, err);
    if (r != 0) {
        cJSON_Delete(root);
        return r;
    }
    files->files = mem_realloc(files->files, (files->count + 1) * sizeof(*files->files));
    files->files[files->count++] = (struct kubeconfig_file){mem_strdup(path), root};
    return 0;
}

/* A kubeconfig that is no YAML is as wrong as one that is no kubeconfig. */
static int not_yaml(int r, struct error *err)
{
    return err->code = r == EX_DATAERR ? EX_CONFIG : r;
}

int kubeconfig_files_add(struct kubeconfig_files *files, const char *path, struct error *err)
{
    cJSON *root = NULL;
    int r = yaml_read_file(path, &root, err);
    return r == 0 ? add_root(files, path, root, err) : not_yaml(r, err);
}

int kubeconfig_files_add_text(struct kubeconfig_files *files, const char *path, const char *text, size_t len,
                              struct error *err)
{
    cJSON *root = NULL;
    int r = yaml_parse(text, len, &root, err);
    if (r == 0)
        return add_root(files, path, root, err);
    error_prefix(err, "%s", path);
    return not_yaml(r, err);
}

static const cJSON *find_in(const cJSON *root, const char *kind, const char *name)
{
    const cJSON *list = yaml_member(root, list_of(kind));
    for (const cJSON *entry = list ? list->child : NULL; entry; entry = entry->next)
        if (strcmp(yaml_text(yaml_member(entry, "name")), name) == 0)
            return entry;
    return NULL;
}

int kubeconfig_files_find(const struct kubeconfig_files *files, const char *kind, const char *name,
                          struct kubeconfig_entry *entry)
{
    for (size_t i = 0; i < files->count; i++) {
        const cJSON *found = find_in(files->files[i].root, kind, name);
        if (!found)
            continue;
        *entry = (struct kubeconfig_entry){.kind = kind,
                                           .name = yaml_text(yaml_member(found, "name")),
                                           .path = files->files[i].path,
                                           .value = yaml_member(found, kind)};
        return 0;
    }
    return 1;
}

const char *kubeconfig_files_current_context(const struct kubeconfig_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const char *name = yaml_text(yaml_member(files->files[i].root, "current-context"));
        if (name && name[0])
            return name;
    }
    return NULL;
}

void kubeconfig_files_names(const struct kubeconfig_files *files, const char *kind, struct buf *out)
{
    for (size_t i = 0; i < files->count; i++) {
        const cJSON *list = yaml_member(files->files[i].root, list_of(kind));
        for (const cJSON *entry = list ? list->child : NULL; entry; entry = entry->next)
            if (buf_appendf(out, "%s%s", out->len ? ", " : "", yaml_text(yaml_member(entry, "name"))) != 0) {
                buf_append_str(out, " …");
                return;
            }
    }
}

void kubeconfig_files_paths(const struct kubeconfig_files *files, struct buf *out)
{
    for (size_t i = 0; i < files->count; i++)
        buf_appendf(out, "%s%s", i ? ":" : "", files->files[i].path);
}
