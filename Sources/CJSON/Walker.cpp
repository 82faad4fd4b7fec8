#include "Walker.hpp"

#include "Scalars.hpp"

namespace holdfast {

hfjson_result Walker::walk() noexcept {
    nodes.clear();
    open.clear();
    Step step = begin_value();
    while (step != Step::failed) {
        if (step == Step::value_expected) {
            step = begin_value();
        } else if (!open.empty()) {
            step = after_value();
        } else {
            if (end_of_text()) {
                result.nodes = nodes.data();
                result.node_count = static_cast<uint32_t>(nodes.size());
            }
            break;
        }
    }
    return result;
}

Walker::Step Walker::begin_value() {
    const uint32_t at = token_offset();
    ++next;
    const uint8_t *p = tokens.text + at;
    switch (*p) {
    case '{': return begin_container(at, HFJSON_OBJECT, '}');
    case '[': return begin_container(at, HFJSON_ARRAY, ']');
    case '"': return string(at, 0) ? Step::value_complete : Step::failed;
    case 't': return scalar(at, HFJSON_BOOL, literal_end(p, "true"));
    case 'f': return scalar(at, HFJSON_BOOL, literal_end(p, "false"));
    case 'n': return scalar(at, HFJSON_NULL, literal_end(p, "null"));
    default: return scalar(at, HFJSON_NUMBER, number_end(p));
    }
}

Walker::Step Walker::begin_container(uint32_t at, hfjson_kind kind, uint8_t closer) {
    if (open.size() >= max_depth) {
        fail(HFJSON_DEPTH, at, "nested too deeply");
        return Step::failed;
    }
    const uint8_t flags = open.size() == detail ? uint8_t{HFJSON_FLAG_CLOSED} : uint8_t{0};
    open.push_back({emit(at, at, kind, flags), closer});
    if (token_byte() == closer) return end_container(token_offset());
    return kind == HFJSON_OBJECT ? member_key() : Step::value_expected;
}

Walker::Step Walker::after_value() {
    const uint32_t at = token_offset();
    const uint8_t closer = open.back().closer;
    if (tokens.text[at] == closer) return end_container(at);
    if (tokens.text[at] != ',') {
        fail(HFJSON_SYNTAX, at, closer == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
        return Step::failed;
    }
    ++next;
    return closer == '}' ? member_key() : Step::value_expected;
}

Walker::Step Walker::end_container(uint32_t at) {
    ++next;
    const uint32_t index = open.back().node;
    open.pop_back();
    if (index != no_node) {
        nodes[index].end = at + 1;
        nodes[index].next = static_cast<uint32_t>(nodes.size());
    }
    return Step::value_complete;
}

Walker::Step Walker::member_key() {
    const uint32_t at = token_offset();
    if (tokens.text[at] != '"') {
        fail(HFJSON_SYNTAX, at, "expected a key in quotes");
        return Step::failed;
    }
    ++next;
    if (!string(at, HFJSON_FLAG_KEY)) return Step::failed;
    if (token_byte() != ':') {
        fail(HFJSON_SYNTAX, token_offset(), "expected ':'");
        return Step::failed;
    }
    ++next;
    return Step::value_expected;
}

Walker::Step Walker::scalar(uint32_t at, hfjson_kind kind, const uint8_t *end) {
    if (end == nullptr || !ends_scalar(*end)) {
        fail(HFJSON_SYNTAX, at, "expected a value");
        return Step::failed;
    }
    emit(at, static_cast<uint32_t>(end - tokens.text), kind, 0);
    return Step::value_complete;
}

bool Walker::string(uint32_t at, uint8_t flags) {
    // Stage 1 makes a token of whatever follows a string, so only whitespace is between its quote and that
    // token.
    const uint8_t *quote = tokens.text + token_offset() - 1;
    while (is_space(*quote)) --quote;
    const uint8_t *p = tokens.text + at + 1;
    if (quote < p || *quote != '"') return fail(HFJSON_SYNTAX, at, "the string has no end");
    while ((p = find_backslash(p, quote)) != nullptr) {
        flags |= HFJSON_FLAG_ESCAPED;
        const uint8_t *end = escape_end(p);
        if (end == nullptr || end > quote) {
            return fail(HFJSON_SYNTAX, static_cast<uint32_t>(p - tokens.text), "unknown escape in a string");
        }
        p = end;
    }
    emit(at, static_cast<uint32_t>(quote + 1 - tokens.text), HFJSON_STRING, flags);
    return true;
}

bool Walker::end_of_text() {
    return next == tokens.count || fail(HFJSON_SYNTAX, token_offset(), "expected the end of the text");
}

uint32_t Walker::emit(uint32_t start, uint32_t end, hfjson_kind kind, uint8_t flags) {
    if (open.size() > detail) return no_node;
    const uint32_t index = static_cast<uint32_t>(nodes.size());
    nodes.push_back({start, end, index + 1, static_cast<uint8_t>(kind), flags});
    return index;
}

bool Walker::fail(hfjson_status status, uint32_t at, const char *reason) {
    result.status = status;
    result.error_offset = at;
    result.reason = reason;
    return false;
}

}  // namespace holdfast
