#include "apiserver/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *token_print(const struct token *token, char out[TOKEN_TEXT_MAX])
{
    char plain[OBJECT_KEY_MAX + 32];
    size_t len = (size_t)snprintf(plain, sizeof(plain), "%" PRIu64 " %s", token->revision, token->after);
    char *to = out;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)plain[i] << 16;
        bits |= i + 1 < len ? (uint32_t)(unsigned char)plain[i + 1] << 8 : 0;
        bits |= i + 2 < len ? (uint32_t)(unsigned char)plain[i + 2] : 0;
        size_t digits = i + 2 < len ? 4 : i + 1 < len ? 3 : 2;
        for (size_t j = 0; j < digits; j++)
            *to++ = alphabet[bits >> (18 - 6 * j) & 63];
    }
    *to = '\0';
    return out;
}

static int decode(const char *text, char *out, size_t size)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t len = 0;
    for (; *text && *text != '='; text++) {
        const char *digit = strchr(alphabet, *text);
        if (!digit || len + 1 >= size)
            return 1;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (char)(bits >> have & 255);
        }
    }
    out[len] = '\0';
    return strlen(out) != len;
}

int token_parse(const char *text, struct token *out)
{
    char plain[OBJECT_KEY_MAX + 32], *end;
    if (decode(text, plain, sizeof(plain)) != 0 || plain[0] < '0' || plain[0] > '9')
        return 1;
    out->revision = strtoull(plain, &end, 10);
    if (*end != ' ' || !end[1] || strlen(end + 1) >= sizeof(out->after))
        return 1;
    strcpy(out->after, end + 1);
    return 0;
}
