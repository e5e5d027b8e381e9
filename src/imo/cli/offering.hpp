/// `imo offering`, `imo bid`, `imo settle`, `imo claim`: the sale of a model's token.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"
#include "imo/market/offering.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace imo::cli {

/// What an author decides. Amounts in wei and base units, times in seconds, shares in 1/10,000.
struct OfferingCreateOptions {
  std::filesystem::path model;  ///< `.imo` or GGUF
  std::filesystem::path card;   ///< the model card; empty: none
  std::string card_uri;
  std::string licence;  ///< SPDX; empty: as the model file says
  std::string name;
  std::string symbol;
  U256 total_supply;
  U256 for_sale;
  U256 floor_price;  ///< wei per whole token
  U256 price_step;
  std::uint16_t ticks = 64;
  std::uint64_t starts_in = 0;
  std::uint64_t duration = 86'400;
  U256 min_raise;
  U256 min_bid;
  U256 buyer_cap;
  std::uint64_t vesting_cliff = 90 * 86'400ULL;
  std::uint64_t vesting_duration = 730 * 86'400ULL;
  std::uint16_t upfront_bps = 2'500;
  std::uint64_t treasury_duration = 365 * 86'400ULL;
  std::uint32_t epoch_length = 86'400;
  std::uint16_t claimable_bps = 8'000;
  std::uint16_t operator_bps = 1'000;
  std::vector<Address> revenue_tokens;
  Hash32 salt;  ///< lets one author offer the same model again
};

/// Registers the model where it is not registered yet, and creates token, sale, vesting, treasury.
Result<Report> offering_create(Session& session, const OfferingCreateOptions& options);

/// Everything about one offering, or a line for each when `reference` is empty and there are more.
Result<Report> offering_status(Session& session, const std::string& reference);

struct BidOptions {
  std::string offering;  ///< see market::find_offering
  U256 price;            ///< the most to pay, wei per whole token; rounded down to the grid
  U256 amount;           ///< wei
};

/// Bids `amount` at the highest price of the grid that does not exceed `price`.
Result<Report> bid(Session& session, const BidOptions& options);

/// Takes back what the account bid at the price `options.price` names.
Result<Report> cancel_bid(Session& session, const BidOptions& options);

/// Ends a sale whose time is over: one price for all, or everything back.
Result<Report> settle(Session& session, const std::string& offering);

/// Fetches tokens and refund of `owner`; anybody may, only the owner receives.
Result<Report> claim(Session& session, const std::string& offering, const Address& owner);

}  // namespace imo::cli
