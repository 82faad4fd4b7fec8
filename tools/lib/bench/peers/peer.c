/* Drives a peer: NAME --store FOLDER --input FILE [--clients N] [--seconds S] [--once 1] [--first NUMBER] [--rate R]
 *
 * The input is a file of records: session and byte count (u32, little endian), then the bytes. Session s belongs to
 * client s mod N. A client that comes to the end of its records begins again, with new sessions; with --once it stops.
 * --first says that each session of the input has so many records already; it is gone on with, at the end of the input
 * too. --rate has each client append so many records a second; a late append counts from when it was due. The report is
 * one line of JSON: records, bytes of messages, seconds, those records and bytes that were durable in time and what that
 * time was, the time that appends took in microseconds, and from the first append until the store was closed the
 * processor's seconds and the bytes given to write(). In time is what had ended when --seconds were over, or all.
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
#include <sys/resource.h>
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
    uint64_t timely, timely_bytes; /* of those the ones that ended in time */
} client;

static const char *folder, *input;
static uint64_t session_count, first_number;
static uint64_t *record_counts; /* of each session in the input */
static double seconds = 1, rate;
static int once, client_count = 1;
static pthread_barrier_t start;
static struct timespec begun;

pid_t peer_server;

void peer_fail(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", peer_name, what, strerror(errno));
    exit(1);
}

static double since(const struct timespec *then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* The client's next record; after the last one it begins again, with sessions that nobody has seen unless all are known. */
static peer_record next_record(client *one) {
    if (one->next == one->record_count) {
        one->next = 0;
        one->round += 1;
    }
    peer_record record = one->records[one->next++];
    if (first_number > 0)
        record.number += first_number + one->round * record_counts[record.session];
    else
        record.session += one->round * session_count;
    return record;
}

static int is_done(const client *one) {
    return once ? one->round == 0 && one->next == one->record_count : since(&begun) >= seconds;
}

/* When the client's next append is due, in seconds from the beginning; waits for it. The clients take turns. */
static double wait_for_turn(const client *one) {
    double due = ((double)one->appended + (double)one->number / client_count) / rate;
    double left = due - since(&begun);
    if (left > 0) {
        struct timespec rest = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        nanosleep(&rest, NULL);
    }
    return due;
}

/* Notes an append of so many bytes that was due at `then` and has ended at `now`. */
static void note(client *one, size_t byte_count, double then, double now) {
    if (one->appended < LATENCY_LIMIT) one->latencies[one->appended] = (uint32_t)((now - then) * 1e9);
    one->appended += 1;
    one->bytes += byte_count;
    if (!once && now > seconds) return;
    one->timely += 1;
    one->timely_bytes += byte_count;
}

static void *run_client(void *argument) {
    client *one = argument;
    pthread_barrier_wait(&start);
    while (!is_done(one)) {
        peer_record record = next_record(one);
        double then = rate > 0 ? wait_for_turn(one) : since(&begun);
        peer_append(one->number, &record, 1);
        note(one, record.byte_count, then, since(&begun));
    }
    return NULL;
}

/* One record of every client that has one in each batch, all from one thread. */
static void run_batches(client *clients) {
    peer_record *batch = calloc((size_t)client_count, sizeof *batch);
    client **owners = calloc((size_t)client_count, sizeof *owners);
    for (;;) {
        double then = 0;
        int filled = 0;
        for (int number = 0; number < client_count; number++) {
            client *one = &clients[number];
            if (is_done(one)) continue;
            if (rate > 0 && filled == 0) then = wait_for_turn(one);
            owners[filled] = one;
            batch[filled++] = next_record(one);
        }
        if (filled == 0) break;
        if (rate == 0) then = since(&begun);
        peer_append(0, batch, filled);
        double now = since(&begun);
        for (int index = 0; index < filled; index++) note(owners[index], batch[index].byte_count, then, now);
    }
    free(batch);
    free(owners);
}

static void read_input(const char *path, client *clients) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) peer_fail(path);
    const char *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED) peer_fail(path);
    for (size_t at = 0; at + 8 <= (size_t)status.st_size;) {
        uint32_t header[2];
        memcpy(header, bytes + at, sizeof header);
        at += sizeof header;
        if (header[0] >= session_count) {
            record_counts = realloc(record_counts, (header[0] + 1) * sizeof *record_counts);
            memset(record_counts + session_count, 0, (header[0] + 1 - session_count) * sizeof *record_counts);
            session_count = header[0] + 1;
        }
        client *owner = &clients[header[0] % (uint32_t)client_count];
        if ((owner->record_count & (owner->record_count - 1)) == 0) {
            size_t room = owner->record_count == 0 ? 1 : 2 * owner->record_count;
            owner->records = realloc(owner->records, room * sizeof *owner->records);
        }
        owner->records[owner->record_count++] =
            (peer_record){header[0], record_counts[header[0]]++, bytes + at, header[1]};
        at += header[1];
    }
    close(file);
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The processor's seconds of this process and of those that it has waited for. */
static double processor_seconds(void) {
    double sum = 0;
    for (int who = RUSAGE_SELF;; who = RUSAGE_CHILDREN) {
        struct rusage usage;
        getrusage(who, &usage);
        sum += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        if (who == RUSAGE_CHILDREN) return sum;
    }
}

/* The bytes that the process has handed to write() and its siblings. */
static uint64_t written_bytes(pid_t process) {
    char path[64], line[128];
    unsigned long long count = 0;
    snprintf(path, sizeof path, "/proc/%d/io", process);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) sscanf(line, "wchar: %llu", &count);
    if (file != NULL) fclose(file);
    return count;
}

/* The processor's seconds that another process has taken so far. */
static double processor_seconds_of(pid_t process) {
    char path[64];
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    const char *fields = "%*d (%*[^)]) %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu"; /* the 14th and 15th */
    if (file == NULL || fscanf(file, fields, &user, &system) != 2) peer_fail(path);
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void report(client *clients, double elapsed, double processor, uint64_t written) {
    uint64_t appended = 0, bytes = 0, timely = 0, timely_bytes = 0;
    size_t kept = 0;
    for (int number = 0; number < client_count; number++) {
        appended += clients[number].appended;
        bytes += clients[number].bytes;
        timely += clients[number].timely;
        timely_bytes += clients[number].timely_bytes;
    }
    if (appended == 0) {
        fprintf(stderr, "%s: nothing was appended\n", peer_name);
        exit(1);
    }
    uint32_t *all = malloc(appended * sizeof *all);
    for (int number = 0; number < client_count; number++) {
        uint64_t count = clients[number].appended < LATENCY_LIMIT ? clients[number].appended : LATENCY_LIMIT;
        memcpy(all + kept, clients[number].latencies, count * sizeof *all);
        kept += count;
    }
    qsort(all, kept, sizeof *all, compare);
    printf("{\"records\":%llu,\"bytes\":%llu,\"seconds\":%.6f,"
           "\"timely_records\":%llu,\"timely_bytes\":%llu,\"timely_seconds\":%.6f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"processor_seconds\":%.6f,\"written_bytes\":%llu}\n",
           (unsigned long long)appended, (unsigned long long)bytes, elapsed, (unsigned long long)timely,
           (unsigned long long)timely_bytes, once ? elapsed : seconds, all[kept / 2] / 1e3, all[kept * 99 / 100] / 1e3,
           all[kept - 1] / 1e3, processor, (unsigned long long)written);
    free(all);
}

static void run_threads(client *clients) {
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

static client *make_clients(void) {
    client *clients = calloc((size_t)client_count, sizeof *clients);
    read_input(input, clients);
    for (int number = 0; number < client_count; number++) {
        clients[number].number = number;
        clients[number].latencies = malloc(sizeof(uint32_t) * LATENCY_LIMIT);
        if (clients[number].record_count == 0) {
            fprintf(stderr, "%s: client %d has no records: more clients than sessions\n", peer_name, number);
            exit(64);
        }
    }
    return clients;
}

/* Takes one option; answers whether there is such a one. */
static int take(const char *name, const char *value) {
    if (strcmp(name, "--store") == 0)
        folder = value;
    else if (strcmp(name, "--input") == 0)
        input = value;
    else if (strcmp(name, "--clients") == 0)
        client_count = atoi(value);
    else if (strcmp(name, "--seconds") == 0)
        seconds = atof(value);
    else if (strcmp(name, "--once") == 0)
        once = atoi(value);
    else if (strcmp(name, "--first") == 0)
        first_number = (uint64_t)atoll(value);
    else if (strcmp(name, "--rate") == 0)
        rate = atof(value);
    else
        return 0;
    return 1;
}

int main(int count, char **words) {
    int are_known = count % 2 == 1;
    for (int index = 1; index + 1 < count; index += 2) are_known &= take(words[index], words[index + 1]);
    if (!are_known || folder == NULL || input == NULL || client_count < 1) {
        fprintf(stderr, "Usage: %s --store FOLDER --input FILE [OPTIONS]: see peer.c\n", words[0]);
        return 64;
    }
    client *clients = make_clients();
    peer_open(folder, client_count);
    uint64_t written = written_bytes(getpid()), server_written = peer_server ? written_bytes(peer_server) : 0;
    /* What a server has taken for its start is in the sum at its end. */
    double processor = processor_seconds() + (peer_server ? processor_seconds_of(peer_server) : 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    if (peer_takes_batches)
        run_batches(clients);
    else
        run_threads(clients);
    double elapsed = since(&begun);
    if (peer_server) server_written = written_bytes(peer_server) - server_written;
    peer_close();
    report(clients, elapsed, processor_seconds() - processor, written_bytes(getpid()) - written + server_written);
    return 0;
}
