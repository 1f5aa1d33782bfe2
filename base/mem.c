#include "base/mem.h"

#include <link.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc raises this bound by itself, to as much as 32 MiB, whenever a larger piece is freed. */
#define MAPPED_FROM (256 << 10)

static void *mem_check(void *pointer)
{
    if (!pointer) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *mem_alloc(size_t size)
{
    return mem_check(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return mem_check(calloc(1, size ? size : 1));
}

void *mem_realloc(void *old, size_t size)
{
    return mem_check(realloc(old, size ? size : 1));
}

void *mem_dup(const void *data, size_t size)
{
    char *copy = mem_alloc(size + 1);
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

void *mem_aligned(size_t alignment, size_t size)
{
    void *out;
    return mem_check(posix_memalign(&out, alignment, size) == 0 ? out : NULL);
}

void mem_configure(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    mallopt(M_TRIM_THRESHOLD, MAPPED_FROM);
}

void mem_give_back(void)
{
    malloc_trim(0);
}

/* Segments that nobody may write to are as they are in their files, tables that only relocation has read
 * among them. */
static int give_back_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t at = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
            madvise((void *)at, end - at, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
    }
    return 0;
}

void mem_give_back_code(void)
{
    dl_iterate_phdr(give_back_object, NULL);
}

char *mem_strdup(const char *text)
{
    return text ? mem_dup(text, strlen(text)) : NULL;
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return mem_check(n < 0 ? NULL : text);
}
