#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/object.h"
#include "kube/watch_decoder.h"

#define LIMIT (16u << 20)

/* What came out: "TYPE object\n" for each event. */
struct seen {
    struct watch_decoder decoder;
    struct buf text;
    size_t count;
    size_t stop_after;
};

static bool on_event(void *arg, const struct watch_event *event)
{
    struct seen *seen = arg;
    buf_append_str(&seen->text, event_type_text(event->type));
    buf_append_char(&seen->text, ' ');
    buf_append(&seen->text, event->object.data, event->object.len);
    buf_append_char(&seen->text, '\n');
    return ++seen->count != seen->stop_after;
}

static void seen_init(struct seen *seen, size_t limit)
{
    *seen = (struct seen){.text = BUF_INIT(1u << 30)};
    watch_decoder_init(&seen->decoder, limit, on_event, seen);
}

static void seen_deinit(struct seen *seen)
{
    watch_decoder_deinit(&seen->decoder);
    buf_deinit(&seen->text);
}

static int feed(struct seen *seen, const char *text)
{
    return watch_decoder_feed(&seen->decoder, text, strlen(text));
}

static const char stream[] =
    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"annotations\":{\"x\":"
    "\"é\\n}{\\\"\"}}}}\n"
    "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"日本\"}}}\n"
    "\n"
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"12\"}}}\r\n"
    "{\"type\":\"DELETED\",\"object\":{}}\n";
static const char stream_seen[] =
    "ADDED {\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"annotations\":{\"x\":\"é\\n}{\\\"\"}}}\n"
    "MODIFIED {\"metadata\":{\"name\":\"日本\"}}\n"
    "BOOKMARK {\"metadata\":{\"resourceVersion\":\"12\"}}\n"
    "DELETED {}\n";

static void whole(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    assert_int_equal(feed(&seen, stream), 0);
    assert_int_equal(watch_decoder_finish(&seen.decoder), 0);
    assert_string_equal(seen.text.data, stream_seen);
    seen_deinit(&seen);
}

/* Three chunks, their borders at every pair of places, inside UTF-8 characters and escapes too. */
static void borders_everywhere(void **state)
{
    (void)state;
    size_t len = strlen(stream);
    for (size_t a = 0; a <= len; a++)
        for (size_t b = a; b <= len; b++) {
            struct seen seen;
            seen_init(&seen, LIMIT);
            assert_int_equal(watch_decoder_feed(&seen.decoder, stream, a), 0);
            assert_int_equal(watch_decoder_feed(&seen.decoder, stream + a, b - a), 0);
            assert_int_equal(watch_decoder_feed(&seen.decoder, stream + b, len - b), 0);
            assert_int_equal(watch_decoder_finish(&seen.decoder), 0);
            assert_string_equal(seen.text.data, stream_seen);
            seen_deinit(&seen);
        }
}

static void any_order_and_white_space(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    assert_int_equal(feed(&seen, " { \"object\" : {\"a\": [1, \"}\"]} , \"type\" : \"ADDED\" } \n"
                                 "{\"type\": \"MODIFIED\",\"object\":{\"b\":2}}\n"
                                 "{\"x\":{},\"type\":\"DELETED\",\"object\":{\"c\":3},\"y\":1}\n"),
                     0);
    assert_string_equal(seen.text.data, "ADDED {\"a\": [1, \"}\"]}\nMODIFIED {\"b\":2}\nDELETED {\"c\":3}\n");
    seen_deinit(&seen);
}

/* The quick way takes what stands behind the object for a part of it; the object scan notices, and the
 * careful way helps. */
static void member_behind_the_object(void **state)
{
    (void)state;
    const char *text = "{\"type\":\"ADDED\",\"object\":{\"a\":1},\"extra\":{}}";
    struct watch_event event;
    assert_int_equal(watch_event_split((struct slice){text, strlen(text)}, &event), 0);
    assert_true(slice_equal(event.object, "{\"a\":1}"));
    assert_int_equal(event.type, EVENT_ADDED);
}

static void not_an_event(void **state)
{
    (void)state;
    const char *lines[] = {"x\n",
                           "[]\n",
                           "{}\n",
                           "{\"type\":\"ADDED\"}\n",
                           "{\"object\":{}}\n",
                           "null\n",
                           "{\"type\":\"ADDED\",\"object\":[]}\n",
                           "{\"type\":\"ADDED\",\"object\":{}\n",
                           "{\"type\":1,\"object\":{}} {}\n"};
    for (size_t i = 0; i < array_size(lines); i++) {
        struct seen seen;
        seen_init(&seen, LIMIT);
        assert_int_equal(feed(&seen, lines[i]), WATCH_E_SYNTAX);
        assert_int_equal(seen.count, 0);
        seen_deinit(&seen);
    }
}

static void unknown_type_is_passed_over(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    assert_int_equal(
        feed(&seen, "{\"type\":\"PAINTED\",\"object\":{}}\n{\"type\":\"ADDED\",\"object\":{}}\n"), 0);
    assert_int_equal(seen.decoder.ignored, 1);
    assert_string_equal(seen.text.data, "ADDED {}\n");
    seen_deinit(&seen);
}

static void truncated(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    assert_int_equal(feed(&seen, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}"), 0);
    assert_int_equal(watch_decoder_finish(&seen.decoder), WATCH_E_TRUNCATED);
    assert_int_equal(seen.count, 0);
    seen_deinit(&seen);
}

static void last_line_without_newline(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    assert_int_equal(feed(&seen, "{\"type\":\"ADDED\",\"object\":{}}"), 0);
    assert_int_equal(seen.count, 0);
    assert_int_equal(watch_decoder_finish(&seen.decoder), 0);
    assert_string_equal(seen.text.data, "ADDED {}\n");
    seen_deinit(&seen);
}

/* The limit is the line's, wherever the chunks of it end. */
static void line_limit(void **state)
{
    (void)state;
    const char *line = "{\"type\":\"ADDED\",\"object\":{}}\n";
    size_t len = strlen(line);
    for (size_t cut = 0; cut <= len; cut++) {
        struct seen seen;
        seen_init(&seen, len - 1);
        assert_int_equal(watch_decoder_feed(&seen.decoder, line, cut), 0);
        assert_int_equal(watch_decoder_feed(&seen.decoder, line + cut, len - cut), 0);
        assert_int_equal(seen.count, 1);
        seen_deinit(&seen);

        seen_init(&seen, len - 2);
        int r = watch_decoder_feed(&seen.decoder, line, cut);
        if (r == 0)
            r = watch_decoder_feed(&seen.decoder, line + cut, len - cut);
        assert_int_equal(r, WATCH_E_TOO_LONG);
        assert_int_equal(seen.count, 0);
        seen_deinit(&seen);
    }
}

static void stops_when_asked(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    seen.stop_after = 2;
    assert_int_equal(feed(&seen, stream), WATCH_E_STOPPED);
    assert_int_equal(seen.count, 2);
    seen_deinit(&seen);
}

/* A 2 MB object in small chunks passes whole, and its memory is not kept. */
static void two_megabytes(void **state)
{
    (void)state;
    struct buf line = BUF_INIT(4u << 20);
    buf_append_str(&line, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"big\"},\"data\":\"");
    for (size_t i = 0; i < 2u << 20; i++)
        buf_append_char(&line, 'x');
    buf_append_str(&line, "\"}}\n");

    struct seen seen;
    seen_init(&seen, LIMIT);
    for (size_t i = 0; i < line.len; i += 1000) {
        size_t part = line.len - i < 1000 ? line.len - i : 1000;
        assert_int_equal(watch_decoder_feed(&seen.decoder, line.data + i, part), 0);
    }
    assert_int_equal(seen.count, 1);
    size_t frame = strlen("{\"type\":\"ADDED\",\"object\":}\n");
    assert_int_equal(seen.text.len, line.len - frame + strlen("ADDED \n"));
    assert_null(seen.decoder.line.data);
    seen_deinit(&seen);
    buf_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(borders_everywhere),
        cmocka_unit_test(any_order_and_white_space),
        cmocka_unit_test(member_behind_the_object),
        cmocka_unit_test(not_an_event),
        cmocka_unit_test(unknown_type_is_passed_over),
        cmocka_unit_test(truncated),
        cmocka_unit_test(last_line_without_newline),
        cmocka_unit_test(line_limit),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(two_megabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
