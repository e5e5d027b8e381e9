#include "imo/eth/transaction.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/eth/rlp.hpp"

#include <algorithm>

namespace imo::eth {
namespace {

using rlp::Item;

constexpr std::uint8_t kType = 0x02;
constexpr std::size_t kUnsignedFields = 9;
constexpr std::size_t kSignedFields = 12;

Item access_list_item(const std::vector<AccessListEntry>& entries) {
  std::vector<Item> list;
  for (const AccessListEntry& entry : entries) {
    std::vector<Item> keys;
    for (const Hash32& key : entry.storage_keys) keys.push_back(Item::string(key));
    list.push_back(Item::list({Item::string(entry.address), Item::list(std::move(keys))}));
  }
  return Item::list(std::move(list));
}

std::vector<Item> fields_of(const Transaction& tx) {
  return {Item::number(tx.chain_id),
          Item::number(tx.nonce),
          Item::number(tx.max_priority_fee_per_gas),
          Item::number(tx.max_fee_per_gas),
          Item::number(tx.gas_limit),
          tx.to ? Item::string(*tx.to) : Item(),
          Item::number(tx.value),
          Item::string(tx.data),
          access_list_item(tx.access_list)};
}

Bytes envelope(std::vector<Item> fields) {
  Bytes bytes{kType};
  append(bytes, rlp::encode(Item::list(std::move(fields))));
  return bytes;
}

template <std::size_t N>
Result<FixedBytes<N>> fixed(const Item& item) {
  IMO_TRY(const BytesView bytes, item.to_fixed(N));
  FixedBytes<N> value;
  std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
  return value;
}

Result<std::vector<AccessListEntry>> read_access_list(const Item& item) {
  if (!item.is_list()) return invalid("the access list is not a list");
  std::vector<AccessListEntry> entries;
  for (const Item& member : item.items()) {
    IMO_TRY(const auto* pair, member.to_list(2));
    AccessListEntry entry;
    IMO_TRY(entry.address, fixed<20>((*pair)[0]));
    if (!(*pair)[1].is_list()) return invalid("the storage keys are not a list");
    for (const Item& key : (*pair)[1].items()) {
      IMO_TRY(const Hash32 word, fixed<32>(key));
      entry.storage_keys.push_back(word);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<Transaction> read_body(const std::vector<Item>& fields) {
  Transaction tx;
  IMO_TRY(tx.chain_id, fields[0].to_u64());
  IMO_TRY(tx.nonce, fields[1].to_u64());
  IMO_TRY(tx.max_priority_fee_per_gas, fields[2].to_number());
  IMO_TRY(tx.max_fee_per_gas, fields[3].to_number());
  IMO_TRY(tx.gas_limit, fields[4].to_u64());
  if (fields[5].is_list() || !fields[5].bytes().empty()) {
    IMO_TRY(tx.to, fixed<20>(fields[5]));
  }
  IMO_TRY(tx.value, fields[6].to_number());
  if (fields[7].is_list()) return invalid("the data is a list");
  tx.data = fields[7].bytes();
  IMO_TRY(tx.access_list, read_access_list(fields[8]));
  return tx;
}

/// Through the 65-byte form, so that one place decides which signatures are acceptable.
Result<crypto::Signature> read_signature(const std::vector<Item>& fields) {
  IMO_TRY(const std::uint64_t parity, fields[kUnsignedFields].to_u64());
  if (parity > 1) return invalid("y_parity is neither 0 nor 1");
  IMO_TRY(const U256 r, fields[kUnsignedFields + 1].to_number());
  IMO_TRY(const U256 s, fields[kUnsignedFields + 2].to_number());
  Bytes bytes;
  append(bytes, r.to_be());
  append(bytes, s.to_be());
  bytes.push_back(static_cast<std::uint8_t>(parity));
  return crypto::Signature::from_bytes(bytes);
}

Result<SignedTransaction> read_signed(BytesView bytes) {
  if (bytes.empty() || bytes.front() != kType) return invalid("not of type 2 (EIP-1559)");
  IMO_TRY(const Item item, rlp::decode(bytes.subspan(1)));
  IMO_TRY(const auto* fields, item.to_list(kSignedFields));
  IMO_TRY(Transaction body, read_body(*fields));
  IMO_TRY(const crypto::Signature signature, read_signature(*fields));
  return SignedTransaction{std::move(body), signature};
}

}  // namespace

Hash32 signing_hash(const Transaction& transaction) {
  return crypto::keccak256(envelope(fields_of(transaction)));
}

Bytes SignedTransaction::encode() const {
  std::vector<Item> fields = fields_of(body);
  fields.push_back(Item::number(signature.y_parity));
  for (const Hash32* word : {&signature.r, &signature.s}) {
    fields.push_back(Item::number(U256::from_be(*word).value()));
  }
  return envelope(std::move(fields));
}

Hash32 SignedTransaction::hash() const {
  return crypto::keccak256(encode());
}

Result<Address> SignedTransaction::sender() const {
  return crypto::recover(signing_hash(body), signature);
}

Result<SignedTransaction> SignedTransaction::decode(BytesView bytes) {
  auto decoded = read_signed(bytes);
  if (!decoded) return tl::unexpected(decoded.error().within("transaction"));
  return decoded;
}

SignedTransaction sign(Transaction transaction, const crypto::SecretKey& key) {
  const crypto::Signature signature = key.sign(signing_hash(transaction));
  return {std::move(transaction), signature};
}

std::uint64_t calldata_floor(BytesView calldata) {
  const auto zeros =
      static_cast<std::uint64_t>(std::count(calldata.begin(), calldata.end(), std::uint8_t{0}));
  return 21'000 + 10 * zeros + 40 * (calldata.size() - zeros);
}

}  // namespace imo::eth
