#include "apiserver/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_MAX (OBJECT_KEY_MAX + TOKEN_PARTITION_MAX + 32)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *token_print(const struct token *token, char out[TOKEN_TEXT_MAX])
{
    char plain[PLAIN_MAX];
    size_t len = (size_t)snprintf(plain, sizeof(plain), "%" PRIu64 " %s %s", token->revision,
                                  token->partition, token->after);
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
    char plain[PLAIN_MAX], *end;
    if (decode(text, plain, sizeof(plain)) != 0 || plain[0] < '0' || plain[0] > '9')
        return 1;
    out->revision = strtoull(plain, &end, 10);
    if (*end != ' ')
        return 1;
    const char *partition = end + 1;
    size_t len = strcspn(partition, " ");
    const char *after = partition + len + 1;
    if (!partition[len] || !*after || len >= sizeof(out->partition) || strlen(after) >= sizeof(out->after))
        return 1;
    snprintf(out->partition, sizeof(out->partition), "%.*s", (int)len, partition);
    strcpy(out->after, after);
    return 0;
}
