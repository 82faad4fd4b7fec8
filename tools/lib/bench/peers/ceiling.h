/* The file of the ceilings: preallocated, written once, and written over in whole blocks; at its end again from the front.
 * With CEILING_SYNCED each write goes past the page cache and syncs itself. */
#ifndef HOLDFAST_BENCH_CEILING_H
#define HOLDFAST_BENCH_CEILING_H

#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 64 << 20, BLOCK = 4096 };

typedef struct {
    int file;
    off_t place;
} ceiling;

static inline ceiling ceiling_open(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/ceiling", folder);
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) peer_fail(path);
    char *zeros = calloc(1, 1 << 20);
    for (int written = 0; written < FILE_BYTES; written += 1 << 20)
        if (write(file, zeros, 1 << 20) != 1 << 20) peer_fail(path);
    free(zeros);
    if (fsync(file) != 0) peer_fail(path);
#ifdef CEILING_SYNCED
    close(file);
    file = open(path, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
    if (file < 0) peer_fail(path);
#endif
    return (ceiling){file, 0};
}

/* Memory for so many bytes, and for the rest of their last block; it begins at a block, as O_DIRECT wants it. */
static inline char *ceiling_grow(char *bytes, size_t *capacity, size_t byte_count) {
    if (byte_count + BLOCK <= *capacity) return bytes;
    size_t room = (2 * byte_count + 2 * BLOCK) / BLOCK * BLOCK;
    char *grown = aligned_alloc(BLOCK, room);
    if (grown == NULL) peer_fail("aligned_alloc");
    if (bytes != NULL) memcpy(grown, bytes, *capacity);
    memset(grown + *capacity, 0, room - *capacity);
    free(bytes);
    *capacity = room;
    return grown;
}

/* Makes the bytes durable, in whole blocks: none is read before it is written. */
static inline void ceiling_persist(ceiling *one, const char *bytes, size_t length) {
    size_t padded = (length + BLOCK - 1) / BLOCK * BLOCK;
    if (one->place + (off_t)padded > FILE_BYTES) one->place = 0;
    if (pwrite(one->file, bytes, padded, one->place) != (ssize_t)padded) peer_fail("pwrite");
#ifndef CEILING_SYNCED
    if (fdatasync(one->file) != 0) peer_fail("fdatasync");
#endif
    one->place += (off_t)padded;
}

#endif
