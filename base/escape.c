#include "base/escape.h"

#include <stdint.h>

/* The length of the UTF-8 sequence at text, and its code point; 0 where it is none (overlong, surrogate, cut
 * off). */
static size_t decode(const unsigned char *text, size_t len, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = text[0] < 0x80       ? 1
               : text[0] >> 5 == 6  ? 2
               : text[0] >> 4 == 14 ? 3
               : text[0] >> 3 == 30 ? 4
                                    : 0;
    if (n == 0 || n > len)
        return 0;
    *point = n == 1 ? text[0] : text[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        *point = *point << 6 | (text[i] & 0x3f);
    }
    if (*point < least[n] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
        return 0;
    return n;
}

static bool harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

int escape_append(struct buf *out, const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    int r = 0;
    while (r == 0 && at < end) {
        uint32_t point = 0;
        size_t n = decode(at, (size_t)(end - at), &point);
        if (n == 0 || (n == 1 && harmful(point)))
            r = buf_appendf(out, "\\x%02x", *at);
        else if (harmful(point))
            r = buf_appendf(out, "\\u%04x", point);
        else
            r = buf_append(out, at, n);
        at += n ? n : 1;
    }
    return r;
}

size_t escape_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text >> 6) != 2;
    return width;
}
