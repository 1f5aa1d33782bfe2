/*
 * PodDisruptionBudgets: how many of the pods that one selects are healthy, and how many may go. What evicts
 * pods (apiserver/eviction.c) goes by that.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apiserver/label_selector.h"
#include "base/mem.h"
#include "samples/minicluster/controller.h"
#include "samples/minicluster/pod.h"

#define SETTLE_US (50 * LOOP_MS)

static const struct gvr gvr_budgets = {"policy", "v1", "poddisruptionbudgets"};

struct tally {
    int pods, healthy;
    cJSON *scales; /* by the uid of what the pods belong to in the end: how many it shall have */
};

static void disruption_changed(struct controller *controller, struct collection *collection,
                               const struct event *event)
{
    if (event_is_of(collection, &gvr_budgets) && event->type != EVENT_DELETED)
        queue_add(&controller->queue, object_key(event->object), 0);
    else if (event_is_of(collection, &gvr_pods))
        queue_all_in(controller, &gvr_budgets, object_namespace(event->object), SETTLE_US);
}

/* What a pod's ReplicaSet belongs to counts, not the set. */
static cJSON *root_owner(struct cluster *cluster, const cJSON *tree)
{
    cJSON *owner = cluster_read_controller(cluster, tree);
    cJSON *above = owner ? cluster_read_controller(cluster, owner) : NULL;
    if (!above)
        return owner;
    cJSON_Delete(owner);
    return above;
}

static void count_pod(struct cluster *cluster, const struct object *pod, struct tally *tally)
{
    struct slice bytes = object_bytes(pod);
    if (pod_is_over(pod))
        return;
    tally->pods++;
    tally->healthy += pod_is_ready(pod);
    cleanup_tree cJSON *tree = tree_parse(bytes.data, bytes.len);
    cleanup_tree cJSON *owner = root_owner(cluster, tree);
    if (owner)
        tree_set_number(tally->scales, tree_text(owner, "metadata.uid"),
                        tree_number(owner, "spec.replicas", 1));
}

static void count_pods(struct cluster *cluster, const cJSON *budget, struct tally *tally)
{
    const struct collection *pods = apiserver_collection(cluster_server(cluster), &gvr_pods);
    struct object_place at, end;
    object_set_range(&pods->own->objects, tree_text(budget, "metadata.namespace"), &at, &end);
    while (at.page != end.page || at.slot != end.slot) {
        const struct object *pod = object_set_next(&pods->own->objects, &at)->object;
        struct slice labels = json_member(json_member(object_bytes(pod), "metadata"), "labels");
        if (label_selector_matches(tree_at(budget, "spec.selector"), labels))
            count_pod(cluster, pod, tally);
    }
}

static int expected(const struct tally *tally)
{
    int sum = 0;
    const cJSON *scale;
    cJSON_ArrayForEach(scale, tally->scales) sum += tree_count(scale, "", 0);
    return sum > 0 ? sum : tally->pods;
}

/* How many have to stay. */
static int desired(const cJSON *budget, int of)
{
    const cJSON *least = tree_at(budget, "spec.minAvailable");
    const cJSON *most = tree_at(budget, "spec.maxUnavailable");
    int stay = most ? of - share_of(most, of, ceil) : least ? share_of(least, of, ceil) : 1;
    return stay > 0 ? stay : 0;
}

static void report(struct cluster *cluster, cJSON *budget, const struct tally *tally)
{
    cJSON *status = tree_make(budget, "status");
    int of = expected(tally), stay = desired(budget, of);
    int free = tally->healthy > stay ? tally->healthy - stay : 0;
    tree_set_number(status, "currentHealthy", tally->healthy);
    tree_set_number(status, "desiredHealthy", stay);
    tree_set_number(status, "disruptionsAllowed", free);
    tree_set_number(status, "expectedPods", of);
    tree_set_number(status, "observedGeneration", tree_number(budget, "metadata.generation", 1));
    set_condition(cluster, status, "DisruptionAllowed", free ? "True" : "False",
                  free ? "SufficientPods" : "InsufficientPods", "");
    cluster_write_status(cluster, &gvr_budgets, budget);
}

static void disruption_reconcile(struct controller *controller, const char *key)
{
    cleanup_tree cJSON *budget = cluster_read(controller->cluster, &gvr_budgets, key);
    if (!budget)
        return;
    struct tally tally = {.scales = cJSON_CreateObject()};
    count_pods(controller->cluster, budget, &tally);
    report(controller->cluster, budget, &tally);
    cJSON_Delete(tally.scales);
}

const struct controller_ops disruption_controller = {disruption_changed, disruption_reconcile};
