/* What one thread that waits for nobody can do: batches of raw messages to one preallocated, already written file, each
 * written and synced, or (CEILING_SYNCED) in one write that syncs itself. */
#define _GNU_SOURCE
#include "ceiling.h"

#ifdef CEILING_SYNCED
const char *const peer_name = "ceiling-synced";
#else
const char *const peer_name = "ceiling";
#endif
const int peer_takes_batches = 1;

static ceiling target;
static char *buffer;
static size_t capacity;

void peer_open(const char *folder, int client_count) {
    (void)client_count;
    target = ceiling_open(folder);
}

void peer_append(int client, const peer_record *records, int count) {
    (void)client;
    size_t length = 0;
    for (int index = 0; index < count; index++) {
        buffer = ceiling_grow(buffer, &capacity, length + records[index].byte_count);
        memcpy(buffer + length, records[index].bytes, records[index].byte_count);
        length += records[index].byte_count;
    }
    ceiling_persist(&target, buffer, length);
}

void peer_close(void) { close(target.file); }
