#ifndef TI_TESTS_REFLECTOR_FIXTURE_H
#define TI_TESTS_REFLECTOR_FIXTURE_H

/* A reflector over an API server that the test plays, and a record of what its owner was told. Include after
 * cmocka.h. */

#include <string.h>

#include "base/buf.h"
#include "kube/reflector.h"
#include "tests/unit/kube/fake_rest.h"

#define PODS "/api/v1/pods"
#define POD(name, version)                                                                                   \
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name                                 \
    "\",\"namespace\":\"n\",\"uid\":\"u-" name "\",\"resourceVersion\":\"" version "\"}}"
#define ITEM(name, version)                                                                                  \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"uid\":\"u-" name                             \
    "\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items)                                                                                 \
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version               \
    "\"},\"items\":[" items "]}\n"
#define PAGE(version, token, items)                                                                          \
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version               \
    "\",\"continue\":\"" token "\"},\"items\":[" items "]}\n"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)                                                                                    \
    EVENT("BOOKMARK",                                                                                        \
          "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define INITIAL_END(version)                                                                                 \
    EVENT("BOOKMARK", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version \
                      "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason, message)                                                                        \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":"         \
    "\"" message "\",\"reason\":\"" reason "\",\"code\":" code "}"
#define ERROR(code, reason, message) EVENT("ERROR", STATUS(code, reason, message))

struct fixture {
    struct loop *loop;
    struct fake_rest fake;
    struct object_rules rules;
    struct reflector *reflector;
    struct buf seen;     /* what the owner was told, a word or two each, with spaces between */
    const char *stop_at; /* stop the reflector when this is told */
};

static inline void tell(struct fixture *f, const char *what, const char *text)
{
    char *line = mem_printf("%s%s%s%s", f->seen.len ? " | " : "", what, text[0] ? " " : "", text);
    buf_append_str(&f->seen, line);
    free(line);
    if (f->stop_at && strcmp(what, f->stop_at) == 0)
        reflector_stop(f->reflector);
}

static inline void on_begin(void *arg)
{
    tell(arg, "begin", "");
}

static inline void on_item(void *arg, enum event_type type, struct object *object)
{
    tell(arg, type == EVENT_DELETED ? "takeback" : "item", object_key(object) + 2);
}

static inline void on_abort(void *arg)
{
    tell(arg, "abort", "");
}

static inline void on_commit(void *arg, const char *version)
{
    tell(arg, "commit", version);
}

static inline void on_event(void *arg, enum event_type type, struct object *object)
{
    tell(arg, event_type_text(type), object_key(object) + 2);
}

static inline void on_bookmark(void *arg, const char *version)
{
    tell(arg, "bookmark", version);
}

static inline void on_state(void *arg, enum reflector_state state, const char *reason)
{
    (void)reason;
    tell(arg, reflector_state_text(state), "");
}

static const struct reflector_ops fixture_ops = {on_begin, on_item,     on_abort, on_commit,
                                                 on_event, on_bookmark, on_state};

/* Checks what was told since the last time. */
static inline void expect(struct fixture *f, const char *seen)
{
    assert_string_equal(f->seen.data ? f->seen.data : "", seen);
    buf_clear(&f->seen);
}

static inline void fixture_start(struct fixture *f, struct reflector_config *config)
{
    config->loop = f->loop;
    config->rest = &f->fake.rest;
    config->rules = &f->rules;
    if (!config->gvr.resource[0])
        assert_int_equal(gvr_set(&config->gvr, "", "v1", "pods"), 0);
    f->reflector = reflector_create(config, &fixture_ops, f);
    reflector_start(f->reflector);
}

static inline void fixture_make(struct fixture *f, uint64_t seed)
{
    *f = (struct fixture){.loop = loop_create_simulated(seed), .seen = BUF_INIT(1u << 20)};
    f->rules = (struct object_rules){.kind = mem_strdup("Pod"), .api_version = mem_strdup("v1")};
    fake_init(&f->fake, f->loop);
}

/* With pages; most rows are about these. */
static inline int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    fixture_make(f, 1);
    fixture_start(f, &(struct reflector_config){.no_watch_list = true});
    *state = f;
    return 0;
}

static inline int setup_stream(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    fixture_make(f, 1);
    fixture_start(f, &(struct reflector_config){0});
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    reflector_destroy(f->reflector);
    fake_deinit(&f->fake);
    object_rules_deinit(&f->rules);
    buf_deinit(&f->seen);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

/* The list answered with pod a at version 10, and the watch open. */
static inline struct rest_call *synced(struct fixture *f)
{
    fake_answer(fake_next(&f->fake), 200, LIST("10", ITEM("a", "5")));
    struct rest_call *watch = fake_next(&f->fake);
    fake_headers(watch, 200, -1);
    expect(f, "starting | begin | item a | commit 10 | synced");
    return watch;
}

/* Synced, and the watch has expired since. */
/* A watch was lost: the server is asked where it is. */
static inline void version_is(struct fixture *f, const char *version)
{
    char list[256];
    struct rest_call *check = fake_next(&f->fake);
    fake_expect_query(check, "watch", NULL);
    fake_expect_query(check, "limit", "1");
    fake_expect_query(check, "resourceVersion", NULL);
    snprintf(
        list, sizeof(list),
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"%s\"},\"items\":[]}",
        version);
    fake_answer(check, 200, list);
}

static inline void expired(struct fixture *f)
{
    fake_body(synced(f), BOOKMARK("10") ERROR("410", "Expired", "too old"));
    expect(f, "bookmark 10");
}

#endif
