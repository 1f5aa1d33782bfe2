#ifndef TI_BASE_BUF_H
#define TI_BASE_BUF_H

/*
 * A growing byte buffer with a limit, given at init: whatever a remote can make large ends in an outcome, not
 * in memory. A NUL byte always stands behind the data (once anything was appended), so text may be read as a
 * string.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    BUF_E_LIMIT = 1, /* the bytes would pass the limit; the buffer is as it was */
};

struct buf {
    char *data; /* owned, unless it is lent; NULL until the first append */
    size_t len;
    size_t cap;
    size_t limit;
    char *lent; /* see buf_lend() */
};

#define BUF_INIT(limit_bytes)                                                                                \
    {                                                                                                        \
        .limit = (limit_bytes)                                                                               \
    }

void buf_init(struct buf *buf, size_t limit);
void buf_deinit(struct buf *buf); /* frees the data; the buffer may be used again with the same limit */

int buf_reserve(struct buf *buf, size_t more); /* room for so many more bytes; 0, BUF_E_LIMIT */
int buf_append(struct buf *buf, const void *data, size_t len); /* 0, BUF_E_LIMIT */
int buf_append_str(struct buf *buf, const char *text);         /* 0, BUF_E_LIMIT */
int buf_append_char(struct buf *buf, char c);                  /* 0, BUF_E_LIMIT */
int buf_appendf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_append_json_string(struct buf *buf, const char *text,
                           size_t len); /* quoted and escaped; 0, BUF_E_LIMIT */

void buf_consume(struct buf *buf, size_t len); /* drops bytes from the front */
void buf_truncate(struct buf *buf, size_t len);
void buf_clear(struct buf *buf); /* len = 0, memory kept */
char *
buf_steal(struct buf *buf); /* the data, NUL-terminated, never NULL, yours; the buffer is empty afterwards */

/* Whoever wants the bytes lends the empty buffer the memory in which they are to stand. When they outgrow it,
 * NUL byte included, all of them move to memory of the buffer's own, and it grows as any other. Until the
 * memory is taken back the buffer can neither be stolen nor lent another one. */
void buf_lend(struct buf *buf, char *memory, size_t size);
bool buf_fits(const struct buf *buf, size_t more); /* so many more bytes have room in what is lent */
/* How many bytes stand there, which the buffer then has no more; 0 where they have moved. */
size_t buf_take_back(struct buf *buf);

#endif
