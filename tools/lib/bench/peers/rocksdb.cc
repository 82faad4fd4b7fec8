// RocksDB with sync writes and group commit. ROCKSDB_PIPELINED has the write-ahead log and the table written in a pipeline;
// the faster of the two counts as its best.
#include "peer.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#ifdef ROCKSDB_PIPELINED
const char *const peer_name = "rocksdb-pipelined";
#else
const char *const peer_name = "rocksdb";
#endif
const int peer_takes_batches = 0;

static rocksdb::DB *database;

static void check(const rocksdb::Status &status) {
    if (status.ok()) return;
    fprintf(stderr, "rocksdb: %s\n", status.ToString().c_str());
    exit(1);
}

void peer_open(const char *folder, int) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.IncreaseParallelism(2);
    options.recycle_log_file_num = 4;
    options.wal_bytes_per_sync = 0;
#ifdef ROCKSDB_PIPELINED
    options.enable_pipelined_write = true;
#endif
    check(rocksdb::DB::Open(options, std::string(folder) + "/db", &database));
}

void peer_append(int, const peer_record *records, int) {
    uint64_t name[2] = {__builtin_bswap64(records->session), __builtin_bswap64(records->number)};
    rocksdb::WriteOptions options;
    options.sync = true;
    check(database->Put(options, rocksdb::Slice(reinterpret_cast<char *>(name), sizeof name),
                        rocksdb::Slice(records->bytes, records->byte_count)));
}

void peer_close(void) {
    check(database->Close());
    delete database;
}
