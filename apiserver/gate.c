#include "apiserver/gate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "apiserver/review.h"
#include "base/listen.h"
#include "base/mem.h"
#include "base/utf8.h"

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A web page of elsewhere that makes the user's browser speak to us sends where it comes from. */
static bool from_elsewhere(struct MHD_Connection *connection)
{
    const char *origin = header(connection, "Origin"), *host = header(connection, "Host");
    const char *at = origin ? strstr(origin, "://") : NULL;
    return origin && (!at || !host || strcasecmp(at + 3, host) != 0);
}

/* A page may have its own name resolve to the loopback; it cannot help saying that name. */
static bool called_by_other_name(struct MHD_Connection *connection)
{
    const char *host = header(connection, "Host");
    if (!host)
        return true;
    bool bracket = host[0] == '[';
    cleanup_free char *name = mem_dup(host + bracket, strcspn(host + bracket, bracket ? "]" : ":"));
    return !listen_is_loopback(name);
}

static enum MHD_Result see_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    (void)value;
    bool *impersonates = arg;
    *impersonates = *impersonates || strncasecmp(name, "Impersonate-", 12) == 0;
    return MHD_YES;
}

static bool speaks_for_another(struct MHD_Connection *connection)
{
    bool impersonates = false;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, see_header, &impersonates);
    return impersonates;
}

/* Nothing is changed by that. */
static bool reads(const char *method, const char *target)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0 ||
           review_is_asked(target);
}

/* Read as the API will read it. */
static bool asks_for_secrets(const char *target)
{
    struct request request;
    struct status none = {0};
    const struct rest_request from = {.method = "GET", .path = target};
    bool asks = request_parse(&request, &from, &none) == 0 && !request.group[0] &&
                !strcmp(request.resource, "secrets");
    request_deinit(&request);
    return asks;
}

static struct access_right right_of(const struct gate *gate, struct MHD_Connection *connection)
{
    if (gate->access)
        return access_of(gate->access, header(connection, "Authorization"));
    return (struct access_right){gate->read_only ? ACCESS_READ : ACCESS_WRITE, "", 0};
}

static int check_level(const struct gate *gate, enum access_level level, const char *method,
                       const char *target, struct status *status)
{
    if (level == ACCESS_NONE)
        return status_set(
            status, 401, "Unauthorized",
            "a token is needed that is known here: use the kubeconfig of --kubeconfig-out, or a "
            "token of --token-file");
    if (level == ACCESS_WRITE)
        return 0;
    if (!reads(method, target))
        return status_set(status, 403, "Forbidden", "%s",
                          gate->access
                              ? "this token is read-only: use one that is read-write to change things"
                              : "what listens here is to be read only: write over TLS, with a token");
    if (asks_for_secrets(target))
        return status_set(status, 403, "Forbidden",
                          "secrets are not for those who may only read: use a token that is read-write, over "
                          "TLS");
    return 0;
}

int gate_check(const struct gate *gate, struct MHD_Connection *connection, const char *method,
               const char *target, struct asker *asker, struct status *status)
{
    if (from_elsewhere(connection))
        return status_set(status, 403, "Forbidden", "requests from pages of another origin are refused");
    if (gate->local && called_by_other_name(connection))
        return status_set(status, 403, "Forbidden",
                          "this server is spoken to as localhost, or by an address of the loopback");
    if (speaks_for_another(connection))
        return status_set(status, 403, "Forbidden",
                          "nobody may be impersonated here: leave out --as and --as-group");
    struct access_right right = right_of(gate, connection);
    asker->reader = right.level == ACCESS_READ;
    asker->token = right.token;
    snprintf(asker->name, sizeof(asker->name), "%s", right.whose);
    utf8_mend(asker->name);
    return check_level(gate, right.level, method, target, status);
}

int gate_check_again(const struct gate *gate, const char *target, struct asker *asker, struct status *status)
{
    enum access_level level = access_still(gate->access, asker->token);
    asker->reader = level == ACCESS_READ;
    return check_level(gate, level, "GET", target, status);
}
