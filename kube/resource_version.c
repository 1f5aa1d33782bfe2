#include "kube/resource_version.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 19 /* fit in 64 bits */

bool resource_version_parse(const char *text, uint64_t *out)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > DIGITS_MAX || text[len] || text[0] == '0')
        return false;
    *out = strtoull(text, NULL, 10);
    return true;
}
