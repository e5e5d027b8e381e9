#include "imo/eth/client_json.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/units.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

using nlohmann::json;

/// Tips below this are what empty blocks show, and buy no place in a full one: 0.01 gwei.
constexpr U256 kLeastTip{10'000'000};

tl::unexpected<Error> nonsense(const std::string& what) {
  return fail(ErrorKind::kNetwork, "the reply has " + what);
}

template <std::size_t N>
Result<FixedBytes<N>> read_fixed(const json& value) {
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with("0x")) {
    return nonsense("no 0x string where a hash or address belongs");
  }
  auto fixed = fixed_from_hex<N>(value.get_ref<const std::string&>());
  if (!fixed) return nonsense("a wrong hash or address: " + fixed.error().message);
  return fixed;
}

/// The members of one object, read one after the other; keeps the first fault.
class Members {
 public:
  Members(const json& object, std::string what) : object_(object), what_(std::move(what)) {
    if (!object.is_object()) fault_ = Error{ErrorKind::kNetwork, "the reply is no " + what_};
  }

  template <typename T>
  void read(const char* name, T& out, Result<T> (*reader)(const json&)) {
    const json* value = find(name);
    if (value == nullptr) {
      if (!fault_) fault_ = Error{ErrorKind::kNetwork, "the " + what_ + " has no " + name};
      return;
    }
    take(name, out, *value, reader);
  }

  /// As read, for a member that may be null or absent.
  template <typename T>
  void read_optional(const char* name, std::optional<T>& out, Result<T> (*reader)(const json&)) {
    const json* value = find(name);
    if (value == nullptr) return;
    T some{};
    take(name, some, *value, reader);
    if (!fault_) out = std::move(some);
  }

  void read_u64(const char* name, std::uint64_t& out) { read(name, out, &eth::read_u64); }
  void read_address(const char* name, Address& out) { read(name, out, &read_fixed<20>); }
  void read_hash(const char* name, Hash32& out) { read(name, out, &read_fixed<32>); }

  template <typename T>
  Result<T> finish(T value) {
    if (fault_) return tl::unexpected(std::move(*fault_));
    return value;
  }

 private:
  const json* find(const char* name) const {
    if (fault_) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  template <typename T>
  void take(const char* name, T& out, const json& value, Result<T> (*reader)(const json&)) {
    auto result = reader(value);
    if (result) {
      out = std::move(*result);
    } else {
      fault_ = result.error().within(what_ + "." + name);
    }
  }

  const json& object_;
  std::string what_;
  std::optional<Error> fault_;
};

template <typename T, Result<T> (*kReader)(const json&)>
Result<std::vector<T>> read_list(const json& value) {
  if (!value.is_array()) return nonsense("no array where one belongs");
  std::vector<T> items;
  items.reserve(value.size());
  for (const json& member : value) {
    IMO_TRY(T item, kReader(member));
    items.push_back(std::move(item));
  }
  return items;
}

Result<bool> read_bool(const json& value) {
  if (!value.is_boolean()) return nonsense("no boolean where one belongs");
  return value.get<bool>();
}

Result<bool> read_status(const json& value) {
  IMO_TRY(const std::uint64_t status, read_u64(value));
  if (status > 1) return nonsense("a status that is neither 0 nor 1");
  return status == 1;
}

template <typename Item, typename Write>
std::string write_list(const std::vector<Item>& items, Write write) {
  std::string text = "[";
  for (const Item& item : items) text += (text.size() > 1 ? "," : "") + write(item);
  return text + "]";
}

std::string quoted(BytesView bytes) {
  return '"' + to_hex(bytes) + '"';
}

}  // namespace

Result<U256> read_quantity(const json& value) {
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with("0x")) {
    return nonsense("no 0x string where a number belongs");
  }
  auto number = U256::parse(value.get_ref<const std::string&>());
  if (!number) return nonsense("a wrong number: " + number.error().message);
  return number;
}

Result<std::uint64_t> read_u64(const json& value) {
  IMO_TRY(const U256 number, read_quantity(value));
  const auto small = number.to_u64();
  if (!small) return nonsense("a number of more than 64 bits");
  return *small;
}

Result<Bytes> read_data(const json& value) {
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with("0x")) {
    return nonsense("no 0x string where data belongs");
  }
  auto bytes = from_hex(value.get_ref<const std::string&>());
  if (!bytes) return nonsense("wrong data: " + bytes.error().message);
  return bytes;
}

Result<Hash32> read_hash(const json& value) {
  return read_fixed<32>(value);
}

Result<Block> read_block(const json& value) {
  Block block;
  Members members(value, "block");
  members.read_u64("number", block.number);
  members.read_hash("hash", block.hash);
  members.read_hash("parentHash", block.parent_hash);
  members.read_u64("timestamp", block.timestamp);
  members.read_u64("gasLimit", block.gas_limit);
  members.read_u64("gasUsed", block.gas_used);
  members.read_address("miner", block.miner);
  std::optional<U256> base_fee;  // absent before London
  members.read_optional("baseFeePerGas", base_fee, &read_quantity);
  block.base_fee_per_gas = base_fee.value_or(U256());
  members.read("transactions", block.transactions, &read_list<Hash32, &read_fixed<32>>);
  return members.finish(std::move(block));
}

Result<TxInfo> read_transaction(const json& value) {
  TxInfo info;
  Members members(value, "transaction");
  members.read_hash("hash", info.hash);
  members.read_address("from", info.from);
  members.read_optional("to", info.to, &read_fixed<20>);
  members.read("value", info.value, &read_quantity);
  members.read("input", info.data, &read_data);
  members.read_u64("nonce", info.nonce);
  members.read_u64("gas", info.gas_limit);
  members.read_optional("blockNumber", info.block_number, &read_u64);
  return members.finish(std::move(info));
}

Result<Log> read_log(const json& value) {
  Log log;
  Members members(value, "log");
  members.read_address("address", log.address);
  members.read("topics", log.topics, &read_list<Hash32, &read_fixed<32>>);
  members.read("data", log.data, &read_data);
  members.read_u64("blockNumber", log.block_number);
  members.read_hash("blockHash", log.block_hash);
  members.read_hash("transactionHash", log.transaction_hash);
  members.read_u64("transactionIndex", log.transaction_index);
  members.read_u64("logIndex", log.log_index);
  std::optional<bool> removed;
  members.read_optional("removed", removed, &read_bool);
  log.removed = removed.value_or(false);
  return members.finish(std::move(log));
}

Result<TxReceipt> read_receipt(const json& value) {
  TxReceipt receipt;
  Members members(value, "receipt");
  members.read_hash("transactionHash", receipt.transaction_hash);
  members.read_u64("transactionIndex", receipt.transaction_index);
  members.read_u64("blockNumber", receipt.block_number);
  members.read_hash("blockHash", receipt.block_hash);
  members.read_address("from", receipt.from);
  members.read_optional("to", receipt.to, &read_fixed<20>);
  members.read_optional("contractAddress", receipt.contract_address, &read_fixed<20>);
  members.read("status", receipt.succeeded, &read_status);
  members.read_u64("gasUsed", receipt.gas_used);
  members.read_u64("cumulativeGasUsed", receipt.cumulative_gas_used);
  members.read("effectiveGasPrice", receipt.effective_gas_price, &read_quantity);
  members.read("logs", receipt.logs, &read_list<Log, &read_log>);
  return members.finish(std::move(receipt));
}

Result<Fees> read_fee_history(const json& value) {
  std::vector<U256> base_fees;
  std::optional<std::vector<std::vector<U256>>> rewards;
  Members members(value, "fee history");
  members.read("baseFeePerGas", base_fees, &read_list<U256, &read_quantity>);
  members.read_optional("reward", rewards,
                        &read_list<std::vector<U256>, &read_list<U256, &read_quantity>>);
  std::vector<U256> tips{kLeastTip};
  for (const auto& block : rewards.value_or(std::vector<std::vector<U256>>{})) {
    if (!block.empty()) tips.push_back(std::max(block.front(), kLeastTip));
  }
  IMO_TRY(base_fees, members.finish(std::move(base_fees)));
  if (base_fees.empty()) return nonsense("a fee history without blocks");
  const auto middle = tips.begin() + static_cast<std::ptrdiff_t>(tips.size() / 2);
  std::nth_element(tips.begin(), middle, tips.end());
  return Fees{.max_fee_per_gas = base_fees.back() + base_fees.back() + *middle,
              .max_priority_fee_per_gas = *middle};
}

std::string write_call(const CallRequest& request) {
  std::string text = R"({"data":)" + quoted(request.data);
  if (request.from) text += R"(,"from":)" + quoted(*request.from);
  if (request.to) text += R"(,"to":)" + quoted(*request.to);
  if (!request.value.is_zero()) text += R"(,"value":")" + request.value.to_quantity() + '"';
  if (request.gas_limit) text += R"(,"gas":")" + U256(*request.gas_limit).to_quantity() + '"';
  return text + "}";
}

std::string write_filter(const LogFilter& filter, std::uint64_t from_block,
                         std::uint64_t to_block) {
  std::string text = R"({"fromBlock":")" + U256(from_block).to_quantity() + R"(","toBlock":")" +
                     U256(to_block).to_quantity() + '"';
  if (!filter.addresses.empty()) {
    text += R"(,"address":)" +
            write_list(filter.addresses, [](const Address& address) { return quoted(address); });
  }
  if (!filter.topics.empty()) {
    text += R"(,"topics":)" + write_list(filter.topics, [](const std::vector<Hash32>& any) {
              return any.empty()
                         ? std::string("null")
                         : write_list(any, [](const Hash32& topic) { return quoted(topic); });
            });
  }
  return text + "}";
}

}  // namespace imo::eth
