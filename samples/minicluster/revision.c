#include "samples/minicluster/revision.h"

#include <string.h>

#include "base/mem.h"

#define HASH_LABEL "controller-revision-hash"
#define REVISIONS_MAX 64

static const struct gvr gvr_revisions = {"apps", "v1", "controllerrevisions"};

struct history {
    struct cluster *cluster;
    const cJSON *set;
    cJSON *revisions[REVISIONS_MAX];
    size_t count;
};

static void history_read(struct history *history)
{
    const struct owned *owned =
        owners_find(cluster_owners(history->cluster), tree_text(history->set, "metadata.uid"));
    for (; owned && history->count < REVISIONS_MAX; owned = owned->next)
        if (event_is_of(owned->collection, &gvr_revisions))
            history->revisions[history->count++] = cluster_read(history->cluster, &gvr_revisions, owned->key);
}

static void history_deinit(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        cJSON_Delete(history->revisions[i]);
}

static int number_of(const cJSON *revision)
{
    return tree_count(revision, "revision", 0);
}

static int newest(const struct history *history)
{
    int most = 0;
    for (size_t i = 0; i < history->count; i++)
        most = number_of(history->revisions[i]) > most ? number_of(history->revisions[i]) : most;
    return most;
}

/* What undo sends, as a strategic merge patch: the template, whole. */
static cJSON *data_of(const cJSON *set)
{
    cJSON *data = cJSON_CreateObject(), *spec = tree_make(data, "spec");
    cJSON *template = cJSON_Duplicate(tree_at(set, "spec.template"), true);
    tree_set_text(template, "$patch", "replace");
    tree_set(spec, "template", template);
    return data;
}

static void make_revision(const struct history *history, const char *name, const char *hash)
{
    cleanup_tree cJSON *revision = cJSON_CreateObject();
    const cJSON *labels = tree_at(history->set, "spec.template.metadata.labels");
    cJSON *metadata = tree_make(revision, "metadata");
    tree_set_text(metadata, "name", name);
    tree_set_text(metadata, "namespace", tree_text(history->set, "metadata.namespace"));
    tree_set(metadata, "labels", labels ? cJSON_Duplicate(labels, true) : cJSON_CreateObject());
    tree_set_text(tree_at(metadata, "labels"), HASH_LABEL, hash);
    set_controller(revision, history->set);
    tree_set(revision, "data", data_of(history->set));
    tree_set_number(revision, "revision", newest(history) + 1);
    cluster_write(history->cluster, &gvr_revisions, revision);
}

/* Beside the one that is asked for. */
static void forget_old(struct history *history, const char *name)
{
    int kept = tree_count(history->set, "spec.revisionHistoryLimit", 10), last = newest(history);
    const struct collection *all = apiserver_collection(cluster_server(history->cluster), &gvr_revisions);
    int old = (int)history->count - 1;
    for (int number = 0; old > kept && number <= last; number++) {
        for (size_t i = 0; i < history->count; i++) {
            const char *other = tree_text(history->revisions[i], "metadata.name");
            if (number_of(history->revisions[i]) != number || !strcmp(other, name))
                continue;
            cleanup_free char *key =
                mem_printf("%s/%s", tree_text(history->set, "metadata.namespace"), other);
            cluster_delete(history->cluster, all, key);
            old--;
        }
    }
}

void revision_record(struct cluster *cluster, const cJSON *set, const char *name, const char *hash)
{
    struct history history = {.cluster = cluster, .set = set};
    cJSON *own = NULL;
    history_read(&history);
    for (size_t i = 0; i < history.count; i++)
        if (!strcmp(tree_text(history.revisions[i], "metadata.name"), name))
            own = history.revisions[i];
    if (!own) {
        make_revision(&history, name, hash);
    } else if (number_of(own) < newest(&history)) {
        tree_set_number(own, "revision", newest(&history) + 1);
        cluster_write(cluster, &gvr_revisions, own);
    }
    if (own)
        forget_old(&history, name);
    history_deinit(&history);
}
