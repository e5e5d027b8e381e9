/// What a model has earned for its holders, read from its ModelToken.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/eth/client.hpp"

#include <cstdint>
#include <vector>

namespace imo::market {

/// One asset in which revenue arrives; amounts in its smallest unit.
struct RevenueAsset {
  Address address;  ///< zero: ETH
  U256 unbooked;    ///< arrived since the last snapshot
  U256 claimable;   ///< booked for holders and not yet claimed
  U256 redeemable;  ///< booked for those who burn
};

/// One snapshot, which pays the balances at the end of `epoch`.
struct RevenueSnapshot {
  std::uint64_t id = 0;
  std::uint64_t epoch = 0;
  std::vector<U256> booked;  ///< for holders, in the order of Revenue::assets
};

struct Revenue {
  std::uint64_t epoch = 0;         ///< the running one
  std::uint64_t epoch_length = 0;  ///< seconds
  std::vector<RevenueAsset> assets;
  std::vector<RevenueSnapshot> snapshots;  ///< oldest first; the newest `limit` only
};

/// Reads it at the newest block, in batches.
Result<Revenue> read_revenue(eth::Client& client, const Address& token, std::size_t limit = 200);

}  // namespace imo::market
