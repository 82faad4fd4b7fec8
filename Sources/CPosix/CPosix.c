#include "CPosix.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef _GNU_SOURCE
#error "compile with _GNU_SOURCE: the functions below are GNU extensions"
#endif

const char *holdfast_errno_name(int32_t number) {
    const char *name = strerrorname_np(number);
    return name ? name : "errno";
}

const char *holdfast_errno_text(int32_t number) {
    const char *text = strerrordesc_np(number);
    return text ? text : "Unknown error";
}

void holdfast_name_thread(const char *name) {
    char kept[16] = {0};  // what the kernel has room for, with the final zero
    strncpy(kept, name, sizeof kept - 1);
    pthread_setname_np(pthread_self(), kept);
}

void holdfast_map_large_blocks(int32_t byte_count) {
    mallopt(M_MMAP_THRESHOLD, byte_count);
    mallopt(M_TRIM_THRESHOLD, 2 * byte_count);
}

int32_t holdfast_open_beneath(int32_t directory, const char *path, int32_t flags, uint32_t mode) {
    struct open_how how = {
        .flags = (uint32_t)flags,
        .mode = flags & O_CREAT ? mode : 0,  // refused where nothing can be made
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int32_t)syscall(SYS_openat2, directory, path, &how, sizeof how);  // glibc 2.36 has no name for it
}

int32_t holdfast_reopen_synced(int32_t descriptor) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_WRONLY | O_CLOEXEC | O_DIRECT | O_DSYNC);
}

const void *holdfast_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
    return memmem(bytes, count, wanted, wanted_count);
}
