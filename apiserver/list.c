/*
 * GET of a collection. The answer is a snapshot, printed slice by slice as the reader takes it; so a long
 * list neither stalls the loop nor mixes revisions. A page is looked through first, as its head says whether
 * there is another one. Pages after the first are read at the revision of the first, out of the history; when
 * that is gone, 410, as in a real server.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/freshness.h"
#include "apiserver/options.h"
#include "apiserver/print.h"
#include "apiserver/scale.h"
#include "apiserver/server_internal.h"
#include "apiserver/token.h"
#include "base/mem.h"

#define NAMED_MAX 10 /* clusters that have what was asked for */

struct list {
    struct list_options options;
    struct collection *collection;
    struct view view;
    struct view_reader reader;
    uint64_t revision;
    struct printer printer;
    struct token from; /* where it goes on */
    bool goes_on;      /* else from the beginning */
    bool placed;       /* the view is what it is to be, and the readers are in their place */
    bool opened;       /* the head is printed */
    /* The page, which is looked through with a reader of its own. */
    struct view_reader scan;
    size_t scanned;  /* objects, so far */
    size_t page;     /* so many are to be printed, or passed over; SIZE_MAX: all */
    struct item end; /* the last of them */
    uint64_t matched;
    bool more; /* and there is another page */
};

static void list_destroy(struct list *list)
{
    list_options_deinit(&list->options);
    view_deinit(&list->view);
    print_deinit(&list->printer);
    free(list);
}

static void list_close(struct exchange *exchange)
{
    list_destroy(exchange->state);
}

static const char *print_continue(const struct list *list, char text[TOKEN_TEXT_MAX])
{
    struct token token = {.revision = list->revision};
    snprintf(token.partition, sizeof(token.partition), "%s", list->end.partition->name);
    snprintf(token.after, sizeof(token.after), "%s", object_key(list->end.object));
    return token_print(&token, text);
}

static void print_head(struct exchange *exchange, struct list *list)
{
    char text[TOKEN_TEXT_MAX];
    struct print_page page = {.revision = list->revision, .continue_ = ""};
    if (list->more) {
        page.continue_ = print_continue(list, text);
        page.counted = list_options_select_all(&list->options);
        page.left = page.counted ? view_left(&list->reader) - list->page : 0;
    }
    print_init(&list->printer, exchange, &list->collection->resource);
    print_open(&list->printer, &page, &exchange->out);
    list->opened = true;
}

/* Where the page ends, and whether there is anything behind it. False: not known yet. */
static bool scan_page(struct list *list)
{
    struct item item;
    for (int i = 0; i < SLICE_OBJECTS; i++) {
        if (!view_next(&list->scan, &item)) {
            list->page = list->scanned;
            return true;
        }
        list->scanned++;
        if (!list_options_select(&list->options, &item))
            continue;
        if (++list->matched > list->options.limit) {
            list->more = true;
            return true;
        }
        list->end = item;
        list->page = list->scanned;
    }
    return false;
}

/* True where there are more. */
static bool fill_items(struct list *list, struct exchange *exchange)
{
    struct item item;
    for (int i = 0; i < SLICE_OBJECTS; i++) {
        struct view_reader next = list->reader;
        if (!list->page || !view_next(&next, &item))
            return false;
        bool selected = list_options_select(&list->options, &item);
        if (selected && !exchange_fits(exchange, print_size(&item)))
            return true;
        list->reader = next;
        list->page -= list->page != SIZE_MAX;
        if (selected)
            print_item(&list->printer, &item, &exchange->out);
    }
    return true;
}

/* False: later, or never, where the history has been forgotten meanwhile. The next try is told so. */
static bool find_place(struct exchange *exchange, struct list *list)
{
    const char *namespace_ = list->options.namespace_;
    int r = view_rewind(&list->view, SLICE_OBJECTS);
    if (r == VIEW_E_MORE)
        exchange_later(exchange);
    exchange->broken = r == STORAGE_E_EXPIRED;
    if (r != 0)
        return false;
    list->reader = list->goes_on
                       ? view_read_after(&list->view, namespace_, list->from.partition, list->from.after)
                       : view_read(&list->view, namespace_);
    list->scan = list->reader;
    list->placed = true;
    return true;
}

static bool list_fill(struct exchange *exchange)
{
    struct list *list = exchange->state;
    if (!list->placed && !find_place(exchange, list))
        return true;
    if (!list->opened && (!list->options.limit || scan_page(list)))
        print_head(exchange, list);
    if (!list->opened || fill_items(list, exchange)) {
        if (!exchange->out.len)
            exchange_later(exchange);
        return true;
    }
    print_close(&list->printer, &exchange->out);
    return false;
}

static const struct exchange_source list_source = {.fill = list_fill, .close = list_close};

int server_too_large(const struct exchange *exchange, uint64_t wanted, struct status *status)
{
    status_set(status, 504, "Timeout", "Timeout: Too large resource version: %" PRIu64 ", current: %" PRIu64,
               wanted, exchange_horizon(exchange));
    status_cause(status, "ResourceVersionTooLarge", "Too large resource version", "");
    status->retry_after_s = 1;
    return status->code;
}

static int expired(const struct token *token, struct status *status)
{
    if (!token)
        return status_set(status, 410, "Expired", "The resourceVersion for the provided list is too old.");
    struct token go_on = {.revision = 0};
    status_set(
        status, 410, "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list "
        "without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of "
        "the results. Continuing with the provided token results in an inconsistent list - objects that were "
        "created, modified, or deleted between the time the first chunk was returned and now may show up in "
        "the "
        "list.");
    strcpy(go_on.after, token->after);
    strcpy(go_on.partition, token->partition);
    token_print(&go_on, status->continue_);
    return status->code;
}

/* A fleet's revisions begin anew with each process: one from its future is another one's. */
static int not_yet(const struct exchange *exchange, uint64_t wanted, const struct token *token,
                   struct status *status)
{
    return exchange->server->storage.fleet ? expired(token, status)
                                           : server_too_large(exchange, wanted, status);
}

/* Which revision the options ask for. */
static int choose_revision(const struct exchange *exchange, struct list *list, const struct token *token,
                           struct status *status)
{
    const struct list_options *options = &list->options;
    uint64_t current = exchange->server->storage.revision, seen = exchange_horizon(exchange);
    list->revision = current;
    if (token) {
        list->revision = token->revision ? token->revision : current;
        return list->revision > current ? not_yet(exchange, list->revision, token, status) : 0;
    }
    if (!options->has_version)
        return 0;
    list->revision = seen;
    if (options->version > seen)
        return not_yet(exchange, options->version, NULL, status);
    bool exact = options->match == MATCH_EXACT || (options->match == MATCH_UNSET && options->limit);
    if (exact && options->version)
        list->revision = options->version;
    return 0;
}

/* The one partition that can have what is asked for; NULL: all. */
static const struct partition *only_partition(const struct exchange *exchange,
                                              const struct collection *collection,
                                              const struct list_options *options)
{
    const struct partition *named = server_partition(exchange, collection);
    const char *cluster = selector_exact(&options->clusters, "cluster");
    return named || !cluster ? named : collection_find(collection, cluster);
}

static int list_prepare(struct exchange *exchange, struct list *list, struct status *status)
{
    const struct collection *collection = list->collection;
    const struct token *from = NULL;
    int r = list_options_parse(&list->options, exchange, &collection->resource, status);
    if (r != 0)
        return r;
    if (list->options.continue_[0]) {
        if (token_parse(list->options.continue_, &list->from) != 0)
            return status_set(
                status, 400, "BadRequest",
                "invalid continue token: continue key is not valid: it is none that this server gave");
        from = &list->from;
        list->goes_on = true;
    }
    r = choose_revision(exchange, list, from, status);
    if (r != 0)
        return r;
    const struct partition *only = only_partition(exchange, collection, &list->options);
    if (view_begin(collection, only, list->revision, &list->view) != 0)
        return expired(from, status);
    freshness_warn(exchange, collection, only);
    list->page = list->options.limit ? 0 : SIZE_MAX;
    return 0;
}

void server_answer_list(struct exchange *exchange, struct collection *collection)
{
    struct status status = {0};
    struct list *list = mem_zalloc(sizeof(*list));
    list->collection = collection;
    if (list_prepare(exchange, list, &status) != 0) {
        exchange_fail(exchange, &status);
        list_destroy(list);
        return;
    }
    exchange->source = &list_source;
    exchange->state = list;
}

/* ---- one object ---- */

/* As it was for a replica that lags behind; false where that is not known any more. */
static bool find_earlier(const struct exchange *exchange, const struct collection *collection,
                         const char *key, struct item *out, struct view *held)
{
    if (!request_param(&exchange->request, "resourceVersion")[0] || !exchange->horizon ||
        view_take(collection, NULL, exchange_horizon(exchange), held) != 0)
        return false;
    for (size_t i = 0; i < held->count && !out->object; i++) {
        const struct object_entry *entry = object_set_find(&held->parts[i].objects, key);
        if (entry)
            *out = (struct item){held->parts[i].partition, entry->object, entry->revision};
    }
    return true;
}

static bool find_in(const struct partition *partition, const char *key, struct item *out)
{
    const struct object_entry *entry = partition ? object_set_find(&partition->objects, key) : NULL;
    if (entry)
        *out = (struct item){partition, entry->object, entry->revision};
    return entry;
}

/* Finds it in the clusters of the request. Where several have one of that name, it is nobody's; there may be
 * thousands, of which the first are named. */
static void find_now(const struct exchange *exchange, const struct collection *collection, const char *key,
                     struct item *out, struct status *status)
{
    cleanup_with(buf_deinit) struct buf names = BUF_INIT(NAMED_MAX * TOKEN_PARTITION_MAX * 2);
    size_t found = 0;
    if (exchange->request.cluster) {
        find_in(server_partition(exchange, collection), key, out);
        return;
    }
    for (size_t i = 0; i < collection->partition_count && found <= NAMED_MAX; i++) {
        const struct partition *partition = collection->partitions[i];
        if (find_in(partition, key, out))
            buf_appendf(&names, "%s%s", found ? ", " : "", found < NAMED_MAX ? partition->name : "...");
        found += out->partition == partition;
    }
    if (found > 1)
        status_ambiguous(status, &collection->resource, exchange->request.name, names.data);
}

static int print_scale(struct exchange *exchange, const struct resource *resource, const struct item *item,
                       struct status *status)
{
    struct scale_paths paths;
    if (!scale_find(exchange->server, item->partition->name, resource, &paths))
        return status_not_mirrored(status, resource, "scale");
    if (scale_check(&paths, item->object, status) == 0)
        scale_print(item, &paths, &exchange->out);
    return status->code;
}

static int print_found(struct exchange *exchange, const struct collection *collection,
                       const struct item *item, struct status *status)
{
    struct printer printer;
    freshness_warn(exchange, collection, item->partition);
    if (!strcmp(exchange->request.subresource, "scale"))
        return print_scale(exchange, &collection->resource, item, status);
    print_init(&printer, exchange, &collection->resource);
    print_single(&printer, item, &exchange->out);
    print_deinit(&printer);
    return 0;
}

/* A subresource that is not had here, but in the cluster that the object is of. */
static bool has_at_home(const struct resource *resource, const char *subresource)
{
    const struct resource *home = resource_built_in(&resource->gvr);
    return home && resource_has_subresource(home, subresource);
}

void server_answer_get(struct exchange *exchange, struct collection *collection)
{
    const struct request *request = &exchange->request;
    struct status status = {0};
    struct view held = {0};
    struct item item = {0};
    char key[OBJECT_KEY_MAX];
    snprintf(key, sizeof(key), "%s%s%s", request->namespace_ ? request->namespace_ : "",
             request->namespace_ ? "/" : "", request->name);
    uint64_t version;
    if (!resource_has_subresource(&collection->resource, request->subresource))
        has_at_home(&collection->resource, request->subresource)
            ? status_not_mirrored(&status, &collection->resource, request->subresource)
            : status_no_such_path(&status);
    else if (request_number(request, "resourceVersion", 0, &version) != 0)
        list_options_bad_version(request_param(request, "resourceVersion"), false, &status);
    else if (!find_earlier(exchange, collection, key, &item, &held))
        find_now(exchange, collection, key, &item, &status);
    if (!status.code && !item.object)
        status_not_found(&status, &collection->resource, request->name);
    if (status.code || print_found(exchange, collection, &item, &status) != 0)
        exchange_fail(exchange, &status);
    view_deinit(&held);
}
