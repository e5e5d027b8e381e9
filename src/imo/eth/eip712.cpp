#include "imo/eth/eip712.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"

#include <algorithm>

namespace imo::eth {
namespace {

/// The member types of `Name(type name,type name)...`, the first struct only.
std::vector<std::string> member_types(std::string_view encode_type) {
  const std::size_t open = encode_type.find('(');
  const std::size_t close = encode_type.find(')');
  IMO_CHECK(open != std::string_view::npos && close != std::string_view::npos && open < close,
            "an EIP-712 type reads Name(type name,...)");
  std::string_view members = encode_type.substr(open + 1, close - open - 1);
  std::vector<std::string> types;
  while (!members.empty()) {
    const std::string_view member = members.substr(0, members.find(','));
    types.emplace_back(member.substr(0, member.find(' ')));
    members.remove_prefix(std::min(member.size() + 1, members.size()));
  }
  return types;
}

bool is_number(std::string_view type) {
  return type.starts_with("uint") || type.starts_with("int") || type == "bool";
}

bool is_fixed_bytes(std::string_view type) {
  return type.size() > 5 && type.starts_with("bytes");
}

/// `expected` is a Solidity type, or one of the classes below.
bool matches(std::string_view type, std::string_view expected) {
  if (type.ends_with(']')) return expected == "array";
  if (expected == "number") return is_number(type);
  if (expected == "word") return is_fixed_bytes(type);
  if (expected == "struct") return !type.empty() && type.front() >= 'A' && type.front() <= 'Z';
  return type == expected;
}

}  // namespace

StructHash::StructHash(std::string_view encode_type)
    : members_(member_types(encode_type)), type_hash_(crypto::keccak256(as_bytes(encode_type))) {
  append(words_, type_hash_);
}

StructHash& StructHash::add_word(std::string_view expected, const Hash32& word) {
  IMO_CHECK(next_ < members_.size(), "more EIP-712 members than the type has");
  IMO_CHECK(matches(members_[next_], expected), "an EIP-712 member of another type comes next");
  ++next_;
  append(words_, word);
  return *this;
}

StructHash& StructHash::add(const U256& number) {
  return add_word("number", number.to_be());
}

StructHash& StructHash::add(const Address& address) {
  Hash32 word;
  std::copy(address.bytes.begin(), address.bytes.end(), word.bytes.begin() + 12);
  return add_word("address", word);
}

StructHash& StructHash::add(const Hash32& word) {
  return add_word("word", word);
}

StructHash& StructHash::add_string(std::string_view text) {
  return add_word("string", crypto::keccak256(as_bytes(text)));
}

StructHash& StructHash::add_bytes(BytesView bytes) {
  return add_word("bytes", crypto::keccak256(bytes));
}

StructHash& StructHash::add_struct(const Hash32& struct_hash) {
  return add_word("struct", struct_hash);
}

StructHash& StructHash::add_array(std::span<const Hash32> elements) {
  Bytes words;
  for (const Hash32& element : elements) append(words, element);
  return add_word("array", crypto::keccak256(words));
}

Hash32 StructHash::finish() const {
  IMO_CHECK(next_ == members_.size(), "fewer EIP-712 members than the type has");
  return crypto::keccak256(words_);
}

Hash32 Eip712Domain::separator() const {
  std::string type = "EIP712Domain(";
  const auto member = [&type](bool present, std::string_view text) {
    if (!present) return;
    if (!type.ends_with('(')) type += ',';
    type += text;
  };
  member(name.has_value(), "string name");
  member(version.has_value(), "string version");
  member(chain_id.has_value(), "uint256 chainId");
  member(verifying_contract.has_value(), "address verifyingContract");
  member(salt.has_value(), "bytes32 salt");
  StructHash hash(type + ")");
  if (name) hash.add_string(*name);
  if (version) hash.add_string(*version);
  if (chain_id) hash.add(*chain_id);
  if (verifying_contract) hash.add(*verifying_contract);
  if (salt) hash.add(*salt);
  return hash.finish();
}

Hash32 eip712_digest(const Hash32& domain_separator, const Hash32& struct_hash) {
  Bytes preimage{0x19, 0x01};
  append(preimage, domain_separator);
  append(preimage, struct_hash);
  return crypto::keccak256(preimage);
}

Hash32 personal_message_digest(BytesView message) {
  const std::string prefix =
      "\x19"
      "Ethereum Signed Message:\n" +
      std::to_string(message.size());
  Bytes preimage;
  append(preimage, as_bytes(prefix));
  append(preimage, message);
  return crypto::keccak256(preimage);
}

}  // namespace imo::eth
