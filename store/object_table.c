#include "store/object_table.h"

#include <string.h>

#include "base/mem.h"

#define PAGE_MIN 4
#define PAGE_MAX 64
#define PAGE_LOW 16 /* one with fewer objects joins its neighbour, where both are no more than */
#define PAGE_JOINED 48
#define FETCH_SLOTS 8 /* dropping references goes through memory: what comes next is fetched so far ahead */

struct object_slot {
    uint64_t hash;
    struct object *object;
};

struct object_page {
    uint32_t count, cap;
    struct object_slot slots[];
};

/* A place between objects: that of the one behind it. at may be the page's count. */
struct place {
    size_t chapter;
    uint32_t at;
};

static bool slot_before(const struct object_slot *slot, uint64_t hash, const char *key)
{
    return slot->hash != hash ? slot->hash < hash : strcmp(object_key(slot->object), key) < 0;
}

/* ---- pages ---- */

static size_t page_size(uint32_t cap)
{
    return sizeof(struct object_page) + cap * sizeof(struct object_slot);
}

static void page_free(struct pool *pool, struct object_page *page)
{
    if (pool)
        pool_free(pool, page, page_size(page->cap));
    else
        free(page);
}

static struct object_page *page_create(struct pool *pool, uint32_t cap)
{
    struct object_page *page = pool ? pool_alloc(pool, page_size(cap)) : mem_alloc(page_size(cap));
    page->count = 0;
    page->cap = cap;
    return page;
}

static void page_move(struct object_page *to, struct object_page *from, uint32_t first)
{
    memcpy(&to->slots[to->count], &from->slots[first], (from->count - first) * sizeof(from->slots[0]));
    to->count += from->count - first;
    from->count = first;
}

static struct object_page *page_widen(struct pool *pool, struct object_page *page, uint32_t cap)
{
    struct object_page *wide = page_create(pool, cap);
    page_move(wide, page, 0);
    page_free(pool, page);
    return wide;
}

static void page_put(struct object_page *page, uint32_t at, struct object *object)
{
    memmove(&page->slots[at + 1], &page->slots[at], (page->count - at) * sizeof(page->slots[0]));
    page->slots[at] = (struct object_slot){.hash = object_key_hash(object), .object = object_ref(object)};
    page->count++;
}

static void page_unref(struct pool *pool, struct object_page *page)
{
    for (uint32_t i = 0; i < page->count; i++) {
        if (i + FETCH_SLOTS < page->count)
            __builtin_prefetch(page->slots[i + FETCH_SLOTS].object, 1);
        object_unref(page->slots[i].object);
    }
    page_free(pool, page);
}

/* ---- the directory ---- */

static void chapter_insert(struct object_table *table, size_t at, struct object_page *page)
{
    if (table->chapter_count == table->chapter_cap) {
        table->chapter_cap = table->chapter_cap ? table->chapter_cap * 2 : 1;
        table->chapters = mem_realloc(table->chapters, table->chapter_cap * sizeof(*table->chapters));
    }
    memmove(&table->chapters[at + 1], &table->chapters[at],
            (table->chapter_count - at) * sizeof(*table->chapters));
    table->chapters[at].page = page;
    table->chapter_count++;
}

static void chapter_remove(struct object_table *table, size_t at)
{
    page_free(table->pool, table->chapters[at].page);
    table->chapter_count--;
    memmove(&table->chapters[at], &table->chapters[at + 1],
            (table->chapter_count - at) * sizeof(*table->chapters));
}

static void chapter_title(struct object_table *table, size_t at)
{
    table->chapters[at].first = table->chapters[at].page->slots[0].hash;
}

void object_table_deinit(struct object_table *table)
{
    for (size_t i = 0; i < table->chapter_count; i++)
        page_unref(table->pool, table->chapters[i].page);
    free(table->chapters);
}

/* ---- search ---- */

/* The last page that does not begin behind (hash, key), or the first of all. Pages rarely begin with one
 * hash. */
static size_t chapter_of(const struct object_table *table, uint64_t hash, const char *key)
{
    const struct object_chapter *chapters = table->chapters;
    size_t low = 0;
    for (size_t count = table->chapter_count; count > 1;) {
        size_t half = count / 2;
        low = chapters[low + half].first <= hash ? low + half : low;
        count -= half;
    }
    while (low > 0 && chapters[low].first == hash && !slot_before(&chapters[low].page->slots[0], hash, key) &&
           strcmp(object_key(chapters[low].page->slots[0].object), key) != 0)
        low--;
    return low;
}

/* Hashes are spread evenly, so where one is in a page is nearly known: what is walked from there is in the
 * same line of the processor's cache or the next one, where halving a cold page would wait for four. */
static uint32_t page_guess(const struct object_table *table, size_t chapter, uint64_t hash)
{
    const struct object_chapter *this = &table->chapters[chapter];
    uint64_t end = chapter + 1 < table->chapter_count ? this[1].first : UINT64_MAX;
    uint64_t span = (end - this->first) / PAGE_MAX + 1, count = this->page->count;
    uint64_t at = hash > this->first ? (hash - this->first) / span * count / PAGE_MAX : 0;
    return (uint32_t)(at < count ? at : count);
}

static uint32_t page_search(const struct object_table *table, size_t chapter, uint64_t hash, const char *key)
{
    const struct object_page *page = table->chapters[chapter].page;
    uint32_t at = page_guess(table, chapter, hash);
    while (at > 0 && !slot_before(&page->slots[at - 1], hash, key))
        at--;
    while (at < page->count && slot_before(&page->slots[at], hash, key))
        at++;
    return at;
}

/* There is a page at least. */
static struct place place_of(const struct object_table *table, uint64_t hash, const char *key)
{
    size_t chapter = chapter_of(table, hash, key);
    return (struct place){chapter, page_search(table, chapter, hash, key)};
}

static struct object **object_at(const struct object_table *table, struct place place)
{
    struct object_page *page = table->chapters[place.chapter].page;
    return place.at < page->count ? &page->slots[place.at].object : NULL;
}

static bool is_at(const struct object_table *table, struct place place, uint64_t hash, const char *key)
{
    const struct object_page *page = table->chapters[place.chapter].page;
    return place.at < page->count && page->slots[place.at].hash == hash &&
           strcmp(object_key(page->slots[place.at].object), key) == 0;
}

struct object **object_table_find(const struct object_table *table, uint64_t hash, const char *key)
{
    if (table->count == 0)
        return NULL;
    struct place place = place_of(table, hash, key);
    return is_at(table, place, hash, key) ? object_at(table, place) : NULL;
}

static struct object *first_from(const struct object_table *table, struct place place)
{
    struct object **object = object_at(table, place);
    if (!object && place.chapter + 1 < table->chapter_count)
        object = object_at(table, (struct place){place.chapter + 1, 0});
    return object ? *object : NULL;
}

struct object *object_table_from(const struct object_table *table, uint64_t hash, const char *key)
{
    return table->count ? first_from(table, place_of(table, hash, key)) : NULL;
}

struct object *object_table_after(const struct object_table *table, uint64_t hash, const char *key)
{
    if (table->count == 0)
        return NULL;
    struct place place = place_of(table, hash, key);
    place.at += is_at(table, place, hash, key);
    return first_from(table, place);
}

static bool has_hash(const struct object_table *table, struct place place, uint64_t hash)
{
    const struct object_page *page = table->chapters[place.chapter].page;
    if (place.at < page->count)
        return page->slots[place.at].hash == hash;
    return place.chapter + 1 < table->chapter_count &&
           table->chapters[place.chapter + 1].page->slots[0].hash == hash;
}

bool object_table_is_sole(const struct object_table *table, uint64_t hash)
{
    struct place place = place_of(table, hash, "");
    if (place.at == table->chapters[place.chapter].page->count)
        place = (struct place){place.chapter + 1, 0};
    place.at++;
    return !has_hash(table, place, hash);
}

/* ---- changes ---- */

/* Makes room in a full page. One that grows at its end begins another: what comes in order fills pages. */
static struct place split(struct object_table *table, struct place place)
{
    struct object_page *page = table->chapters[place.chapter].page;
    uint32_t keep = place.at == page->count ? page->count : page->count / 2;
    struct object_page *rest = page_create(table->pool, PAGE_MAX);
    page_move(rest, page, keep);
    chapter_insert(table, place.chapter + 1, rest);
    if (rest->count)
        chapter_title(table, place.chapter + 1);
    if (place.at < keep || (place.at == keep && rest->count))
        return place;
    return (struct place){place.chapter + 1, place.at - keep};
}

static struct place make_room(struct object_table *table, struct place place)
{
    struct object_page *page = table->chapters[place.chapter].page;
    if (page->count == PAGE_MAX)
        return split(table, place);
    if (page->count == page->cap)
        table->chapters[place.chapter].page = page_widen(table->pool, page, page->cap * 2);
    return place;
}

void object_table_insert(struct object_table *table, struct object *object)
{
    struct place place = {0};
    if (table->count++)
        place = make_room(table, place_of(table, object_key_hash(object), object_key(object)));
    else
        chapter_insert(table, 0, page_create(table->pool, PAGE_MIN));
    page_put(table->chapters[place.chapter].page, place.at, object);
    if (place.at == 0)
        chapter_title(table, place.chapter);
}

/* Both halves of the directory stay in order: the later page goes behind the earlier one's objects. */
static void join(struct object_table *table, size_t at)
{
    if (at + 1 >= table->chapter_count)
        return;
    struct object_page *page = table->chapters[at].page, *next = table->chapters[at + 1].page;
    if (page->count >= PAGE_LOW || page->count + next->count > PAGE_JOINED)
        return;
    if (page->cap < PAGE_MAX)
        table->chapters[at].page = page = page_widen(table->pool, page, PAGE_MAX);
    page_move(page, next, 0);
    chapter_remove(table, at + 1);
}

void object_table_remove(struct object_table *table, const struct object *object)
{
    struct place place = place_of(table, object_key_hash(object), object_key(object));
    struct object_page *page = table->chapters[place.chapter].page;
    page->count--;
    memmove(&page->slots[place.at], &page->slots[place.at + 1],
            (page->count - place.at) * sizeof(page->slots[0]));
    if (page->count == 0)
        chapter_remove(table, place.chapter);
    else
        join(table, place.chapter);
    table->count--;
}
