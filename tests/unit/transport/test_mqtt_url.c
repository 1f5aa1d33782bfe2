#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "transport/mqtt_url.h"

static void test_good_urls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool tls;
    } cases[] = {
        {"tcp://127.0.0.1:1883", "127.0.0.1", 1883, false},
        {"tcp://localhost", "localhost", 1883, false},
        {"mqtt://broker.example.com/", "broker.example.com", 1883, false},
        {"MQTT://Broker:65535", "Broker", 65535, false},
        {"ssl://broker", "broker", 8883, true},
        {"mqtts://broker_1:1", "broker_1", 1, true},
        {"tcp://[::1]", "::1", 1883, false},
        {"mqtts://[2001:db8::1]:8884/", "2001:db8::1", 8884, true},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct mqtt_url url;
        struct error err = {0};
        assert_int_equal(mqtt_url_parse(cases[i].text, &url, &err), 0);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.tls, cases[i].tls);
    }
}

static void test_bad_urls_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "no scheme"},
        {"127.0.0.1:1883", "no scheme"},
        {"http://x", "'http' is not a known scheme"},
        {"wss://x", "WebSocket"},
        {"tcp://", "host"},
        {"tcp://:1883", "host"},
        {"tcp://a b", "host"},
        {"tcp://::1", "host"},
        {"tcp://[::1", "host"},
        {"tcp://[nonsense]", "host"},
        {"tcp://[127.0.0.1]", "host"},
        {"tcp://x:", "port"},
        {"tcp://x:0", "port"},
        {"tcp://x:65536", "port"},
        {"tcp://x:123456", "port"},
        {"tcp://x:18a3", "port"},
        {"tcp://x:-1", "port"},
        {"tcp://[::1]1883", "port"},
        {"tcp://x/mqtt", "path"},
        {"tcp://x?y", "path"},
        {"tcp://x\n", "host"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct mqtt_url url;
        struct error err = {0};
        assert_int_equal(mqtt_url_parse(cases[i][0], &url, &err), EX_USAGE);
        assert_non_null(strstr(err.text, "--broker"));
        assert_non_null(strstr(err.text, cases[i][1]));
    }
}

static void test_long_host(void **state)
{
    (void)state;
    char text[400] = "tcp://";
    memset(text + 6, 'h', 256);
    struct mqtt_url url;
    struct error err = {0};
    assert_int_equal(mqtt_url_parse(text, &url, &err), EX_USAGE);
    text[6 + 255] = '\0';
    assert_int_equal(mqtt_url_parse(text, &url, &err), 0);
    assert_int_equal(strlen(url.host), 255);
}

static void test_password_is_never_repeated(void **state)
{
    (void)state;
    struct mqtt_url url;
    struct error err = {0};
    assert_int_equal(mqtt_url_parse("tcp://me:sesame@broker:1883", &url, &err), EX_USAGE);
    assert_non_null(strstr(err.text, "--password-file"));
    assert_null(strstr(err.text, "sesame"));
    assert_int_equal(mqtt_url_parse("me:sesame@broker", &url, &err), EX_USAGE);
    assert_null(strstr(err.text, "sesame"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_urls),
        cmocka_unit_test(test_bad_urls_say_what_is_wrong),
        cmocka_unit_test(test_long_host),
        cmocka_unit_test(test_password_is_never_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
