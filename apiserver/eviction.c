/*
 * pods/eviction: a deletion that a PodDisruptionBudget may refuse for now. How many pods may go stands in the
 * budget's status, which a controller keeps; here it is counted down, so that nobody else takes the same one.
 */

#include <string.h>

#include "apiserver/action.h"
#include "apiserver/label_selector.h"
#include "apiserver/server_internal.h"
#include "base/mem.h"

static const struct gvr gvr_budgets = {"policy", "v1", "poddisruptionbudgets"};

/* The keys of the first two that select that pod; returns how many do. */
static size_t find_budgets(const struct write *write, const struct object *pod, const char *keys[2])
{
    struct collection *budgets = apiserver_collection(write->server, &gvr_budgets);
    struct slice labels = json_member(json_member(object_bytes(pod), "metadata"), "labels");
    struct object_place at, end;
    const struct object_entry *entry;
    size_t count = 0;
    object_set_range(&budgets->own->objects, write->namespace_, &at, &end);
    while ((at.page != end.page || at.slot != end.slot) &&
           (entry = object_set_next(&budgets->own->objects, &at))) {
        cleanup_tree cJSON *budget = write_tree_of(entry->object);
        if (!label_selector_matches(tree_at(budget, "spec.selector"), labels))
            continue;
        if (count < 2)
            keys[count] = object_key(entry->object);
        count++;
    }
    return count;
}

/* Without a time to come back: clients would wait for it, and not for the budget. */
static int too_many(const struct write *write, const char *cause)
{
    status_set(write->status, 429, "TooManyRequests",
               "Cannot evict pod as it would violate the pod's disruption budget.");
    status_cause(write->status, "DisruptionBudget", cause, "");
    return write->status->code;
}

static int check_budget(const struct write *write, const cJSON *budget)
{
    const char *name = tree_text(budget, "metadata.name");
    if (tree_number(budget, "status.observedGeneration", 0) < tree_number(budget, "metadata.generation", 1)) {
        cleanup_free char *cause =
            mem_printf("The disruption budget %s is still being processed by the server.", name);
        return too_many(write, cause);
    }
    if (tree_number(budget, "status.disruptionsAllowed", 0) > 0)
        return 0;
    cleanup_free char *cause =
        mem_printf("The disruption budget %s needs %d healthy pods and has %d currently", name,
                   tree_count(budget, "status.desiredHealthy", 0),
                   tree_count(budget, "status.currentHealthy", 0));
    return too_many(write, cause);
}

static int take_one(const struct write *write, const char *key)
{
    cleanup_with(buf_deinit) struct buf text = BUF_INIT(SIZE_MAX / 4);
    cleanup_tree cJSON *budget = write_tree_of(apiserver_get_object(write->server, &gvr_budgets, key));
    int r = check_budget(write, budget);
    if (r != 0 || write->dry_run)
        return r;
    tree_set_number(tree_at(budget, "status"), "disruptionsAllowed",
                    tree_number(budget, "status.disruptionsAllowed", 1) - 1);
    tree_print(budget, &text);
    apiserver_update_object(write->server, &gvr_budgets, text.data, text.len, true, NULL, NULL);
    return 0;
}

/* What does not run any more, or not yet, counts in no budget. */
static bool is_free(const struct object *pod)
{
    struct slice phase = json_member(json_member(object_bytes(pod), "status"), "phase");
    return !slice_equal(phase, "Running") ||
           json_member(json_member(object_bytes(pod), "metadata"), "deletionTimestamp").data;
}

static int ask_budgets(const struct write *write, const struct object *pod)
{
    const char *keys[2];
    size_t count = is_free(pod) ? 0 : find_budgets(write, pod, keys);
    if (count > 1)
        return status_set(
            write->status, 500, "InternalError",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support.");
    return count ? take_one(write, keys[0]) : 0;
}

int action_evict(struct write *write, const cJSON *eviction, struct buf *out)
{
    const cJSON *options = tree_at(eviction, "deleteOptions");
    const struct object *pod = write_current(write);
    const char *name = tree_text(eviction, "metadata.name");
    if (!pod)
        return status_not_found(write->status, &write->collection->resource, write->name);
    if (name[0] && strcmp(name, write->name))
        return status_set(write->status, 400, "BadRequest",
                          "name in URL does not match name in Eviction object");
    if (cJSON_GetArraySize(tree_at(options, "dryRun")) > 0)
        write->dry_run = true;
    int r = ask_budgets(write, pod);
    if (r == 0)
        r = write_delete(write, options, (long)tree_number(options, "gracePeriodSeconds", -1));
    if (r == 0)
        buf_append_str(out,
                       "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\","
                       "\"code\":201}\n");
    return r;
}
