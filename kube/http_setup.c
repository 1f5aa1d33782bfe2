/*
 * The options of one transfer. Trust is exactly what the kubeconfig says: with a certificate authority given,
 * neither the system's bundle nor its directory of authorities counts (libcurl would go on using the
 * directory).
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "kube/http_internal.h"

#define BUFFER_BYTES (64L << 10)

static void header_add(struct rest_call *call, const char *name, const char *value)
{
    /* A line break would begin a header of its own. */
    cleanup_free char *line = mem_printf("%s: %.*s", name, (int)strcspn(value, "\r\n"), value);
    call->headers = curl_slist_append(call->headers, line);
}

/* The key of an extra becomes part of a header's name: what may not stand there is percent-encoded, as in
 * client-go. */
static void header_add_extra(struct rest_call *call, const char *key, const char *value)
{
    struct buf name = BUF_INIT(4096);
    buf_append_str(&name, "Impersonate-Extra-");
    for (const char *c = key; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("!#$&'*+-.^_`|~", *c);
        if (plain)
            buf_append_char(&name, *c);
        else
            buf_appendf(&name, "%%%02X", (unsigned char)*c);
    }
    header_add(call, name.data, value);
    buf_deinit(&name);
}

static void set_impersonation(struct rest_call *call, const struct kubeconfig *config)
{
    if (config->as)
        header_add(call, "Impersonate-User", config->as);
    if (config->as_uid)
        header_add(call, "Impersonate-Uid", config->as_uid);
    for (char **group = config->as_groups; group && *group; group++)
        header_add(call, "Impersonate-Group", *group);
    for (char **extra = config->as_extra; extra && *extra; extra += 2)
        header_add_extra(call, extra[0], extra[1]);
}

static void set_headers(struct rest_call *call, const struct kubeconfig *config, const char *authorization)
{
    header_add(call, "Accept", call->accept ? call->accept : "application/json");
    if (call->content_type)
        header_add(call, "Content-Type", call->content_type);
    else
        call->headers =
            curl_slist_append(call->headers, "Content-Type:"); /* none, rather than libcurl's own */
    call->headers = curl_slist_append(call->headers, "Expect:");
    if (authorization)
        header_add(call, "Authorization", authorization);
    set_impersonation(call, config);
    curl_easy_setopt(call->easy, CURLOPT_HEADEROPT,
                     (long)CURLHEADER_SEPARATE); /* a proxy sees none of these */
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_blob(CURL *easy, CURLoption option, const struct buf *data)
{
    struct curl_blob blob = {.data = data->data, .len = data->len, .flags = CURL_BLOB_COPY};
    curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, const struct kubeconfig *config, const struct credentials *credentials)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
    if (pem_given(&config->ca)) {
        set_blob(easy, CURLOPT_CAINFO_BLOB, &config->ca.data);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    const struct buf *certificate = credentials_certificate(credentials), *key = credentials_key(credentials);
    if (certificate->len && key->len) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, certificate);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, key);
    }
}

static bool is_loopback(const char *server)
{
    const char *host = strstr(server, "://");
    host = host ? host + 3 : server;
    return strncasecmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

/* Go resolves names at a SOCKS proxy, and so does libcurl's socks5h. Without proxy-url the usual environment
 * counts, but never for this machine itself. */
static void set_proxy(CURL *easy, const struct kubeconfig *config)
{
    if (!config->proxy_url) {
        if (is_loopback(config->server))
            curl_easy_setopt(easy, CURLOPT_PROXY, "");
        return;
    }
    bool socks = strncmp(config->proxy_url, "socks5://", 9) == 0;
    cleanup_free char *url =
        socks ? mem_printf("socks5h://%s", config->proxy_url + 9) : mem_strdup(config->proxy_url);
    curl_easy_setopt(easy, CURLOPT_PROXY, url);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/*
 * tls-server-name: the name to be verified (and sent as SNI) is not the one to connect to. For libcurl both
 * are the URL's host, so the URL gets that name, CONNECT_TO leads it to the real address, and Host says what
 * it would have said.
 */
static void set_server_name(struct rest_call *call, const struct kubeconfig *config)
{
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *full = NULL;
    bool ok = url && curl_url_set(url, CURLUPART_URL, call->url, CURLU_PATH_AS_IS) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
              curl_url_set(url, CURLUPART_HOST, config->tls_server_name, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_URL, &full, 0) == CURLUE_OK;
    if (ok) {
        cleanup_free char *to = mem_printf("::%s:%s", host, port);
        cleanup_free char *authority = mem_printf("%s:%s", host, port);
        call->connect_to = curl_slist_append(NULL, to);
        header_add(call, "Host", authority);
        curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to);
    }
    curl_easy_setopt(call->easy, CURLOPT_URL, ok ? full : call->url);
    curl_free(host);
    curl_free(port);
    curl_free(full);
    curl_url_cleanup(url);
}

static void set_method(struct rest_call *call)
{
    CURL *easy = call->easy;
    bool posts = strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0 ||
                 strcmp(call->method, "PATCH") == 0;
    if (call->body || posts) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

/* libcurl 7.88 sends no HTTP/2 pings in a multi handle, so the kernel is asked to notice a peer that is gone.
 */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    static const int keepalive_probes = 3, unacknowledged_ms = 45000;
    (void)arg;
    (void)purpose;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &keepalive_probes, sizeof(keepalive_probes));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
    return CURL_SOCKOPT_OK;
}

static void set_connection(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, HTTP_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
}

void http_setup(struct rest_call *call, const struct kubeconfig *config,
                const struct credentials *credentials)
{
    CURL *easy = call->easy;
    set_connection(easy);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "transport-informer/" TI_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    if (!config->disable_compression)
        curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    set_method(call);
    set_proxy(easy, config);
    set_tls(easy, config, credentials);
    if (config->tls_server_name)
        set_server_name(call, config);
    else
        curl_easy_setopt(easy, CURLOPT_URL, call->url);
    set_headers(call, config, credentials_authorization(credentials));
}
