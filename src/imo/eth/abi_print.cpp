#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/eth/abi.hpp"
#include "imo/eth/address.hpp"

#include <algorithm>

namespace imo::eth::abi {
namespace {

constexpr std::size_t kMostBytes = 64;    // of a byte string, before it is shortened
constexpr std::size_t kMostText = 200;    // of text
constexpr std::size_t kMostMembers = 16;  // of an array

/// Text of contracts is a stranger's: it must not drive a terminal.
std::string print_text(const Bytes& bytes) {
  const std::string_view text = as_text(BytesView(bytes).first(std::min(bytes.size(), kMostText)));
  return '"' + printable(text) + (bytes.size() > kMostText ? "...\"" : "\"");
}

std::string print_bytes(const Bytes& bytes) {
  if (bytes.size() <= kMostBytes) return to_hex(bytes);
  return to_hex(BytesView(bytes).first(kMostBytes)) + "... (" + std::to_string(bytes.size()) +
         " bytes)";
}

std::string print_number(const Type& type, const U256& number) {
  if (type.kind() == Type::Kind::kBool) return number.is_zero() ? "false" : "true";
  if (type.kind() == Type::Kind::kAddress) {
    Address address;
    const Hash32 word = number.to_be();
    std::copy(word.bytes.begin() + 12, word.bytes.end(), address.bytes.begin());
    return to_checksum(address);
  }
  const bool negative = type.kind() == Type::Kind::kInt && number.bit_length() == 256;
  return negative ? "-" + (U256() - number).to_dec() : number.to_dec();
}

std::string print_list(const Type& type, const Value::List& list) {
  const bool is_tuple = type.kind() == Type::Kind::kTuple;
  std::string text = is_tuple ? "(" : "[";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) text += ", ";
    if (!is_tuple && i == kMostMembers) {
      text += "... (" + std::to_string(list.size()) + ")";
      break;
    }
    const Type& member = is_tuple ? type.members()[i] : type.element();
    if (is_tuple && !member.name().empty()) text += member.name() + " = ";
    text += print(member, list[i]);
  }
  return text + (is_tuple ? ")" : "]");
}

}  // namespace

std::string print(const Type& type, const Value& value) {
  if (const U256* number = value.number()) return print_number(type, *number);
  if (const Bytes* bytes = value.bytes()) {
    return type.kind() == Type::Kind::kString ? print_text(*bytes) : print_bytes(*bytes);
  }
  return print_list(type, *value.list());
}

}  // namespace imo::eth::abi
