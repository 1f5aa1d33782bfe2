#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "informer/spelling.h"

static const struct gvr pods = {"", "v1", "pods"};
static const struct gvr deployments = {"apps", "v1", "deployments"};
static const struct gvr policies = {"networking.k8s.io", "v1", "networkpolicies"};
static const struct gvr ingresses = {"networking.k8s.io", "v1", "ingresses"};
static const struct gvr widgets = {"example.com", "v1beta1", "widgets"};

static void what_people_write_is_understood(void **state)
{
    (void)state;
    assert_true(spelling_matches("pods", &pods));
    assert_true(spelling_matches("pod", &pods));
    assert_true(spelling_matches("Pod", &pods));
    assert_true(spelling_matches("po", &pods));
    assert_true(spelling_matches("pods.v1", &pods));
    assert_true(spelling_matches("pods.v1.", &pods));
    assert_true(spelling_matches("deploy", &deployments));
    assert_true(spelling_matches("deployments.apps", &deployments));
    assert_true(spelling_matches("deployment.v1.apps", &deployments));
    assert_true(spelling_matches("NetworkPolicy", &policies));
    assert_true(spelling_matches("netpol", &policies));
    assert_true(spelling_matches("Ingress", &ingresses));
    assert_true(spelling_matches("widgets.example.com", &widgets));
    assert_true(spelling_matches("widgets.v1beta1.example.com", &widgets));
    assert_true(spelling_matches("*", &widgets));
}

static void other_things_are_not(void **state)
{
    (void)state;
    assert_false(spelling_matches("pods", &deployments));
    assert_false(spelling_matches("deploy", &pods));
    assert_false(spelling_matches("deployments.extensions", &deployments));
    assert_false(spelling_matches("deployments.v1beta1.apps", &deployments));
    assert_false(spelling_matches("pods.v2", &pods));
    assert_false(spelling_matches("pods.v1.apps", &pods));
    assert_false(spelling_matches("widgets.v1.example.com", &widgets));
    assert_false(spelling_matches("widgets.v1beta1-example.com", &widgets));
    assert_false(spelling_matches("", &pods));
    assert_false(spelling_matches(".", &pods));
    assert_false(spelling_matches(".v1", &pods));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_is_understood),
        cmocka_unit_test(other_things_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
