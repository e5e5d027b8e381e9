/// What a chain tells about itself: blocks, logs, receipts, and how to ask for them.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/u256.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace imo::eth {

/// An event as a contract wrote it. Generated bindings turn it into a struct.
struct Log {
  Address address;
  std::vector<Hash32> topics;
  Bytes data;
  std::uint64_t block_number = 0;
  Hash32 block_hash;
  Hash32 transaction_hash;
  std::uint64_t transaction_index = 0;
  std::uint64_t log_index = 0;
  /// The block that held it left the chain.
  bool removed = false;
};

/// What became of a mined transaction.
struct TxReceipt {
  Hash32 transaction_hash;
  std::uint64_t transaction_index = 0;
  std::uint64_t block_number = 0;
  Hash32 block_hash;
  Address from;
  std::optional<Address> to;                ///< nothing when the transaction made a contract
  std::optional<Address> contract_address;  ///< the contract it made
  bool succeeded = false;
  std::uint64_t gas_used = 0;
  std::uint64_t cumulative_gas_used = 0;
  U256 effective_gas_price;
  std::vector<Log> logs;

  /// What the sender paid for execution, in wei.
  [[nodiscard]] U256 fee() const { return U256(gas_used) * effective_gas_price; }
};

/// A block's header and the hashes of its transactions.
struct Block {
  std::uint64_t number = 0;
  Hash32 hash;
  Hash32 parent_hash;
  std::uint64_t timestamp = 0;  ///< unix seconds
  std::uint64_t gas_limit = 0;
  std::uint64_t gas_used = 0;
  U256 base_fee_per_gas;
  Address miner;
  std::vector<Hash32> transactions;
};

/// A transaction as the node knows it, mined or waiting.
struct TxInfo {
  Hash32 hash;
  Address from;
  std::optional<Address> to;
  U256 value;
  Bytes data;
  std::uint64_t nonce = 0;
  std::uint64_t gas_limit = 0;
  std::optional<std::uint64_t> block_number;  ///< nothing while it waits
};

/// Which state a question is about: a block's, by number or by name.
class BlockTag {
 public:
  BlockTag(std::uint64_t number)
      : text_(U256(number).to_quantity()) {}  // NOLINT: a number is a tag
  static BlockTag latest() { return BlockTag("latest"); }
  static BlockTag pending() { return BlockTag("pending"); }
  static BlockTag safe() { return BlockTag("safe"); }
  static BlockTag finalized() { return BlockTag("finalized"); }
  static BlockTag earliest() { return BlockTag("earliest"); }

  /// As JSON-RPC writes it: `latest`, `0x1b4`.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit BlockTag(const char* name) : text_(name) {}
  std::string text_;
};

/// What to execute without sending it, or to send.
struct CallRequest {
  std::optional<Address> from{};
  std::optional<Address> to{};  ///< nothing: `data` is creation code
  U256 value{};
  Bytes data{};
  std::optional<std::uint64_t> gas_limit{};
};

/// What an execution without sending it came to. A revert is an outcome, not a failure.
struct CallOutcome {
  bool reverted = false;
  Bytes data;  ///< returned, or given with the revert
};

/// Fees per gas of an EIP-1559 transaction, in wei.
struct Fees {
  U256 max_fee_per_gas;
  U256 max_priority_fee_per_gas;
};

/// Which logs to fetch. `to_block` is included.
struct LogFilter {
  std::uint64_t from_block = 0;
  std::uint64_t to_block = 0;
  std::vector<Address> addresses{};  ///< any of these; empty: any at all
  /// Position by position: any of these; an empty position matches everything.
  std::vector<std::vector<Hash32>> topics{};
};

}  // namespace imo::eth
