#include "base/utf8.h"

#include <string.h>

size_t utf8_sequence(const char *text, size_t len, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text;
    size_t n = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    *point = n == 1 ? at[0] : at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    if (*point < least[n] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
        return 0;
    return n;
}

/* How many bytes at the beginning are nothing but ASCII, eight at a time. */
static size_t ascii(const char *text, size_t len)
{
    size_t n = 0;
    for (uint64_t eight; n + sizeof(eight) <= len; n += sizeof(eight)) {
        memcpy(&eight, text + n, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return n;
}

bool utf8_valid(const char *text, size_t len)
{
    uint32_t point;
    for (size_t i = ascii(text, len), n; i < len; i += n + ascii(text + i + n, len - i - n)) {
        n = utf8_sequence(text + i, len - i, &point);
        if (n == 0)
            return false;
    }
    return true;
}

void utf8_mend(char *text)
{
    uint32_t point;
    size_t len = strlen(text), n;
    for (size_t i = 0; i < len; i += n) {
        n = utf8_sequence(text + i, len - i, &point);
        if (n == 0) {
            text[i] = '?';
            n = 1;
        }
    }
}
