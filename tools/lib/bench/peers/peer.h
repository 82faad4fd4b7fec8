/* What a peer has to offer to be measured. peer.c has main() and does the rest: input, clients, clocks, report.
 *
 * A peer stores records as its users would for safety: append() returns when the record is on stable storage.
 * Client n only ever calls with its own number, from its own thread, and its sessions belong to it alone.
 */
#ifndef HOLDFAST_BENCH_PEER_H
#define HOLDFAST_BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint64_t session;    /* which conversation */
    uint64_t number;     /* the record's number in it, from 0 */
    const char *bytes;   /* one JSON message */
    size_t byte_count;
} peer_record;

/* The name in tables. */
extern const char *const peer_name;
/* Whether one call of append() makes a record of every client durable at once (the ceiling does). */
extern const int peer_takes_batches;

/* The process that stores the records, when it is another one: its writes count too. Set by peer_open(). */
extern pid_t peer_server;

/* Opens the store in `folder`, which exists and may be empty, for so many clients. */
void peer_open(const char *folder, int client_count);
/* Makes `count` records durable; `count` is 1 unless peer_takes_batches. */
void peer_append(int client, const peer_record *records, int count);
void peer_close(void);

/* Ends the program with `what` and the system's reason. */
void peer_fail(const char *what);

#ifdef __cplusplus
}
#endif

#endif
