/* Loaded into a program with LD_PRELOAD: counts its allocations, and the bytes that it has not given back.
 *
 * At the end of the program '<allocations> <bytes>' are written to the file that ALLOCATIONS_FILE names.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t count);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *place, size_t count);
void *__libc_memalign(size_t alignment, size_t count);
void __libc_free(void *place);

static atomic_long allocation_count, held_bytes;

static void *counted(void *place) {
    if (place == NULL) return NULL;
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&held_bytes, (long)malloc_usable_size(place), memory_order_relaxed);
    return place;
}

static void given_back(void *place) {
    if (place != NULL) atomic_fetch_sub_explicit(&held_bytes, (long)malloc_usable_size(place), memory_order_relaxed);
}

void *malloc(size_t count) { return counted(__libc_malloc(count)); }
void *calloc(size_t count, size_t size) { return counted(__libc_calloc(count, size)); }
void *memalign(size_t alignment, size_t count) { return counted(__libc_memalign(alignment, count)); }
void *aligned_alloc(size_t alignment, size_t count) { return counted(__libc_memalign(alignment, count)); }

int posix_memalign(void **place, size_t alignment, size_t count) {
    *place = counted(__libc_memalign(alignment, count));
    return *place == NULL ? 12 : 0;
}

void *realloc(void *place, size_t count) {
    given_back(place);
    return counted(__libc_realloc(place, count));
}

void free(void *place) {
    given_back(place);
    __libc_free(place);
}

__attribute__((destructor)) static void report(void) {
    char line[64];
    const char *path = getenv("ALLOCATIONS_FILE");
    int file = path == NULL ? -1 : open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (file < 0) return;
    int length = snprintf(line, sizeof line, "%ld %ld\n", atomic_load(&allocation_count), atomic_load(&held_bytes));
    if (write(file, line, (size_t)length) != length) _exit(1);
    close(file);
}
