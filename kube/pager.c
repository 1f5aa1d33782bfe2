#include "kube/pager.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kube/url.h"

#define IDLE_TIMEOUT_MS 90000 /* the API server itself gives up a list after 60 s */

static void pager_request(struct pager *pager);

static void text_replace(char **text, const char *value)
{
    char *copy = mem_strdup(value);
    free(*text);
    *text = copy;
}

static void pager_clear(struct pager *pager)
{
    list_decoder_deinit(&pager->decoder);
    text_replace(&pager->resource_version, NULL);
    text_replace(&pager->found_version, NULL);
    text_replace(&pager->continue_token, NULL);
}

static void pager_finish(struct pager *pager, const struct status *status)
{
    cleanup_free char *version = mem_steal(pager->found_version);
    pager_clear(pager);
    pager->ops->done(pager->arg, status, version ? version : "");
}

static void pager_malformed(struct pager *pager, const char *why)
{
    struct status status;
    status_malformed(&status, "the API server's list of %s is of no use: %s", pager->collection->gvr.resource,
                     why);
    call_cancel(&pager->call);
    pager_finish(pager, &status);
}

static const char *decoder_error(int code)
{
    if (code == LIST_E_TOO_LONG)
        return "an item is longer than the limit for one object";
    if (code == LIST_E_TRUNCATED)
        return "it is cut off";
    return code == LIST_E_NO_LIST ? "it is no list of that kind" : "it is not JSON";
}

static bool api_version_fits(const struct pager *pager)
{
    const struct gvr *gvr = &pager->collection->gvr;
    char expected[GVR_TEXT_MAX];
    snprintf(expected, sizeof(expected), "%s%s%s", gvr->group, gvr->group[0] ? "/" : "", gvr->version);
    return pager->decoder.api_version && strcmp(pager->decoder.api_version, expected) == 0;
}

static bool on_item(void *arg, struct slice json)
{
    struct pager *pager = arg;
    pager->ops->item(pager->arg, json);
    return !pager->cancelled;
}

static void on_body(void *arg, const char *data, size_t len)
{
    struct pager *pager = arg;
    pager->feeding = true;
    int r = list_decoder_feed(&pager->decoder, data, len);
    pager->feeding = false;
    if (pager->cancelled)
        pager_clear(pager);
    else if (r != 0)
        pager_malformed(pager, decoder_error(r));
}

static void page_done(struct pager *pager, const struct status *status)
{
    int r = list_decoder_finish(&pager->decoder);
    if (r == 0 && !api_version_fits(pager))
        r = LIST_E_NO_LIST;
    if (r != 0) {
        pager_malformed(pager, decoder_error(r));
        return;
    }
    if (!pager->found_version)
        pager->found_version = mem_steal(pager->decoder.resource_version);
    text_replace(&pager->continue_token, pager->decoder.continue_token);
    if (pager->continue_token)
        pager_request(pager);
    else
        pager_finish(pager, status);
}

static void start_over_whole(struct pager *pager)
{
    pager->whole = true;
    text_replace(&pager->continue_token, NULL);
    text_replace(&pager->found_version, NULL);
    pager->ops->restart(pager->arg);
    if (!pager->cancelled)
        pager_request(pager);
}

static void on_done(void *arg, const struct status *status)
{
    struct pager *pager = arg;
    if (status->outcome == OUTCOME_OK)
        page_done(pager, status);
    else if (status->outcome == OUTCOME_EXPIRED && pager->continue_token)
        start_over_whole(pager);
    else
        pager_finish(pager, status);
}

static void pager_request(struct pager *pager)
{
    list_decoder_deinit(&pager->decoder);
    struct buf url = BUF_INIT(URL_LIMIT);
    collection_url(pager->collection, &url);
    if (!pager->whole)
        url_query_number(&url, "limit", PAGER_PAGE_SIZE);
    if (pager->continue_token)
        url_query(&url, "continue", pager->continue_token);
    else if (pager->resource_version)
        url_query(&url, "resourceVersion", pager->resource_version);
    struct rest_request request = {.method = "GET", .path = url.data, .idle_timeout_ms = IDLE_TIMEOUT_MS};
    call_start(&pager->call, &request);
    buf_deinit(&url);
}

void pager_init(struct pager *pager, struct rest *rest, const struct collection *collection,
                const struct pager_ops *ops, void *arg)
{
    static const struct call_ops call_ops = {.body = on_body, .done = on_done};
    *pager = (struct pager){.collection = collection, .ops = ops, .arg = arg, .cancelled = true};
    call_init(&pager->call, rest, &call_ops, pager);
    list_decoder_init(&pager->decoder, collection->object_limit, on_item, pager);
}

void pager_start(struct pager *pager, const char *resource_version)
{
    pager->cancelled = false;
    if (resource_version && resource_version[0])
        text_replace(&pager->resource_version, resource_version);
    pager->whole = pager->resource_version && strcmp(pager->resource_version, "0") != 0;
    pager_request(pager);
}

void pager_cancel(struct pager *pager)
{
    call_cancel(&pager->call);
    pager->cancelled = true;
    if (!pager->feeding)
        pager_clear(pager);
}
