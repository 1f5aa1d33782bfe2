#include "transport/bytes.h"

void bytes_put_le(uint8_t *out, uint64_t value, int width)
{
    for (int i = 0; i < width; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

uint64_t bytes_get_le(const uint8_t *in, int width)
{
    uint64_t value = 0;
    for (int i = 0; i < width; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

int bytes_append_le(struct buf *out, uint64_t value, int width)
{
    uint8_t bytes[8];
    bytes_put_le(bytes, value, width);
    return buf_append(out, bytes, (size_t)width);
}

int bytes_append_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    return buf_append(out, bytes, n);
}

bool reader_skip(struct reader *reader, size_t len, const uint8_t **bytes)
{
    if ((size_t)(reader->end - reader->at) < len)
        return false;
    *bytes = reader->at;
    reader->at += len;
    return true;
}

bool reader_le(struct reader *reader, uint64_t *value, int width)
{
    const uint8_t *bytes;
    if (!reader_skip(reader, (size_t)width, &bytes))
        return false;
    *value = bytes_get_le(bytes, width);
    return true;
}

bool reader_varint(struct reader *reader, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 56 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return *value <= NUMBER_MAX && (byte != 0 || shift == 0);
    }
    return false;
}
