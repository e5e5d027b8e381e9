/// Reading an offering from the chain.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/deployment.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imo::market {

/// As IUniformSale.Status.
enum class SaleStatus : std::uint8_t { kPending, kOpen, kEnded, kSucceeded, kFailed };

/// `open`, `succeeded` and so on.
std::string_view sale_status_name(SaleStatus status);

/// The contracts of one offering.
struct OfferingContracts {
  U256 model_id;
  Address token;
  Address sale;
  Address vault;
  Address treasury;
};

/// One offering as it stands at the newest block. Prices are wei per whole token.
struct Offering {
  OfferingContracts contracts;
  Address author;
  Hash32 model_root;
  std::string licence;
  std::string name;
  std::string symbol;
  U256 total_supply;
  SaleStatus status = SaleStatus::kPending;
  U256 supply;  ///< for sale, base units
  U256 floor_price;
  U256 price_step;
  std::vector<U256> ladder;  ///< wei bid at each price, lowest first
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< with extensions
  std::uint64_t cancel_until = 0;
  U256 min_raise;
  U256 min_bid;
  U256 buyer_cap;  ///< zero: none
  // What the sale comes to: final once settled, before that if it ended now.
  U256 clearing_price;
  U256 proceeds;
  U256 sold;
  std::uint64_t snapshots = 0;

  [[nodiscard]] U256 price_at(std::uint64_t tick) const {
    return floor_price + price_step * U256(tick);
  }
};

/// All offerings that the factory made, oldest first.
Result<std::vector<U256>> list_offerings(eth::Client& client, const Deployment& deployment);

/// The contracts of a model's offering.
Result<OfferingContracts> offering_contracts(eth::Client& client, const Deployment& deployment,
                                             const U256& model_id);

/// Finds an offering by model id (`0x` and 64 digits or decimal), or by the address of its token or
/// sale; empty means the only one there is, and fails when there are more.
Result<OfferingContracts> find_offering(eth::Client& client, const Deployment& deployment,
                                        std::string_view reference);

/// Everything about it, in a few batched exchanges.
Result<Offering> read_offering(eth::Client& client, const Deployment& deployment,
                               const OfferingContracts& contracts);

}  // namespace imo::market
