#include "base/base64.h"

#include <stdint.h>
#include <string.h>

enum { BASE64_E_SYNTAX = 2 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Four characters, of which the last `padding` were "=", to the bytes that they stand for. */
static int decode_group(uint32_t bits, int padding, struct buf *out)
{
    char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
    return buf_append(out, bytes, (size_t)(3 - padding));
}

static int decode_into(const char *text, size_t len, struct buf *out)
{
    uint32_t bits = 0;
    int have = 0, padding = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_space(text[i]))
            continue;
        int value = digit(text[i]);
        if (text[i] == '=' && have >= 2)
            padding++;
        else if (value < 0 || padding)
            return BASE64_E_SYNTAX;
        bits = bits << 6 | (uint32_t)(value < 0 ? 0 : value);
        if (++have < 4)
            continue;
        if (decode_group(bits, padding, out) != 0)
            return BUF_E_LIMIT;
        bits = 0;
        have = 0;
    }
    return have ? BASE64_E_SYNTAX : 0;
}

int base64_decode(const char *text, size_t len, struct buf *out)
{
    size_t start = out->len;
    int r = decode_into(text, len, out);
    if (r != 0)
        buf_truncate(out, start);
    return r;
}

int base64_encode(const void *data, size_t len, struct buf *out)
{
    const unsigned char *bytes = data;
    if (len / 3 > SIZE_MAX / 8 || buf_reserve(out, (len + 2) / 3 * 4) != 0)
        return BUF_E_LIMIT;
    buf_append(out, "", 0); /* a text, though it be empty */
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= n > 2 ? (uint32_t)bytes[i + 2] : 0;
        char text[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                        n > 1 ? alphabet[bits >> 6 & 63] : '=', n > 2 ? alphabet[bits & 63] : '='};
        buf_append(out, text, 4);
    }
    return 0;
}
