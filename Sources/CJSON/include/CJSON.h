// Strict JSON (RFC 8259) to a flat list of byte ranges. The bytes of values are never changed or
// interpreted: a number of any size and a lone surrogate escape are valid and stay as they are.
//
// Stage 1 of simdjson validates UTF-8 and finds the tokens; the grammar is checked here. Texts that were checked before
// and are too long to parse can be taken apart element by element.

#ifndef HOLDFAST_CJSON_H
#define HOLDFAST_CJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A parser with its buffers. Reusable; used by one thread at a time.
typedef struct hfjson_parser hfjson_parser;

typedef enum hfjson_status {
    HFJSON_OK = 0,
    HFJSON_SYNTAX,     ///< not JSON
    HFJSON_UTF8,       ///< not UTF-8
    HFJSON_DEPTH,      ///< more containers inside each other than `max_depth`
    HFJSON_TOO_LARGE,  ///< longer than 4 GiB - 1, or no memory for its token index
    HFJSON_EMPTY,      ///< no value: no bytes, or whitespace only
} hfjson_status;

typedef enum hfjson_kind {
    HFJSON_NULL = 0,
    HFJSON_BOOL,
    HFJSON_NUMBER,
    HFJSON_STRING,
    HFJSON_ARRAY,
    HFJSON_OBJECT,
} hfjson_kind;

enum {
    HFJSON_FLAG_KEY = 1,     ///< a string that names the member whose value is the next node
    HFJSON_FLAG_ESCAPED = 2, ///< a string that holds at least one backslash
    HFJSON_FLAG_CLOSED = 4,  ///< a container at the depth `detail`: what it holds was not emitted
};

/// One value, or one key, of the text. The root is node 0; what a container holds follows it directly.
typedef struct hfjson_node {
    uint32_t start;  ///< offset of the first byte of the value
    uint32_t end;    ///< offset behind its last byte, no whitespace included
    uint32_t next;   ///< index of the first node behind this one and all that it holds
    uint8_t kind;    ///< an `hfjson_kind`
    uint8_t flags;   ///< the `HFJSON_FLAG_…` that hold
} hfjson_node;

typedef struct hfjson_result {
    hfjson_status status;
    uint32_t error_offset;      ///< where the text went wrong, at most `length`; 0 when all is well
    const char *reason;         ///< what went wrong there, for people; static text, null when all is well
    const hfjson_node *nodes;   ///< owned by the parser, valid until its next use; null after an error
    uint32_t node_count;
} hfjson_result;

/// A new parser without buffers, or null when there is no memory.
hfjson_parser *hfjson_create(void);

/// Frees the parser and the nodes of its last result. Null is allowed.
void hfjson_destroy(hfjson_parser *parser);

/// Checks all of `bytes` and emits the nodes down to the depth `detail` (the root has depth 0, what it holds
/// depth 1).
///
/// `max_depth` is the largest number of containers that may be open at once.
/// Time and memory are linear in `length`; the bytes are not kept. Never recursive.
hfjson_result hfjson_parse(
    hfjson_parser *parser, const uint8_t *bytes, size_t length, uint32_t max_depth, uint32_t detail);

/// The length in bytes of the longest text that fits the buffers which the parser holds now.
size_t hfjson_capacity(const hfjson_parser *parser);

/// What is known of an array's text behind the bytes that were read; all zero behind its opening bracket.
typedef struct hfjson_scan {
    int64_t depth;      ///< containers open in the array; -1 behind its end
    bool is_in_string;  ///< whether the next byte is in a string, or closes it
    bool is_escaped;    ///< whether a backslash takes the next byte's meaning away
} hfjson_scan;

/// Reads `bytes` from `start` on up to the comma or the bracket that ends an element of the array; answers where that
/// stands, or `length` when there is none.
///
/// Checks nothing: of a text that is not JSON it makes some elements.
size_t hfjson_element_end(hfjson_scan *scan, const uint8_t *bytes, size_t start, size_t length);

#ifdef __cplusplus
}
#endif

#endif
