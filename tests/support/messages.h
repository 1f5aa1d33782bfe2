#ifndef TI_TESTS_MESSAGES_H
#define TI_TESTS_MESSAGES_H

/* Objects, stores and bodies of messages, made in one line each. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"
#include "transport/envelope.h"

/* "ns/name", its version; the uid is the name's unless given. */
static inline struct object *object_with_uid(const char *name, int version, const char *uid)
{
    char text[512];
    struct object *object = NULL;
    snprintf(text, sizeof(text),
             "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"namespace\":\"ns\","
             "\"uid\":\"%s\","
             "\"resourceVersion\":\"%d\"}}",
             name, uid, version);
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    return object;
}

static inline struct object *object_of(const char *name, int version)
{
    return object_with_uid(name, version, name);
}

/* Two names of one key hash, where there is no namespace in front. */
#define COLLIDING_A "omt1laa"
#define COLLIDING_B "9vedazib"

static inline struct object *cluster_object(const char *name, int version)
{
    char text[512];
    struct object *object = NULL;
    snprintf(text, sizeof(text),
             "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\","
             "\"resourceVersion\":\"%d\"}}",
             name, name, version);
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    return object;
}

/* An object of that many bytes that nothing predicts. */
static inline struct object *noise_object(const char *name, unsigned seed, size_t len)
{
    cleanup_free char *text = mem_alloc(len + 256);
    int at = snprintf(text, len + 256, "{\"metadata\":{\"name\":\"%s\",\"uid\":\"u\"},\"data\":\"", name);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        text[at++] = (char)('A' + (seed >> 24) % 58);
        if (text[at - 1] == '\\')
            text[at - 1] = 'x';
    }
    strcpy(text + at, "\"}");
    struct object *object = NULL;
    assert_int_equal(object_create(text, strlen(text), NULL, &object), 0);
    return object;
}

static inline void put(struct store *store, const char *name, int version)
{
    cleanup_with(object_unrefp) struct object *object = object_of(name, version);
    store_put(store, object);
}

static inline int version_in(const struct store *store, const char *name)
{
    char key[128];
    snprintf(key, sizeof(key), "ns/%s", name);
    struct object *object = store_get(store, key);
    return object ? atoi(object_resource_version(object).data) : 0;
}

/* What a publisher does: events go into a body, and into the store of what is published. */
struct script {
    struct codec *codec;
    struct store *published;
    struct buf body;
    uint64_t sequence, items;
    bool patches; /* where they pay */
    size_t patched;
};

static inline void script_init(struct script *script, enum encoding encoding)
{
    *script = (struct script){.codec = codec_create(encoding, 1 << 20), .published = store_create()};
    buf_init(&script->body, 1 << 20);
}

static inline void script_deinit(struct script *script)
{
    codec_destroy(script->codec);
    store_destroy(script->published);
    buf_deinit(&script->body);
}

static inline void script_put_object(struct script *script, struct object *object)
{
    struct object *old = store_get(script->published, object_key(object));
    if (script->patches && old && codec_put_patch(script->codec, &script->body, old, object) == 0)
        script->patched++;
    else
        assert_int_equal(codec_put_item(script->codec, &script->body, old, object), 0);
    store_put(script->published, object);
    script->items++;
}

static inline void script_put(struct script *script, const char *name, int version)
{
    cleanup_with(object_unrefp) struct object *object = object_of(name, version);
    script_put_object(script, object);
}

static inline void script_delete(struct script *script, const char *name)
{
    char key[128];
    snprintf(key, sizeof(key), "ns/%s", name);
    assert_int_equal(codec_put_item(script->codec, &script->body, store_get(script->published, key), NULL),
                     0);
    store_delete(script->published, key, false);
    script->items++;
}

/* A delta of what was put since; its body is good until script_next(). */
static inline struct message script_delta(struct script *script, uint64_t epoch)
{
    struct message delta = {
        .kind = MESSAGE_DELTA,
        .epoch = epoch,
        .from = script->sequence + 1,
        .items = script->items,
        .root = store_root(script->published),
        .body = {script->body.data, script->body.len},
        .plain = script->body.len && script->body.data[0] == '{',
    };
    script->sequence += script->items;
    return delta;
}

static inline void script_next(struct script *script)
{
    script->items = 0;
    buf_clear(&script->body);
}

#endif
