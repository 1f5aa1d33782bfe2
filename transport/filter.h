#ifndef TI_TRANSPORT_FILTER_H
#define TI_TRANSPORT_FILTER_H

/* MQTT's own rules for topic names and topic filters (MQTT 5, section 4.7), and this project's bound on their
 * length. */

#include <stdbool.h>

#define TOPIC_MAX 255 /* bytes, without NUL: what every broker that we know takes */

bool topic_name_valid(const char *topic);    /* 1–TOPIC_MAX bytes, no wildcard */
bool topic_filter_valid(const char *filter); /* '+' and '#' fill a level, '#' is the last one */

/* Both must be valid. Wildcards at the first level do not match topics that start with '$'. */
bool topic_filter_matches(const char *filter, const char *topic);

#endif
