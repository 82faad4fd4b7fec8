// Where a text went wrong that stage 1 refused: stage 1 says that it did, but not where.

#pragma once

#include <cstddef>
#include <cstdint>

#include "CJSON.h"

namespace holdfast {

/// The first byte that is not UTF-8, the first control character in a string, or the string without an end,
/// whichever comes first. One byte at a time: only for texts that are known to be wrong.
hfjson_result locate_refusal(const uint8_t *text, uint32_t length);

}  // namespace holdfast
