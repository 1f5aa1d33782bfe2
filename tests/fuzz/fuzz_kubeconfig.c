/* fuzz: ti_kube */

/*
 * A kubeconfig from anywhere, through YAML, base64, PEM and DER: read or refused with one line. The name
 * under which it is read has no directory, so that files it names are found nowhere in particular.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct error *err)
{
    if (err->code == 0 || !err->text[0] || memchr(err->text, '\0', sizeof(err->text)) == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig *config = NULL;
    struct error err = {0};
    if (kubeconfig_load_text("/nonexistent/fuzz", (const char *)data, size, NULL, &config, &err) != 0)
        check_refusal(&err);
    else if (!config->server || !config->origin)
        abort();
    kubeconfig_destroy(config);

    int64_t not_after;
    pem_not_after((const char *)data, size, &not_after);
    return 0;
}
