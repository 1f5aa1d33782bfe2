/*
 * From options to one resolved context: which files, which context in them, and its cluster and user. What is
 * wrong is said here, once and with the file's name, rather than as a 401 or a TLS alert later.
 */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "kube/kubeconfig_internal.h"

#define NAMES_LIMIT 300 /* bytes of the list of contexts in an error */

static void free_list(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
}

static void free_exec(struct kubeconfig_exec *exec)
{
    if (!exec)
        return;
    free_list(exec->argv);
    free_list(exec->env);
    free(exec->api_version);
    free(exec->install_hint);
    free(exec->cluster_info);
    free(exec);
}

static struct kubeconfig *config_create(void)
{
    struct kubeconfig *config = mem_zalloc(sizeof(*config));
    pem_init(&config->ca);
    pem_init(&config->client_cert);
    pem_init(&config->client_key);
    return config;
}

void kubeconfig_destroy(struct kubeconfig *config)
{
    if (!config)
        return;
    char *const texts[] = {config->origin,          config->context,   config->server, config->namespace_,
                           config->tls_server_name, config->proxy_url, config->token,  config->token_file,
                           config->username,        config->password,  config->as,     config->as_uid};
    for (size_t i = 0; i < array_size(texts); i++)
        free(texts[i]);
    pem_deinit(&config->ca);
    pem_deinit(&config->client_cert);
    pem_deinit(&config->client_key);
    free_list(config->as_groups);
    free_list(config->as_extra);
    free_exec(config->exec);
    free(config);
}

static void destroyp(struct kubeconfig **config)
{
    kubeconfig_destroy(*config);
}

static int no_context(const struct kubeconfig_files *files, const char *name, struct error *err)
{
    struct buf names = BUF_INIT(NAMES_LIMIT), paths = BUF_INIT(NAMES_LIMIT);
    kubeconfig_files_names(files, "context", &names);
    kubeconfig_files_paths(files, &paths);
    if (!names.len)
        error_set(err, EX_CONFIG, "kubeconfig %s has no contexts", paths.data);
    else if (name)
        error_set(err, EX_CONFIG, "kubeconfig %s has no context \"%.200s\"; it has: %s", paths.data, name,
                  names.data);
    else
        error_set(err, EX_CONFIG, "kubeconfig %s sets no current-context; choose one with --context: %s",
                  paths.data, names.data);
    buf_deinit(&names);
    buf_deinit(&paths);
    return EX_CONFIG;
}

/* The cluster or user that the context names. */
static int find_named(const struct kubeconfig_files *files, const struct kubeconfig_entry *context,
                      const char *kind, struct kubeconfig_entry *entry, struct error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(context->value, kind);
    const char *name = item ? item->valuestring : NULL;
    if (!name || !name[0])
        return 1;
    if (kubeconfig_files_find(files, kind, name, entry) == 0)
        return 0;
    return error_set(err, EX_CONFIG, "%s: context \"%.200s\" names %s \"%.200s\", which does not exist",
                     context->path, context->name, kind, name);
}

static int take_all(struct kubeconfig *config, const struct kubeconfig_files *files,
                    const struct kubeconfig_entry *context, struct error *err)
{
    struct kubeconfig_entry cluster, user;
    int r = kubeconfig_take_context(config, context, err);
    if (r != 0)
        return r;
    r = find_named(files, context, "cluster", &cluster, err);
    if (r == 1)
        return error_set(err, EX_CONFIG, "%s: context \"%.200s\" names no cluster", context->path,
                         context->name);
    if (r == 0)
        r = kubeconfig_take_cluster(config, &cluster, err);
    if (r != 0)
        return r;

    r = find_named(files, context, "user", &user, err);
    if (r == 1)
        return 0; /* anonymous */
    if (r == 0)
        r = kubeconfig_take_user(config, &user, err);
    if (r == 0)
        kubeconfig_describe_cluster(config, &cluster);
    return r;
}

static int resolve(const struct kubeconfig_files *files, const char *context_name, struct kubeconfig **out,
                   struct error *err)
{
    struct kubeconfig_entry context;
    const char *name = context_name ? context_name : kubeconfig_files_current_context(files);
    if (!name || kubeconfig_files_find(files, "context", name, &context) != 0)
        return no_context(files, name, err);

    cleanup_with(destroyp) struct kubeconfig *config = config_create();
    config->context = mem_strdup(name);
    config->origin = mem_printf("context \"%s\" of %s", name, context.path);
    int r = take_all(config, files, &context, err);
    if (r == 0)
        *out = mem_steal(config);
    return r;
}

int kubeconfig_load_text(const char *path, const char *text, size_t len, const char *context,
                         struct kubeconfig **out, struct error *err)
{
    struct kubeconfig_files files = {0};
    int r = kubeconfig_files_add_text(&files, path, text, len, err);
    if (r == 0)
        r = resolve(&files, context, out, err);
    kubeconfig_files_deinit(&files);
    return r;
}

/* In a pod: the API server from the environment, the rest from files that the kubelet keeps fresh. */
static int load_service_account(const char *host, const char *dir, struct kubeconfig **out, struct error *err)
{
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    bool v6 = strchr(host, ':') != NULL;
    cleanup_with(destroyp) struct kubeconfig *config = config_create();
    config->origin = mem_strdup("the service account of this pod");
    config->server =
        mem_printf("https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port && port[0] ? port : "443");
    config->token_file = mem_printf("%s/token", dir);

    struct buf text = BUF_INIT(4096);
    cleanup_free char *namespace_path = mem_printf("%s/namespace", dir);
    if (file_read(namespace_path, &text) == 0 && text.len) {
        text.data[strcspn(text.data, "\r\n")] = '\0';
        config->namespace_ = buf_steal(&text);
    }
    buf_deinit(&text);

    cleanup_free char *ca_path = mem_printf("%s/ca.crt", dir);
    int r = pem_from_file(&config->ca, ca_path, "certificate authority", err);
    if (r == 0 && access(config->token_file, R_OK) != 0)
        r = error_set(err, EX_NOINPUT, "cannot read %s: %s", config->token_file, strerror(errno));
    if (r != 0) {
        error_prefix(err, "KUBERNETES_SERVICE_HOST is set, but there is no usable service account");
        return r;
    }
    *out = mem_steal(config);
    return 0;
}

/* Every file of a list with ":" between, as in $KUBECONFIG; missing ones are skipped. */
static int add_list(struct kubeconfig_files *files, const char *list, struct error *err)
{
    while (*list) {
        size_t len = strcspn(list, ":");
        cleanup_free char *path = mem_dup(list, len);
        list += len + (list[len] == ':');
        if (len == 0 || (access(path, F_OK) != 0 && errno == ENOENT))
            continue;
        int r = kubeconfig_files_add(files, path, err);
        if (r != 0)
            return r;
    }
    return 0;
}

static int add_default(struct kubeconfig_files *files, struct error *err)
{
    const char *home = getenv("HOME");
    if (!home || !home[0])
        return 0;
    cleanup_free char *path = mem_printf("%s/.kube/config", home);
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    return kubeconfig_files_add(files, path, err);
}

static int add_files(struct kubeconfig_files *files, const char *path, struct error *err)
{
    const char *list = getenv("KUBECONFIG");
    int r;
    if (path)
        r = kubeconfig_files_add(files, path, err);
    else if (list && list[0])
        r = add_list(files, list, err);
    else
        return add_default(files, err);
    if (r != 0)
        error_prefix(err, "%s", path ? "--kubeconfig" : "$KUBECONFIG");
    return r;
}

static int nothing_found(struct error *err)
{
    const char *list = getenv("KUBECONFIG");
    if (list && list[0])
        return error_set(err, EX_NOINPUT, "no kubeconfig: none of the files in KUBECONFIG=%.400s exists",
                         list);
    return error_set(
        err, EX_NOINPUT,
        "no kubeconfig: give --kubeconfig FILE, set KUBECONFIG, put one at ~/.kube/config, or run in a pod");
}

int kubeconfig_load(const struct kubeconfig_options *options, struct kubeconfig **out, struct error *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *dir = options->service_account_dir;
    struct kubeconfig_files files = {0};
    int r = add_files(&files, options->path, err);
    if (r == 0 && files.count)
        r = resolve(&files, options->context, out, err);
    else if (r == 0 && host && host[0])
        r = load_service_account(host, dir ? dir : "/var/run/secrets/kubernetes.io/serviceaccount", out, err);
    else if (r == 0)
        r = nothing_found(err);
    kubeconfig_files_deinit(&files);
    return r;
}
