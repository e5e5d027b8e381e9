/// Recursive Length Prefix, the encoding of transactions (Ethereum yellow paper, appendix B).
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace imo::eth::rlp {

/// A byte string or a list of items.
class Item {
 public:
  /// The empty string.
  Item() = default;
  static Item string(BytesView bytes);
  static Item text(std::string_view text);
  /// Big-endian without leading zeros; zero is the empty string.
  static Item number(const U256& value);
  static Item list(std::vector<Item> items);

  [[nodiscard]] bool is_list() const { return is_list_; }
  /// The bytes of a string; empty for a list.
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  /// The members of a list; empty for a string.
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }

  /// The string as a number; refuses lists, leading zeros and more than 32 bytes.
  [[nodiscard]] Result<U256> to_number() const;
  /// The string as a number below 2^64.
  [[nodiscard]] Result<std::uint64_t> to_u64() const;
  /// The string when it has exactly `size` bytes.
  [[nodiscard]] Result<BytesView> to_fixed(std::size_t size) const;
  /// The list when it has exactly `count` members.
  [[nodiscard]] Result<const std::vector<Item>*> to_list(std::size_t count) const;

  friend bool operator==(const Item&, const Item&) = default;

 private:
  bool is_list_ = false;
  Bytes bytes_;
  std::vector<Item> items_;
};

Bytes encode(const Item& item);

/// Lists deeper than this are refused: no format of Ethereum comes near.
inline constexpr std::size_t kMaxDepth = 32;

/// Reads exactly one item that fills `input`. Refuses every encoding but the shortest, lengths
/// beyond the input, and depth beyond kMaxDepth; so encode(decode(x)) == x.
Result<Item> decode(BytesView input);

}  // namespace imo::eth::rlp
