/* What kubectl 1.32 sends of its generators, byte by byte, becomes the JSON that it would have been. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "apiserver/protobuf.h"
#include "base/mem.h"

/* kubectl create deployment d --image=nginx:3 --replicas=0 --port=80 */
static const unsigned char deployment[] = {
    0x6b, 0x38, 0x73, 0x00, 0x0a, 0x15, 0x0a, 0x07, 0x61, 0x70, 0x70, 0x73, 0x2f, 0x76, 0x31, 0x12, 0x0a,
    0x44, 0x65, 0x70, 0x6c, 0x6f, 0x79, 0x6d, 0x65, 0x6e, 0x74, 0x12, 0xb2, 0x01, 0x0a, 0x1b, 0x0a, 0x01,
    0x64, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00, 0x2a, 0x00, 0x32, 0x00, 0x38, 0x00, 0x42, 0x00, 0x5a, 0x08,
    0x0a, 0x03, 0x61, 0x70, 0x70, 0x12, 0x01, 0x64, 0x12, 0x84, 0x01, 0x08, 0x00, 0x12, 0x0a, 0x0a, 0x08,
    0x0a, 0x03, 0x61, 0x70, 0x70, 0x12, 0x01, 0x64, 0x1a, 0x6c, 0x0a, 0x1a, 0x0a, 0x00, 0x12, 0x00, 0x1a,
    0x00, 0x22, 0x00, 0x2a, 0x00, 0x32, 0x00, 0x38, 0x00, 0x42, 0x00, 0x5a, 0x08, 0x0a, 0x03, 0x61, 0x70,
    0x70, 0x12, 0x01, 0x64, 0x12, 0x4e, 0x12, 0x30, 0x0a, 0x05, 0x6e, 0x67, 0x69, 0x6e, 0x78, 0x12, 0x07,
    0x6e, 0x67, 0x69, 0x6e, 0x78, 0x3a, 0x33, 0x2a, 0x00, 0x32, 0x0a, 0x0a, 0x00, 0x10, 0x00, 0x18, 0x50,
    0x22, 0x00, 0x2a, 0x00, 0x42, 0x00, 0x6a, 0x00, 0x72, 0x00, 0x80, 0x01, 0x00, 0x88, 0x01, 0x00, 0x90,
    0x01, 0x00, 0xa2, 0x01, 0x00, 0x1a, 0x00, 0x32, 0x00, 0x42, 0x00, 0x4a, 0x00, 0x52, 0x00, 0x58, 0x00,
    0x60, 0x00, 0x68, 0x00, 0x82, 0x01, 0x00, 0x8a, 0x01, 0x00, 0x9a, 0x01, 0x00, 0xc2, 0x01, 0x00, 0x22,
    0x02, 0x0a, 0x00, 0x28, 0x00, 0x38, 0x00, 0x1a, 0x0c, 0x08, 0x00, 0x10, 0x00, 0x18, 0x00, 0x20, 0x00,
    0x28, 0x00, 0x38, 0x00, 0x1a, 0x00, 0x22, 0x00};

/* kubectl create secret generic s --from-literal=p=q */
static const unsigned char secret[] = {0x6b, 0x38, 0x73, 0x00, 0x0a, 0x0c, 0x0a, 0x02, 0x76, 0x31, 0x12,
                                       0x06, 0x53, 0x65, 0x63, 0x72, 0x65, 0x74, 0x12, 0x1d, 0x0a, 0x11,
                                       0x0a, 0x01, 0x73, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00, 0x2a, 0x00,
                                       0x32, 0x00, 0x38, 0x00, 0x42, 0x00, 0x12, 0x06, 0x0a, 0x01, 0x70,
                                       0x12, 0x01, 0x71, 0x1a, 0x00, 0x1a, 0x00, 0x22, 0x00};

static void check(const void *data, size_t len, const char *expected)
{
    struct status status = {0};
    struct buf out = BUF_INIT(1 << 20);
    cleanup_tree cJSON *tree = protobuf_parse(data, len, &status);
    assert_string_equal(status.message, "");
    assert_non_null(tree);
    tree_print(tree, &out);
    assert_string_equal(out.data, expected);
    buf_deinit(&out);
}

static void generators_are_understood(void **state)
{
    (void)state;
    /* replicas is a pointer: its zero is a zero. The resources are none, and left out. */
    check(deployment, sizeof(deployment),
          "{\"metadata\":{\"name\":\"d\",\"labels\":{\"app\":\"d\"}},\"spec\":{\"replicas\":0,\"selector\":{"
          "\"matchLabels\":{"
          "\"app\":\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},\"spec\":{\"containers\":["
          "{\"name\":"
          "\"nginx\",\"image\":\"nginx:3\",\"ports\":[{\"containerPort\":80}]}]}}},\"kind\":\"Deployment\","
          "\"apiVersion\":"
          "\"apps/v1\"}");
    check(secret, sizeof(secret),
          "{\"metadata\":{\"name\":\"s\"},\"data\":{\"p\":\"cQ==\"},\"kind\":\"Secret\",\"apiVersion\":"
          "\"v1\"}");
}

/* Fields that are those of another message on the wire; the later of two stays, as of any other. */
static void inlined_parts_are_told_once(void **state)
{
    static const char twice[] =
        "k8s\0\x0a\x1f\x0a\x14networking.k8s.io/v1\x12\x07Ingress\x12\x16\x12\x14\x1a\x12"
        "\x12\x07\x0a\x05\x0a\x03\x0a\x01"
        "a\x12\x07\x0a\x05\x0a\x03\x0a\x01"
        "b";
    (void)state;
    check(twice, sizeof(twice) - 1,
          "{\"spec\":{\"rules\":[{\"http\":{\"paths\":[{\"path\":\"b\"}]}}]},\"kind\":\"Ingress\","
          "\"apiVersion\":\"networking.k8s.io/v1\"}");
}

static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(deployment); len++) {
        struct status status = {0};
        unsigned char *copy = mem_dup(deployment, len);
        cJSON *tree = protobuf_parse((const char *)copy, len, &status);
        /* Only behind the object's own bytes (the envelope's empty rest) nothing is missed. */
        if (tree)
            assert_true(len >= sizeof(deployment) - 4);
        else
            assert_int_equal(status.code, 400);
        cJSON_Delete(tree);
        free(copy);
    }
}

static void unknown_kinds_and_fields_are_named(void **state)
{
    (void)state;
    static const char class[] = "k8s\0\x0a\x24\x0a\x14networking.k8s.io/v1\x12\x0cIngressClass\x12\x00";
    /* A ConfigMap with a field 9 that says something. */
    static const char strange[] = "k8s\0\x0a\x0f\x0a\x02v1\x12\x09"
                                  "ConfigMap"
                                  "\x12\x03\x4a\x01x";
    struct status status = {0};
    assert_null(protobuf_parse(class, sizeof(class) - 1, &status));
    assert_int_equal(status.code, 415);
    assert_non_null(strstr(status.message, "IngressClass of networking.k8s.io/v1"));
    assert_null(protobuf_parse(strange, sizeof(strange) - 1, &status));
    assert_int_equal(status.code, 415);
    assert_non_null(strstr(status.message, "field 9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generators_are_understood),
        cmocka_unit_test(inlined_parts_are_told_once),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(unknown_kinds_and_fields_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
