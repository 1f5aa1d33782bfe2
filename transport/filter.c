#include "transport/filter.h"

#include <string.h>

bool topic_name_valid(const char *topic)
{
    size_t len = strnlen(topic, TOPIC_MAX + 1);
    return len > 0 && len <= TOPIC_MAX && !strpbrk(topic, "+#");
}

static bool level_valid(const char *level, size_t len, bool last)
{
    if (memchr(level, '#', len))
        return len == 1 && last;
    return !memchr(level, '+', len) || len == 1;
}

bool topic_filter_valid(const char *filter)
{
    size_t total = strnlen(filter, TOPIC_MAX + 1);
    if (total == 0 || total > TOPIC_MAX)
        return false;
    for (;;) {
        size_t len = strcspn(filter, "/");
        bool last = filter[len] == '\0';
        if (!level_valid(filter, len, last))
            return false;
        if (last)
            return true;
        filter += len + 1;
    }
}

/* Steps over one level. False at the end of the text. */
static bool level_next(const char **at)
{
    *at += strcspn(*at, "/");
    if (**at == '\0')
        return false;
    (*at)++;
    return true;
}

static bool level_matches(const char *filter, const char *topic)
{
    size_t len = strcspn(topic, "/");
    return filter[0] == '+' || (strcspn(filter, "/") == len && memcmp(filter, topic, len) == 0);
}

bool topic_filter_matches(const char *filter, const char *topic)
{
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#'))
        return false;
    for (;;) {
        if (filter[0] == '#')
            return true;
        if (!level_matches(filter, topic))
            return false;
        bool more_filter = level_next(&filter), more_topic = level_next(&topic);
        if (!more_topic) /* "a/#" matches "a" too */
            return !more_filter || strcmp(filter, "#") == 0;
        if (!more_filter)
            return false;
    }
}
