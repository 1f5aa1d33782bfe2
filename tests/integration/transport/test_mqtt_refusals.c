/* Every refusal ends in one line that says why, and in another attempt. */
#include "tests/integration/transport/broker.h"
#include "tests/integration/transport/fake.h"
#include "tests/integration/transport/watcher.h"

#include <string.h>

#include "base/mem.h"

static const char *url_of(uint16_t port)
{
    static char text[64];
    snprintf(text, sizeof(text), "tcp://127.0.0.1:%u", port);
    return text;
}

/* -- no broker
 * ------------------------------------------------------------------------------------------------------ */

static void test_nobody_listens(void **state)
{
    (void)state;
    assert_refused(&(struct mqtt_options){.broker = url_of(free_port())}, "connection refused");
}

static void test_unknown_host(void **state)
{
    (void)state;
    assert_refused(&(struct mqtt_options){.broker = "tcp://no-such-host.invalid"},
                   "no-such-host.invalid cannot be found");
}

static void test_not_a_broker(void **state)
{
    (void)state;
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                 "Connection: close\r\n\r\n400 Bad Request: malformed HTTP request";
    static const struct fake_answer script[] = {{.level = 5, .data = answer, .len = sizeof(answer) - 1},
                                                {.level = 4, .data = answer, .len = sizeof(answer) - 1},
                                                {0}};
    struct fake *fake = fake_create(script);
    assert_refused(&(struct mqtt_options){.broker = url_of(fake_port(fake))}, "does not speak MQTT");
    fake_destroy(fake);
}

static void test_closed_without_an_answer(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {{0}};
    struct fake *fake = fake_create(script);
    assert_refused(&(struct mqtt_options){.broker = url_of(fake_port(fake))}, "without an answer");
    assert_true(fake_connects(fake, 5) >= 1);
    assert_true(fake_connects(fake, 4) >= 1);
    fake_destroy(fake);
}

static void test_silence(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {{.level = 5, .keep_open = 1}, {0}};
    struct fake *fake = fake_create(script);
    assert_refused(&(struct mqtt_options){.broker = url_of(fake_port(fake)), .attempt_us = 200 * LOOP_MS},
                   "no answer within");
    fake_destroy(fake);
}

static void test_destroy_does_not_wait_for_silence(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {{.level = 5, .keep_open = 1}, {0}};
    struct fake *fake = fake_create(script);
    struct watcher *watcher = watcher_create(&(struct mqtt_options){.broker = url_of(fake_port(fake))});
    watcher_start(watcher);
    loop_step(watcher->loop); /* the attempt begins */
    fake_wait_for_connect(fake, 5);
    int64_t before_us = loop_now_us(watcher->loop);
    transport_destroy(watcher->transport);
    assert_in_range(loop_now_us(watcher->loop) - before_us, 0, LOOP_SECOND);
    watcher->transport = NULL;
    watcher_destroy(watcher);
    fake_destroy(fake);
}

/* -- older brokers
 * -------------------------------------------------------------------------------------------------- */

static const uint8_t accepted_3[] = {0x20, 2, 0, 0};
static const uint8_t version_refused_3[] = {0x20, 2, 0, 1};
static const uint8_t version_refused_5[] = {0x20, 3, 0, 0x84, 0};

static void check_fallback(const struct fake_answer *script)
{
    struct fake *fake = fake_create(script);
    struct watcher *watcher = watcher_create(&(struct mqtt_options){.broker = url_of(fake_port(fake))});
    transport_subscribe(watcher->transport, "t/#", 1);
    watcher_start(watcher);
    watcher_wait(watcher, watcher_connected, 1);
    assert_int_equal(watcher->disconnected, 0);
    assert_int_equal(fake_connects(fake, 5), 1);
    assert_int_equal(fake_connects(fake, 4), 1);
    assert_int_equal(transport_max_payload(watcher->transport), 128 << 10);
    watcher_destroy(watcher);
    fake_destroy(fake);
}

static void test_older_broker_says_so(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {
        {.level = 5, .data = version_refused_3, .len = sizeof(version_refused_3)},
        {.level = 4, .data = accepted_3, .len = sizeof(accepted_3), .keep_open = 1},
        {0}};
    check_fallback(script);
}

static void test_newer_broker_refuses_the_version(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {
        {.level = 5, .data = version_refused_5, .len = sizeof(version_refused_5)},
        {.level = 4, .data = accepted_3, .len = sizeof(accepted_3), .keep_open = 1},
        {0}};
    check_fallback(script);
}

static void test_older_broker_just_closes(void **state)
{
    (void)state;
    static const struct fake_answer script[] = {
        {.level = 4, .data = accepted_3, .len = sizeof(accepted_3), .keep_open = 1}, {0}};
    check_fallback(script);
}

static void test_refused_subscription_is_logged(void **state)
{
    (void)state;
    static const uint8_t failure = 0x80;
    static const struct fake_answer script[] = {
        {.level = 5, .data = version_refused_3, .len = sizeof(version_refused_3)},
        {.level = 4, .data = accepted_3, .len = sizeof(accepted_3), .keep_open = 1, .suback = &failure},
        {0}};
    struct fake *fake = fake_create(script);
    struct watcher *watcher = watcher_create(&(struct mqtt_options){.broker = url_of(fake_port(fake))});
    transport_subscribe(watcher->transport, "t/secret/#", 1);
    watcher_start(watcher);
    watcher_wait(watcher, watcher_logged, 1);
    assert_non_null(strstr(watcher->log_text, "the subscription to t/secret/# was refused"));
    watcher_wait(watcher, watcher_connected, 1); /* what else is subscribed goes on */
    watcher_destroy(watcher);
    fake_destroy(fake);
}

/* -- access
 * ---------------------------------------------------------------------------------------------------------
 */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

struct guarded {
    struct broker broker;
    char password_file[100];
};

/* Knows a user "me" with the password "sesame", who may write and read t/#, but not t/denied. */
static int guarded_up(void **state)
{
    struct guarded *guarded = mem_zalloc(sizeof(*guarded));
    *state = guarded;
    broker_init(&guarded->broker);
    const char *directory = guarded->broker.directory;
    char path[100], configuration[300];
    snprintf(guarded->password_file, sizeof(guarded->password_file), "%s/secret", directory);
    snprintf(path, sizeof(path), "%s/acl", directory);
    write_file(path, "user me\ntopic deny t/denied\ntopic readwrite t/#\n");
    run_command("mosquitto_passwd -b -c '%s/users' me sesame 2>/dev/null", directory);
    snprintf(configuration, sizeof(configuration),
             "allow_anonymous false\npassword_file %s/users\nacl_file %s/acl\nmax_packet_size 20000\n",
             directory, directory);
    broker_start(&guarded->broker, configuration);
    return 0;
}

static int guarded_down(void **state)
{
    struct guarded *guarded = *state;
    broker_deinit(&guarded->broker);
    free(guarded);
    return 0;
}

static void test_no_credentials(void **state)
{
    struct guarded *guarded = *state;
    assert_refused(&(struct mqtt_options){.broker = url_of(guarded->broker.port)},
                   "not authorized; check --username");
}

static void test_missing_password_file(void **state)
{
    struct guarded *guarded = *state;
    assert_refused(&(struct mqtt_options){.broker = url_of(guarded->broker.port),
                                          .username = "me",
                                          .password_file = "/nowhere/at-all"},
                   "--password-file /nowhere/at-all cannot be read: No such file");
}

/* The password is wrong at first, and is never repeated; the file is read again at each attempt. */
static void test_wrong_password_then_right(void **state)
{
    struct guarded *guarded = *state;
    write_file(guarded->password_file, "open-barley\n");
    struct watcher *watcher = watcher_create(&(struct mqtt_options){
        .broker = url_of(guarded->broker.port), .username = "me", .password_file = guarded->password_file});
    watcher_start(watcher);
    watcher_wait(watcher, watcher_disconnected, 2);
    assert_non_null(strstr(watcher->reason, "--password-file"));
    assert_null(strstr(watcher->reason, "open-barley"));
    write_file(guarded->password_file, "sesame\nand a second line\n");
    watcher_wait(watcher, watcher_connected, 1);
    watcher_destroy(watcher);
}

static struct watcher *admitted(struct guarded *guarded)
{
    write_file(guarded->password_file, "sesame");
    struct watcher *watcher = watcher_create(&(struct mqtt_options){
        .broker = url_of(guarded->broker.port), .username = "me", .password_file = guarded->password_file});
    transport_subscribe(watcher->transport, "t/+", 1);
    watcher_start(watcher);
    watcher_wait(watcher, watcher_connected, 1);
    return watcher;
}

static void test_refused_message_is_logged_once(void **state)
{
    struct watcher *watcher = admitted(*state);
    for (int i = 0; i < 3; i++)
        assert_int_equal(transport_publish(watcher->transport, "t/denied", "x", 1, 1, false), 0);
    assert_int_equal(transport_publish(watcher->transport, "t/allowed", "x", 1, 1, false), 0);
    watcher_wait(watcher, watcher_heard, 1);
    watcher_wait(watcher, watcher_idle, 0);
    watcher_wait(watcher, watcher_logged, 1);
    assert_int_equal(watcher->messages, 1);
    const char *line = strstr(watcher->log_text, "a message on t/denied was refused");
    assert_non_null(line);
    assert_null(strstr(strchr(line, '\n'), "was refused"));
    watcher_destroy(watcher);
}

static void test_largest_packet_of_the_broker(void **state)
{
    struct watcher *watcher = admitted(*state);
    size_t limit = transport_max_payload(watcher->transport);
    assert_in_range(limit, 19000, 20000);
    cleanup_free char *payload = mem_zalloc(limit);
    char topic[256] = "t/";
    memset(topic + 2, 'x', 253);
    assert_int_equal(transport_publish(watcher->transport, topic, payload, limit, 1, false), 0);
    watcher_wait(watcher, watcher_heard, 1);
    assert_int_equal(watcher->bytes, limit);
    assert_int_equal(watcher->disconnected, 0);
    watcher_destroy(watcher);
}

/* -- options
 * -------------------------------------------------------------------------------------------------------- */

static void test_options_that_do_not_fit(void **state)
{
    (void)state;
    static const struct mqtt_options bad[] = {
        {.broker = "nonsense"},
        {.broker = "tcp://x", .tls_ca = "/ca"},
        {.broker = "mqtts://x", .tls_cert = "/cert"},
        {.broker = "mqtts://x", .tls_key = "/key"},
        {.broker = "tcp://x", .password_file = "/p"},
    };
    struct loop *loop = loop_create();
    for (size_t i = 0; i < array_size(bad); i++) {
        struct transport *transport;
        struct error err = {0};
        assert_int_equal(mqtt_create(loop, &bad[i], &transport, &err), EX_USAGE);
        assert_non_null(strstr(err.text, "--"));
    }
    loop_destroy(loop);
}

int main(void)
{
#define GUARDED(function) cmocka_unit_test_setup_teardown(function, guarded_up, guarded_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_unknown_host),
        cmocka_unit_test(test_not_a_broker),
        cmocka_unit_test(test_closed_without_an_answer),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_destroy_does_not_wait_for_silence),
        cmocka_unit_test(test_older_broker_says_so),
        cmocka_unit_test(test_newer_broker_refuses_the_version),
        cmocka_unit_test(test_older_broker_just_closes),
        cmocka_unit_test(test_refused_subscription_is_logged),
        GUARDED(test_no_credentials),
        GUARDED(test_missing_password_file),
        GUARDED(test_wrong_password_then_right),
        GUARDED(test_refused_message_is_logged_once),
        GUARDED(test_largest_packet_of_the_broker),
        cmocka_unit_test(test_options_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
