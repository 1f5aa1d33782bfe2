/*
 * The fields of a cluster and of a user, as client-go reads them: data in the file wins over a file's path;
 * two ways to say who one is are refused rather than ranked. A field of the wrong shape is an error that
 * names it, since a credential that is silently left out shows up only as a 401.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "kube/kubeconfig_internal.h"

#define TOKEN_SIZE_MAX ((size_t)1 << 20)

static int fail(const struct kubeconfig_entry *entry, struct error *err, const char *what)
{
    return error_set(err, EX_CONFIG, "%s: %s \"%.200s\": %s", entry->path, entry->kind, entry->name, what);
}

/* Puts in front where the fault is. */
static int fail_in(const struct kubeconfig_entry *entry, struct error *err)
{
    return error_prefix(err, "%s: %s \"%.200s\"", entry->path, entry->kind, entry->name);
}

static bool absent(const cJSON *item)
{
    return !item || cJSON_IsNull(item);
}

/* A text without control characters, which could otherwise end a header or a log line early. */
static bool is_text(const cJSON *item)
{
    const char *text = yaml_text(item);
    if (!text)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 && !strchr("\t\r\n", *text))
            return false;
    return true;
}

/* An absent or empty field leaves *out alone. */
static int take_text(const struct kubeconfig_entry *entry, const cJSON *map, const char *field, char **out,
                     struct error *err)
{
    const cJSON *item = yaml_member(map, field);
    if (absent(item))
        return 0;
    if (!is_text(item)) {
        error_set(err, EX_CONFIG, "\"%s\" must be a text", field);
        return fail_in(entry, err);
    }
    if (yaml_text(item)[0]) {
        free(*out);
        *out = mem_strdup(yaml_text(item));
    }
    return 0;
}

static int take_bool(const struct kubeconfig_entry *entry, const cJSON *map, const char *field, bool *out,
                     struct error *err)
{
    const cJSON *item = yaml_member(map, field);
    if (absent(item))
        return 0;
    if (!cJSON_IsBool(item)) {
        error_set(err, EX_CONFIG, "\"%s\" must be true or false", field);
        return fail_in(entry, err);
    }
    *out = cJSON_IsTrue(item);
    return 0;
}

static void list_push(char ***list, size_t *count, char *text)
{
    *list = mem_realloc(*list, (*count + 2) * sizeof(char *));
    (*list)[(*count)++] = text;
    (*list)[*count] = NULL;
}

static int take_texts(const struct kubeconfig_entry *entry, const cJSON *map, const char *field, char ***out,
                      size_t *count, struct error *err)
{
    const cJSON *list = yaml_member(map, field);
    if (absent(list))
        return 0;
    const cJSON *item = cJSON_IsArray(list) ? list->child : list;
    for (; item; item = item->next) {
        if (!cJSON_IsArray(list) || !is_text(item)) {
            error_set(err, EX_CONFIG, "\"%s\" must be a list of texts", field);
            return fail_in(entry, err);
        }
        list_push(out, count, mem_strdup(yaml_text(item)));
    }
    return 0;
}

/* "<field>-data" in the file, or a path under "<field>". */
static int take_pem(const struct kubeconfig_entry *entry, const char *field, struct pem *pem,
                    struct error *err)
{
    char data_field[64];
    snprintf(data_field, sizeof(data_field), "%s-data", field);
    cleanup_free char *data = NULL;
    cleanup_free char *name = NULL;
    int r = take_text(entry, entry->value, data_field, &data, err);
    if (r == 0)
        r = take_text(entry, entry->value, field, &name, err);
    if (r != 0 || (!data && !name))
        return r;

    if (data) {
        r = pem_from_base64(pem, data, data_field, err);
    } else {
        cleanup_free char *path = file_beside(entry->path, name);
        r = pem_from_file(pem, path, field, err);
    }
    return r == 0 ? 0 : fail_in(entry, err);
}

int kubeconfig_take_context(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                            struct error *err)
{
    return take_text(entry, entry->value, "namespace", &config->namespace_, err);
}

/* "host:port" is taken for https where anything says TLS, as client-go does; a path may follow. */
static int normalize_server(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                            struct error *err)
{
    if (!strstr(config->server, "://")) {
        bool tls = pem_given(&config->ca) || config->insecure;
        char *full = mem_printf("%s://%s", tls ? "https" : "http", config->server);
        free(config->server);
        config->server = full;
    }
    size_t len = strlen(config->server);
    while (len && config->server[len - 1] == '/')
        config->server[--len] = '\0';

    bool http = strncmp(config->server, "http://", 7) == 0,
         https = strncmp(config->server, "https://", 8) == 0;
    const char *host = config->server + (https ? 8 : 7);
    if ((!http && !https) || !*host || *host == ':' || strpbrk(config->server, " \t\r\n?#\"<>\\^`{|}"))
        return fail(entry, err, "\"server\" must be a URL such as https://10.0.0.1:6443");
    return 0;
}

static int check_proxy(const struct kubeconfig *config, const struct kubeconfig_entry *entry,
                       struct error *err)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    if (!config->proxy_url)
        return 0;
    for (size_t i = 0; i < array_size(schemes); i++)
        if (strncmp(config->proxy_url, schemes[i], strlen(schemes[i])) == 0)
            return 0;
    return fail(entry, err, "\"proxy-url\" must begin with http://, https://, socks5:// or socks5h://");
}

int kubeconfig_take_cluster(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                            struct error *err)
{
    int r = take_text(entry, entry->value, "server", &config->server, err);
    if (r == 0)
        r = take_text(entry, entry->value, "tls-server-name", &config->tls_server_name, err);
    if (r == 0)
        r = take_text(entry, entry->value, "proxy-url", &config->proxy_url, err);
    if (r == 0)
        r = take_bool(entry, entry->value, "insecure-skip-tls-verify", &config->insecure, err);
    if (r == 0)
        r = take_bool(entry, entry->value, "disable-compression", &config->disable_compression, err);
    if (r == 0)
        r = take_pem(entry, "certificate-authority", &config->ca, err);
    if (r != 0)
        return r;

    if (!config->server)
        return fail(entry, err, "has no \"server\"");
    if (config->insecure && pem_given(&config->ca))
        return fail(entry, err, "has both a certificate-authority and insecure-skip-tls-verify, remove one");
    r = normalize_server(config, entry, err);
    return r == 0 ? check_proxy(config, entry, err) : r;
}

/* An expired certificate is told here: the API server would only answer 401, without a reason. */
static int check_expiry(const struct kubeconfig *config, const struct kubeconfig_entry *entry,
                        struct error *err)
{
    int64_t not_after;
    if (pem_not_after(config->client_cert.data.data, config->client_cert.data.len, &not_after) != 0 ||
        not_after > (int64_t)time(NULL))
        return 0;

    char date[40] = "";
    time_t seconds = (time_t)not_after;
    struct tm tm;
    if (gmtime_r(&seconds, &tm))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);
    error_set(err, EX_CONFIG,
              "the client certificate%s%s expired on %s; renew it (or check this machine's clock)",
              config->client_cert.path ? " " : "", config->client_cert.path ? config->client_cert.path : "",
              date);
    return fail_in(entry, err);
}

static int take_certificate(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                            struct error *err)
{
    int r = take_pem(entry, "client-certificate", &config->client_cert, err);
    if (r != 0 || !pem_given(&config->client_cert))
        return r;
    r = take_pem(entry, "client-key", &config->client_key, err);
    if (r != 0)
        return r;
    if (!pem_given(&config->client_key))
        return fail(entry, err, "has a client-certificate, but no client-key or client-key-data");
    return check_expiry(config, entry, err);
}

/* The file is read now, so that a wrong path shows at once, and by kube/credentials as it rotates. */
static int take_token_file(struct kubeconfig *config, const struct kubeconfig_entry *entry, struct error *err)
{
    cleanup_free char *name = NULL;
    int r = take_text(entry, entry->value, "tokenFile", &name, err);
    if (r != 0 || !name)
        return r;
    config->token_file = file_beside(entry->path, name);
    if (config->token)
        return 0;

    struct buf token = BUF_INIT(TOKEN_SIZE_MAX);
    r = file_read(config->token_file, &token);
    buf_deinit(&token);
    if (r == 0)
        return 0;
    error_set(err, r < 0 ? EX_NOINPUT : EX_CONFIG, "tokenFile: cannot read %s: %s", config->token_file,
              r < 0 ? strerror(-r) : "too large");
    return fail_in(entry, err);
}

static int take_token(struct kubeconfig *config, const struct kubeconfig_entry *entry, struct error *err)
{
    int r = take_text(entry, entry->value, "token", &config->token, err);
    if (r == 0)
        r = take_token_file(config, entry, err);
    if (r == 0)
        r = take_text(entry, entry->value, "username", &config->username, err);
    if (r == 0)
        r = take_text(entry, entry->value, "password", &config->password, err);
    if (r == 0 && (config->token || config->token_file) && (config->username || config->password))
        return fail(entry, err, "has both a token and a username or password, only one is allowed");
    return r;
}

static int take_extra(struct kubeconfig *config, const struct kubeconfig_entry *entry, struct error *err)
{
    const cJSON *extra = yaml_member(entry->value, "as-user-extra");
    size_t count = 0;
    if (absent(extra))
        return 0;
    if (!cJSON_IsObject(extra))
        return fail(entry, err, "\"as-user-extra\" must map names to lists of texts");
    for (const cJSON *item = extra->child; item; item = item->next) {
        for (const cJSON *value = cJSON_IsArray(item) ? item->child : item; value; value = value->next) {
            if (!cJSON_IsArray(item) || !is_text(value))
                return fail(entry, err, "\"as-user-extra\" must map names to lists of texts");
            list_push(&config->as_extra, &count, mem_strdup(item->string));
            list_push(&config->as_extra, &count, mem_strdup(yaml_text(value)));
        }
    }
    return 0;
}

static int take_impersonation(struct kubeconfig *config, const struct kubeconfig_entry *entry,
                              struct error *err)
{
    size_t groups = 0;
    int r = take_text(entry, entry->value, "as", &config->as, err);
    if (r == 0)
        r = take_text(entry, entry->value, "as-uid", &config->as_uid, err);
    if (r == 0)
        r = take_texts(entry, entry->value, "as-groups", &config->as_groups, &groups, err);
    if (r == 0)
        r = take_extra(config, entry, err);
    if (r == 0 && !config->as && (config->as_uid || config->as_groups || config->as_extra))
        return fail(entry, err, "has as-uid, as-groups or as-user-extra without \"as\"");
    return r;
}

static int take_exec_env(struct kubeconfig_exec *exec, const struct kubeconfig_entry *entry, const cJSON *map,
                         struct error *err)
{
    const cJSON *env = yaml_member(map, "env");
    size_t count = 0;
    if (absent(env))
        return 0;
    for (const cJSON *item = cJSON_IsArray(env) ? env->child : env; item; item = item->next) {
        const char *name = yaml_text(yaml_member(item, "name"));
        const char *value = yaml_text(yaml_member(item, "value"));
        if (!name || !name[0] || strchr(name, '='))
            return fail(entry, err, "\"exec.env\" must be a list of {name, value}");
        list_push(&exec->env, &count, mem_printf("%s=%s", name, value ? value : ""));
    }
    return 0;
}

/* A command with a slash is a path, relative to the kubeconfig; one without is looked up in PATH. */
static int take_exec_command(struct kubeconfig_exec *exec, const struct kubeconfig_entry *entry,
                             const cJSON *map, struct error *err)
{
    cleanup_free char *command = NULL;
    size_t count = 0;
    int r = take_text(entry, map, "command", &command, err);
    if (r != 0)
        return r;
    if (!command)
        return fail(entry, err, "\"exec\" has no command");
    list_push(&exec->argv, &count,
              strchr(command, '/') ? file_beside(entry->path, command) : mem_strdup(command));
    return take_texts(entry, map, "args", &exec->argv, &count, err);
}

static int check_exec(const struct kubeconfig_exec *exec, const struct kubeconfig_entry *entry,
                      const char *mode, struct error *err)
{
    bool v1 = exec->api_version && strcmp(exec->api_version, "client.authentication.k8s.io/v1") == 0;
    bool v1beta1 =
        exec->api_version && strcmp(exec->api_version, "client.authentication.k8s.io/v1beta1") == 0;
    if (!v1 && !v1beta1)
        return fail(entry, err, "\"exec.apiVersion\" must be client.authentication.k8s.io/v1 or …/v1beta1");
    if (!mode)
        return v1beta1 ? 0 : fail(entry, err, "\"exec.interactiveMode\" must be set: Never or IfAvailable");
    if (strcmp(mode, "Always") == 0)
        return fail(entry, err,
                    "its exec plugin wants a terminal (interactiveMode: Always), which there is none of");
    if (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0)
        return fail(entry, err, "\"exec.interactiveMode\" must be Never or IfAvailable");
    return 0;
}

static int take_exec(struct kubeconfig *config, const struct kubeconfig_entry *entry, struct error *err)
{
    const cJSON *map = yaml_member(entry->value, "exec");
    if (absent(map))
        return 0;
    if (!cJSON_IsObject(map))
        return fail(entry, err, "\"exec\" must be a mapping");

    struct kubeconfig_exec *exec = config->exec = mem_zalloc(sizeof(*exec));
    cleanup_free char *mode = NULL;
    bool provide = false;
    int r = take_exec_command(exec, entry, map, err);
    if (r == 0)
        r = take_exec_env(exec, entry, map, err);
    if (r == 0)
        r = take_text(entry, map, "apiVersion", &exec->api_version, err);
    if (r == 0)
        r = take_text(entry, map, "installHint", &exec->install_hint, err);
    if (r == 0)
        r = take_text(entry, map, "interactiveMode", &mode, err);
    if (r == 0)
        r = take_bool(entry, map, "provideClusterInfo", &provide, err);
    if (r == 0 && provide)
        exec->cluster_info = mem_strdup("{}");
    return r == 0 ? check_exec(exec, entry, mode, err) : r;
}

int kubeconfig_take_user(struct kubeconfig *config, const struct kubeconfig_entry *entry, struct error *err)
{
    if (!absent(yaml_member(entry->value, "auth-provider")))
        return fail(entry, err,
                    "\"auth-provider\" is not supported, use an exec plugin (kubectl oidc-login, "
                    "gke-gcloud-auth-plugin, kubelogin)");
    int r = take_certificate(config, entry, err);
    if (r == 0)
        r = take_token(config, entry, err);
    if (r == 0)
        r = take_impersonation(config, entry, err);
    return r == 0 ? take_exec(config, entry, err) : r;
}

/* What the cluster's extension of that name holds is handed to the plugin as it is. */
static cJSON *exec_extension(const struct kubeconfig_entry *cluster)
{
    const cJSON *list = yaml_member(cluster->value, "extensions");
    for (const cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item; item = item->next) {
        const char *name = yaml_text(yaml_member(item, "name"));
        if (name && strcmp(name, "client.authentication.k8s.io/exec") == 0)
            return cJSON_Duplicate(yaml_member(item, "extension"), true);
    }
    return NULL;
}

void kubeconfig_describe_cluster(struct kubeconfig *config, const struct kubeconfig_entry *cluster)
{
    if (!config->exec || !config->exec->cluster_info)
        return;
    cJSON *info = cJSON_CreateObject();
    cJSON_AddStringToObject(info, "server", config->server);
    if (config->tls_server_name)
        cJSON_AddStringToObject(info, "tls-server-name", config->tls_server_name);
    if (config->insecure)
        cJSON_AddTrueToObject(info, "insecure-skip-tls-verify");
    if (pem_given(&config->ca)) {
        struct buf text = BUF_INIT(PEM_SIZE_MAX * 2);
        base64_encode(config->ca.data.data, config->ca.data.len, &text);
        cJSON_AddStringToObject(info, "certificate-authority-data", text.data);
        buf_deinit(&text);
    }
    if (config->proxy_url)
        cJSON_AddStringToObject(info, "proxy-url", config->proxy_url);
    if (config->disable_compression)
        cJSON_AddTrueToObject(info, "disable-compression");
    cJSON *extension = exec_extension(cluster);
    if (extension)
        cJSON_AddItemToObject(info, "config", extension);

    free(config->exec->cluster_info);
    config->exec->cluster_info = cJSON_PrintUnformatted(info);
    cJSON_Delete(info);
}
