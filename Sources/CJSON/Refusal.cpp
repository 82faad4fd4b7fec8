#include "Refusal.hpp"

namespace holdfast {

namespace {

/// The bounds of the second byte of a UTF-8 sequence, and the length of the sequence (0: no such first byte).
struct Lead {
    uint32_t length;
    uint8_t low;
    uint8_t high;
};

// The narrowed bounds keep out overlong forms (E0, F0), surrogates (ED) and values above U+10FFFF (F4).
Lead lead(uint8_t first) {
    if (first < 0x80) return {1, 0x80, 0xBF};
    if (first >= 0xC2 && first <= 0xDF) return {2, 0x80, 0xBF};
    if (first == 0xE0) return {3, 0xA0, 0xBF};
    if (first == 0xED) return {3, 0x80, 0x9F};
    if (first >= 0xE1 && first <= 0xEF) return {3, 0x80, 0xBF};
    if (first == 0xF0) return {4, 0x90, 0xBF};
    if (first >= 0xF1 && first <= 0xF3) return {4, 0x80, 0xBF};
    if (first == 0xF4) return {4, 0x80, 0x8F};
    return {0, 0, 0};
}

/// The length of the UTF-8 sequence at `p`, or 0 when there is none.
uint32_t sequence_length(const uint8_t *p, uint32_t remaining) {
    const Lead form = lead(*p);
    if (form.length == 1) return 1;
    if (form.length == 0 || form.length > remaining || p[1] < form.low || p[1] > form.high) return 0;
    for (uint32_t i = 2; i < form.length; ++i) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    return form.length;
}

}  // namespace

hfjson_result locate_refusal(const uint8_t *text, uint32_t length) {
    bool in_string = false;
    bool escaped = false;
    uint32_t opening = 0;
    for (uint32_t at = 0; at < length;) {
        const uint32_t step = sequence_length(text + at, length - at);
        if (step == 0) return {HFJSON_UTF8, at, "not UTF-8", nullptr, 0};
        const uint8_t c = text[at];
        if (in_string && c < 0x20) {
            return {HFJSON_SYNTAX, at, "control character in a string", nullptr, 0};
        }
        if (c == '"' && !escaped) {
            in_string = !in_string;
            opening = at;
        }
        escaped = c == '\\' && !escaped;
        at += step;
    }
    if (in_string) return {HFJSON_SYNTAX, opening, "the string has no end", nullptr, 0};
    return {HFJSON_SYNTAX, 0, "not JSON", nullptr, 0};
}

}  // namespace holdfast
