#ifndef TI_APISERVER_OPTIONS_H
#define TI_APISERVER_OPTIONS_H

/*
 * The options of list and watch (meta/v1 ListOptions): parsed, checked against each other as a real server
 * does, and applied to objects.
 */

#include "apiserver/server_internal.h"
#include "store/selector.h"

enum version_match {
    MATCH_UNSET,
    MATCH_EXACT,
    MATCH_NOT_OLDER,
};

struct list_options {
    const char *namespace_; /* NULL: all; borrowed from the request */
    const char *name;       /* "": any; of a watch on one object, or by the field selector */
    struct selector labels, fields;
    struct selector clusters; /* of a fleet: the terms of the field selector that speak of "cluster" */
    uint64_t limit;           /* 0: none */
    bool has_version;         /* resourceVersion was given, maybe 0 */
    uint64_t version;
    enum version_match match;
    const char *continue_; /* "" where absent */
    uint64_t timeout_s;    /* 0: not given */
    bool bookmarks, initial_events, has_initial_events;
};

/* 0, or an HTTP code with status set. Deinit in either case. */
int list_options_parse(struct list_options *options, const struct exchange *exchange,
                       const struct resource *resource, struct status *status);
/* resourceVersion is no number. But in a list, a real server takes that for a fault of its own. */
int list_options_bad_version(const char *text, bool list, struct status *status);
void list_options_deinit(struct list_options *options);

bool list_options_select(const struct list_options *options, const struct item *item);
bool list_options_select_all(const struct list_options *options); /* of the namespace */

#endif
