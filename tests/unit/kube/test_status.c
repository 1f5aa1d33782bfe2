/* What an API server's refusal becomes for people: one line that says what is wrong and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kube/status.h"

static void expect_text(int code, const char *body, enum outcome outcome, const char *text)
{
    struct status status;
    status_from_answer(&status, REST_OK, "", code, -1, body, strlen(body));
    assert_int_equal(status.outcome, outcome);
    if (!strstr(status.text, text))
        fail_msg("'%s' in '%s'", text, status.text);
    assert_null(strchr(status.text, '\n'));
}

static void the_servers_message_is_the_text(void **state)
{
    (void)state;
    expect_text(404, "{\"kind\":\"Status\",\"code\":404,\"message\":\"pods \\\"a\\\" not\\nfound\"}",
                OUTCOME_NOT_FOUND, "pods \"a\" not found");
}

static void refused_credentials_are_explained(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"kind\":\"Status\",\"code\":401,\"reason\":\"Unauthorized\",\"message\":\"Unauthorized\"}",
        "Unauthorized\n",
        "",
    };
    for (size_t i = 0; i < array_size(bodies); i++)
        expect_text(401, bodies[i], OUTCOME_UNAUTHORIZED, "the kubeconfig's token or certificate");
}

static void plain_text_is_passed_on(void **state)
{
    (void)state;
    expect_text(400, "Client sent an HTTP request to an HTTPS server.\n", OUTCOME_INVALID,
                "answered 400 (invalid request): Client sent an HTTP request to an HTTPS server.");
    expect_text(503, "no \033[31m healthy upstream", OUTCOME_LOST, "answered 503 (unavailable): no ");
    expect_text(502, "<html>\n<h1>Bad Gateway</h1>", OUTCOME_LOST, "answered 502 (unavailable)");
    expect_text(502, "\n", OUTCOME_LOST, "answered 502 (unavailable)");
    expect_text(403, "", OUTCOME_FORBIDDEN, "answered 403 (forbidden)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_servers_message_is_the_text),
        cmocka_unit_test(refused_credentials_are_explained),
        cmocka_unit_test(plain_text_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
