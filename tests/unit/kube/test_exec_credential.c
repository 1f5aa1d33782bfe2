#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "kube/exec_credential.h"

#define V1 "client.authentication.k8s.io/v1"

static void parse_ok(const char *status, struct exec_credential *out)
{
    cleanup_free char *json =
        mem_printf("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"spec\":{},\"status\":{%s}}",
                   status);
    struct error err = {0};
    if (exec_credential_parse(json, strlen(json), V1, out, &err) != 0)
        fail_msg("%s", err.text);
}

static void refuse(const char *json, const char *reason)
{
    struct exec_credential out;
    struct error err = {0};
    assert_int_equal(exec_credential_parse(json, strlen(json), V1, &out, &err), EX_CONFIG);
    if (!strstr(err.text, reason))
        fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
    assert_null(out.token);
    assert_null(out.certificate);
}

static void takes_tokens_and_certificates(void **state)
{
    (void)state;
    struct exec_credential credential;
    parse_ok("\"token\":\"t\",\"expirationTimestamp\":\"2026-01-02T03:04:05Z\"", &credential);
    assert_string_equal(credential.token, "t");
    assert_null(credential.certificate);
    assert_int_equal(credential.expires, 1767323045);
    exec_credential_deinit(&credential);

    parse_ok(
        "\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\",\"token\":\"\",\"expirationTimestamp\":null",
        &credential);
    assert_null(credential.token);
    assert_string_equal(credential.certificate, "c");
    assert_string_equal(credential.key, "k");
    assert_int_equal(credential.expires, 0);
    exec_credential_deinit(&credential);
}

static void refuses_what_is_no_credential(void **state)
{
    (void)state;
#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\""
    refuse("", "printed no ExecCredential");
    refuse("[]", "printed no ExecCredential");
    refuse("{\"kind\":\"Pod\"}", "printed no ExecCredential");
    refuse("{\"kind\":\"ExecCredential\"}", "printed apiVersion (none)");
    refuse("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}",
           "but the kubeconfig asks for " V1);
    refuse(HEAD "}", "without status");
    refuse(HEAD ",\"status\":{}}", "neither a token nor a client certificate");
    refuse(HEAD ",\"status\":{\"token\":5}}", "neither a token nor a client certificate");
    refuse(HEAD ",\"status\":{\"token\":\"t\",\"clientKeyData\":\"k\"}}", "only one of");
    refuse(HEAD ",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"tomorrow\"}}",
           "is no time: tomorrow");
}

static void reads_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-02T03:04:05Z", 1767323045},
        {"2026-01-02t03:04:05.123456789z", 1767323045},
        {"2026-01-02T03:04:05+02:00", 1767315845},
        {"2026-01-02T03:04:05-00:30", 1767324845},
    };
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-01-02T03:04:05",
                                      "2026-01-02T03:04:05+0200",
                                      "2026-01-02T03:04Z",
                                      "Z",
                                      "2026-01-02T03:04:05Zx",
                                      "2026-01-02T03:04:05+02:00x"};
    int64_t seconds;
    for (size_t i = 0; i < array_size(good); i++) {
        assert_int_equal(rfc3339_parse(good[i].text, &seconds), 0);
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < array_size(bad); i++)
        assert_int_equal(rfc3339_parse(bad[i], &seconds), 1);
}

static void asks_as_the_api_says(void **state)
{
    (void)state;
    char version[] = V1, info[] = "{\"server\":\"https://x\"}";
    struct kubeconfig_exec exec = {.api_version = version};
    cleanup_free char *plain = exec_credential_request(&exec);
    assert_string_equal(plain, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                               "\",\"spec\":{\"interactive\":false}}");
    exec.cluster_info = info;
    cleanup_free char *full = exec_credential_request(&exec);
    assert_string_equal(full, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                              "\",\"spec\":{\"cluster\":{\"server\":\"https://x\"},\"interactive\":false}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_tokens_and_certificates),
        cmocka_unit_test(refuses_what_is_no_credential),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(asks_as_the_api_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
