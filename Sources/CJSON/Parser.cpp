// The C interface: a parser's buffers, and stage 1 of simdjson over them.

#include "CJSON.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "Refusal.hpp"
#include "Walker.hpp"

using simdjson::internal::dom_parser_implementation;

struct hfjson_parser {
    std::unique_ptr<uint8_t[]> text;  ///< `capacity` bytes and the padding that simdjson may read
    size_t capacity = 0;
    std::unique_ptr<dom_parser_implementation> stage1;
    std::vector<hfjson_node> nodes;
    std::vector<holdfast::Walker::Open> open;
};

namespace {

constexpr size_t smallest_capacity = 4096;

hfjson_result refusal(hfjson_status status, const char *reason) { return {status, 0, reason, nullptr, 0}; }

/// Makes room for a text of `length` bytes. False, with no buffers at all, when there is no memory for it.
bool reserve(hfjson_parser &parser, size_t length) {
    if (length <= parser.capacity) return true;
    const size_t doubled = std::min<size_t>(parser.capacity * 2, UINT32_MAX);
    const size_t capacity = std::max({length, doubled, smallest_capacity});
    parser.capacity = 0;
    parser.stage1.reset();
    parser.text.reset(new (std::nothrow) uint8_t[capacity + simdjson::SIMDJSON_PADDING]);
    if (parser.text == nullptr) return false;
    // The depth given here sizes only the buffers of stage 2, which never runs.
    const auto error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, parser.stage1);
    if (error) return false;
    parser.capacity = capacity;
    return true;
}

}  // namespace

extern "C" {

hfjson_parser *hfjson_create(void) { return new (std::nothrow) hfjson_parser; }

void hfjson_destroy(hfjson_parser *parser) { delete parser; }

size_t hfjson_capacity(const hfjson_parser *parser) { return parser->capacity; }

hfjson_result hfjson_parse(
    hfjson_parser *parser, const uint8_t *bytes, size_t length, uint32_t max_depth, uint32_t detail) {
    if (length > UINT32_MAX) return refusal(HFJSON_TOO_LARGE, "longer than 4 GiB - 1");
    if (length == 0) return refusal(HFJSON_EMPTY, "no value");
    if (!reserve(*parser, length)) return refusal(HFJSON_TOO_LARGE, "no memory for a text of this length");

    uint8_t *text = parser->text.get();
    std::memcpy(text, bytes, length);
    std::memset(text + length, ' ', simdjson::SIMDJSON_PADDING);

    const auto size = static_cast<uint32_t>(length);
    const auto error = parser->stage1->stage1(text, length, simdjson::stage1_mode::regular);
    if (error == simdjson::EMPTY) return refusal(HFJSON_EMPTY, "no value");
    if (error) return holdfast::locate_refusal(text, size);

    const holdfast::Tokens tokens = {
        text, size, parser->stage1->structural_indexes.get(), parser->stage1->n_structural_indexes};
    return holdfast::Walker(tokens, max_depth, detail, parser->nodes, parser->open).walk();
}

}  // extern "C"
