#include "base/escape.h"

#include <stdint.h>

#include "base/utf8.h"

static bool harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

int escape_append(struct buf *out, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    int r = 0;
    while (r == 0 && at < end) {
        uint32_t point = 0;
        size_t n = utf8_sequence(at, (size_t)(end - at), &point);
        if (n == 0 || (n == 1 && harmful(point)))
            r = buf_appendf(out, "\\x%02x", (unsigned char)*at);
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
