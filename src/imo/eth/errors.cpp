#include "imo/eth/errors.hpp"

#include "imo/base/check.hpp"
#include "imo/base/hex.hpp"

#include <algorithm>

namespace imo::eth {
namespace {

constexpr std::size_t kMostBytes = 100;  // of unknown revert data, before it is shortened

constexpr ErrorSignature kError{{0x08, 0xC3, 0x79, 0xA0}, "Error", "(string reason)", ""};
constexpr ErrorSignature kPanic{{0x4E, 0x48, 0x7B, 0x71}, "Panic", "(uint256 code)", ""};

/// Solidity documentation, "Panic via assert and Error via require".
std::string_view panic_meaning(std::uint64_t code) {
  switch (code) {
    case 0x01:
      return "assertion failed";
    case 0x11:
      return "arithmetic overflow";
    case 0x12:
      return "division by zero";
    case 0x21:
      return "no such enum value";
    case 0x22:
      return "broken storage encoding";
    case 0x31:
      return "pop from an empty array";
    case 0x32:
      return "array index out of bounds";
    case 0x41:
      return "too much memory";
    case 0x51:
      return "call of an uninitialised function";
    default:
      return "unknown panic";
  }
}

std::string unknown(BytesView data) {
  const std::string hex = to_hex(data.first(std::min(data.size(), kMostBytes)));
  return "unknown error " + hex + (data.size() > kMostBytes ? "..." : "");
}

std::string describe_panic(const abi::Value& members) {
  const U256 code = *members.list()->front().number();
  return std::string(panic_meaning(code.to_u64().value_or(0))) + " (panic " + code.to_quantity() +
         ")";
}

}  // namespace

void ErrorRegistry::add(std::span<const ErrorSignature> errors) {
  for (const ErrorSignature& error : errors) {
    const auto [known, fresh] = errors_.emplace(error.selector, error);
    if (!fresh && known->second.contract != error.contract) known->second.contract = "";
  }
}

std::string ErrorRegistry::describe(BytesView revert_data) const {
  if (revert_data.empty()) return "no reason given";
  abi::Selector selector{};
  if (revert_data.size() < selector.size()) return unknown(revert_data);
  std::copy_n(revert_data.begin(), selector.size(), selector.begin());
  const auto found = errors_.find(selector);
  const ErrorSignature* error = found == errors_.end() ? nullptr : &found->second;
  if (selector == kError.selector) error = &kError;
  if (selector == kPanic.selector) error = &kPanic;
  if (error == nullptr) return unknown(revert_data);

  const auto type = abi::Type::parse(error->types);
  IMO_CHECK(type.has_value(), "a registered error has types that are none");
  const auto members = abi::decode(*type, revert_data.subspan(selector.size()));
  if (!members) return unknown(revert_data);
  if (error == &kPanic) return describe_panic(*members);
  if (error == &kError) return abi::print(type->members().front(), members->list()->front());
  const std::string scope = error->contract.empty() ? "" : std::string(error->contract) + ".";
  return scope + std::string(error->name) + abi::print(*type, *members);
}

}  // namespace imo::eth
