#include "apiserver/object_set.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define PAGE_ENTRIES 64

struct object_set_page {
    unsigned sharers; /* sets that have it */
    unsigned count;
    struct object_entry entries[PAGE_ENTRIES]; /* each holds a reference */
};

static void page_release(struct object_set_page *page)
{
    if (--page->sharers)
        return;
    for (unsigned i = 0; i < page->count; i++)
        object_unref(page->entries[i].object);
    free(page);
}

static struct object_set_page *page_create(const struct object_entry *entries, unsigned count)
{
    struct object_set_page *page = mem_alloc(sizeof(*page));
    page->sharers = 1;
    page->count = count;
    if (count)
        memcpy(page->entries, entries, count * sizeof(*entries));
    return page;
}

void object_set_deinit(struct object_set *set)
{
    for (size_t i = 0; i < set->page_count; i++)
        page_release(set->pages[i]);
    free(set->pages);
    *set = (struct object_set){0};
}

void object_set_copy(struct object_set *out, const struct object_set *set)
{
    *out = *set;
    out->page_cap = set->page_count;
    out->pages = set->page_count ? mem_dup(set->pages, set->page_count * sizeof(*set->pages)) : NULL;
    for (size_t i = 0; i < set->page_count; i++)
        set->pages[i]->sharers++;
}

/* ---- finding ---- */

static const char *first_key(const struct object_set_page *page)
{
    return object_key(page->entries[0].object);
}

/* The last page that does not begin behind the key, or the first. */
static size_t page_of(const struct object_set *set, const char *key)
{
    size_t low = 0, high = set->page_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(first_key(set->pages[middle]), key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

static unsigned slot_of(const struct object_set_page *page, const char *key, bool *found)
{
    unsigned low = 0, high = page->count;
    *found = false;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        int order = strcmp(object_key(page->entries[middle].object), key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where the key is, or where it would be inserted: maybe behind the last entry of a page. */
static struct object_place locate(const struct object_set *set, const char *key, bool *found)
{
    struct object_place place = {0};
    *found = false;
    if (!set->page_count)
        return place;
    place.page = page_of(set, key);
    place.slot = slot_of(set->pages[place.page], key, found);
    return place;
}

const struct object_entry *object_set_find(const struct object_set *set, const char *key)
{
    bool found;
    struct object_place place = locate(set, key, &found);
    return found ? &set->pages[place.page]->entries[place.slot] : NULL;
}

struct object *object_set_get(const struct object_set *set, const char *key)
{
    const struct object_entry *entry = object_set_find(set, key);
    return entry ? entry->object : NULL;
}

/* ---- changing ---- */

/* The page, for this set alone. */
static struct object_set_page *own_page(struct object_set *set, size_t at)
{
    struct object_set_page *shared = set->pages[at];
    if (shared->sharers == 1)
        return shared;
    set->pages[at] = page_create(shared->entries, shared->count);
    for (unsigned i = 0; i < shared->count; i++)
        object_ref(shared->entries[i].object);
    page_release(shared);
    return set->pages[at];
}

static void insert_page(struct object_set *set, size_t at, struct object_set_page *page)
{
    if (set->page_count == set->page_cap) {
        set->page_cap = set->page_cap < 4 ? 4 : set->page_cap * 2;
        set->pages = mem_realloc(set->pages, set->page_cap * sizeof(struct object_set_page *));
    }
    memmove(set->pages + at + 1, set->pages + at, (set->page_count - at) * sizeof(struct object_set_page *));
    set->pages[at] = page;
    set->page_count++;
}

/* Keys that come in order fill their pages: only what is inserted in the middle halves one. */
static struct object_place split(struct object_set *set, struct object_place place)
{
    struct object_set_page *page = set->pages[place.page];
    unsigned keep = place.slot == PAGE_ENTRIES ? PAGE_ENTRIES : PAGE_ENTRIES / 2;
    insert_page(set, place.page + 1, page_create(page->entries + keep, PAGE_ENTRIES - keep));
    page->count = keep;
    if (place.slot < keep || (place.slot == keep && keep < PAGE_ENTRIES))
        return place;
    return (struct object_place){place.page + 1, place.slot - keep};
}

static void insert(struct object_set *set, struct object_place place, struct object_entry entry)
{
    if (!set->page_count)
        insert_page(set, 0, page_create(NULL, 0));
    struct object_set_page *page = own_page(set, place.page);
    if (page->count == PAGE_ENTRIES) {
        place = split(set, place);
        page = set->pages[place.page];
    }
    struct object_entry *at = page->entries + place.slot;
    memmove(at + 1, at, (page->count - place.slot) * sizeof(*at));
    *at = entry;
    page->count++;
    set->count++;
}

void object_set_put(struct object_set *set, struct object *object, uint64_t revision)
{
    bool found;
    struct object_place place = locate(set, object_key(object), &found);
    struct object_entry entry = {object_ref(object), revision};
    if (!found) {
        insert(set, place, entry);
        return;
    }
    struct object_entry *at = &own_page(set, place.page)->entries[place.slot];
    object_unref(at->object);
    *at = entry;
}

static void remove_page(struct object_set *set, size_t at)
{
    page_release(set->pages[at]);
    set->page_count--;
    memmove(set->pages + at, set->pages + at + 1, (set->page_count - at) * sizeof(struct object_set_page *));
}

/* Two neighbours that together are half a page become one. */
static void join(struct object_set *set, size_t at)
{
    if (at + 1 >= set->page_count || set->pages[at]->count + set->pages[at + 1]->count > PAGE_ENTRIES / 2)
        return;
    struct object_set_page *page = own_page(set, at), *next = own_page(set, at + 1);
    memcpy(page->entries + page->count, next->entries, next->count * sizeof(*next->entries));
    page->count += next->count;
    next->count = 0;
    remove_page(set, at + 1);
}

void object_set_remove(struct object_set *set, const char *key)
{
    bool found;
    struct object_place place = locate(set, key, &found);
    if (!found)
        return;
    struct object_set_page *page = own_page(set, place.page);
    struct object_entry *at = page->entries + place.slot;
    object_unref(at->object);
    page->count--;
    set->count--;
    memmove(at, at + 1, (page->count - place.slot) * sizeof(*at));
    if (!page->count)
        remove_page(set, place.page);
    else
        join(set, place.page);
}

/* ---- walking ---- */

/* Behind the last entry of a page is the first of the next one: a place has one name only. */
static struct object_place normal(const struct object_set *set, struct object_place place)
{
    bool behind = place.page < set->page_count && place.slot == set->pages[place.page]->count;
    return behind ? (struct object_place){.page = place.page + 1} : place;
}

struct object_place object_set_seek(const struct object_set *set, const char *key)
{
    bool found;
    return normal(set, locate(set, key, &found));
}

const struct object_entry *object_set_next(const struct object_set *set, struct object_place *place)
{
    if (place->page >= set->page_count)
        return NULL;
    const struct object_entry *entry = &set->pages[place->page]->entries[place->slot++];
    *place = normal(set, *place);
    return entry;
}

size_t object_set_rank(const struct object_set *set, struct object_place place)
{
    size_t rank = place.slot;
    for (size_t i = 0; i < place.page && i < set->page_count; i++)
        rank += set->pages[i]->count;
    return rank;
}

struct object_place object_set_at(const struct object_set *set, size_t rank)
{
    struct object_place place = {.slot = rank};
    while (place.page < set->page_count && place.slot >= set->pages[place.page]->count)
        place.slot -= set->pages[place.page++]->count;
    return place;
}

void object_set_range(const struct object_set *set, const char *namespace_, struct object_place *from,
                      struct object_place *to)
{
    *from = (struct object_place){0};
    *to = (struct object_place){.page = set->page_count};
    if (!namespace_)
        return;
    /* '0' is the character after '/': no key of another namespace lies between. */
    char border[OBJECT_KEY_MAX];
    snprintf(border, sizeof(border), "%s/", namespace_);
    *from = object_set_seek(set, border);
    snprintf(border, sizeof(border), "%s0", namespace_);
    *to = object_set_seek(set, border);
}
