/* SQLite, WAL, synchronous=FULL, a transaction for each record: all clients of a program share one connection and its lock,
 * as in hermes-agent. SQLITE_CONTENDED: a connection for each client, as with many programs; who finds the database locked
 * sleeps, as sqlite3_busy_timeout() does it. SQLITE_PER_SESSION: a database for each session. */
#define _GNU_SOURCE
#include "peer.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined SQLITE_PER_SESSION
const char *const peer_name = "sqlite-per-session";
#elif defined SQLITE_CONTENDED
const char *const peer_name = "sqlite-contended";
#else
const char *const peer_name = "sqlite";
#define SQLITE_SHARED
#endif
const int peer_takes_batches = 0;

typedef struct {
    sqlite3 *database;
    sqlite3_stmt *insert;
    uint64_t session;
} connection;

static const char *root;
static connection *connections;
static int connection_count;
#ifdef SQLITE_SHARED
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the one connection */
#endif

static void check(int result, sqlite3 *database, const char *what) {
    if (result == SQLITE_OK || result == SQLITE_DONE) return;
    fprintf(stderr, "%s: %s: %s\n", peer_name, what, database ? sqlite3_errmsg(database) : sqlite3_errstr(result));
    exit(1);
}

static void connect_to(connection *one, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.db", root, name);
    check(sqlite3_open(path, &one->database), one->database, path);
    sqlite3_busy_timeout(one->database, 60000);
    check(sqlite3_exec(one->database,
                       "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                       "CREATE TABLE IF NOT EXISTS messages"
                       " (id INTEGER PRIMARY KEY, session INTEGER, number INTEGER, body TEXT);"
                       "CREATE INDEX IF NOT EXISTS by_session ON messages (session, number);",
                       NULL, NULL, NULL),
          one->database, "schema");
    const char *insert = "INSERT INTO messages (session, number, body) VALUES (?, ?, ?)";
    check(sqlite3_prepare_v2(one->database, insert, -1, &one->insert, NULL), one->database, "prepare");
}

void peer_open(const char *folder, int client_count) {
    root = folder;
#ifdef SQLITE_SHARED
    client_count = 1;
#endif
    connection_count = client_count;
    connections = calloc((size_t)client_count, sizeof *connections);
    for (int client = 0; client < client_count; client++) {
        connections[client].session = UINT64_MAX;
#ifndef SQLITE_PER_SESSION
        connect_to(&connections[client], "all");
#endif
    }
}

static void disconnect(connection *one) {
    sqlite3_finalize(one->insert);
    sqlite3_close(one->database);
    one->database = NULL;
}

static void insert(connection *one, const peer_record *record) {
    sqlite3_bind_int64(one->insert, 1, (sqlite3_int64)record->session);
    sqlite3_bind_int64(one->insert, 2, (sqlite3_int64)record->number);
    sqlite3_bind_text(one->insert, 3, record->bytes, (int)record->byte_count, SQLITE_STATIC);
    check(sqlite3_step(one->insert), one->database, "insert");
    check(sqlite3_reset(one->insert), one->database, "insert");
}

void peer_append(int client, const peer_record *records, int count) {
    (void)count;
#ifdef SQLITE_SHARED
    (void)client;
    pthread_mutex_lock(&lock);
    insert(&connections[0], records);
    pthread_mutex_unlock(&lock);
#else
    connection *one = &connections[client];
#ifdef SQLITE_PER_SESSION
    if (one->session != records->session) {
        char name[32];
        if (one->database) disconnect(one);
        snprintf(name, sizeof name, "%llu", (unsigned long long)records->session);
        connect_to(one, name);
        one->session = records->session;
    }
#endif
    insert(one, records);
#endif
}

void peer_close(void) {
    for (int client = 0; client < connection_count; client++)
        if (connections[client].database) disconnect(&connections[client]);
}
