#include "provider/mirror.h"

#include <string.h>

#include "base/mem.h"
#include "store/discards.h"

#define SLICE_STEPS 512 /* objects looked at in one turn of the loop */
#define WAITING_MAX 10000
#define SLICE_CHANGES 64 /* of which so many may differ: these cost the observers' time */

struct waiting {
    enum event_type type;
    struct object *object;
};

struct mirror {
    struct loop *loop;
    struct reflector *reflector;
    struct store *store; /* borrowed */
    const struct mirror_ops *ops;
    void *arg;

    struct store *gathering; /* the list that is coming; NULL where none is */
    struct store
        *walked; /* a whole list, less what the walk has been over; NULL where no walk is under way */
    struct object *cursor; /* the last key that the walk has been over; NULL at its beginning */
    char *version;         /* the list's */
    struct timer timer;
    struct discards discards; /* lists that were not, or no longer, of use */
    bool synced;
    enum reflector_state state;

    size_t followed, asked;  /* of the watches begun: may be followed up to this one; asked about that one */
    struct waiting *waiting; /* events of one that has been asked about */
    size_t waiting_count;
    bool overflowed; /* there were more: they are to be had by a list */
};

/* The order in which stores hold their objects. */
static int order(const struct object *a, const struct object *b)
{
    uint64_t hash = object_key_hash(a), other = object_key_hash(b);
    if (hash != other)
        return hash < other ? -1 : 1;
    return strcmp(object_key(a), object_key(b));
}

static void tell_state(struct mirror *m, enum reflector_state state, const char *reason)
{
    m->state = state;
    if (m->ops->state)
        m->ops->state(m->arg, state, reason);
}

/* The walk */

static void walk_drop(struct mirror *m)
{
    timer_stop(&m->timer);
    discards_add(&m->discards, m->walked);
    m->walked = NULL;
    object_unref(m->cursor);
    m->cursor = NULL;
}

static void walk_end(struct mirror *m)
{
    walk_drop(m);
    m->synced = true;
    cleanup_free char *version = mem_steal(m->version);
    if (m->ops->synced)
        m->ops->synced(m->arg, version);
    if (!m->walked && reflector_state(m->reflector) == REFLECTOR_SYNCED && m->state != REFLECTOR_SYNCED)
        tell_state(m, REFLECTOR_SYNCED, "");
}

static struct object *next_of(const struct store *store, const struct object *cursor)
{
    return cursor ? store_after(store, cursor) : store_seek(store, 0);
}

static void cursor_set(struct mirror *m, struct object *object)
{
    object_ref(object);
    object_unref(m->cursor);
    m->cursor = object;
}

/* One key: returns 0 where nothing changed, 1 where something did, -1 at the end. */
static int walk_step(struct mirror *m)
{
    struct object *have = next_of(m->store, m->cursor);
    struct object *want = next_of(m->walked, m->cursor);
    if (!have && !want)
        return -1;
    if (!want || (have && order(have, want) < 0)) {
        cursor_set(m, have);
        store_delete(m->store, object_key(m->cursor), true);
        return 1;
    }
    cursor_set(m, want);
    store_delete(m->walked, object_key(m->cursor), true);
    return store_put(m->store, m->cursor) != STORE_UNCHANGED;
}

static void walk_slice(void *arg)
{
    struct mirror *m = arg;
    int changes = 0;
    for (int steps = 0; steps < SLICE_STEPS && changes < SLICE_CHANGES; steps++) {
        int changed = walk_step(m);
        if (changed < 0) {
            walk_end(m);
            return;
        }
        changes += changed;
    }
    timer_start(&m->timer, 0);
}

/* Events that wait */

static void waiting_drop(struct mirror *m)
{
    for (size_t i = 0; i < m->waiting_count; i++)
        object_unref(m->waiting[i].object);
    free(m->waiting);
    m->waiting = NULL;
    m->waiting_count = 0;
    m->overflowed = false;
}

static void waiting_add(struct mirror *m, enum event_type type, struct object *object)
{
    m->overflowed = m->overflowed || m->waiting_count == WAITING_MAX;
    if (m->overflowed)
        return;
    m->waiting = mem_realloc(m->waiting, (m->waiting_count + 1) * sizeof(*m->waiting));
    m->waiting[m->waiting_count++] = (struct waiting){type, object_ref(object)};
}

static size_t watches_begun(const struct mirror *m)
{
    const struct reflector_stats *stats = reflector_stats(m->reflector);
    return stats->watches + stats->streams;
}

static bool may_follow(struct mirror *m)
{
    m->asked = watches_begun(m);
    if (m->asked != m->followed && m->ops->may_follow && !m->ops->may_follow(m->arg))
        return false;
    m->followed = m->asked;
    return true;
}

/* What the reflector says */

static void on_replace_begin(void *arg)
{
    struct mirror *m = arg;
    m->gathering = store_create();
}

static void on_replace_item(void *arg, enum event_type type, struct object *object)
{
    struct mirror *m = arg;
    if (type == EVENT_DELETED) {
        store_delete(m->gathering, object_key(object), false);
        return;
    }
    struct object *own = store_get(m->store, object_key(object));
    store_put(m->gathering, own && object_equal(own, object) ? own : object);
}

static void on_replace_abort(void *arg)
{
    struct mirror *m = arg;
    discards_add(&m->discards, m->gathering);
    m->gathering = NULL;
}

static void on_replace_commit(void *arg, const char *version)
{
    struct mirror *m = arg;
    walk_drop(m); /* of an older list: this one knows better */
    m->walked = m->gathering;
    m->gathering = NULL;
    waiting_drop(m);
    free(m->version);
    m->version = mem_strdup(version);
    if (!m->ops->may_replace || m->ops->may_replace(m->arg, m->version))
        timer_start(&m->timer, 0);
}

static void put_or_delete(struct store *store, enum event_type type, struct object *object)
{
    if (type == EVENT_DELETED)
        store_delete(store, object_key(object), false);
    else
        store_put(store, object);
}

static void take_event(struct mirror *m, enum event_type type, struct object *object)
{
    if (m->walked && (!m->cursor || order(object, m->cursor) > 0))
        put_or_delete(m->walked, type, object);
    put_or_delete(m->store, type, object);
}

static void on_event(void *arg, enum event_type type, struct object *object)
{
    struct mirror *m = arg;
    if (m->waiting_count || !may_follow(m))
        waiting_add(m, type, object);
    else
        take_event(m, type, object);
}

static void on_bookmark(void *arg, const char *version)
{
    struct mirror *m = arg;
    if (!m->walked && !m->waiting_count && m->ops->bookmark)
        m->ops->bookmark(m->arg, version);
}

static void on_state(void *arg, enum reflector_state state, const char *reason)
{
    struct mirror *m = arg;
    if (state != REFLECTOR_SYNCED || (!m->walked && m->synced))
        tell_state(m, state, reason);
}

/* Life */

struct mirror *mirror_create(const struct reflector_config *config, struct store *store,
                             const struct mirror_ops *ops, void *arg)
{
    static const struct reflector_ops reflector_ops = {on_replace_begin,  on_replace_item, on_replace_abort,
                                                       on_replace_commit, on_event,        on_bookmark,
                                                       on_state};
    struct mirror *m = mem_zalloc(sizeof(*m));
    m->loop = config->loop;
    m->store = store;
    m->ops = ops;
    m->arg = arg;
    m->reflector = reflector_create(config, &reflector_ops, m);
    timer_init(&m->timer, m->loop, walk_slice, m);
    discards_init(&m->discards, m->loop);
    return m;
}

void mirror_start(struct mirror *m)
{
    m->synced = false;
    reflector_start(m->reflector);
}

void mirror_stop(struct mirror *m)
{
    reflector_stop(m->reflector);
    walk_drop(m);
    waiting_drop(m);
}

void mirror_replace(struct mirror *m)
{
    if (m->walked && !timer_active(&m->timer))
        timer_start(&m->timer, 0);
}

void mirror_follow(struct mirror *m)
{
    m->followed = m->asked;
    if (!m->waiting_count || !may_follow(m)) /* the last of them may be of a watch behind that one */
        return;
    bool overflowed = m->overflowed;
    for (size_t i = 0; i < m->waiting_count; i++)
        take_event(m, m->waiting[i].type, m->waiting[i].object);
    waiting_drop(m);
    if (overflowed) {
        mirror_stop(m);
        mirror_start(m);
    } else if (!m->walked && m->ops->bookmark) {
        m->ops->bookmark(m->arg, reflector_resource_version(m->reflector));
    }
}

void mirror_destroy(struct mirror *m)
{
    if (!m)
        return;
    mirror_stop(m);
    reflector_destroy(m->reflector);
    discards_deinit(&m->discards);
    free(m->version);
    free(m);
}

bool mirror_synced(const struct mirror *m)
{
    return m->synced;
}

enum reflector_state mirror_state(const struct mirror *m)
{
    return m->state;
}

const char *mirror_version(const struct mirror *m)
{
    return m->synced && !m->walked && !m->waiting_count ? reflector_resource_version(m->reflector) : "";
}

const struct reflector *mirror_reflector(const struct mirror *m)
{
    return m->reflector;
}
