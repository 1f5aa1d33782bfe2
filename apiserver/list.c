/*
 * GET of a collection. The answer is a snapshot: references to the objects as they were at one revision,
 * printed slice by slice as the reader takes them; so a long list neither stalls the loop nor mixes
 * revisions. Pages after the first are read at the revision of the first, out of the history; when that is
 * gone, 410, as in a real server.
 */

#include <inttypes.h>
#include <string.h>

#include "apiserver/options.h"
#include "apiserver/print.h"
#include "apiserver/scale.h"
#include "apiserver/server_internal.h"
#include "apiserver/token.h"
#include "base/mem.h"

struct list {
    struct list_options options;
    struct collection *collection;
    struct object_set items;
    size_t at, end; /* of items: what is still to be printed */
    size_t left;    /* behind end: for later pages */
    uint64_t revision;
    struct printer printer;
    bool opened;
};

static void list_destroy(struct list *list)
{
    list_options_deinit(&list->options);
    object_set_deinit(&list->items);
    free(list);
}

static void list_close(struct exchange *exchange)
{
    list_destroy(exchange->state);
}

static bool list_fill(struct exchange *exchange)
{
    struct list *list = exchange->state;
    while (list->at < list->end && exchange->out.len < SLICE_BYTES) {
        const struct object *object = list->items.items[list->at++];
        if (list_options_select(&list->options, object))
            print_item(&list->printer, object, &exchange->out);
    }
    if (list->at < list->end)
        return true;
    print_close(&list->printer, &exchange->out);
    return false;
}

static const struct exchange_source list_source = {.fill = list_fill, .close = list_close};

int server_too_large(const struct exchange *exchange, uint64_t wanted, struct status *status)
{
    status_set(status, 504, "Timeout", "Too large resource version: %" PRIu64 ", current: %" PRIu64, wanted,
               exchange_horizon(exchange));
    strcpy(status->cause, "ResourceVersionTooLarge");
    strcpy(status->cause_message, "Too large resource version");
    status->retry_after_s = 1;
    return status->code;
}

static int expired(const struct list *list, const struct token *token, struct status *status)
{
    (void)list;
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
    token_print(&go_on, status->continue_);
    return status->code;
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
        return list->revision > current ? server_too_large(exchange, list->revision, status) : 0;
    }
    if (!options->has_version)
        return 0;
    list->revision = seen;
    if (options->version > seen)
        return server_too_large(exchange, options->version, status);
    bool exact = options->match == MATCH_EXACT || (options->match == MATCH_UNSET && options->limit);
    if (exact && options->version)
        list->revision = options->version;
    return 0;
}

/* Where the page ends, and how many objects lie behind it. */
static void cut_page(struct list *list)
{
    uint64_t matched = 0;
    list->end = list->items.count;
    if (!list->options.limit)
        return;
    for (size_t i = list->at; i < list->items.count; i++) {
        if (!list_options_select(&list->options, list->items.items[i]))
            continue;
        if (++matched > list->options.limit) {
            list->left = list->items.count - list->end;
            return;
        }
        list->end = i + 1;
    }
    list->end = list->items.count;
}

static void print_metadata(struct list *list, struct buf *out)
{
    buf_appendf(out, "{\"resourceVersion\":\"%" PRIu64 "\"", list->revision);
    if (list->end < list->items.count) {
        char text[TOKEN_TEXT_MAX];
        struct token token = {.revision = list->revision};
        strcpy(token.after, object_key(list->items.items[list->end - 1]));
        buf_appendf(out, ",\"continue\":\"%s\"", token_print(&token, text));
        if (list_options_select_all(&list->options))
            buf_appendf(out, ",\"remainingItemCount\":%zu", list->items.count - list->end);
    }
    buf_append_char(out, '}');
}

static int list_prepare(struct exchange *exchange, struct list *list, struct status *status)
{
    const struct collection *collection = list->collection;
    struct token token, *from = NULL;
    int r = list_options_parse(&list->options, &exchange->request, &collection->resource, status);
    if (r != 0)
        return r;
    if (list->options.continue_[0]) {
        if (token_parse(list->options.continue_, &token) != 0)
            return status_set(
                status, 400, "BadRequest",
                "invalid continue token: continue key is not valid: it is none that this server gave");
        from = &token;
    }
    r = choose_revision(exchange, list, from, status);
    if (r != 0)
        return r;
    if (collection_snapshot(collection, list->revision, list->options.namespace_, &list->items) != 0)
        return expired(list, from, status);
    if (from) {
        bool found;
        list->at = object_set_find(&list->items, from->after, &found);
        list->at += found;
    }
    cut_page(list);
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
    cleanup_with(buf_deinit) struct buf metadata = BUF_INIT(SIZE_MAX / 4);
    print_metadata(list, &metadata);
    print_init(&list->printer, exchange, &collection->resource);
    print_open(&list->printer, metadata.data, &exchange->out);
    exchange->source = &list_source;
    exchange->state = list;
}

void server_answer_get(struct exchange *exchange, struct collection *collection)
{
    const struct request *request = &exchange->request;
    struct status status = {0};
    struct object_set old = {0};
    struct object *object;
    char key[OBJECT_KEY_MAX];
    snprintf(key, sizeof(key), "%s%s%s", request->namespace_ ? request->namespace_ : "",
             request->namespace_ ? "/" : "", request->name);
    bool stale = request_param(request, "resourceVersion")[0] && exchange->horizon &&
                 collection_snapshot(collection, exchange_horizon(exchange), request->namespace_, &old) == 0;
    bool served = resource_has_subresource(&collection->resource, request->subresource);
    object = object_set_get(stale ? &old : &collection->objects, key);
    if (!served) {
        status_no_such_path(&status);
        exchange_fail(exchange, &status);
    } else if (object && !strcmp(request->subresource, "scale")) {
        scale_print(object, &exchange->out);
    } else if (object) {
        struct printer printer;
        print_init(&printer, exchange, &collection->resource);
        print_single(&printer, object, &exchange->out);
    } else {
        status_not_found(&status, &collection->resource, request->name);
        exchange_fail(exchange, &status);
    }
    object_set_deinit(&old);
}
