#ifndef TI_TESTS_VECTORS_H
#define TI_TESTS_VECTORS_H

/* Reads tests/vectors/ (see generate.py there): fields as lines, then a payload, or several parts of one. */

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define VECTOR_LINES_MAX 32
#define VECTOR_PARTS_MAX 8

struct vector {
    char name[256];
    char *text; /* owned; lines point into it */
    const char *names[VECTOR_LINES_MAX], *values[VECTOR_LINES_MAX];
    size_t lines;
    struct buf payloads[VECTOR_PARTS_MAX];
    size_t payload_count;
};

static inline const char *vector_get(const struct vector *vector, const char *name)
{
    for (size_t i = 0; i < vector->lines; i++)
        if (strcmp(vector->names[i], name) == 0)
            return vector->values[i];
    return NULL;
}

/* "54 00 61*1024  # what that is" */
static inline void vector_hex(struct buf *out, char *line)
{
    line[strcspn(line, "#")] = '\0';
    for (char *save = NULL, *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *end;
        char byte = (char)strtoul(word, &end, 16);
        for (unsigned long n = *end == '*' ? strtoul(end + 1, NULL, 10) : 1; n > 0; n--)
            buf_append_char(out, byte);
    }
}

static inline void vector_parse(struct vector *vector, char *text, size_t len)
{
    for (char *line = text, *end = text + len, *next; line < end; line = next) {
        next = strchr(line, '\n') + 1;
        next[-1] = '\0';
        struct buf *payload = &vector->payloads[vector->payload_count ? vector->payload_count - 1 : 0];
        char *value = strstr(line, ": ");
        if (strcmp(line, "payload:") == 0) {
            vector->payload_count = 1;
            buf_append(payload, next, (size_t)(end - next));
            return;
        }
        if (line[0] == '#')
            continue;
        if (strcmp(line, "payload-hex:") == 0 || strcmp(line, "part-hex:") == 0) {
            assert_in_range(vector->payload_count++, 0, VECTOR_PARTS_MAX - 1);
        } else if (vector->payload_count) {
            vector_hex(payload, line);
        } else {
            assert_non_null(value);
            assert_in_range(vector->lines, 0, VECTOR_LINES_MAX - 1);
            *value = '\0';
            vector->names[vector->lines] = line;
            vector->values[vector->lines++] = value + 2;
        }
    }
}

static inline void vector_load(struct vector *vector, const char *name)
{
    char path[512];
    *vector = (struct vector){0};
    snprintf(vector->name, sizeof(vector->name), "%s", name);
    snprintf(path, sizeof(path), TI_TESTS_DIR "/vectors/%s", name);
    for (size_t i = 0; i < VECTOR_PARTS_MAX; i++)
        buf_init(&vector->payloads[i], 1 << 20);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    vector->text = mem_zalloc(1 << 16);
    size_t len = fread(vector->text, 1, (1 << 16) - 1, file);
    fclose(file);
    assert_in_range(len, 1, (1 << 16) - 2);
    vector_parse(vector, vector->text, len);
}

static inline void vector_free(struct vector *vector)
{
    for (size_t i = 0; i < VECTOR_PARTS_MAX; i++)
        buf_deinit(&vector->payloads[i]);
    free(vector->text);
}

static inline int vector_filter(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".vec") == 0;
}

/* Each of those whose name contains (or does not contain) `what`. */
static inline size_t vectors_each(void (*run)(const struct vector *vector))
{
    struct dirent **entries = NULL;
    int n = scandir(TI_TESTS_DIR "/vectors", &entries, vector_filter, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        struct vector vector;
        vector_load(&vector, entries[i]->d_name);
        run(&vector);
        vector_free(&vector);
        free(entries[i]);
    }
    free(entries);
    return (size_t)n;
}

static inline uint64_t vector_number(const struct vector *vector, const char *name, int base)
{
    const char *text = vector_get(vector, name);
    return text ? strtoull(text, NULL, base) : 0;
}

#endif
