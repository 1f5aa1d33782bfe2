/*
 * Bodies are in one of two lists: the shelf's own while there is no dictionary yet, or that of all hot ones,
 * in the order in which they came. Being looked at only marks a body; when it comes to the front of the list,
 * a marked one goes to the end without the mark (second chance), which is far cheaper than to move it each
 * time.
 *
 * Time is counted in ticks, four to the idle time, and only while something is hot: an attic in which
 * everything is packed has no timer running, holds no tables, and has given its memory back.
 */
#include "base/attic_internal.h"
#include "base/mem.h"

#define IDLE_US (30 * LOOP_SECOND)
#define IDLE_TICKS 4
#define SLICE_BYTES ((size_t)256 << 10)       /* to pack in one turn, at 1 GB/s */
#define SLICE_FLOOD_BYTES ((size_t)512 << 10) /* beyond twice the bound: more than a turn brings */
#define SLICE_STEPS 1024                      /* bodies to look at in one turn */
#define DROP_COST 8                           /* to free a body is to pack one so many times smaller */
#define GIVE_BACK_FROM ((size_t)1 << 20)
#define GIVE_BACK_HOT 4096 /* with more bodies in between it would take too long */

static const struct option_spec small_specs[] = {
    {.name = "hot-memory",
     .type = OPTION_SIZE,
     .value = "SIZE",
     .fallback = "8MiB",
     .help = "objects that nobody looked at lately are held compressed; those held as they are take so much",
     .offset = offsetof(struct attic_options, hot_bytes)},
};

static const struct option_spec large_specs[] = {
    {.name = "hot-memory",
     .type = OPTION_SIZE,
     .value = "SIZE",
     .fallback = "256MiB",
     .help = "objects that nobody looked at lately are held compressed; those held as they are take so much",
     .offset = offsetof(struct attic_options, hot_bytes)},
};

struct option_group attic_option_group_small(struct attic_options *options)
{
    return (struct option_group){"Memory", small_specs, array_size(small_specs), options};
}

struct option_group attic_option_group_large(struct attic_options *options)
{
    return (struct option_group){"Memory", large_specs, array_size(large_specs), options};
}

size_t body_memory(const struct object *object)
{
    return sizeof(struct body) + object->text_len + 1;
}

/* ---- hot ---- */

static void tick_soon(struct attic *attic)
{
    int64_t idle_us = attic->options.idle_us ? attic->options.idle_us : IDLE_US;
    if (!timer_active(&attic->ticker))
        timer_start(&attic->ticker, idle_us / IDLE_TICKS);
}

static void work_soon(struct attic *attic)
{
    if (!timer_active(&attic->work))
        timer_start(&attic->work, 0);
}

void attic_heat(struct attic *attic, struct body *body)
{
    body->place = BODY_HOT;
    body->tick = attic->tick;
    body->touched = false;
    DL_APPEND(attic->hot, body);
    attic->hot_count++;
    attic->hot_bytes += body_memory(body->object);
    if (attic->hot_bytes > attic->hot_bytes_peak)
        attic->hot_bytes_peak = attic->hot_bytes;
    if (attic->hot_bytes > (size_t)attic->options.hot_bytes) {
        attic->draining = true;
        work_soon(attic);
    }
    tick_soon(attic);
}

static void cool(struct attic *attic, struct body *body)
{
    DL_DELETE(attic->hot, body);
    attic->hot_count--;
    attic->hot_bytes -= body_memory(body->object);
    body->place = BODY_LOOSE;
}

/* ---- work ---- */

/* The bound is passed until an eighth less is hot, so that it is not passed again by the next object. */
static bool is_draining(struct attic *attic)
{
    size_t bound = (size_t)attic->options.hot_bytes;
    if (attic->hot_bytes <= bound - bound / 8)
        attic->draining = false;
    return attic->draining;
}

static bool is_due(struct attic *attic)
{
    return attic->hot && (is_draining(attic) || attic->tick - attic->hot->tick >= IDLE_TICKS);
}

static void body_free(struct attic *attic, struct body *body)
{
    attic->unpacked_bytes += body_memory(body->object);
    free(body);
}

static void store_away(struct attic *attic, struct body *body)
{
    struct object *object = body->object;
    object->packed = body->packed;
    object->is_packed = 1;
    body_free(attic, body);
}

/* One that does not pack well stays raw, in no list. Gives the work it was, in bytes. */
static size_t put_away(struct attic *attic, struct body *body)
{
    size_t cost = body_memory(body->object);
    cool(attic, body);
    if (body->packed)
        cost /= DROP_COST;
    else if (!shelf_pack(body))
        return cost;
    store_away(attic, body);
    return cost;
}

static void slice(struct attic *attic)
{
    size_t work = 0,
           most = attic->hot_bytes / 2 > (size_t)attic->options.hot_bytes ? SLICE_FLOOD_BYTES : SLICE_BYTES;
    for (int steps = 0; steps < SLICE_STEPS && work < most && is_due(attic); steps++) {
        struct body *body = attic->hot;
        if (body->touched) {
            cool(attic, body);
            attic_heat(attic, body);
        } else if (!body->packed && shelf_must_try(body->shelf)) {
            shelf_try(body->shelf);
            return;
        } else {
            work += put_away(attic, body);
        }
    }
}

static struct shelf *shelf_to_start(struct attic *attic)
{
    struct shelf *shelf, *next;
    HASH_ITER (hh, attic->shelves, shelf, next)
        if (shelf_can_start(shelf))
            return shelf;
    return NULL;
}

static void on_work(void *arg)
{
    struct attic *attic = arg;
    struct shelf *shelf = shelf_to_start(attic);
    attic->busy = true;
    attic->rested = false;
    if (shelf)
        shelf_start(shelf);
    else
        slice(attic);
    if (shelf || is_due(attic))
        work_soon(attic);
}

/* ---- time ---- */

static void rest(struct attic *attic)
{
    struct shelf *shelf, *next;
    packer_rest(attic->packer);
    HASH_ITER (hh, attic->shelves, shelf, next)
        shelf_rest(shelf);
    attic->rested = true;
    if (attic->unpacked_bytes < GIVE_BACK_FROM || attic->hot_count > GIVE_BACK_HOT)
        return;
    attic->unpacked_bytes = 0;
    mem_give_back();
}

static void on_tick(void *arg)
{
    struct attic *attic = arg;
    attic->tick++;
    if (is_due(attic))
        work_soon(attic);
    else if (!attic->busy && !attic->rested)
        rest(attic);
    attic->busy = false;
    if (attic->hot || !attic->rested)
        tick_soon(attic);
}

/* ---- shelves ---- */

struct shelf *attic_shelf(struct attic *attic, const struct gvr *gvr)
{
    struct shelf *shelf;
    struct gvr key = {0}; /* whatever stands behind the texts counts for the table */
    if (!attic || gvr_set(&key, gvr->group, gvr->version, gvr->resource) != 0)
        return NULL;
    HASH_FIND(hh, attic->shelves, &key, sizeof(key), shelf);
    if (shelf)
        return shelf_ref(shelf);
    shelf = mem_zalloc(sizeof(*shelf));
    shelf->attic = attic;
    shelf->gvr = key;
    shelf->refs = 1;
    HASH_ADD(hh, attic->shelves, gvr, sizeof(shelf->gvr), shelf);
    return shelf;
}

struct shelf *shelf_ref(struct shelf *shelf)
{
    if (shelf)
        shelf->refs++;
    return shelf;
}

void shelf_unref(struct shelf *shelf)
{
    if (!shelf || --shelf->refs)
        return;
    for (int i = 0; i < DICTIONARIES_MAX; i++)
        dictionary_destroy(shelf->volumes[i].dictionary);
    HASH_DEL(shelf->attic->shelves, shelf);
    free(shelf);
}

struct pool *shelf_pool(struct shelf *shelf)
{
    return shelf ? shelf->attic->pool : NULL;
}

/* ---- objects ---- */

struct object *shelf_alloc(struct shelf *shelf, size_t size)
{
    return shelf ? pool_alloc(shelf->attic->pool, size)
                 : mem_alloc(size > sizeof(struct object) ? size : sizeof(struct object));
}

void shelf_add(struct shelf *shelf, struct object *object)
{
    struct body *body = object->body;
    body->shelf = shelf_ref(shelf);
    if (shelf_has_dictionary(shelf)) {
        attic_heat(shelf->attic, body);
        return;
    }
    body->place = BODY_WAITING;
    DL_APPEND(shelf->waiting, body);
    shelf->waiting_count++;
    shelf->waiting_bytes += body_memory(object);
    if (shelf_can_start(shelf))
        work_soon(shelf->attic);
}

static void leave_list(struct body *body)
{
    if (body->place == BODY_HOT)
        cool(body->shelf->attic, body);
    if (body->place != BODY_WAITING)
        return;
    DL_DELETE(body->shelf->waiting, body);
    body->shelf->waiting_count--;
    body->shelf->waiting_bytes -= body_memory(body->object);
}

void shelf_free(struct object *object)
{
    struct body *body = object->is_packed ? NULL : object->body;
    struct packed *packed = body ? body->packed : object->packed;
    struct shelf *shelf = body ? body->shelf : packed->shelf;
    size_t size = object_head_size(object->key_len);
    if (!shelf) {
        free(body);
        free(object);
        return;
    }
    if (body)
        leave_list(body);
    shelf_drop_packed(shelf->attic, packed);
    if (body)
        body_free(shelf->attic, body);
    pool_free(shelf->attic->pool, object, size);
    shelf_unref(shelf);
}

void shelf_unpack(struct object *object)
{
    struct packed *packed = object->packed;
    struct shelf *shelf = packed->shelf;
    struct attic *attic = shelf->attic;
    struct body *body = mem_alloc(offsetof(struct body, text) + object->text_len + 1);
    *body = (struct body){.object = object, .shelf = shelf, .packed = packed};
    packer_unpack(attic->packer, shelf->volumes[packed->dictionary].dictionary, packed->data, packed->len,
                  &body->layout, sizeof(body->layout) + object->text_len);
    body->text[object->text_len] = '\0';
    object->body = body;
    object->is_packed = 0;
    attic->unpacks++;
    attic->busy = true;
    attic->rested = false;
    attic_heat(attic, body);
}

/* ---- life ---- */

struct attic *attic_create(struct loop *loop, const struct attic_options *options)
{
    struct attic *attic = mem_zalloc(sizeof(*attic));
    attic->loop = loop;
    attic->options = *options;
    attic->pool = pool_create();
    attic->packer = packer_create();
    attic->rested = true;
    timer_init(&attic->ticker, loop, on_tick, attic);
    timer_init(&attic->work, loop, on_work, attic);
    return attic;
}

void attic_destroy(struct attic *attic)
{
    if (!attic)
        return;
    timer_stop(&attic->ticker);
    timer_stop(&attic->work);
    if (attic->shelves) {
        fputs("attic_destroy: a shelf is still in use\n", stderr);
        abort();
    }
    pool_destroy(attic->pool);
    packer_destroy(attic->packer);
    free(attic);
}

static void shelf_count(const struct shelf *shelf, struct attic_stats *stats)
{
    stats->waiting += shelf->waiting_count;
    stats->waiting_bytes += shelf->waiting_bytes;
    stats->packed += shelf->packed;
    stats->packed_bytes += shelf->packed_bytes;
    for (int i = 0; i < DICTIONARIES_MAX; i++) {
        if (!shelf->volumes[i].dictionary)
            continue;
        stats->dictionaries++;
        stats->dictionary_bytes += dictionary_memory(shelf->volumes[i].dictionary);
    }
}

struct attic_stats attic_stats(const struct attic *attic)
{
    struct attic_stats stats = {.hot = attic->hot_count,
                                .hot_bytes = attic->hot_bytes,
                                .hot_bytes_peak = attic->hot_bytes_peak,
                                .pool_bytes = pool_memory(attic->pool),
                                .packs = attic->packs,
                                .unpacks = attic->unpacks};
    const struct shelf *shelf;
    for (shelf = attic->shelves; shelf; shelf = shelf->hh.next)
        shelf_count(shelf, &stats);
    return stats;
}
