/// The ABI: a type as text up to the first newline, its encoded value behind it. What the strict
/// decoder accepts, the encoder writes again byte for byte, and both names and prints go through.
#include "imo/base/check.hpp"
#include "imo/eth/abi.hpp"
#include "imo/eth/errors.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

using namespace imo;  // NOLINT: a program of one file

void try_value(const eth::abi::Type& type, BytesView data) {
  const auto value = eth::abi::decode(type, data);
  if (!value) return;
  const auto again = eth::abi::encode(type, *value);
  IMO_CHECK(again && std::ranges::equal(*again, data), "a value does not come back as it was");
  IMO_CHECK(!eth::abi::print(type, *value).empty(), "a value prints as nothing");
}

void try_revert(BytesView data) {
  static constexpr std::array<eth::ErrorSignature, 1> kErrors = {
      {{{'a', 'b', 'c', 'd'}, "Nested", "((uint8[],string)[] parts,bool flag)", "Fuzz"}}};
  eth::ErrorRegistry registry;
  registry.add(kErrors);
  IMO_CHECK(!registry.describe(data).empty(), "a revert is described by nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(data, size);
  try_revert(input);
  const std::string_view text = as_text(input);
  const std::string_view line = text.substr(0, text.find('\n'));
  const auto type = eth::abi::Type::parse(line);
  if (!type) return 0;
  const auto again = eth::abi::Type::parse(type->canonical());
  IMO_CHECK(again && again->canonical() == type->canonical(), "a type does not come back");
  if (line.size() < size) try_value(*type, input.subspan(line.size() + 1));
  return 0;
}
