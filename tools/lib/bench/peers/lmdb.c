/* LMDB with its defaults, which are durable: a write transaction, which syncs twice, for each record. */
#include "peer.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

const char *const peer_name = "lmdb";
const int peer_takes_batches = 0;

static MDB_env *environment;
static MDB_dbi table;

static void check(int result, const char *what) {
    if (result == MDB_SUCCESS) return;
    fprintf(stderr, "lmdb: %s: %s\n", what, mdb_strerror(result));
    exit(1);
}

void peer_open(const char *folder, int client_count) {
    (void)client_count;
    check(mdb_env_create(&environment), "create");
    check(mdb_env_set_mapsize(environment, (size_t)64 << 30), "map size");
    check(mdb_env_open(environment, folder, MDB_NOTLS, 0600), folder);
    MDB_txn *transaction;
    check(mdb_txn_begin(environment, NULL, 0, &transaction), "begin");
    check(mdb_dbi_open(transaction, NULL, 0, &table), "table");
    check(mdb_txn_commit(transaction), "commit");
}

void peer_append(int client, const peer_record *records, int count) {
    (void)client, (void)count;
    uint64_t name[2] = {__builtin_bswap64(records->session), __builtin_bswap64(records->number)};
    MDB_val key = {sizeof name, name}, value = {records->byte_count, (void *)records->bytes};
    MDB_txn *transaction;
    check(mdb_txn_begin(environment, NULL, 0, &transaction), "begin");
    check(mdb_put(transaction, table, &key, &value, 0), "put");
    check(mdb_txn_commit(transaction), "commit");
}

void peer_close(void) { mdb_env_close(environment); }
