#include "imo/cli/revenue.hpp"

#include "imo/cli/arguments.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DemoDollar.hpp"
#include "imo/market/abi/ModelToken.hpp"
#include "imo/market/offering.hpp"

#include <map>

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace token = market::abi::model_token;
// Any ERC-20 answers to these two; the demo's dollar has them in its bindings.
namespace erc20 = market::abi::demo_dollar;

/// How amounts of an asset are written.
struct AssetUnits {
  std::string symbol = "ETH";
  unsigned decimals = 18;

  [[nodiscard]] std::string text(const U256& amount) const {
    return eth::format_units(amount, decimals) + " " + symbol;
  }
};

Result<AssetUnits> units_of(Session& session, const Address& asset) {
  if (asset.is_zero()) return AssetUnits{};
  IMO_TRY(std::string symbol, session.client().call(asset, erc20::symbol()));
  IMO_TRY(const std::uint8_t decimals, session.client().call(asset, erc20::decimals()));
  return AssetUnits{std::move(symbol), decimals};
}

Result<Address> token_of(Session& session, const std::string& offering) {
  IMO_TRY(const market::OfferingContracts contracts,
          market::find_offering(session.client(), session.deployment(), offering));
  return contracts.token;
}

/// The snapshots that `holder` has not claimed.
Result<std::vector<U256>> unclaimed(Session& session, const Address& address,
                                    const Address& holder) {
  IMO_TRY(const U256 count, session.client().call(address, token::snapshot_count()));
  std::vector<eth::Call<bool>> calls;
  for (std::uint64_t id = 1; id <= count.to_u64().value_or(0); ++id) {
    calls.push_back(token::has_claimed(holder, U256(id)));
  }
  IMO_TRY(const std::vector<bool> claimed, session.client().call_all(address, calls));
  std::vector<U256> open;
  for (std::size_t i = 0; i < claimed.size(); ++i) {
    if (!claimed[i]) open.emplace_back(i + 1);
  }
  return open;
}

/// Sums what a transaction's events of type E paid, by asset, and reports it.
template <typename E>
Result<void> report_paid(Session& session, const eth::TxReceipt& receipt, const Address& address,
                         const std::string& verb, Report& report) {
  std::map<Address, U256> paid;
  for (const eth::Log& log : receipt.logs) {
    if (log.address != address || log.topics.empty() || log.topics.front() != E::kTopic0) continue;
    IMO_TRY(const E event, E::decode(log));
    paid[event.asset] += event.amount;
  }
  auto amounts = nlohmann::ordered_json::object();
  for (const auto& [asset, amount] : paid) {
    IMO_TRY(const AssetUnits units, units_of(session, asset));
    amounts[eth::to_checksum(asset)] = json_amount(amount);
    report.line(verb + " " + units.text(amount));
  }
  if (paid.empty()) report.line(verb + " nothing");
  report.data["paid"] = std::move(amounts);
  return {};
}

}  // namespace

Result<Report> revenue_status(Session& session, const std::string& offering,
                              const Address& holder) {
  IMO_TRY(const Address address, token_of(session, offering));
  eth::Client& client = session.client();
  IMO_TRY(const std::vector<Address> assets, client.call(address, token::assets()));
  IMO_TRY(const U256 snapshots, client.call(address, token::snapshot_count()));
  IMO_TRY(const U256 next_at, client.call(address, token::next_snapshot_at()));
  Report report;
  report.data["token"] = eth::to_checksum(address);
  report.data["snapshots"] = snapshots.to_dec();
  report.field("token", eth::to_checksum(address)).field("snapshots", snapshots.to_dec());
  report.field("next snapshot", "from " + time_text(next_at.to_u64().value_or(0)));
  auto rows = nlohmann::ordered_json::array();
  for (const Address& asset : assets) {
    IMO_TRY(const AssetUnits units, units_of(session, asset));
    IMO_TRY(const U256 unbooked, client.call(address, token::unbooked_revenue(asset)));
    IMO_TRY(const token::ReservesOfResult reserves,
            client.call(address, token::reserves_of(asset)));
    U256 mine;
    if (!holder.is_zero()) {
      IMO_TRY(const std::vector<U256> open, unclaimed(session, address, holder));
      for (const U256& id : open) {
        IMO_TRY(const U256 part,
                asset.is_zero() ? client.call(address, token::claimable_revenue(holder, id))
                                : client.call(address, token::claimable_erc20(holder, id, asset)));
        mine += part;
      }
    }
    rows.push_back({{"asset", eth::to_checksum(asset)},
                    {"symbol", units.symbol},
                    {"unbooked", json_amount(unbooked)},
                    {"claimable", json_amount(reserves.claimable)},
                    {"redeemable", json_amount(reserves.redeemable)},
                    {"yours", json_amount(mine)}});
    report.field(units.symbol,
                 fmt::format("not booked {}, to claim {}, for burners {}{}", units.text(unbooked),
                             units.text(reserves.claimable), units.text(reserves.redeemable),
                             holder.is_zero() ? "" : ", yours " + units.text(mine)));
  }
  report.data["assets"] = std::move(rows);
  report.next = {"imo revenue snapshot", "imo revenue claim"};
  return report;
}

Result<Report> revenue_snapshot(Session& session, const std::string& offering) {
  IMO_TRY(const Address address, token_of(session, offering));
  IMO_TRY(const eth::TxReceipt receipt, session.transact(address, token::snapshot()));
  IMO_TRY(const auto taken, eth::find_event<token::events::SnapshotTaken>(receipt, address));
  Report report;
  report.data = {{"snapshot_id", taken.snapshot_id.to_dec()}, {"epoch", taken.epoch.to_dec()}};
  report.line(fmt::format("snapshot {} books revenue for the holders at the end of epoch {}",
                          taken.snapshot_id.to_dec(), taken.epoch.to_dec()));
  auto booked = nlohmann::ordered_json::array();
  for (const eth::Log& log : receipt.logs) {
    if (log.address != address || log.topics.front() != token::events::RevenueBooked::kTopic0)
      continue;
    IMO_TRY(const auto event, token::events::RevenueBooked::decode(log));
    IMO_TRY(const AssetUnits units, units_of(session, event.asset));
    booked.push_back({{"asset", eth::to_checksum(event.asset)},
                      {"claimable", json_amount(event.claimable)},
                      {"redeemable", json_amount(event.redeemable)}});
    report.line(fmt::format("  {} to claim, {} for burners", units.text(event.claimable),
                            units.text(event.redeemable)));
  }
  report.data["booked"] = std::move(booked);
  report.next.push_back("imo revenue claim");
  return report;
}

Result<Report> revenue_claim(Session& session, const std::string& offering, const Address& holder) {
  IMO_TRY(const Address address, token_of(session, offering));
  IMO_TRY(const std::vector<U256> open, unclaimed(session, address, holder));
  Report report;
  report.data = {{"holder", eth::to_checksum(holder)}, {"snapshots", open.size()}};
  if (open.empty()) {
    report.data["paid"] = nlohmann::ordered_json::object();
    report.line("nothing to claim: every snapshot is claimed already");
    report.next.push_back("imo revenue status");
    return report;
  }
  IMO_TRY(const eth::TxReceipt receipt, session.transact(address, token::claim_many(holder, open)));
  IMO_TRY_VOID(report_paid<token::events::RevenueClaimed>(
      session, receipt, address, eth::to_checksum(holder) + " received", report));
  return report;
}

Result<Report> revenue_burn(Session& session, const BurnOptions& options) {
  IMO_TRY(const Address address, token_of(session, options.offering));
  IMO_TRY(const eth::Wallet* wallet, session.wallet());
  IMO_TRY(const eth::TxReceipt receipt,
          session.transact(address,
                           token::burn_to(options.amount, wallet->address(), {options.minimum})));
  Report report;
  report.data["burned"] = json_amount(options.amount);
  report.line("burned " + eth::format_units(options.amount, 18) + " tokens");
  IMO_TRY_VOID(report_paid<token::events::Redeemed>(session, receipt, address, "redeemed", report));
  return report;
}

}  // namespace imo::cli
