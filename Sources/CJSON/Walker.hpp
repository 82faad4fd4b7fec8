// The grammar of RFC 8259, walked over the tokens that stage 1 found.

#pragma once

#include <cstdint>
#include <vector>

#include "CJSON.h"

namespace holdfast {

/// The text and where its tokens start: every brace, bracket, colon and comma outside strings, and the first
/// byte of every string, number and literal (or of what stands in their place).
struct Tokens {
    const uint8_t *text;      ///< followed by spaces
    uint32_t length;
    const uint32_t *offsets;  ///< ascending, each below `length`
    uint32_t count;
};

/// Checks one text and lists its nodes. Used once, for one text; the vectors keep their memory for the next.
class Walker {
public:
    /// A container whose end has not come yet.
    struct Open {
        uint32_t node;  ///< its node, or `no_node`
        uint8_t closer; ///< the byte that ends it
    };

    Walker(
        Tokens tokens, uint32_t max_depth, uint32_t detail, std::vector<hfjson_node> &nodes, std::vector<Open> &open)
        : tokens(tokens), max_depth(max_depth), detail(detail), nodes(nodes), open(open) {}

    /// Walks the whole text. Its nodes are in the vector when the status is `HFJSON_OK`.
    /// A node list that finds no memory ends the process, as a Swift array would.
    hfjson_result walk() noexcept;

private:
    static constexpr uint32_t no_node = UINT32_MAX;

    enum class Step { failed, value_expected, value_complete };

    Step begin_value();
    Step begin_container(uint32_t at, hfjson_kind kind, uint8_t closer);
    Step after_value();
    Step end_container(uint32_t at);
    Step member_key();
    Step scalar(uint32_t at, hfjson_kind kind, const uint8_t *end);
    bool string(uint32_t at, uint8_t flags);
    bool end_of_text();

    uint32_t token_offset() const { return next < tokens.count ? tokens.offsets[next] : tokens.length; }
    uint8_t token_byte() const { return tokens.text[token_offset()]; }
    uint32_t emit(uint32_t start, uint32_t end, hfjson_kind kind, uint8_t flags);
    bool fail(hfjson_status status, uint32_t at, const char *reason);

    const Tokens tokens;
    const uint32_t max_depth;
    const uint32_t detail;
    std::vector<hfjson_node> &nodes;
    std::vector<Open> &open;
    uint32_t next = 0;  ///< the token to read next
    hfjson_result result = {HFJSON_OK, 0, nullptr, nullptr, 0};
};

}  // namespace holdfast
