// LevelDB with sync writes; writers that wait are committed together by the library.
#include "peer.h"

#include <leveldb/db.h>

#include <cstdio>
#include <cstdlib>
#include <string>

const char *const peer_name = "leveldb";
const int peer_takes_batches = 0;

static leveldb::DB *database;

static void check(const leveldb::Status &status) {
    if (status.ok()) return;
    fprintf(stderr, "leveldb: %s\n", status.ToString().c_str());
    exit(1);
}

void peer_open(const char *folder, int) {
    leveldb::Options options;
    options.create_if_missing = true;
    check(leveldb::DB::Open(options, std::string(folder) + "/db", &database));
}

void peer_append(int, const peer_record *records, int) {
    uint64_t name[2] = {__builtin_bswap64(records->session), __builtin_bswap64(records->number)};
    leveldb::WriteOptions options;
    options.sync = true;
    check(database->Put(options, leveldb::Slice(reinterpret_cast<char *>(name), sizeof name),
                        leveldb::Slice(records->bytes, records->byte_count)));
}

void peer_close(void) { delete database; }
