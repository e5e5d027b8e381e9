/// Typed structured data that people can read before they sign (EIP-712), and the older prefix
/// for plain messages (EIP-191, version 0x45, `personal_sign`).
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::eth {

/// The domain of a signature. Members that are absent are absent from the type as well.
struct Eip712Domain {
  std::optional<std::string> name{};
  std::optional<std::string> version{};
  std::optional<U256> chain_id{};
  std::optional<Address> verifying_contract{};
  std::optional<Hash32> salt{};

  /// hashStruct of the domain.
  [[nodiscard]] Hash32 separator() const;
};

/// hashStruct(s) = keccak256(typeHash ‖ encodeData(s)), member by member in the order of the type.
/// Adding a member that the type does not have next is a programmer's error and aborts.
///
///     StructHash("Mail(Person from,Person to,string contents)Person(string name,address wallet)")
///         .add_struct(hash_of_from).add_struct(hash_of_to).add_string("Hello, Bob!").finish();
class StructHash {
 public:
  /// `encode_type` is the struct's own type, then those it refers to, in alphabetical order.
  explicit StructHash(std::string_view encode_type);

  /// uintN, intN (two's complement) and bool.
  StructHash& add(const U256& number);
  StructHash& add(const Address& address);
  /// bytes32 and shorter bytesN padded on the right.
  StructHash& add(const Hash32& word);
  StructHash& add_string(std::string_view text);
  StructHash& add_bytes(BytesView bytes);
  /// A member of struct type, by its own hashStruct.
  StructHash& add_struct(const Hash32& struct_hash);
  /// An array: its elements as encodeData writes each of them (words, or hashes).
  StructHash& add_array(std::span<const Hash32> elements);

  /// The hash; every member must have been added.
  [[nodiscard]] Hash32 finish() const;
  /// keccak256 of the type alone.
  [[nodiscard]] const Hash32& type_hash() const { return type_hash_; }

 private:
  StructHash& add_word(std::string_view expected, const Hash32& word);
  std::vector<std::string> members_;  ///< the Solidity type of each member
  std::size_t next_ = 0;
  Hash32 type_hash_;
  Bytes words_;
};

/// keccak256(0x1901 ‖ separator ‖ struct_hash): what is signed.
Hash32 eip712_digest(const Hash32& domain_separator, const Hash32& struct_hash);

/// keccak256("\x19Ethereum Signed Message:\n" ‖ length ‖ message): what `personal_sign` signs.
Hash32 personal_message_digest(BytesView message);

}  // namespace imo::eth
