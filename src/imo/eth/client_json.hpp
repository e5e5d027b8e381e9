/// The JSON of an Ethereum node's answers, read strictly. For client.cpp alone.
#pragma once

#include "imo/base/result.hpp"
#include "imo/eth/types.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace imo::eth {

/// A quantity: `0x` and at most 64 digits.
Result<U256> read_quantity(const nlohmann::json& value);
/// A quantity below 2^64.
Result<std::uint64_t> read_u64(const nlohmann::json& value);
/// Data: `0x` and an even number of digits.
Result<Bytes> read_data(const nlohmann::json& value);
Result<Hash32> read_hash(const nlohmann::json& value);

Result<Block> read_block(const nlohmann::json& value);
Result<TxInfo> read_transaction(const nlohmann::json& value);
Result<TxReceipt> read_receipt(const nlohmann::json& value);
Result<Log> read_log(const nlohmann::json& value);
/// The next base fee and the median tip, from eth_feeHistory.
Result<Fees> read_fee_history(const nlohmann::json& value);

/// The call object of eth_call and eth_estimateGas.
std::string write_call(const CallRequest& request);
/// The filter object of eth_getLogs for one piece of its range.
std::string write_filter(const LogFilter& filter, std::uint64_t from_block, std::uint64_t to_block);

}  // namespace imo::eth
