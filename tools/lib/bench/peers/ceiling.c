/* What the disk can do at best: batches of raw messages to one preallocated, already written file, a sync after each. */
#define _GNU_SOURCE
#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 64 << 20, BLOCK = 4096 };

const char *const peer_name = "ceiling";
const int peer_takes_batches = 1;

static int file;
static char *buffer;
static size_t capacity;
static off_t place;

void peer_open(const char *folder, int client_count) {
    (void)client_count;
    char path[4096];
    snprintf(path, sizeof path, "%s/ceiling", folder);
    file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) peer_fail(path);
    char *zeros = calloc(1, 1 << 20);
    for (int written = 0; written < FILE_BYTES; written += 1 << 20)
        if (write(file, zeros, 1 << 20) != 1 << 20) peer_fail(path);
    free(zeros);
    if (fsync(file) != 0) peer_fail(path);
}

void peer_append(int client, const peer_record *records, int count) {
    (void)client;
    size_t length = 0;
    for (int index = 0; index < count; index++) length += records[index].byte_count;
    size_t padded = (length + BLOCK - 1) / BLOCK * BLOCK; /* whole blocks: none is read before it is written */
    if (padded > capacity) {
        capacity = 2 * padded;
        buffer = realloc(buffer, capacity);
    }
    length = 0;
    for (int index = 0; index < count; index++) {
        memcpy(buffer + length, records[index].bytes, records[index].byte_count);
        length += records[index].byte_count;
    }
    if (place + (off_t)padded > FILE_BYTES) place = 0;
    if (pwrite(file, buffer, padded, place) != (ssize_t)padded) peer_fail("pwrite");
    if (fdatasync(file) != 0) peer_fail("fdatasync");
    place += (off_t)padded;
}

void peer_close(void) { close(file); }
