#ifndef TI_APISERVER_EVENT_PRINTS_H
#define TI_APISERVER_EVENT_PRINTS_H

/*
 * What was printed of the last events, for a moment: of thousands of watches that are told the same, the
 * first one prints it, and the others have a copy. Who is not among those who hear of a change at once prints
 * it anew, so what is said of the time, and how fresh it is, is never older than that moment.
 */

#include "base/buf.h"
#include "base/event.h"
#include "base/loop.h"

/* What makes the bytes of an event, beside the event itself. */
struct event_form {
    uint64_t revision; /* of the event: over all resources there is one of that */
    enum event_type type;
    int form;            /* enum api_form */
    bool clusters;       /* with a column for them */
    const char *include; /* of a table's rows; borrowed */
};

struct event_print {
    struct event_form form; /* revision 0: none */
    char include[12];
    struct buf text;
};

#define EVENT_PRINTS 64

struct event_prints {
    struct timer forget;
    struct event_print kept[EVENT_PRINTS];
};

void event_prints_init(struct event_prints *prints, struct loop *loop);
void event_prints_clear(
    struct event_prints *prints); /* at once: revisions are given anew, or it is the end */

/* Borrowed until the next call; NULL where it is not kept. */
const struct buf *event_prints_find(const struct event_prints *prints, const struct event_form *form);
/* Keeps a copy, where it is not too long. */
void event_prints_keep(struct event_prints *prints, const struct event_form *form, const char *text,
                       size_t len);

#endif
