/* A file of JSON lines for each session, open while its session is used, with a sync after each line. */
#define _GNU_SOURCE
#include "peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

const char *const peer_name = "jsonl";
const int peer_takes_batches = 0;

typedef struct {
    int file;
    uint64_t session;
} open_file;

static const char *root;
static open_file *files;

void peer_open(const char *folder, int client_count) {
    root = folder;
    files = calloc((size_t)client_count, sizeof *files);
    for (int client = 0; client < client_count; client++) files[client] = (open_file){-1, UINT64_MAX};
}

static void use(open_file *one, uint64_t session, int is_new) {
    if (one->session == session) return;
    if (one->file >= 0) close(one->file);
    char path[4096];
    snprintf(path, sizeof path, "%s/%llu.jsonl", root, (unsigned long long)session);
    one->file = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    one->session = session;
    if (one->file < 0) peer_fail(path);
    if (!is_new) return;
    int directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fsync(directory) != 0) peer_fail(root); /* or the new name is not durable */
    close(directory);
}

void peer_append(int client, const peer_record *records, int count) {
    (void)count;
    open_file *one = &files[client];
    use(one, records->session, records->number == 0);
    struct iovec parts[2] = {{(void *)records->bytes, records->byte_count}, {(void *)"\n", 1}};
    if (writev(one->file, parts, 2) != (ssize_t)records->byte_count + 1) peer_fail("writev");
    if (fdatasync(one->file) != 0) peer_fail("fdatasync");
}

void peer_close(void) {}
