/* One JSON file for each session, as hermes-webui keeps it: written whole to a temporary file, synced and renamed at every
 * change. Its folder is not synced, so a power cut may take the last change back. */
#define _GNU_SOURCE
#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const peer_name = "rewrite";
const int peer_takes_batches = 0;

typedef struct {
    uint64_t session;
    char *bytes;
    size_t length, capacity;
} document;

static const char *root;
static document *documents;

void peer_open(const char *folder, int client_count) {
    root = folder;
    documents = calloc((size_t)client_count, sizeof *documents);
    for (int client = 0; client < client_count; client++) documents[client].session = UINT64_MAX;
}

static void add(document *one, const char *bytes, size_t count) {
    if (one->length + count > one->capacity) {
        one->capacity = 2 * (one->length + count);
        one->bytes = realloc(one->bytes, one->capacity);
    }
    memcpy(one->bytes + one->length, bytes, count);
    one->length += count;
}

/* Takes up the session, with what there is of it. */
static void load(document *one, uint64_t session) {
    char path[4096], buffer[1 << 16];
    one->session = session;
    one->length = 0;
    snprintf(path, sizeof path, "%s/%llu.json", root, (unsigned long long)session);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return add(one, "{\"messages\":[", 13);
    for (ssize_t count; (count = read(file, buffer, sizeof buffer)) > 0;) add(one, buffer, (size_t)count);
    close(file);
    one->length -= 2; /* the end, which follows the next message */
}

static void save(const document *one) {
    char path[4096], temporary[4200];
    snprintf(path, sizeof path, "%s/%llu.json", root, (unsigned long long)one->session);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    int file = open(temporary, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) peer_fail(temporary);
    for (size_t done = 0; done < one->length;) {
        ssize_t count = write(file, one->bytes + done, one->length - done);
        if (count < 0) peer_fail(temporary);
        done += (size_t)count;
    }
    if (write(file, "]}", 2) != 2 || fsync(file) != 0) peer_fail(temporary);
    close(file);
    if (rename(temporary, path) != 0) peer_fail(path);
}

void peer_append(int client, const peer_record *records, int count) {
    (void)count;
    document *one = &documents[client];
    if (one->session != records->session) load(one, records->session);
    if (records->number > 0) add(one, ",", 1);
    add(one, records->bytes, records->byte_count);
    save(one);
}

void peer_close(void) {}
