#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kube/list_decoder.h"

#define LIMIT (16u << 20)

struct seen {
    struct list_decoder decoder;
    struct buf text; /* each item and a newline */
    size_t stop_after;
};

static bool on_item(void *arg, struct slice json)
{
    struct seen *seen = arg;
    buf_append(&seen->text, json.data, json.len);
    buf_append_char(&seen->text, '\n');
    return seen->decoder.count != seen->stop_after;
}

static void seen_init(struct seen *seen, size_t limit)
{
    *seen = (struct seen){.text = BUF_INIT(1u << 30)};
    list_decoder_init(&seen->decoder, limit, on_item, seen);
}

static void seen_deinit(struct seen *seen)
{
    list_decoder_deinit(&seen->decoder);
    buf_deinit(&seen->text);
}

static int feed(struct seen *seen, const char *text)
{
    return list_decoder_feed(&seen->decoder, text, strlen(text));
}

static int whole(struct seen *seen, const char *text)
{
    seen_init(seen, LIMIT);
    int r = feed(seen, text);
    return r ? r : list_decoder_finish(&seen->decoder);
}

static const char list[] =
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"x\":[1,{\"items\":[7]}],\"n\":-1.5e3,"
    "\"metadata\":{\"resourceVersion\":\"4711\",\"continue\":\"a\\u0026b\",\"remainingItemCount\":3},"
    "\"items\":[{\"metadata\":{\"name\":\"a\"},\"s\":\"]}\\\"\\\\\"},{\"é\":\"日本\"}, {} ]}\n";
static const char list_items[] =
    "{\"metadata\":{\"name\":\"a\"},\"s\":\"]}\\\"\\\\\"}\n{\"é\":\"日本\"}\n{}\n";

static void check_list(struct seen *seen)
{
    assert_int_equal(list_decoder_finish(&seen->decoder), 0);
    assert_string_equal(seen->text.data, list_items);
    assert_string_equal(seen->decoder.kind, "PodList");
    assert_string_equal(seen->decoder.api_version, "v1");
    assert_string_equal(seen->decoder.resource_version, "4711");
    assert_string_equal(seen->decoder.continue_token, "a&b");
    assert_int_equal(seen->decoder.count, 3);
}

static void borders_everywhere(void **state)
{
    (void)state;
    size_t len = strlen(list);
    for (size_t a = 0; a <= len; a++)
        for (size_t b = a; b <= len; b++) {
            struct seen seen;
            seen_init(&seen, LIMIT);
            assert_int_equal(list_decoder_feed(&seen.decoder, list, a), 0);
            assert_int_equal(list_decoder_feed(&seen.decoder, list + a, b - a), 0);
            assert_int_equal(list_decoder_feed(&seen.decoder, list + b, len - b), 0);
            check_list(&seen);
            seen_deinit(&seen);
        }
}

static void byte_by_byte(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    for (size_t i = 0; i < strlen(list); i++)
        assert_int_equal(list_decoder_feed(&seen.decoder, list + i, 1), 0);
    check_list(&seen);
    seen_deinit(&seen);
}

static void metadata_behind_items(void **state)
{
    (void)state;
    struct seen seen;
    assert_int_equal(
        whole(&seen, "{\"items\":[{\"a\":1}],\"metadata\":{\"resourceVersion\":\"9\"},\"kind\":\"XList\"}"),
        0);
    assert_string_equal(seen.text.data, "{\"a\":1}\n");
    assert_string_equal(seen.decoder.resource_version, "9");
    assert_null(seen.decoder.continue_token);
    seen_deinit(&seen);
}

static void items_null_or_empty(void **state)
{
    (void)state;
    const char *texts[] = {"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}",
                           "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[ ]}"};
    for (size_t i = 0; i < array_size(texts); i++) {
        struct seen seen;
        assert_int_equal(whole(&seen, texts[i]), 0);
        assert_int_equal(seen.decoder.count, 0);
        seen_deinit(&seen);
    }
}

/* An answer that is no list must never pass for an empty one: what is absent from a list gets deleted. */
static void no_list(void **state)
{
    (void)state;
    const char *texts[] = {
        "{}",
        "{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
        "{\"kind\":\"Status\",\"metadata\":{},\"code\":200}",
        "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
        "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"9\"}}",
        "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"\"},\"items\":[]}",
        "{\"kind\":\"PodList\",\"metadata\":{},\"items\":[]}",
        "{\"kind\":\"PodList\",\"items\":[]}",
    };
    for (size_t i = 0; i < array_size(texts); i++) {
        struct seen seen;
        assert_int_equal(whole(&seen, texts[i]), LIST_E_NO_LIST);
        seen_deinit(&seen);
    }
}

static void truncated_anywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(list) - 1; len++) {
        struct seen seen;
        seen_init(&seen, LIMIT);
        assert_int_equal(list_decoder_feed(&seen.decoder, list, len), 0);
        assert_int_equal(list_decoder_finish(&seen.decoder), LIST_E_TRUNCATED);
        seen_deinit(&seen);
    }
}

static void syntax(void **state)
{
    (void)state;
    const char *texts[] = {"x",
                           "[]",
                           "{1:2}",
                           "{\"a\" 1}",
                           "{\"a\":1 2}",
                           "{\"a\":}",
                           "{} {}",
                           "{\"items\":{}}",
                           "{\"items\":[{} {}]}",
                           "{\"items\":[,]}",
                           "{\"metadata\":{\"x\"}}",
                           "{\"kind\":nul}"};
    for (size_t i = 0; i < array_size(texts); i++) {
        struct seen seen;
        assert_int_equal(whole(&seen, texts[i]), LIST_E_SYNTAX);
        seen_deinit(&seen);
    }
}

/* The limit holds for what is kept, wherever chunks end; what is passed over may have any length. */
static void item_limit(void **state)
{
    (void)state;
    const char *text = "{\"long-and-unknown\":{\"skipped\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"},"
                       "\"items\":[{\"a\":\"123456789012\"}]}";
    size_t item = strlen("{\"a\":\"123456789012\"}");
    for (size_t cut = 0; cut <= strlen(text); cut++)
        for (size_t limit = item - 1; limit <= item; limit++) {
            struct seen seen;
            seen_init(&seen, limit);
            int r = list_decoder_feed(&seen.decoder, text, cut);
            r = r ? r : list_decoder_feed(&seen.decoder, text + cut, strlen(text) - cut);
            assert_int_equal(r, limit == item ? 0 : LIST_E_TOO_LONG);
            assert_int_equal(seen.decoder.count, limit == item);
            seen_deinit(&seen);
        }
}

static void stops_when_asked(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, LIMIT);
    seen.stop_after = 2;
    assert_int_equal(feed(&seen, list), LIST_E_STOPPED);
    assert_int_equal(seen.decoder.count, 2);
    seen_deinit(&seen);
}

/* A list much longer than what may be held: only the item under way is. */
static void memory_is_one_item(void **state)
{
    (void)state;
    struct seen seen;
    seen_init(&seen, 4096);
    assert_int_equal(feed(&seen, "{\"items\":["), 0);
    char item[1001];
    memset(item, 'x', sizeof(item));
    memcpy(item, "{\"a\":\"", 6);
    memcpy(item + 998, "\"},", 3);
    for (int i = 0; i < 2000; i++)
        for (size_t at = 0; at < sizeof(item); at += 77) {
            size_t part = sizeof(item) - at < 77 ? sizeof(item) - at : 77;
            assert_int_equal(list_decoder_feed(&seen.decoder, item + at, part), 0);
            assert_true(seen.decoder.held.cap <= 4097);
        }
    assert_int_equal(seen.decoder.count, 2000);
    seen_deinit(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders_everywhere),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(metadata_behind_items),
        cmocka_unit_test(items_null_or_empty),
        cmocka_unit_test(no_list),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(syntax),
        cmocka_unit_test(item_limit),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(memory_is_one_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
