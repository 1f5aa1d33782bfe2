#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kube/cluster_options.h"

static void secrets_are_never_in_the_default_set(void **state)
{
    (void)state;
    for (const char *const *name = default_resources; *name; name++)
        assert_null(strstr(*name, "secret"));
}

static void options_land_in_their_structs(void **state)
{
    (void)state;
    static const struct program_info info = {"thing", "", "", "", ""};
    char *argv[] = {(char *)"thing",
                    (char *)"--kubeconfig=k",
                    (char *)"--context=c",
                    (char *)"--resource=pods,jobs",
                    (char *)"--namespace=n",
                    (char *)"--selector=a=b,c!=d",
                    (char *)"--drop-field=.status"};
    struct cluster_options cluster = {0};
    struct selection_options selection = {0};
    struct option_group groups[] = {cluster_option_group(&cluster), selection_option_group(&selection)};
    struct error err = {0};
    assert_int_equal(options_parse(&info, groups, 2, 7, argv, stdout, &err), 0);
    assert_string_equal(cluster.kubeconfig, "k");
    assert_string_equal(cluster.context, "c");
    assert_int_equal(selection.resources.count, 2);
    assert_string_equal(selection.namespace_, "n");
    assert_string_equal(selection.selector, "a=b,c!=d");
    assert_string_equal(selection.drop_fields.items[0], ".status");
    options_free(groups, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_never_in_the_default_set),
        cmocka_unit_test(options_land_in_their_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
