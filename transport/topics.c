#include "transport/topics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"

/* -- prefixes
 * ------------------------------------------------------------------------------------------------------- */

static const char *prefix_fault(const char *prefix)
{
    size_t len = strlen(prefix);
    if (len == 0)
        return "is empty; give a topic such as /signal or fleet/signal";
    if (len > TOPICS_PREFIX_MAX)
        return "is longer than 100 bytes; give a shorter one";
    if (strpbrk(prefix, "+#"))
        return "contains a wildcard ('+' or '#'); give a plain topic";
    if (prefix[0] == '$')
        return "starts with '$', which brokers keep for themselves; give another one";
    if (prefix[len - 1] == '/')
        return "ends in '/'; leave that out";
    if (strstr(prefix, "//"))
        return "has an empty level ('//'); leave that out";
    for (size_t i = 0; i < len; i++)
        if (prefix[i] <= ' ' ||
            prefix[i] == 0x7f) /* char may be signed: bytes beyond ASCII are refused, too */
            return "contains a space, a control character or a byte beyond ASCII; give a plain topic";
    return NULL;
}

static int prefix_check(const char *flag, const char *prefix, struct error *err)
{
    const char *fault = prefix_fault(prefix);
    return fault ? error_set(err, EX_USAGE, "--%s: the topic prefix '%.120s' %s", flag, prefix, fault) : 0;
}

/* a and b are equal, or b is below a. */
static bool prefix_holds(const char *a, const char *b)
{
    size_t len = strlen(a);
    return strncmp(a, b, len) == 0 && (b[len] == '\0' || b[len] == '/');
}

int topics_init(struct topics *topics, const char *signal, const char *payload, struct error *err)
{
    int r = prefix_check("signal", signal, err);
    if (r == 0)
        r = prefix_check("payload", payload, err);
    if (r != 0)
        return r;
    if (prefix_holds(signal, payload) || prefix_holds(payload, signal))
        return error_set(err, EX_USAGE,
                         "--signal and --payload: '%s' and '%s' are equal or one inside the other; give two "
                         "topics side by side",
                         signal, payload);
    strcpy(topics->signal, signal);
    strcpy(topics->payload, payload);
    return 0;
}

bool topics_participant_valid(const char *name)
{
    return dns_label_valid(name) && strcmp(name, TOPICS_ALL) != 0;
}

bool topics_cluster_valid(const char *name)
{
    return topics_participant_valid(name) && strcmp(name, TOPICS_HUB) != 0;
}

static bool audience_valid(const char *name)
{
    return dns_label_valid(name);
}

/* -- building
 * ------------------------------------------------------------------------------------------------------- */

static int unspeakable(topics_text out)
{
    out[0] = '\0';
    return TOPICS_E_UNSPEAKABLE;
}

static int build(topics_text out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int build(topics_text out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, TOPIC_MAX + 1, format, args);
    va_end(args);
    return n < 0 || n > TOPIC_MAX ? unspeakable(out) : 0;
}

static void replace(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from)
            *text = to;
}

int topics_signal(const struct topics *topics, const char *provider, const char *informer, topics_text out)
{
    if (!topics_participant_valid(provider) || !topics_participant_valid(informer))
        return unspeakable(out);
    return build(out, "%s/%s/%s", topics->signal, provider, informer);
}

int topics_whois(const struct topics *topics, const char *informer, topics_text out)
{
    if (!topics_participant_valid(informer))
        return unspeakable(out);
    return build(out, "%s/" TOPICS_ALL "/%s", topics->signal, informer);
}

int topics_presence(const struct topics *topics, const char *provider, topics_text out)
{
    if (!topics_participant_valid(provider))
        return unspeakable(out);
    return build(out, "%s/%s", topics->payload, provider);
}

int topics_audience(const struct topics *topics, const char *provider, const char *audience, topics_text out)
{
    if (!topics_participant_valid(provider) || !audience_valid(audience))
        return unspeakable(out);
    return build(out, "%s/%s/%s", topics->payload, provider, audience);
}

int topics_stream(const struct topics *topics, const char *provider, const char *audience,
                  const struct gvr *gvr, topics_text out)
{
    struct gvr checked;
    if (!topics_participant_valid(provider) || !audience_valid(audience) || strcmp(gvr->group, "core") == 0 ||
        gvr_set(&checked, gvr->group, gvr->version, gvr->resource) != 0)
        return unspeakable(out);
    replace(checked.group, '.', '~');
    return build(out, "%s/%s/%s/%s/%s/%s", topics->payload, provider, audience,
                 checked.group[0] ? checked.group : "core", checked.version, checked.resource);
}

int topics_filter_signals(const struct topics *topics, const char *provider, topics_text out)
{
    if (!topics_participant_valid(provider))
        return unspeakable(out);
    return build(out, "%s/%s/+", topics->signal, provider);
}

int topics_filter_whois(const struct topics *topics, topics_text out)
{
    return build(out, "%s/" TOPICS_ALL "/+", topics->signal);
}

int topics_filter_presences(const struct topics *topics, topics_text out)
{
    return build(out, "%s/+", topics->payload);
}

int topics_filter_streams(const struct topics *topics, const char *provider, const char *audience,
                          topics_text out)
{
    if ((provider && !topics_participant_valid(provider)) || !audience_valid(audience))
        return unspeakable(out);
    return build(out, "%s/%s/%s/#", topics->payload, provider ? provider : "+", audience);
}

/* -- parsing
 * -------------------------------------------------------------------------------------------------------- */

#define LEVELS_MAX 5

/* Splits at '/', in place. The number of levels; LEVELS_MAX + 1 where there are more. */
static int split(char *text, char *levels[LEVELS_MAX])
{
    for (int n = 0; n < LEVELS_MAX; n++) {
        levels[n] = text;
        text = strchr(text, '/');
        if (!text)
            return n + 1;
        *text++ = '\0';
    }
    return LEVELS_MAX + 1;
}

/* What follows the prefix and a '/', or NULL. */
static const char *below(const char *prefix, const char *topic)
{
    size_t len = strlen(prefix);
    return strncmp(prefix, topic, len) == 0 && topic[len] == '/' ? topic + len + 1 : NULL;
}

/* The callers have checked the name, and so its length. */
static void set_name(char *name, const char *level)
{
    snprintf(name, TOPICS_PARTICIPANT_MAX + 1, "%s", level);
}

static int parse_signal(char **levels, int count, struct topic *out)
{
    if (count != 2 || !topics_participant_valid(levels[1]))
        return TOPICS_E_FOREIGN;
    set_name(out->informer, levels[1]);
    if (strcmp(levels[0], TOPICS_ALL) == 0) {
        out->kind = TOPIC_WHOIS;
        return 0;
    }
    if (!topics_participant_valid(levels[0]))
        return TOPICS_E_FOREIGN;
    out->kind = TOPIC_SIGNAL;
    set_name(out->provider, levels[0]);
    return 0;
}

static int parse_group(char *level, const char **group)
{
    if (level[0] == '\0' || strchr(level, '.'))
        return TOPICS_E_FOREIGN;
    replace(level, '~', '.');
    *group = strcmp(level, "core") == 0 ? "" : level;
    return 0;
}

static int parse_payload(char **levels, int count, struct topic *out)
{
    const char *group;
    if (!topics_participant_valid(levels[0]))
        return TOPICS_E_FOREIGN;
    set_name(out->provider, levels[0]);
    out->kind = count == 1 ? TOPIC_PRESENCE : count == 2 ? TOPIC_AUDIENCE : TOPIC_STREAM;
    if (count == 1)
        return 0;
    if (!audience_valid(levels[1]))
        return TOPICS_E_FOREIGN;
    if (count != 2 && (count != 5 || parse_group(levels[2], &group) != 0 ||
                       gvr_set(&out->gvr, group, levels[3], levels[4]) != 0))
        return TOPICS_E_FOREIGN;
    set_name(out->informer, levels[1]);
    return 0;
}

int topics_parse(const struct topics *topics, const char *topic, struct topic *out)
{
    if (strnlen(topic, TOPIC_MAX + 1) > TOPIC_MAX)
        return TOPICS_E_FOREIGN;
    memset(out, 0, sizeof(*out));

    topics_text text;
    char *levels[LEVELS_MAX];
    const char *rest = below(topics->signal, topic);
    if (rest) {
        strcpy(text, rest);
        return parse_signal(levels, split(text, levels), out);
    }
    rest = below(topics->payload, topic);
    if (!rest)
        return TOPICS_E_FOREIGN;
    strcpy(text, rest);
    return parse_payload(levels, split(text, levels), out);
}

void topics_labels(const char *provider, const char *audience, const struct gvr *gvr, struct buf *out)
{
    char text[GVR_TEXT_MAX];
    metric_label(out, "cluster", provider);
    metric_label(out, "resource", gvr_text(gvr, text));
    metric_label(out, "version", gvr->version);
    if (strcmp(audience, TOPICS_ALL) != 0)
        metric_label(out, "audience", audience);
}
