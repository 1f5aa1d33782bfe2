#include "store/discards.h"

#include <utlist.h>

#include "base/mem.h"

#define SLICE 1024 /* objects in one turn of the loop */

struct discard {
    struct store *store;
    struct discard *next;
};

static void discard_free(struct discards *discards, struct discard *discard)
{
    LL_DELETE(discards->first, discard);
    store_destroy(discard->store);
    free(discard);
}

static void on_timer(void *arg)
{
    struct discards *discards = arg;
    size_t left = SLICE;
    while (left && discards->first) {
        left -= store_delete_some(discards->first->store, left, false);
        if (store_count(discards->first->store) == 0)
            discard_free(discards, discards->first);
    }
    if (discards->first)
        timer_start(&discards->timer, 0);
}

void discards_init(struct discards *discards, struct loop *loop)
{
    *discards = (struct discards){0};
    timer_init(&discards->timer, loop, on_timer, discards);
}

void discards_deinit(struct discards *discards)
{
    timer_stop(&discards->timer);
    while (discards->first)
        discard_free(discards, discards->first);
}

void discards_add(struct discards *discards, struct store *store)
{
    if (!store || store_count(store) <= SLICE) {
        store_destroy(store);
        return;
    }
    struct discard *discard = mem_zalloc(sizeof(*discard));
    discard->store = store;
    LL_APPEND(discards->first, discard);
    if (!timer_active(&discards->timer))
        timer_start(&discards->timer, 0);
}
