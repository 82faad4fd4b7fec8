// Where the elements of an array end: the text is read 64 bytes at a time, as masks with a bit for each byte.

#include <algorithm>
#include <cstring>

#include "CJSON.h"

namespace {

constexpr size_t width = 64;
using Bytes = uint8_t __attribute__((ext_vector_type(64)));
using Flags = bool __attribute__((ext_vector_type(64)));

/// Loads the 64 bytes at `p`, or the `count` that there are and zeros.
inline void load(Bytes &bytes, const uint8_t *p, size_t count) {
    if (count >= width) {
        std::memcpy(&bytes, p, width);
    } else {
        uint8_t rest[width] = {};
        std::memcpy(rest, p, count);
        std::memcpy(&bytes, rest, width);
    }
}

/// A bit for each byte of `bytes` that is `byte`.
inline uint64_t places(const Bytes &bytes, uint8_t byte) {
    return __builtin_bit_cast(uint64_t, __builtin_convertvector(bytes == byte, Flags));
}

/// A bit for each byte that an odd number of backslashes comes before; the first one's is given as `first`.
inline uint64_t escaped(uint64_t backslashes, uint64_t first) {
    if (backslashes == 0) return first;
    // The borrow of the subtraction runs through each series of backslashes, as in simdjson.
    constexpr uint64_t odd = 0xAAAAAAAAAAAAAAAA;
    const uint64_t starts = backslashes & ~first;
    const uint64_t codes = (((starts << 1) | odd) - starts) ^ odd;
    return codes ^ (backslashes | first);
}

/// For each bit whether an odd number of bits is set up to it.
inline uint64_t parity(uint64_t bits) {
    for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
}

/// Whether an element ends at `byte`, which is in no string.
inline bool ends_element(uint8_t byte, int64_t &depth) {
    switch (byte) {
    case '{': case '[': depth += 1; return false;
    case '}': case ']': depth -= 1; return depth < 0;
    default: return depth == 0;
    }
}

}  // namespace

extern "C" size_t hfjson_element_end(hfjson_scan *scan, const uint8_t *bytes, size_t start, size_t length) {
    hfjson_scan state = *scan;
    for (size_t at = start; at < length; at += width) {
        const size_t count = std::min(length - at, width);
        Bytes text;
        load(text, bytes + at, count);
        const uint64_t backslashes = places(text, '\\');
        const uint64_t behind = escaped(backslashes, state.is_escaped);
        const uint64_t in_string = parity(places(text, '"') & ~behind) ^ (0 - uint64_t{state.is_in_string});
        // With this bit '[' is '{', and ']' is '}'.
        const Bytes folded = text | 0x20;
        uint64_t marks = (places(folded, '{') | places(folded, '}') | places(text, ',')) & ~in_string;
        for (; marks != 0; marks &= marks - 1) {
            const size_t place = at + static_cast<size_t>(__builtin_ctzll(marks));
            if (!ends_element(bytes[place], state.depth)) continue;
            *scan = {state.depth, false, false};
            return place;
        }
        const uint64_t last = uint64_t{1} << (count - 1);
        state.is_in_string = (in_string & last) != 0;
        state.is_escaped = (backslashes & ~behind & last) != 0;
    }
    *scan = state;
    return length;
}
