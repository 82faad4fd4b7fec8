/* Makes the dictionary of the frames in segments, which docs/format.md has; docs/decisions/0016-dictionary.md says why.
 *
 *     dictionary OUTPUT TEXT INPUT
 *
 * TEXT is a file with its text; INPUT one of records as shapes.py writes them, from which its tables are made: the
 * first 1,500 bytes of each record are a sample. Build: cc -O2 dictionary.c -lzstd
 */
#define ZDICT_STATIC_LINKING_ONLY  // for ZDICT_finalizeDictionary and ZDICT_getDictHeaderSize
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>

enum { SAMPLE = 1500, MOST = 64 << 20 };

int main(int count, char **words) {
    FILE *text_file = count == 4 ? fopen(words[2], "rb") : NULL, *input = count == 4 ? fopen(words[3], "rb") : NULL;
    if (text_file == NULL || input == NULL) {
        fprintf(stderr, "Usage: dictionary OUTPUT TEXT INPUT\n");
        return 64;
    }
    static char text[1 << 20], made[1 << 20];
    size_t text_bytes = fread(text, 1, sizeof text, text_file), samples = 0, bytes = 0;
    char *all = malloc(MOST);
    size_t *sizes = malloc(MOST / 8 * sizeof *sizes);
    uint32_t header[2];
    while (fread(header, sizeof header, 1, input) == 1 && bytes + SAMPLE <= MOST && samples < MOST / 8) {
        size_t taken = header[1] < SAMPLE ? header[1] : SAMPLE;
        if (fread(all + bytes, 1, taken, input) != taken) return 65;
        if (fseek(input, (long)(header[1] - taken), SEEK_CUR) != 0) return 65;
        sizes[samples++] = taken;
        bytes += taken;
    }
    ZDICT_params_t parameters = {3, 0, 0x31444648};  // level, no messages, "HFD1"
    size_t size =
        ZDICT_finalizeDictionary(made, sizeof made, text, text_bytes, all, sizes, (unsigned)samples, parameters);
    if (ZDICT_isError(size)) {
        fprintf(stderr, "%s\n", ZDICT_getErrorName(size));
        return 70;
    }
    /* The first offsets that a frame may repeat stand at the end of the tables, and must lie inside the text; zstd's own,
     * 1, 4 and 8, would keep it from being shortened to less than 8 bytes. */
    uint32_t offsets[3] = {1, 2, 4};
    memcpy(made + ZDICT_getDictHeaderSize(made, size) - sizeof offsets, offsets, sizeof offsets);
    FILE *output = fopen(words[1], "wb");
    if (output == NULL || fwrite(made, 1, size, output) != size || fclose(output) != 0) return 73;
    printf("%zu bytes, %zu of them tables, from %zu samples\n", size, ZDICT_getDictHeaderSize(made, size), samples);
    return 0;
}
