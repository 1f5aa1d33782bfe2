/* fuzz: ti_apiserver */

/*
 * The API server in process: a row of requests, whatever they are, gets answers that are JSON, leaves objects
 * that are objects, and a revision that only grows. A request is four parts, each ended by a newline but the
 * body, which runs to
 * "\n--\n" or the end: method and path, content type, Accept, body.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apiserver/server.h"
#include "apiserver/tree.h"
#include "base/mem.h"
#include "kube/rest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Cuts a part off the front, up to the separator; yours to free. */
static char *take(const char **at, const char *end, const char *separator, size_t *len)
{
    const char *found = memmem(*at, (size_t)(end - *at), separator, strlen(separator));
    const char *from = *at;
    *len = (size_t)((found ? found : end) - from);
    *at = found ? found + strlen(separator) : end;
    return mem_dup(from, *len);
}

static void check_answer(int status, const struct rest_request *request, const struct buf *body)
{
    assert(status >= 200 && status < 600);
    /* Lines of a watch, health and OpenAPI 2 are not one JSON value; numbers beyond depth are refused by the
     * tree. */
    if (strstr(request->path, "watch") || !body->len || body->data[0] != '{')
        return;
    struct slice text = {body->data, body->len};
    const char *end = text.data + text.len;
    const char *at = json_skip_value(text.data, end, 0);
    assert(at && json_skip_space(at, end) == end);
}

static void one_request(struct apiserver *server, const char **at, const char *end)
{
    size_t len, body_len;
    cleanup_free char *line = take(at, end, "\n", &len);
    cleanup_free char *type = take(at, end, "\n", &len);
    cleanup_free char *accept = take(at, end, "\n", &len);
    cleanup_free char *body = take(at, end, "\n--\n", &body_len);
    char *space = strchr(line, ' ');
    if (space)
        *space = '\0';
    struct rest_request request = {.method = line,
                                   .path = space ? space + 1 : "/",
                                   .content_type = type,
                                   .accept = accept,
                                   .body = body,
                                   .body_len = body_len};
    struct buf answer = BUF_INIT(SIZE_MAX / 4);
    uint64_t before = apiserver_revision(server);
    int status = apiserver_call(server, &request, &answer);
    assert(apiserver_revision(server) >= before);
    check_answer(status, &request, &answer);
    buf_deinit(&answer);
}

static void check_objects(struct apiserver *server)
{
    for (const struct collection *c = apiserver_storage(server)->first; c; c = c->next) {
        struct object_place place = {0};
        const struct object_entry *entry;
        while ((entry = object_set_next(&c->own->objects, &place))) {
            struct slice bytes = object_bytes(entry->object);
            cJSON *tree = tree_parse(bytes.data, bytes.len);
            assert(tree && tree_text(tree, "metadata.uid")[0] &&
                   tree_text(tree, "metadata.resourceVersion")[0]);
            cJSON_Delete(tree);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *at = (const char *)data, *end = at + len;
    struct loop *loop = loop_create_simulated(1);
    struct apiserver_options options = {.loop = loop, .history_events = 100, .graceful = len % 2};
    struct apiserver *server = apiserver_create(&options);
    for (int i = 0; i < 8 && at < end; i++)
        one_request(server, &at, end);
    check_objects(server);
    apiserver_destroy(server);
    loop_destroy(loop);
    return 0;
}
