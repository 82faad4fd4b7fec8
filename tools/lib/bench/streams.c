/* The trial behind docs/decisions/0003-compression.md: how small and how fast flushed zstd streams are.
 *
 *     streams INPUT LEVEL WINDOW_LOG LONG_TABLE_LOG SHORT_TABLE_LOG BLOCK_BYTES ZSTD_BLOCK_BYTES
 *             [HEADER_BYTES [SHORTEST_MATCH [DICTIONARY]]]
 *
 * INPUT is a file of records as shapes.py writes them. Each session has a stream of its own, flushed after each record and
 * restarted after BLOCK_BYTES; zstd's own blocks have at most ZSTD_BLOCK_BYTES. 0 for a logarithm or for ZSTD_BLOCK_BYTES is
 * the level's own. HEADER_BYTES (32) are counted for each record; DICTIONARY is a file that each frame loads. The time is that
 * of the processor, in zstd alone. Build: cc -O2 streams.c -lzstd
 */
#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_c_maxBlockSize and ZSTD_c_forceAttachDict
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

typedef struct {
    ZSTD_CCtx *context;
    size_t fill;
} stream;

static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void set(ZSTD_CCtx *context, ZSTD_cParameter parameter, int value) {
    if (value != 0 && ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value))) exit(64);
}

static ZSTD_CDict *dictionary(const char *path, int level) {
    static char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL) exit(66);
    size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return ZSTD_createCDict(bytes, count, level);
}

int main(int count, char **words) {
    FILE *file = count >= 8 && count <= 11 ? fopen(words[1], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "Usage: streams INPUT LEVEL WINDOW_LOG LONG_TABLE_LOG SHORT_TABLE_LOG BLOCK_BYTES ZSTD_BLOCK_BYTES "
                        "[HEADER_BYTES [SHORTEST_MATCH [DICTIONARY]]]\n");
        return 64;
    }
    size_t header_bytes = count > 8 ? (size_t)atol(words[8]) : 32;
    ZSTD_CDict *loaded = count > 10 ? dictionary(words[10], atoi(words[2])) : NULL;
    size_t block = (size_t)atol(words[6]), stream_count = 0, records = 0, raw = 0, stored = 0, memory = 0;
    stream *streams = NULL;
    double seconds = 0;
    uint32_t header[2];
    while (fread(header, sizeof header, 1, file) == 1) {
        char *record = malloc(header[1] + 1), *output = malloc(ZSTD_compressBound(header[1]));
        if (fread(record, 1, header[1], file) != header[1]) return 65;
        if (header[0] >= stream_count) {
            streams = realloc(streams, (header[0] + 1) * sizeof *streams);
            memset(streams + stream_count, 0, (header[0] + 1 - stream_count) * sizeof *streams);
            stream_count = header[0] + 1;
        }
        stream *one = &streams[header[0]];
        if (one->context == NULL) {
            one->context = ZSTD_createCCtx();
            set(one->context, ZSTD_c_compressionLevel, atoi(words[2]));
            set(one->context, ZSTD_c_windowLog, atoi(words[3]));
            set(one->context, ZSTD_c_hashLog, atoi(words[4]));
            set(one->context, ZSTD_c_chainLog, atoi(words[5]));
            set(one->context, ZSTD_c_maxBlockSize, atoi(words[7]));
            if (count > 9) set(one->context, ZSTD_c_minMatch, atoi(words[9]));
            if (loaded != NULL) {
                ZSTD_CCtx_setParameter(one->context, ZSTD_c_dictIDFlag, 0);
                set(one->context, ZSTD_c_forceAttachDict, ZSTD_dictForceLoad);
                ZSTD_CCtx_refCDict(one->context, loaded);
            }
        }
        if (one->fill >= block) {
            ZSTD_CCtx_reset(one->context, ZSTD_reset_session_only);
            one->fill = 0;
        }
        double begun = processor_seconds();
        ZSTD_inBuffer in = {record, header[1], 0};
        ZSTD_outBuffer out = {output, ZSTD_compressBound(header[1]), 0};
        if (ZSTD_compressStream2(one->context, &out, &in, ZSTD_e_flush) != 0) return 70;
        seconds += processor_seconds() - begun;
        one->fill += header[1];
        stored += header_bytes + (out.pos < header[1] ? out.pos : header[1]);
        raw += header[1];
        records += 1;
        if (ZSTD_sizeof_CCtx(one->context) > memory) memory = ZSTD_sizeof_CCtx(one->context);
        free(record);
        free(output);
    }
    printf("level %s, window 2^%s, tables 2^%s and 2^%s, blocks of %zu KiB, zstd's own of %s: ",
           words[2], words[3], words[4], words[5], block >> 10, words[7]);
    printf("ratio %.2f, %.1f us a record, %.0f MB/s, %zu KB a stream\n", (double)raw / (double)stored,
           seconds / (double)records * 1e6, (double)raw / seconds / 1e6, memory / 1000);
    return 0;
}
