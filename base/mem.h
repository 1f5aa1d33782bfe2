#ifndef TI_BASE_MEM_H
#define TI_BASE_MEM_H

/*
 * Allocation and cleanup. A failed allocation of a size that we chose leaves nothing sensible to do: these
 * print one line and abort. Sizes chosen by a remote go through struct buf, which has a limit.
 */

#include <stddef.h>
#include <stdlib.h>

#define mem_never_null __attribute__((returns_nonnull))

void *mem_alloc(size_t size) mem_never_null;  /* not cleared */
void *mem_zalloc(size_t size) mem_never_null; /* zeroed */
void *mem_realloc(void *old, size_t size) mem_never_null;
void *mem_aligned(size_t alignment, size_t size) mem_never_null; /* not cleared; free() takes it */
void *mem_dup(const void *data, size_t size) mem_never_null;     /* one NUL byte is put behind the copy */
char *mem_strdup(const char *text);                              /* NULL for NULL */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2))) mem_never_null;

/* For a program's start: large pieces are mapped on their own and go back to the system when they are freed,
 * however many have been before. */
void mem_configure(void);
/* What is free goes back to the system. Takes some ms where there are many free pieces between used ones. */
void mem_give_back(void);
/* So does the code of the program and its libraries: what is still needed comes back page by page, from the
 * system's cache of files. Takes less than a millisecond. */
void mem_give_back_code(void);

static inline void mem_free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

/* For locals: freed when they leave scope. Hand over with mem_steal(). */
#define cleanup_free __attribute__((__cleanup__(mem_free_pointer)))
#define cleanup_with(function) __attribute__((__cleanup__(function)))
#define mem_steal(pointer)                                                                                   \
    ({                                                                                                       \
        __typeof__(pointer) stolen_ = (pointer);                                                             \
        (pointer) = NULL;                                                                                    \
        stolen_;                                                                                             \
    })

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define array_size(array) (sizeof(array) / sizeof((array)[0]))

#endif
