/*
 * What the end of a transfer means to the caller, and the one line that tells people what to do about it.
 * libcurl has a hundred codes and puts the part that helps into a text; what can be acted on is picked out of
 * both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kube/http_internal.h"

struct advice {
    const char *sign; /* in libcurl's text */
    const char *text;
};

#define NOT_SIGNED                                                                                           \
    "its certificate is not signed by the kubeconfig's certificate-authority (or, where it names none, by "  \
    "one that this machine trusts)"

/* TLS alerts as OpenSSL spells them, and what else may go wrong in a handshake. */
static const struct advice tls_advice[] = {
    {"alert certificate required", "it wants a client certificate, and this user of the kubeconfig has none"},
    {"alert certificate expired", "it says that the client certificate has expired; renew it"},
    {"alert unknown ca", "it does not know who signed the client certificate; is the user for this cluster?"},
    {"alert bad certificate", "it refuses the client certificate; is the user for this cluster?"},
    {"alert handshake failure", "no common TLS settings, or it wants a client certificate"},
    {"alert certificate unknown", "it refuses the client certificate; is the user for this cluster?"},
    {"wrong version number", "it does not speak TLS there; should \"server\" be http://?"},
    {"certificate has expired", "its certificate has expired; renew it, or check this machine's clock"},
    {"certificate is not yet valid", "its certificate is not valid yet; check this machine's clock"},
    {"local issuer certificate", NOT_SIGNED},
    {"self-signed certificate", NOT_SIGNED},
    {"self signed certificate", NOT_SIGNED},
    {"certificate signature failure", NOT_SIGNED},
    {"does not match", "its certificate is for other names; use one of them, or set tls-server-name"},
    {"no alternative certificate",
     "its certificate is for other names; use one of them, or set tls-server-name"},
};

static const char *tls_reason(const char *text)
{
    for (size_t i = 0; i < array_size(tls_advice); i++)
        if (strcasestr(text, tls_advice[i].sign))
            return tls_advice[i].text;
    return NULL;
}

/* libcurl keeps the first thing that it had to say, which for a connection reset at once is about
 * getpeername(). */
static const char *detail(const struct rest_call *call, CURLcode code)
{
    bool helps = call->error[0] && strncmp(call->error, "getpeername", 11) != 0;
    return helps ? call->error : curl_easy_strerror(code);
}

static enum rest_result say(enum rest_result result, const struct rest_call *call, char *reason, size_t size,
                            const char *what, const char *why)
{
    const struct kubeconfig *config = http_config(call->http);
    snprintf(reason, size, "%s: %s%s%s (%s)", config->server, what, why[0] ? ": " : "", why, config->origin);
    for (char *c = reason; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return result;
}

static enum rest_result tls_failed(const struct rest_call *call, CURLcode code, char *reason, size_t size)
{
    const char *text = detail(call, code), *advice = tls_reason(text);
    if (advice)
        return say(REST_UNREACHABLE, call, reason, size, advice, text);
    return say(REST_UNREACHABLE, call, reason, size, "TLS failed", text);
}

static enum rest_result connect_failed(const struct rest_call *call, CURLcode code, char *reason, size_t size)
{
    long error = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &error);
    if (error == ECONNREFUSED && http_config(call->http)->proxy_url)
        return say(REST_REFUSED, call, reason, size, "connection refused by the proxy",
                   http_config(call->http)->proxy_url);
    if (error == ECONNREFUSED)
        return say(REST_REFUSED, call, reason, size, "connection refused; is the API server running there?",
                   "");
    return say(REST_UNREACHABLE, call, reason, size, "no connection",
               error ? strerror((int)error) : detail(call, code));
}

/* Our own timers end calls for the other timeouts, so that this one is the connection's. */
static enum rest_result connect_timed_out(const struct rest_call *call, char *reason, size_t size)
{
    return say(REST_UNREACHABLE, call, reason, size,
               "no connection within 15 s; check address, network, firewall and proxy", "");
}

/* A new TLS connection that ends after the handshake and before any answer. */
static bool ended_after_handshake(const struct rest_call *call)
{
    curl_off_t handshake_us = 0;
    long connects = 0;
    curl_easy_getinfo(call->easy, CURLINFO_APPCONNECT_TIME_T, &handshake_us);
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects);
    return call->status == 0 && handshake_us > 0 && connects > 0;
}

/* TLS 1.3 tells a client that its certificate is refused only after the handshake, when the first bytes are
 * read. */
static enum rest_result transfer_failed(const struct rest_call *call, CURLcode code, char *reason,
                                        size_t size)
{
    const char *text = detail(call, code);
    if (call->status == 0 && strstr(text, " alert "))
        return tls_failed(call, code, reason, size);
    if (call->status == 0 && (strstr(text, "CONNECT") || strstr(text, "proxy")))
        return say(REST_UNREACHABLE, call, reason, size, "the proxy of proxy-url or HTTPS_PROXY refuses",
                   text);
    if (ended_after_handshake(call))
        return say(
            REST_BROKEN, call, reason, size,
            "the connection ended right after the TLS handshake; does it want another client certificate?",
            text);
    return say(REST_BROKEN, call, reason, size,
               call->status ? "the connection ended in mid-answer" : "the connection ended before an answer",
               text);
}

enum rest_result http_outcome(const struct rest_call *call, CURLcode code, char *reason, size_t size)
{
    reason[0] = '\0';
    switch (code) {
    case CURLE_OK:
        return REST_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return say(REST_UNREACHABLE, call, reason, size, "its name does not resolve; check the name and DNS",
                   "");
    case CURLE_COULDNT_RESOLVE_PROXY:
        return say(REST_UNREACHABLE, call, reason, size, "the name of the proxy does not resolve", "");
    case CURLE_COULDNT_CONNECT:
        return connect_failed(call, code, reason, size);
    case CURLE_OPERATION_TIMEDOUT:
        return connect_timed_out(call, reason, size);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return say(REST_BROKEN, call, reason, size, "what answers there does not speak HTTP",
                   detail(call, code));
    case CURLE_BAD_CONTENT_ENCODING:
        return say(REST_BROKEN, call, reason, size, "the answer cannot be unpacked", detail(call, code));
    case CURLE_PROXY:
    case CURLE_URL_MALFORMAT:
        return say(REST_UNREACHABLE, call, reason, size, "no connection", detail(call, code));
    case CURLE_SSL_CERTPROBLEM:
        return say(REST_UNREACHABLE, call, reason, size, "the client certificate or its key cannot be used",
                   detail(call, code));
    case CURLE_SSL_CACERT_BADFILE:
        return say(REST_UNREACHABLE, call, reason, size, "the certificate-authority cannot be used",
                   detail(call, code));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED:
        return tls_failed(call, code, reason, size);
    default:
        return transfer_failed(call, code, reason, size);
    }
}
