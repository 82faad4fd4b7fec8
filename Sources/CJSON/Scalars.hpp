// The scalars of RFC 8259: where a literal or a number ends, and whether the escapes of a string are right.
//
// Every function may read some bytes behind the value. The caller's text is followed by spaces, and a space
// ends every scalar, so none of them needs to know the length of the text.

#pragma once

#include <cstdint>
#include <cstring>

namespace holdfast {

inline bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

inline bool is_hex_digit(uint8_t c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

/// Whether `c` may stand directly behind a literal or a number.
inline bool ends_scalar(uint8_t c) { return is_space(c) || c == ',' || c == ']' || c == '}'; }

/// The end of the one or more digits at `p`, or null when there is none.
inline const uint8_t *digits_end(const uint8_t *p) {
    if (!is_digit(*p)) return nullptr;
    while (is_digit(*p)) ++p;
    return p;
}

/// The end of the number at `p`, or null when no number stands there.
inline const uint8_t *number_end(const uint8_t *p) {
    if (*p == '-') ++p;
    if (*p == '0') {
        ++p;
    } else if (!(p = digits_end(p))) {
        return nullptr;
    }
    if (*p == '.' && !(p = digits_end(p + 1))) return nullptr;
    if (*p == 'e' || *p == 'E') {
        ++p;
        if (*p == '+' || *p == '-') ++p;
        p = digits_end(p);
    }
    return p;
}

/// The end of `literal` at `p`, or null when something else stands there.
template <size_t size>
inline const uint8_t *literal_end(const uint8_t *p, const char (&literal)[size]) {
    return std::memcmp(p, literal, size - 1) == 0 ? p + size - 1 : nullptr;
}

/// The end of the escape whose backslash is at `p`, or null when it is none of RFC 8259's.
/// A surrogate without its partner is an escape like any other.
inline const uint8_t *escape_end(const uint8_t *p) {
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 2;
    case 'u':
        for (int i = 2; i < 6; ++i) {
            if (!is_hex_digit(p[i])) return nullptr;
        }
        return p + 6;
    default:
        return nullptr;
    }
}

/// The first backslash from `p` up to `end`, or null.
inline const uint8_t *find_backslash(const uint8_t *p, const uint8_t *end) {
    return static_cast<const uint8_t *>(std::memchr(p, '\\', static_cast<size_t>(end - p)));
}

}  // namespace holdfast
