#include "imo/node/transaction_manager.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"

#include <algorithm>
#include <array>

namespace imo::node {
namespace {

constexpr std::array<const char*, 5> kStateNames{"sent", "mined", "settled", "reverted", "dropped"};

constexpr const char* kColumns =
    "key, name, state, nonce, target, value, data, gas_limit, max_fee, max_tip, raw, hash, "
    "sent_at, block_number, gas_used";

const char* state_name(TransactionState state) {
  return kStateNames.at(static_cast<std::size_t>(state));
}

TransactionState parse_state(const std::string& name) {
  const auto* found = std::find(kStateNames.begin(), kStateNames.end(), name);
  if (found == kStateNames.end()) throw SQLite::Exception("unknown state " + name);
  return static_cast<TransactionState>(found - kStateNames.begin());
}

U256 number(const SQLite::Statement& row, int column) {
  return *U256::from_be(fixed_blob<32>(row, column));  // 32 bytes always fit
}

TransactionRecord read_record(const SQLite::Statement& row) {
  TransactionRecord record;
  record.key = row.getColumn(0).getString();
  record.name = row.getColumn(1).getString();
  record.state = parse_state(row.getColumn(2).getString());
  record.body.nonce = u64(row, 3);
  record.body.to = fixed_blob<20>(row, 4);
  record.body.value = number(row, 5);
  record.body.data = blob(row, 6);
  record.body.gas_limit = u64(row, 7);
  record.body.max_fee_per_gas = number(row, 8);
  record.body.max_priority_fee_per_gas = number(row, 9);
  record.raw = blob(row, 10);
  record.hash = fixed_blob<32>(row, 11);
  record.sent_at = u64(row, 12);
  record.block_number = u64(row, 13);
  record.gas_used = u64(row, 14);
  return record;
}

std::uint64_t unix_now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

/// A replacement must pay at least a tenth more than what it replaces (the pools' common rule).
U256 raised(const U256& fee) {
  return fee + fee / U256(8) + U256(1);
}

}  // namespace

TransactionManager::TransactionManager(eth::Client& client, Store& store, crypto::SecretKey key,
                                       std::uint64_t chain_id, TransactionOptions options)
    : client_(&client),
      store_(&store),
      key_(std::move(key)),
      address_(key_.address()),
      chain_id_(chain_id),
      options_(options) {}

Result<TransactionRecord> TransactionManager::ensure(const std::string& key, const char* name,
                                                     const Address& to, BytesView data,
                                                     const U256& value) {
  IMO_TRY(auto known, find(key));
  if (known && known->state != TransactionState::kDropped) return *known;
  const eth::CallRequest request{address_, to, value, Bytes(data.begin(), data.end()),
                                 std::nullopt};
  const auto gas = client_->estimate_gas(request);
  if (!gas) return tl::unexpected(gas.error().within(name));
  IMO_TRY(const auto fees, client_->fees());

  TransactionRecord record;
  record.key = key;
  record.name = name;
  IMO_TRY(record.body.nonce, next_nonce());
  record.body.to = to;
  record.body.value = value;
  record.body.data = request.data;
  record.body.gas_limit = eth::gas_with_margin(*gas, options_.gas_margin_percent);
  record.body.max_fee_per_gas = fees.max_fee_per_gas;
  record.body.max_priority_fee_per_gas = fees.max_priority_fee_per_gas;
  sign(record);
  IMO_TRY_VOID(save(record));
  if (auto sent = broadcast(record); !sent) {
    log::warning("{} is stored and will be sent later: {}", name, sent.error().message);
  }
  return record;
}

void TransactionManager::sign(TransactionRecord& record) {
  record.body.chain_id = chain_id_;
  const auto signed_transaction = eth::sign(record.body, key_);
  record.raw = signed_transaction.encode();
  record.hash = signed_transaction.hash();
  record.sent_at = unix_now();
  record.state = TransactionState::kSent;
}

Result<std::uint64_t> TransactionManager::next_nonce() {
  IMO_TRY(const auto chain, client_->nonce(address_));
  // What is stored but not yet known to this peer counts as well.
  return store_->read("nonce", [&](SQLite::Database& database) {
    SQLite::Statement select(database,
                             "SELECT coalesce(max(nonce) + 1, 0) FROM transactions WHERE state = "
                             "'sent'");
    select.executeStep();
    return std::max(chain, u64(select, 0));
  });
}

Result<void> TransactionManager::save(const TransactionRecord& record) {
  return store_->write("transaction", [&](SQLite::Database& database) {
    SQLite::Statement insert(database,
                             std::string("INSERT OR REPLACE INTO transactions (") + kColumns +
                                 ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, record.key);
    insert.bind(2, record.name);
    insert.bind(3, state_name(record.state));
    insert.bind(4, sql_int(record.body.nonce));
    bind_blob(insert, 5, record.body.to.value_or(Address{}));
    bind_blob(insert, 6, record.body.value.to_be());
    bind_blob(insert, 7, record.body.data);
    insert.bind(8, sql_int(record.body.gas_limit));
    bind_blob(insert, 9, record.body.max_fee_per_gas.to_be());
    bind_blob(insert, 10, record.body.max_priority_fee_per_gas.to_be());
    bind_blob(insert, 11, record.raw);
    bind_blob(insert, 12, record.hash);
    insert.bind(13, sql_int(record.sent_at));
    insert.bind(14, sql_int(record.block_number));
    insert.bind(15, sql_int(record.gas_used));
    insert.exec();
    SQLite::Statement version(database,
                              "INSERT OR REPLACE INTO transaction_versions VALUES (?, ?)");
    bind_blob(version, 1, record.hash);
    version.bind(2, record.key);
    version.exec();
  });
}

Result<void> TransactionManager::broadcast(const TransactionRecord& record) {
  return client_->send_raw(record.raw).map([](const Hash32&) {});
}

Result<std::optional<TransactionRecord>> TransactionManager::find(const std::string& key) {
  return store_->read(
      "transaction", [&](SQLite::Database& database) -> std::optional<TransactionRecord> {
        SQLite::Statement select(
            database, std::string("SELECT ") + kColumns + " FROM transactions WHERE key = ?");
        select.bind(1, key);
        if (!select.executeStep()) return std::nullopt;
        return read_record(select);
      });
}

Result<std::vector<TransactionRecord>> TransactionManager::in_state(TransactionState state) {
  return store_->read("transactions", [&](SQLite::Database& database) {
    SQLite::Statement select(database, std::string("SELECT ") + kColumns +
                                           " FROM transactions WHERE state = ? ORDER BY nonce");
    select.bind(1, state_name(state));
    std::vector<TransactionRecord> records;
    while (select.executeStep()) records.push_back(read_record(select));
    return records;
  });
}

Result<void> TransactionManager::tend(std::uint64_t head_block) {
  IMO_TRY(const auto mined, in_state(TransactionState::kMined));
  for (const auto& record : mined) IMO_TRY_VOID(tend_mined(record, head_block));
  IMO_TRY(const auto sent, in_state(TransactionState::kSent));
  if (sent.empty()) return {};
  // Asked before the receipts: a transaction mined in between is found by its receipt.
  IMO_TRY(const auto mined_count, client_->nonce(address_, eth::BlockTag::latest()));
  for (const auto& record : sent) IMO_TRY_VOID(tend_sent(record, mined_count));
  return {};
}

Result<std::optional<eth::TxReceipt>> TransactionManager::receipt_of(
    const TransactionRecord& record) {
  IMO_TRY(const auto versions, store_->read("versions", [&](SQLite::Database& database) {
    SQLite::Statement select(database, "SELECT hash FROM transaction_versions WHERE key = ?");
    select.bind(1, record.key);
    std::vector<Hash32> hashes;
    while (select.executeStep()) hashes.push_back(fixed_blob<32>(select, 0));
    return hashes;
  }));
  for (const auto& hash : versions) {
    IMO_TRY(auto receipt, client_->receipt(hash));
    if (receipt) return receipt;
  }
  return std::nullopt;
}

Result<void> TransactionManager::tend_sent(TransactionRecord record, std::uint64_t mined_count) {
  IMO_TRY(const auto receipt, receipt_of(record));
  if (receipt) {
    record.hash = receipt->transaction_hash;
    record.block_number = receipt->block_number;
    record.gas_used = receipt->gas_used;
    record.state = receipt->succeeded ? TransactionState::kMined : TransactionState::kReverted;
    log::info("{} {} in block {}: {}", record.name, state_name(record.state), record.block_number,
              to_hex(record.hash));
    return save(record);
  }
  if (mined_count > record.body.nonce) {
    log::warning("{} was dropped: another transaction took its nonce {}", record.name,
                 record.body.nonce);
    record.state = TransactionState::kDropped;
    return save(record);
  }
  IMO_TRY(const auto waiting, client_->transaction(record.hash));
  if (!waiting) return broadcast(record);
  const auto patience = static_cast<std::uint64_t>(options_.bump_after.count());
  return unix_now() >= record.sent_at + patience ? bump(std::move(record)) : Result<void>();
}

Result<void> TransactionManager::tend_mined(TransactionRecord record, std::uint64_t head_block) {
  IMO_TRY(const auto receipt, receipt_of(record));
  if (!receipt) {
    log::warning("{} left the chain with block {}; sending it again", record.name,
                 record.block_number);
    record.state = TransactionState::kSent;
    IMO_TRY_VOID(save(record));
    return broadcast(record);
  }
  if (head_block < receipt->block_number + options_.settle_depth &&
      receipt->block_number == record.block_number) {
    return {};
  }
  record.block_number = receipt->block_number;
  if (head_block >= receipt->block_number + options_.settle_depth) {
    record.state = TransactionState::kSettled;
  }
  return save(record);
}

Result<void> TransactionManager::bump(TransactionRecord record) {
  IMO_TRY(const auto fees, client_->fees());
  record.body.max_fee_per_gas = std::max(raised(record.body.max_fee_per_gas), fees.max_fee_per_gas);
  record.body.max_priority_fee_per_gas =
      std::max(raised(record.body.max_priority_fee_per_gas), fees.max_priority_fee_per_gas);
  sign(record);
  log::info("{} waits for long; paying more for nonce {}", record.name, record.body.nonce);
  IMO_TRY_VOID(save(record));
  return broadcast(record);
}

}  // namespace imo::node
