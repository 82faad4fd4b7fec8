/* What is left of the ceiling when each client is a thread that waits for its record: raw messages, one thread that writes
 * all that wait to one preallocated, already written file and syncs it, and one call that wakes everyone whose record is in
 * the batch. Nothing is checked, compressed or indexed. A simple program of that kind; not proved to be the best. */
#define _GNU_SOURCE
#include "ceiling.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

const char *const peer_name = "ceiling-waiting";
const int peer_takes_batches = 0;

/* Two batches take turns: one is filled while the other is written. */
typedef struct {
    char *bytes;
    size_t length, capacity;
    _Atomic uint32_t durable_count; /* how often it has been made durable; its clients wait for the next number */
} batch;

static ceiling target;
static batch batches[2];
static int filling, is_closing;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_work = PTHREAD_COND_INITIALIZER;
static pthread_t committer;

static void persist(batch *one) {
    ceiling_persist(&target, one->bytes, one->length);
    one->length = 0;
    atomic_fetch_add(&one->durable_count, 1);
    syscall(SYS_futex, &one->durable_count, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void *commit(void *argument) {
    pthread_mutex_lock(&lock);
    for (;;) {
        while (batches[filling].length == 0 && !is_closing) pthread_cond_wait(&has_work, &lock);
        if (batches[filling].length == 0) break;
        batch *one = &batches[filling];
        filling = !filling;
        pthread_mutex_unlock(&lock);
        persist(one);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return argument;
}

void peer_open(const char *folder, int client_count) {
    (void)client_count;
    target = ceiling_open(folder);
    if (pthread_create(&committer, NULL, commit, NULL) != 0) peer_fail("pthread_create");
}

void peer_append(int client, const peer_record *records, int count) {
    (void)client, (void)count;
    pthread_mutex_lock(&lock);
    batch *one = &batches[filling];
    one->bytes = ceiling_grow(one->bytes, &one->capacity, one->length + records->byte_count);
    memcpy(one->bytes + one->length, records->bytes, records->byte_count);
    if (one->length == 0) pthread_cond_signal(&has_work);
    one->length += records->byte_count;
    uint32_t before = atomic_load(&one->durable_count);
    pthread_mutex_unlock(&lock);
    while (atomic_load(&one->durable_count) == before)
        syscall(SYS_futex, &one->durable_count, FUTEX_WAIT_PRIVATE, before, NULL, NULL, 0);
}

void peer_close(void) {
    pthread_mutex_lock(&lock);
    is_closing = 1;
    pthread_cond_signal(&has_work);
    pthread_mutex_unlock(&lock);
    pthread_join(committer, NULL);
    close(target.file);
}
