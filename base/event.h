#ifndef TI_BASE_EVENT_H
#define TI_BASE_EVENT_H

/* The types of a watch event, by their names on the wire (apimachinery pkg/watch). */

enum event_type { EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED, EVENT_BOOKMARK, EVENT_ERROR };

const char *event_type_text(enum event_type type); /* "ADDED" … */

#endif
