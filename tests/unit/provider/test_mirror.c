/* The mirror: lists and events of a reflector into a store. The API server is played by fake_rest.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "provider/mirror.h"
#include "tests/unit/kube/fake_rest.h"

struct fixture {
    struct loop *loop;
    struct fake_rest fake;
    struct object_rules rules;
    struct store *store;
    struct store_observer observer;
    struct mirror *mirror;
    struct buf
        seen; /* "+a" added, "~a" modified, "-a" deleted, "?a" deleted unseen, and what the owner was told */
    size_t changes;
    bool quiet;
    bool hold;        /* lists wait for mirror_replace() */
    bool hold_events; /* those of new watches wait for mirror_follow() */
    int asked;        /* whether they may go on */
};

static void tell(struct fixture *f, const char *mark, const char *text)
{
    f->changes++;
    if (f->quiet)
        return;
    buf_append_str(&f->seen, mark);
    buf_append_str(&f->seen, text);
    buf_append_char(&f->seen, ' ');
}

static void on_changed(void *arg, struct object *old, struct object *new_, bool unseen)
{
    const char *mark = !old ? "+" : new_ ? "~" : unseen ? "?" : "-";
    tell(arg, mark, object_key(old ? old : new_) + 2);
}

static void on_synced(void *arg, const char *version)
{
    tell(arg, "synced", version);
}

static void on_bookmark(void *arg, const char *version)
{
    tell(arg, "bookmark", version);
}

static void on_state(void *arg, enum reflector_state state, const char *reason)
{
    (void)reason;
    tell(arg, reflector_state_text(state), "");
}

static bool on_may_replace(void *arg, const char *resource_version)
{
    (void)resource_version;
    return !((struct fixture *)arg)->hold;
}

static bool on_may_follow(void *arg)
{
    struct fixture *f = arg;
    f->asked++;
    return !f->hold_events;
}

static void expect(struct fixture *f, const char *seen)
{
    assert_string_equal(f->seen.data ? f->seen.data : "", seen);
    buf_clear(&f->seen);
}

static int setup(void **state)
{
    static const struct mirror_ops ops = {on_synced, on_bookmark, on_state, on_may_replace, on_may_follow};
    struct fixture *f = mem_zalloc(sizeof(*f));
    f->loop = loop_create_simulated(1);
    f->seen = (struct buf)BUF_INIT(1u << 20);
    f->rules = (struct object_rules){.kind = mem_strdup("Pod"), .api_version = mem_strdup("v1")};
    fake_init(&f->fake, f->loop);
    f->store = store_create();
    f->observer = (struct store_observer){.changed = on_changed, .arg = f};
    store_observe(f->store, &f->observer);
    struct reflector_config config = {
        .loop = f->loop, .rest = &f->fake.rest, .rules = &f->rules, .no_watch_list = true};
    gvr_set(&config.gvr, "", "v1", "pods");
    f->mirror = mirror_create(&config, f->store, &ops, f);
    mirror_start(f->mirror);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mirror_destroy(f->mirror);
    store_destroy(f->store);
    fake_deinit(&f->fake);
    object_rules_deinit(&f->rules);
    buf_deinit(&f->seen);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void append_pod(struct buf *text, const char *name, const char *uid, int version)
{
    buf_appendf(text,
                "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\","
                "\"uid\":\"%s\","
                "\"resourceVersion\":\"%d\"}}",
                name, uid, version);
}

static void send_event(struct rest_call *watch, const char *type, const char *name, const char *uid,
                       int version)
{
    struct buf text = BUF_INIT(4096);
    buf_appendf(&text, "{\"type\":\"%s\",\"object\":", type);
    append_pod(&text, name, uid, version);
    buf_append_str(&text, "}\n");
    fake_bytes(watch, text.data, text.len);
    buf_deinit(&text);
}

/* names: one letter for a pod each, '/' before those that have another uid. */
static void answer_list(struct rest_call *list, const char *names, int version)
{
    struct buf text = BUF_INIT(1u << 20);
    buf_appendf(
        &text,
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%d\"},\"items\":[",
        version);
    for (const char *at = names; *at; at++) {
        bool other = *at == '/';
        at += other;
        char name[2] = {*at, '\0'};
        append_pod(&text, name, other ? "other" : "one", 1);
        buf_append_str(&text, at[1] ? "," : "");
    }
    buf_append_str(&text, "]}");
    fake_answer(list, 200, text.data);
    buf_deinit(&text);
}

static struct rest_call *watch_open(struct fixture *f)
{
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    return watch;
}

static void expire(struct rest_call *watch)
{
    fake_body(watch,
              "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n");
}

static struct rest_call *synced_with(struct fixture *f, const char *names)
{
    answer_list(fake_next(&f->fake), names, 10);
    struct rest_call *watch = watch_open(f);
    fake_run(&f->fake, LOOP_SECOND);
    assert_true(mirror_synced(f->mirror));
    assert_int_equal(store_count(f->store), strlen(names));
    buf_clear(&f->seen);
    return watch;
}

static void row17_synced_after_the_first_list_is_in_the_store(void **state)
{
    struct fixture *f = *state;
    struct rest_call *list = fake_next(&f->fake);
    expect(f, "starting ");
    answer_list(list, "a", 10);
    expect(f, "");
    assert_false(mirror_synced(f->mirror));
    fake_run(&f->fake, LOOP_MS);
    expect(f, "+a synced10 synced ");
    assert_true(mirror_synced(f->mirror));
    watch_open(f);
}

static void events_and_bookmarks(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced_with(f, "a");
    send_event(watch, "ADDED", "b", "one", 11);
    send_event(watch, "MODIFIED", "a", "one", 12);
    send_event(watch, "MODIFIED", "a", "one", 12);
    send_event(watch, "DELETED", "b", "one", 13);
    fake_body(watch, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":"
                     "{\"resourceVersion\":\"14\"}}}\n");
    expect(f, "+b ~a -b bookmark14 ");
    send_event(watch, "MODIFIED", "a", "other", 15);
    expect(f, "?a +a ");
}

static void row15_replace_makes_a_tombstone_of_every_absent_key(void **state)
{
    struct fixture *f = *state;
    expire(synced_with(f, "abcd"));
    struct object *kept = object_ref(store_get(f->store, "n/b"));
    answer_list(fake_next(&f->fake), "b/de", 20);
    watch_open(f);
    fake_run(&f->fake, LOOP_SECOND);
    assert_int_equal(store_count(f->store), 3);
    assert_non_null(strstr(f->seen.data, "?a "));
    assert_non_null(strstr(f->seen.data, "?c "));
    assert_non_null(strstr(f->seen.data, "?d +d ")); /* another uid: another object */
    assert_non_null(strstr(f->seen.data, "+e "));
    assert_null(strchr(f->seen.data, '~'));
    assert_null(strstr(f->seen.data, "?b"));
    assert_ptr_equal(store_get(f->store, "n/b"), kept); /* the same bytes are not held twice */
    object_unref(kept);
}

static void row13_a_new_list_replaces_what_the_store_had(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced_with(f, "ab");
    fake_body(watch, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500,\"reason\":"
                     "\"StorageReadError\"}}\n");
    answer_list(fake_next(&f->fake), "b", 20);
    watch_open(f);
    fake_run(&f->fake, LOOP_SECOND);
    expect(f, "?a synced20 ");
}

static void a_list_waits_for_its_owner(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced_with(f, "ab");
    f->hold = true;
    expire(watch);
    answer_list(fake_next(&f->fake), "b", 20);
    watch = watch_open(f);
    fake_run(&f->fake, 30 * LOOP_SECOND);
    expect(f, "");
    send_event(watch, "ADDED", "c", "one", 21);
    mirror_replace(f->mirror);
    fake_run(&f->fake, LOOP_SECOND);
    expect(f, "+c ?a synced20 ");
    mirror_replace(f->mirror); /* nothing waits any more */
    fake_run(&f->fake, LOOP_SECOND);
    expect(f, "");
}

static void events_of_a_watch_begun_anew_wait(void **state)
{
    struct fixture *f = *state;
    f->hold_events = true;
    struct rest_call *watch = synced_with(f, "ab");
    int asked = f->asked;
    send_event(watch, "DELETED", "a", "one", 11);
    send_event(watch, "ADDED", "a", "other", 12);
    fake_run(&f->fake, 30 * LOOP_SECOND);
    expect(f, "");
    assert_string_equal(mirror_version(f->mirror), "");
    assert_int_equal(f->asked, asked + 1);
    mirror_follow(f->mirror);
    expect(f, "-a +a bookmark12 ");
    assert_string_equal(mirror_version(f->mirror), "12");
    send_event(watch, "DELETED", "b", "one", 13); /* of one that is known by now */
    expect(f, "-b ");
    fake_done(watch, REST_BROKEN, "broken");
    fake_run(&f->fake, 5 * LOOP_SECOND);
    answer_list(fake_next(&f->fake), "", 20); /* where the server is */
    watch = watch_open(f);
    buf_clear(&f->seen);
    send_event(watch, "ADDED", "c", "one", 21);
    expect(f, "");
    mirror_follow(f->mirror);
    expect(f, "+c bookmark21 ");
}

static void a_list_knows_better_than_what_waits(void **state)
{
    struct fixture *f = *state;
    f->hold_events = true;
    struct rest_call *watch = synced_with(f, "ab");
    send_event(watch, "DELETED", "a", "one", 11);
    expire(watch);
    answer_list(fake_next(&f->fake), "ab", 20);
    watch_open(f);
    fake_run(&f->fake, LOOP_SECOND);
    mirror_follow(f->mirror);
    expect(f, "synced20 ");
    assert_int_equal(store_count(f->store), 2);
}

static void nothing_is_deleted_on_a_broken_list(void **state)
{
    struct fixture *f = *state;
    expire(synced_with(f, "abc"));
    struct rest_call *list = fake_next(&f->fake);
    fake_headers(list, 200, -1);
    fake_body(
        list,
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"20\"},\"items\":[");
    fake_done(list, REST_BROKEN, "reset");
    fake_refuse(fake_next(&f->fake), 403, "Forbidden", "no");
    fake_run(&f->fake, 10 * LOOP_SECOND);
    expect(f, "unavailable forbidden ");
    assert_int_equal(store_count(f->store), 3);
}

/* Whether a deletion was seen or found by absence, it comes with the last state, under the key that it had.
 */
static void row18_tombstones_have_the_key_of_their_object(void **state)
{
    struct fixture *f = *state;
    struct rest_call *watch = synced_with(f, "ab");
    send_event(watch, "DELETED", "a", "one", 11);
    assert_null(store_get(f->store, "n/a"));
    expire(watch);
    answer_list(fake_next(&f->fake), "", 20);
    watch_open(f);
    fake_run(&f->fake, LOOP_SECOND);
    expect(f, "-a ?b synced20 ");
    assert_int_equal(store_count(f->store), 0);
}

static void send_many(struct fixture *f, size_t count, size_t skip)
{
    struct buf text = BUF_INIT(64u << 20);
    buf_append_str(
        &text,
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"20\"},\"items\":[");
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "pod-%zu", i);
        if (i % skip == 0)
            continue;
        buf_append_str(&text, text.data[text.len - 1] == '[' ? "" : ",");
        append_pod(&text, name, "one", 1);
    }
    buf_append_str(&text, "]}");
    fake_answer(fake_next(&f->fake), 200, text.data);
    buf_deinit(&text);
}

/* A long walk is cut into slices; events that come between them are newer than the list, and survive it. */
static void row16_a_list_never_overwrites_an_event_that_came_later(void **state)
{
    struct fixture *f = *state;
    f->quiet = true;
    send_many(f, 5000, 7);
    struct rest_call *watch = watch_open(f);
    size_t slices = 0, at = 0;
    while (!mirror_synced(f->mirror)) {
        size_t before = f->changes;
        char name[32];
        snprintf(name, sizeof(name), "pod-%zu", at);
        send_event(watch, "DELETED", name, "one", 30);
        snprintf(name, sizeof(name), "pod-%zu", at + 1);
        send_event(watch, "MODIFIED", name, "one", 31);
        snprintf(name, sizeof(name), "new-%zu", at);
        send_event(watch, "ADDED", name, "one", 32);
        at += 10;
        assert_true(loop_step(f->loop));
        assert_true(f->changes - before <= 64 + 3);
        slices++;
    }
    assert_true(slices > 50);
    for (size_t i = 0; i < at; i += 10) {
        char key[32];
        snprintf(key, sizeof(key), "n/pod-%zu", i);
        assert_null(store_get(f->store, key));
        snprintf(key, sizeof(key), "n/pod-%zu", i + 1);
        assert_true(slice_equal(object_resource_version(store_get(f->store, key)), "31"));
        snprintf(key, sizeof(key), "n/new-%zu", i);
        assert_non_null(store_get(f->store, key));
    }
}

/* The watch expires while the walk is under way: the newer list takes over. */
static void a_newer_list_during_the_walk(void **state)
{
    struct fixture *f = *state;
    f->quiet = true;
    send_many(f, 5000, 7);
    struct rest_call *watch = watch_open(f);
    loop_step(f->loop);
    size_t some = store_count(f->store);
    assert_in_range(some, 1, 4000);
    expire(watch);
    /* The walk goes on while the next list is on its way, which is slow. */
    send_many(f, 3000, 11);
    watch_open(f);
    fake_run(&f->fake, LOOP_SECOND);
    assert_int_equal(store_count(f->store), 3000 - 273);
}

static void stopped_in_the_walk(void **state)
{
    struct fixture *f = *state;
    f->quiet = true;
    send_many(f, 5000, 7);
    watch_open(f);
    loop_step(f->loop);
    mirror_stop(f->mirror);
    size_t before = f->changes;
    fake_run(&f->fake, LOOP_SECOND);
    assert_int_equal(f->changes, before);
    assert_int_equal(f->fake.open, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(row17_synced_after_the_first_list_is_in_the_store),
        TEST(events_and_bookmarks),
        TEST(row15_replace_makes_a_tombstone_of_every_absent_key),
        TEST(row13_a_new_list_replaces_what_the_store_had),
        TEST(a_list_waits_for_its_owner),
        TEST(events_of_a_watch_begun_anew_wait),
        TEST(a_list_knows_better_than_what_waits),
        TEST(nothing_is_deleted_on_a_broken_list),
        TEST(row16_a_list_never_overwrites_an_event_that_came_later),
        TEST(row18_tombstones_have_the_key_of_their_object),
        TEST(a_newer_list_during_the_walk),
        TEST(stopped_in_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
