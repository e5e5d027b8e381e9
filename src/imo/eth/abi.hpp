/// The contract ABI of Solidity: types, values, and the strict encoding between them.
/// Source: Solidity documentation, "Contract ABI Specification".
///
/// There is one codec, over Type and Value. Generated bindings convert their structs to and from
/// Value (abi_bind.hpp); messages print Values whose types came as text.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace imo::eth::abi {

/// A type of the ABI, with the names that its members may carry.
class Type {
 public:
  enum class Kind {
    kUint,
    kInt,
    kBool,
    kAddress,
    kFixedBytes,
    kBytes,
    kString,
    kArray,       ///< T[]
    kFixedArray,  ///< T[k]
    kTuple,
  };

  /// Reads `uint256`, `(address to,(uint16 bps,bytes32)[4] parts)[]`, `(uint256 indexed id)`, ...
  /// `uint` and `int` mean 256 bits; `function` means bytes24. Refuses fixed-point numbers, `T[0]`,
  /// empty tuples inside another type, nesting beyond kMaxTypeDepth and static parts beyond
  /// kMaxHeadBytes.
  static Result<Type> parse(std::string_view text);

  [[nodiscard]] Kind kind() const { return kind_; }
  /// Bits of an integer, bytes of a bytesN, elements of a T[k]; else 0.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// The element type of an array.
  [[nodiscard]] const Type& element() const { return members_.front(); }
  /// The members of a tuple.
  [[nodiscard]] const std::vector<Type>& members() const { return members_; }
  /// The name this type had as a member; may be empty.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Marked `indexed` as a member of an event.
  [[nodiscard]] bool indexed() const { return indexed_; }
  /// Its encoding has a tail, because its length varies.
  [[nodiscard]] bool is_dynamic() const { return dynamic_; }
  /// Bytes in the head of what contains it: 32 for an offset, else the whole.
  [[nodiscard]] std::size_t head_bytes() const { return dynamic_ ? 32 : static_bytes_; }
  /// As signatures spell it: no names, no spaces, tuples in parentheses.
  [[nodiscard]] std::string canonical() const;

 private:
  friend class TypeParser;
  Kind kind_ = Kind::kUint;
  std::size_t size_ = 0;
  std::size_t static_bytes_ = 32;
  bool dynamic_ = false;
  bool indexed_ = false;
  std::string name_;
  std::vector<Type> members_;
};

inline constexpr std::size_t kMaxTypeDepth = 16;
inline constexpr std::size_t kMaxHeadBytes = std::size_t{1} << 20;

/// A value of some Type, which the reader must know.
struct Value {
  using List = std::vector<Value>;
  /// Numbers, booleans (0 or 1), addresses (as numbers) and two's-complement integers; byte strings
  /// of fixed or free length and text; arrays and tuples.
  std::variant<U256, Bytes, List> data;

  Value() = default;
  Value(U256 number) : data(number) {}            // NOLINT: a number is a value
  Value(Bytes bytes) : data(std::move(bytes)) {}  // NOLINT: likewise
  Value(List list) : data(std::move(list)) {}     // NOLINT: likewise

  [[nodiscard]] const U256* number() const { return std::get_if<U256>(&data); }
  [[nodiscard]] const Bytes* bytes() const { return std::get_if<Bytes>(&data); }
  [[nodiscard]] const List* list() const { return std::get_if<List>(&data); }
  friend bool operator==(const Value&, const Value&) = default;
};

/// Encodes `value` as `type`, which is a tuple for anything that a contract sees. Fails when the
/// value has another shape or does not fit: a number too wide, a list of the wrong length.
Result<Bytes> encode(const Type& type, const Value& value);

/// Reads exactly what encode writes, and nothing else: every offset points to where its tail must
/// be, padding is zero, numbers fit, nothing is left over. So encode(decode(x)) == x, and the size
/// of the value is bounded by that of the data. Solidity and Vyper always write this form.
Result<Value> decode(const Type& type, BytesView data);

/// The value for people: `(price = 5, to = 0xAb…)`; long byte strings are shortened.
std::string print(const Type& type, const Value& value);

/// First four bytes of the hash of a signature, as functions and errors are told apart.
using Selector = std::array<std::uint8_t, 4>;

/// `signature` is canonical: `transfer(address,uint256)`.
Selector selector_of(std::string_view signature);
/// The topic of an event of this canonical signature.
Hash32 topic_of(std::string_view signature);

}  // namespace imo::eth::abi
