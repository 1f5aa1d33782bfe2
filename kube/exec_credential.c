#include "kube/exec_credential.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/yaml.h"

void exec_credential_deinit(struct exec_credential *credential)
{
    free(credential->token);
    free(credential->certificate);
    free(credential->key);
    *credential = (struct exec_credential){0};
}

/* "Z", or "+hh:mm" as seconds east of Greenwich; an empty text is no zone. */
static int parse_zone(const char *text, int64_t *offset)
{
    int hours, minutes, used = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        *offset = 0;
        return 0;
    }
    if ((text[0] != '+' && text[0] != '-') || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
        text[1 + used])
        return 1;
    *offset = (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return 0;
}

int rfc3339_parse(const char *text, int64_t *seconds)
{
    struct tm tm = {0};
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        used == 0)
        return 1;
    text += used;
    if (text[0] == '.')
        text += 1 + strspn(text + 1, "0123456789");

    int64_t offset;
    if (parse_zone(text, &offset) != 0)
        return 1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *seconds = (int64_t)timegm(&tm) - offset;
    return 0;
}

/* A text that is there and not empty. */
static char *copy_text(const cJSON *status, const char *field)
{
    const cJSON *item = yaml_member(status, field);
    const char *text = cJSON_IsString(item) ? item->valuestring : NULL;
    return text && text[0] ? mem_strdup(text) : NULL;
}

static int take_status(const cJSON *status, struct exec_credential *out, struct error *err)
{
    out->token = copy_text(status, "token");
    out->certificate = copy_text(status, "clientCertificateData");
    out->key = copy_text(status, "clientKeyData");
    if (!out->certificate != !out->key)
        return error_set(err, EX_CONFIG, "printed only one of clientCertificateData and clientKeyData");
    if (!out->token && !out->certificate)
        return error_set(err, EX_CONFIG, "printed neither a token nor a client certificate");

    cleanup_free char *expires = copy_text(status, "expirationTimestamp");
    if (expires && rfc3339_parse(expires, &out->expires) != 0)
        return error_set(err, EX_CONFIG, "printed an expirationTimestamp that is no time: %.60s", expires);
    return 0;
}

static int take_credential(const cJSON *root, const char *api_version, struct exec_credential *out,
                           struct error *err)
{
    cleanup_free char *kind = copy_text(root, "kind");
    cleanup_free char *version = copy_text(root, "apiVersion");
    if (!kind || strcmp(kind, "ExecCredential") != 0)
        return error_set(err, EX_CONFIG, "printed no ExecCredential on its stdout");
    if (!version || strcmp(version, api_version) != 0)
        return error_set(err, EX_CONFIG, "printed apiVersion %.100s, but the kubeconfig asks for %s",
                         version ? version : "(none)", api_version);
    const cJSON *status = yaml_member(root, "status");
    if (!cJSON_IsObject(status))
        return error_set(err, EX_CONFIG, "printed an ExecCredential without status");
    return take_status(status, out, err);
}

int exec_credential_parse(const char *json, size_t len, const char *api_version, struct exec_credential *out,
                          struct error *err)
{
    *out = (struct exec_credential){0};
    cJSON *root = cJSON_ParseWithLength(json, len);
    int r = take_credential(root, api_version, out, err);
    cJSON_Delete(root);
    if (r != 0)
        exec_credential_deinit(out);
    return r;
}

char *exec_credential_request(const struct kubeconfig_exec *exec)
{
    return mem_printf(
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"spec\":{%s%s%s\"interactive\":false}}",
        exec->api_version, exec->cluster_info ? "\"cluster\":" : "",
        exec->cluster_info ? exec->cluster_info : "", exec->cluster_info ? "," : "");
}
