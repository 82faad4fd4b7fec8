#include "CPosix.h"

#include <pthread.h>
#include <string.h>

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

const void *holdfast_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count) {
    return memmem(bytes, count, wanted, wanted_count);
}
