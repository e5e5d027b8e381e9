#include "imo/market/revenue.hpp"

#include "imo/market/abi/ModelToken.hpp"

#include <algorithm>

namespace imo::market {
namespace {

namespace token_abi = abi::model_token;

std::uint64_t number_of(const U256& value) {
  return value.to_u64().value_or(~0ULL);
}

Result<RevenueAsset> read_asset(eth::Client& client, const Address& token, const Address& asset) {
  RevenueAsset revenue;
  revenue.address = asset;
  IMO_TRY(revenue.unbooked, client.call(token, token_abi::unbooked_revenue(asset)));
  IMO_TRY(const auto reserves, client.call(token, token_abi::reserves_of(asset)));
  revenue.claimable = reserves.claimable;
  revenue.redeemable = reserves.redeemable;
  return revenue;
}

Result<std::vector<RevenueSnapshot>> read_snapshots(eth::Client& client, const Address& token,
                                                    const std::vector<Address>& assets,
                                                    std::uint64_t first, std::uint64_t last) {
  std::vector<RevenueSnapshot> snapshots;
  std::vector<eth::Call<token_abi::Snapshot>> records;
  for (auto id = first; id <= last; ++id) records.push_back(token_abi::snapshot_of(U256(id)));
  IMO_TRY(const auto read, client.call_all(token, records));
  for (std::size_t i = 0; i < read.size(); ++i) {
    snapshots.push_back({first + i, read[i].epoch, {}});
  }
  for (const auto& asset : assets) {
    std::vector<eth::Call<U256>> amounts;
    for (auto id = first; id <= last; ++id) {
      amounts.push_back(token_abi::booked_at(U256(id), asset));
    }
    IMO_TRY(const auto booked, client.call_all(token, amounts));
    for (std::size_t i = 0; i < booked.size(); ++i) snapshots[i].booked.push_back(booked[i]);
  }
  return snapshots;
}

}  // namespace

Result<Revenue> read_revenue(eth::Client& client, const Address& token, std::size_t limit) {
  Revenue revenue;
  IMO_TRY(const U256 epoch, client.call(token, token_abi::current_epoch()));
  IMO_TRY(const U256 length, client.call(token, token_abi::epoch_length()));
  IMO_TRY(const U256 count, client.call(token, token_abi::snapshot_count()));
  IMO_TRY(const auto assets, client.call(token, token_abi::assets()));
  revenue.epoch = number_of(epoch);
  revenue.epoch_length = number_of(length);
  for (const auto& asset : assets) {
    IMO_TRY(auto one, read_asset(client, token, asset));
    revenue.assets.push_back(std::move(one));
  }
  const auto last = number_of(count);
  const auto first = last - std::min<std::uint64_t>(last, limit) + 1;
  if (last != 0) {
    IMO_TRY(revenue.snapshots, read_snapshots(client, token, assets, first, last));
  }
  return revenue;
}

}  // namespace imo::market
