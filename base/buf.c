#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf)BUF_INIT(limit);
}

static bool is_lent(const struct buf *buf)
{
    return buf->data && buf->data == buf->lent;
}

void buf_deinit(struct buf *buf)
{
    if (!is_lent(buf))
        free(buf->data);
    buf_init(buf, buf->limit);
}

static void grow(struct buf *buf, size_t cap)
{
    char *own = mem_realloc(is_lent(buf) ? NULL : buf->data, cap);
    if (is_lent(buf))
        memcpy(own, buf->data, buf->len);
    buf->data = own;
    buf->cap = cap;
}

int buf_reserve(struct buf *buf, size_t more)
{
    if (more > buf->limit || buf->len > buf->limit - more)
        return BUF_E_LIMIT;

    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return 0;

    size_t cap = buf->cap < 64 ? 64 : buf->cap * 2;
    if (cap < need)
        cap = need;
    if (cap > buf->limit + 1)
        cap = buf->limit + 1;
    grow(buf, cap);
    return 0;
}

int buf_append(struct buf *buf, const void *data, size_t len)
{
    if (buf_reserve(buf, len) != 0)
        return BUF_E_LIMIT;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int buf_append_str(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_append_char(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

int buf_appendf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);

    int r = n < 0 ? BUF_E_LIMIT : buf_reserve(buf, (size_t)n);
    if (r == 0) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    return r;
}

static int buf_append_json_char(struct buf *buf, unsigned char c)
{
    if (c == '"' || c == '\\')
        return buf_appendf(buf, "\\%c", c);
    if (c == '\n')
        return buf_append(buf, "\\n", 2);
    if (c < 0x20)
        return buf_appendf(buf, "\\u%04x", c);
    return buf_append(buf, &c, 1);
}

int buf_append_json_string(struct buf *buf, const char *text, size_t len)
{
    size_t start = buf->len;
    int r = buf_append_char(buf, '"');
    for (size_t i = 0; r == 0 && i < len; i++)
        r = buf_append_json_char(buf, (unsigned char)text[i]);
    if (r == 0)
        r = buf_append_char(buf, '"');
    if (r != 0)
        buf_truncate(buf, start);
    return r;
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len >= buf->len) {
        buf_clear(buf);
        return;
    }
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

void buf_truncate(struct buf *buf, size_t len)
{
    if (len >= buf->len)
        return;
    buf->len = len;
    buf->data[len] = '\0';
}

void buf_clear(struct buf *buf)
{
    buf_truncate(buf, 0);
}

char *buf_steal(struct buf *buf)
{
    char *data = buf->data ? buf->data : mem_strdup("");
    size_t limit = buf->limit;
    buf_init(buf, limit);
    return data;
}

void buf_lend(struct buf *buf, char *memory, size_t size)
{
    buf_deinit(buf);
    buf->data = buf->lent = memory;
    buf->cap = size;
}

bool buf_fits(const struct buf *buf, size_t more)
{
    return is_lent(buf) && more < buf->cap - buf->len;
}

size_t buf_take_back(struct buf *buf)
{
    size_t len = is_lent(buf) ? buf->len : 0;
    if (is_lent(buf))
        buf_init(buf, buf->limit);
    buf->lent = NULL;
    return len;
}
