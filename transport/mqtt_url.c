#include "transport/mqtt_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define EXAMPLE "write it like tcp://broker.example.com:1883 or mqtts://broker.example.com:8883"

static const struct {
    const char *name;
    bool tls;
} schemes[] = {{"tcp://", false}, {"mqtt://", false}, {"ssl://", true}, {"mqtts://", true}};

/* What follows the scheme, or NULL. */
static const char *parse_scheme(const char *text, struct mqtt_url *url)
{
    for (size_t i = 0; i < array_size(schemes); i++) {
        size_t len = strlen(schemes[i].name);
        if (strncasecmp(text, schemes[i].name, len) == 0) {
            url->tls = schemes[i].tls;
            url->port = schemes[i].tls ? 8883 : 1883;
            return text + len;
        }
    }
    return NULL;
}

static int scheme_fault(const char *text, struct error *err)
{
    if (strncasecmp(text, "ws://", 5) == 0 || strncasecmp(text, "wss://", 6) == 0)
        return error_set(err, EX_USAGE, "--broker: MQTT over WebSocket is not supported; " EXAMPLE);
    if (!strstr(text, "://"))
        return error_set(err, EX_USAGE, "--broker: the URL has no scheme; " EXAMPLE);
    return error_set(err, EX_USAGE,
                     "--broker: '%.*s' is not a known scheme (tcp, mqtt, ssl, mqtts); " EXAMPLE,
                     (int)strcspn(text, ":"), text);
}

static bool host_valid(const char *host, bool bracketed)
{
    struct in6_addr address;
    if (bracketed)
        return inet_pton(AF_INET6, host, &address) == 1;
    for (const char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
            return false;
    return host[0] != '\0';
}

/* What follows the host, or NULL. */
static const char *parse_host(const char *text, struct mqtt_url *url)
{
    bool bracketed = text[0] == '[';
    text += bracketed;
    size_t len = strcspn(text, bracketed ? "]" : ":");
    if (len >= sizeof(url->host) || (bracketed && text[len] != ']'))
        return NULL;
    memcpy(url->host, text, len);
    url->host[len] = '\0';
    return host_valid(url->host, bracketed) ? text + len + bracketed : NULL;
}

static int parse_port(const char *text, struct mqtt_url *url)
{
    if (text[0] == '\0')
        return 0;
    size_t digits = strspn(text + 1, "0123456789");
    if (text[0] != ':' || digits < 1 || digits > 5 || text[1 + digits] != '\0')
        return 1;
    long port = strtol(text + 1, NULL, 10);
    if (port < 1 || port > UINT16_MAX)
        return 1;
    url->port = (uint16_t)port;
    return 0;
}

int mqtt_url_parse(const char *text, struct mqtt_url *url, struct error *err)
{
    *url = (struct mqtt_url){0};
    const char *rest = parse_scheme(text, url);
    if (!rest)
        return scheme_fault(text, err);
    if (strchr(rest, '@'))
        return error_set(err, EX_USAGE,
                         "--broker: credentials do not belong into the URL, where others can read them; "
                         "use --username and --password-file");
    size_t len = strcspn(rest, "/?#");
    if (strcmp(rest + len, "") != 0 && strcmp(rest + len, "/") != 0)
        return error_set(err, EX_USAGE, "--broker: '%.200s' has a path behind host and port; " EXAMPLE, text);

    cleanup_free char *authority = mem_dup(rest, len);
    rest = parse_host(authority, url);
    if (!rest)
        return error_set(
            err, EX_USAGE,
            "--broker: '%.200s' has no valid host name or address (IPv6 goes in brackets); " EXAMPLE, text);
    if (parse_port(rest, url) != 0)
        return error_set(err, EX_USAGE, "--broker: '%.200s' has no valid port (1 to 65535); " EXAMPLE, text);
    return 0;
}
