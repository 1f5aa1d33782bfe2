#include "apiserver/gate.h"

#include <string.h>
#include <strings.h>

#include "base/listen.h"
#include "base/mem.h"

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

static bool reads(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0;
}

static int check_token(const struct gate *gate, struct MHD_Connection *connection, const char *method,
                       struct status *status)
{
    if (!gate->access)
        return 0;
    switch (access_of(gate->access, header(connection, "Authorization"))) {
    case ACCESS_NONE:
        return status_set(
            status, 401, "Unauthorized",
            "a token is needed that is known here: use the kubeconfig of --kubeconfig-out, or a "
            "token of --token-file");
    case ACCESS_READ:
        return reads(method)
                   ? 0
                   : status_set(status, 403, "Forbidden",
                                "this token is read-only: use one that is read-write to change things");
    default:
        return 0;
    }
}

int gate_check(const struct gate *gate, struct MHD_Connection *connection, const char *method,
               struct status *status)
{
    if (from_elsewhere(connection))
        return status_set(status, 403, "Forbidden", "requests from pages of another origin are refused");
    if (gate->local && called_by_other_name(connection))
        return status_set(status, 403, "Forbidden",
                          "this server is spoken to as localhost, or by an address of the loopback");
    if (speaks_for_another(connection))
        return status_set(status, 403, "Forbidden",
                          "nobody may be impersonated here: leave out --as and --as-group");
    int r = check_token(gate, connection, method, status);
    if (r == 0 && gate->read_only && !reads(method))
        r = status_set(status, 403, "Forbidden",
                       "what listens here is to be read only: write over TLS, with a token");
    return r;
}
