/// Base64 (RFC 4648, section 4), as HTTP headers carry bytes.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <string>
#include <string_view>

namespace imo::crypto {

/// With `=` up to whole groups of four.
std::string to_base64(BytesView bytes);

/// Takes what to_base64 gives, and nothing else.
Result<Bytes> from_base64(std::string_view text);

}  // namespace imo::crypto
