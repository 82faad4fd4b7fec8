/* Drives a peer: NAME --store FOLDER --input FILE --clients N --seconds S
 *
 * The input is a file of records: session and byte count (u32, little endian), then the bytes. Session s belongs to
 * client s mod N. A client that comes to the end of its records begins again, with new sessions. The report is one line of
 * JSON: how many records, bytes of messages and seconds, and the time that appends took, in microseconds.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LATENCY_LIMIT = 1 << 18 }; /* of each client */

typedef struct {
    int number;
    pthread_t thread;
    peer_record *records; /* its own, in the order of the input */
    size_t record_count;
    size_t next;
    uint64_t round;
    uint32_t *latencies;  /* nanoseconds; at most LATENCY_LIMIT */
    uint64_t appended, bytes;
} client;

static uint64_t session_count;
static double seconds = 1;
static pthread_barrier_t start;
static struct timespec begun;

void peer_fail(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", peer_name, what, strerror(errno));
    exit(1);
}

static double since(const struct timespec *then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* The client's next record; begins again, with sessions that nobody has seen, after the last one. */
static peer_record next_record(client *one) {
    if (one->next == one->record_count) {
        one->next = 0;
        one->round += 1;
    }
    peer_record record = one->records[one->next++];
    record.session += one->round * session_count;
    return record;
}

static void note(client *one, double elapsed) {
    if (one->appended < LATENCY_LIMIT) one->latencies[one->appended] = (uint32_t)(elapsed * 1e9);
    one->appended += 1;
}

static void *run_client(void *argument) {
    client *one = argument;
    pthread_barrier_wait(&start);
    while (since(&begun) < seconds) {
        peer_record record = next_record(one);
        struct timespec then;
        clock_gettime(CLOCK_MONOTONIC, &then);
        peer_append(one->number, &record, 1);
        note(one, since(&then));
        one->bytes += record.byte_count;
    }
    return NULL;
}

/* One record of every client in each batch, all from one thread. */
static void run_batches(client *clients, int count) {
    peer_record *batch = calloc((size_t)count, sizeof *batch);
    while (since(&begun) < seconds) {
        for (int number = 0; number < count; number++) {
            batch[number] = next_record(&clients[number]);
            clients[number].bytes += batch[number].byte_count;
        }
        struct timespec then;
        clock_gettime(CLOCK_MONOTONIC, &then);
        peer_append(0, batch, count);
        double elapsed = since(&then);
        for (int number = 0; number < count; number++) note(&clients[number], elapsed);
    }
    free(batch);
}

static void read_input(const char *path, client *clients, int client_count) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) peer_fail(path);
    const char *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED) peer_fail(path);
    uint64_t *numbers = NULL;
    for (size_t at = 0; at + 8 <= (size_t)status.st_size;) {
        uint32_t header[2];
        memcpy(header, bytes + at, sizeof header);
        at += sizeof header;
        if (header[0] >= session_count) {
            numbers = realloc(numbers, (header[0] + 1) * sizeof *numbers);
            memset(numbers + session_count, 0, (header[0] + 1 - session_count) * sizeof *numbers);
            session_count = header[0] + 1;
        }
        client *owner = &clients[header[0] % (uint32_t)client_count];
        if ((owner->record_count & (owner->record_count - 1)) == 0) {
            size_t room = owner->record_count == 0 ? 1 : 2 * owner->record_count;
            owner->records = realloc(owner->records, room * sizeof *owner->records);
        }
        owner->records[owner->record_count++] =
            (peer_record){header[0], numbers[header[0]]++, bytes + at, header[1]};
        at += header[1];
    }
    free(numbers);
    close(file);
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void report(client *clients, int client_count, double elapsed) {
    uint64_t appended = 0, bytes = 0;
    size_t kept = 0;
    for (int number = 0; number < client_count; number++) {
        appended += clients[number].appended;
        bytes += clients[number].bytes;
    }
    uint32_t *all = malloc(appended * sizeof *all);
    for (int number = 0; number < client_count; number++) {
        uint64_t count = clients[number].appended < LATENCY_LIMIT ? clients[number].appended : LATENCY_LIMIT;
        memcpy(all + kept, clients[number].latencies, count * sizeof *all);
        kept += count;
    }
    qsort(all, kept, sizeof *all, compare);
    printf("{\"peer\":\"%s\",\"records\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"max_us\":%.1f}\n",
           peer_name, (unsigned long long)appended, (unsigned long long)bytes, elapsed, all[kept / 2] / 1e3,
           all[kept * 99 / 100] / 1e3, all[kept - 1] / 1e3);
    free(all);
}

int main(int count, char **words) {
    const char *folder = NULL, *input = NULL;
    int client_count = 1;
    for (int index = 1; index + 1 < count; index += 2) {
        if (strcmp(words[index], "--store") == 0) folder = words[index + 1];
        if (strcmp(words[index], "--input") == 0) input = words[index + 1];
        if (strcmp(words[index], "--clients") == 0) client_count = atoi(words[index + 1]);
        if (strcmp(words[index], "--seconds") == 0) seconds = atof(words[index + 1]);
    }
    if (folder == NULL || input == NULL || client_count < 1) {
        fprintf(stderr, "Usage: %s --store FOLDER --input FILE [--clients N] [--seconds S]\n", words[0]);
        return 64;
    }
    client *clients = calloc((size_t)client_count, sizeof *clients);
    read_input(input, clients, client_count);
    for (int number = 0; number < client_count; number++) {
        clients[number].number = number;
        clients[number].latencies = malloc(sizeof(uint32_t) * LATENCY_LIMIT);
        if (clients[number].record_count == 0) {
            fprintf(stderr, "%s: client %d has no records: more clients than sessions\n", peer_name, number);
            return 64;
        }
    }
    peer_open(folder, client_count);
    if (peer_takes_batches) {
        clock_gettime(CLOCK_MONOTONIC, &begun);
        run_batches(clients, client_count);
    } else {
        pthread_barrier_init(&start, NULL, (unsigned)client_count + 1);
        for (int number = 0; number < client_count; number++) {
            pthread_attr_t attributes;
            pthread_attr_init(&attributes);
            pthread_attr_setstacksize(&attributes, 1 << 20);
            if (pthread_create(&clients[number].thread, &attributes, run_client, &clients[number]) != 0)
                peer_fail("pthread_create");
        }
        clock_gettime(CLOCK_MONOTONIC, &begun);
        pthread_barrier_wait(&start);
        for (int number = 0; number < client_count; number++) pthread_join(clients[number].thread, NULL);
    }
    double elapsed = since(&begun);
    peer_close();
    report(clients, client_count, elapsed);
    return 0;
}
