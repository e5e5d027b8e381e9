/// Pieces of C++ that the header and the source of a binding are put together from.
#pragma once

#include "imo/eth/abigen/model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace imo::eth::abigen {

/// A `///` comment of lines that fit 100 columns.
std::string doc(std::string_view text);

/// `type name(parameters)`, one parameter a line when one line is too short.
std::string signature(std::string_view type, std::string_view name,
                      const std::vector<Field>& parameters);

/// `{0x12, 0xAB}`, eight bytes a line when there are many.
std::string braced(BytesView bytes);

/// A string literal of C++.
std::string quoted(std::string_view text);

}  // namespace imo::eth::abigen
