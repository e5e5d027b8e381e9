#include "imo/cli/offering.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/arguments.hpp"
#include "imo/cli/model.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/OfferingFactory.hpp"
#include "imo/market/abi/UniformSale.hpp"

#include <limits>

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace factory = market::abi::offering_factory;
namespace registry = market::abi::model_registry;
namespace sale = market::abi::uniform_sale;

constexpr std::size_t kMaxCardSize = 1 << 20;

std::string model_id_text(const U256& model_id) {
  return to_hex(model_id.to_be());
}

/// What the author states about the model, from the model file and the options.
Result<registry::Registration> registration_of(const Session& session,
                                               const OfferingCreateOptions& options) {
  IMO_TRY(const engine::Model model, open_model(options.model));
  registry::Registration stated;
  stated.model_root = model.root();
  stated.source_hash = model.program().source_hash;
  stated.card_uri = options.card_uri;
  stated.licence = options.licence.empty() ? model.program().licence : options.licence;
  stated.operator_bps = options.operator_bps;
  stated.binder = session.deployment().offering_factory;
  stated.salt = options.salt;
  stated.context_length = model.context_length();
  stated.vocabulary_size = model.vocabulary_size();
  stated.end_token = model.end_token();
  if (stated.licence.empty()) {
    return invalid(
        "the model file states no licence; name it with --licence, for instance "
        "apache-2.0");
  }
  if (!options.card.empty()) {
    IMO_TRY(const Bytes card, read_file(options.card, kMaxCardSize));
    stated.card_hash = crypto::keccak256(card);
  }
  return stated;
}

/// The model's id, registering it where it is not on the chain yet.
Result<U256> registered_model(Session& session, const registry::Registration& stated) {
  const Address& address = session.deployment().model_registry;
  IMO_TRY(const eth::Wallet* author, session.wallet());
  IMO_TRY(const U256 model_id,
          session.client().call(
              address, registry::model_id_of(author->address(), stated.model_root, stated.salt)));
  IMO_TRY(const bool exists, session.client().call(address, registry::exists(model_id)));
  if (!exists) IMO_TRY_VOID(session.transact(address, registry::register_(stated)));
  return model_id;
}

factory::Terms terms_of(const OfferingCreateOptions& options, std::uint64_t now) {
  factory::Terms terms;
  terms.token = {options.name,
                 options.symbol,
                 options.total_supply,
                 options.epoch_length,
                 options.claimable_bps,
                 options.revenue_tokens,
                 {}};
  terms.sale.supply = options.for_sale;
  terms.sale.floor_price = options.floor_price;
  terms.sale.price_step = options.price_step;
  terms.sale.tick_count = options.ticks;
  terms.sale.start = options.starts_in == 0 ? 0 : now + options.starts_in;
  terms.sale.duration = options.duration;
  terms.sale.min_raise = options.min_raise;
  terms.sale.min_bid = options.min_bid;
  terms.sale.buyer_cap = options.buyer_cap;
  terms.vesting = {options.vesting_cliff, options.vesting_duration};
  terms.treasury = {options.upfront_bps, options.treasury_duration};
  return terms;
}

void describe(const market::Offering& offering, std::uint64_t now, Report& report) {
  const auto& contracts = offering.contracts;
  auto& data = report.data;
  data["model_id"] = model_id_text(contracts.model_id);
  data["model_root"] = to_hex(offering.model_root);
  data["licence"] = offering.licence;
  data["author"] = eth::to_checksum(offering.author);
  data["name"] = offering.name;
  data["symbol"] = offering.symbol;
  data["token"] = eth::to_checksum(contracts.token);
  data["sale"] = eth::to_checksum(contracts.sale);
  data["vault"] = eth::to_checksum(contracts.vault);
  data["treasury"] = eth::to_checksum(contracts.treasury);
  data["total_supply"] = json_amount(offering.total_supply);
  data["status"] = market::sale_status_name(offering.status);
  data["for_sale"] = json_amount(offering.supply);
  data["floor_price"] = json_amount(offering.floor_price);
  data["price_step"] = json_amount(offering.price_step);
  data["clearing_price"] = json_amount(offering.clearing_price);
  data["proceeds"] = json_amount(offering.proceeds);
  data["sold"] = json_amount(offering.sold);
  data["min_raise"] = json_amount(offering.min_raise);
  data["start"] = offering.start;
  data["end"] = offering.end;
  data["snapshots"] = offering.snapshots;
  auto ladder = nlohmann::ordered_json::array();
  for (const U256& demand : offering.ladder) ladder.push_back(json_amount(demand));
  data["ladder"] = std::move(ladder);

  std::string clock = "ended " + time_text(offering.end);
  if (now < offering.start) clock = "opens in " + duration_text(offering.start - now);
  if (now >= offering.start && now < offering.end) {
    clock = "closes in " + duration_text(offering.end - now);
  }
  report.field("offering", fmt::format("{} ({})", offering.name, offering.symbol))
      .field("status", fmt::format("{}, {}", market::sale_status_name(offering.status), clock))
      .field("model id", model_id_text(contracts.model_id))
      .field("model root", to_hex(offering.model_root))
      .field("author", eth::to_checksum(offering.author))
      .field("token", eth::to_checksum(contracts.token))
      .field("sale", eth::to_checksum(contracts.sale))
      .field("for sale", fmt::format("{} of {}", token_text(offering.supply, offering.symbol),
                                     token_text(offering.total_supply, offering.symbol)))
      .field("price", ether_text(offering.clearing_price) + " per token")
      .field("raised", fmt::format("{}, minimum {}", ether_text(offering.proceeds),
                                   ether_text(offering.min_raise)));
}

/// The ladder as text: one line for each price that anybody bid, dearest first.
void describe_ladder(const market::Offering& offering, Report& report) {
  constexpr std::uint64_t kBar = 40;
  U256 largest;
  for (const U256& demand : offering.ladder) largest = std::max(largest, demand);
  if (largest.is_zero()) return;
  report.line("");
  for (std::size_t tick = offering.ladder.size(); tick-- > 0;) {
    const U256& demand = offering.ladder[tick];
    if (demand.is_zero()) continue;
    const auto length = (demand * U256(kBar) / largest).to_u64().value_or(0);
    report.line(fmt::format("{:>20}  {:<{}}  {}", ether_text(offering.price_at(tick)),
                            std::string(std::max<std::uint64_t>(length, 1), '#'), kBar,
                            ether_text(demand)));
  }
}

/// The highest tick whose price does not exceed `price`.
Result<std::uint64_t> tick_of(const market::Offering& offering, const U256& price) {
  if (price < offering.floor_price) {
    return invalid(fmt::format("a price of {} is below the floor of {}", ether_text(price),
                               ether_text(offering.floor_price)));
  }
  const U256 steps = (price - offering.floor_price) / offering.price_step;
  const std::uint64_t last = offering.ladder.size() - 1;
  return std::min(steps.to_u64().value_or(last), last);
}

Result<market::Offering> read_named(Session& session, const std::string& reference) {
  IMO_TRY(const market::OfferingContracts contracts,
          market::find_offering(session.client(), session.deployment(), reference));
  return market::read_offering(session.client(), session.deployment(), contracts);
}

}  // namespace

Result<Report> offering_create(Session& session, const OfferingCreateOptions& options) {
  IMO_TRY(const registry::Registration stated, registration_of(session, options));
  IMO_TRY(const U256 model_id, registered_model(session, stated));
  IMO_TRY(const std::uint64_t now, session.chain_time());
  IMO_TRY_VOID(session.transact(session.deployment().offering_factory,
                                factory::create_offering(model_id, terms_of(options, now))));
  IMO_TRY(const market::OfferingContracts contracts,
          market::offering_contracts(session.client(), session.deployment(), model_id));
  IMO_TRY(const market::Offering offering,
          market::read_offering(session.client(), session.deployment(), contracts));
  Report report;
  describe(offering, now, report);
  report.next = {"imo offering status", "imo bid --price '… ETH' --amount '… ETH' --account NAME"};
  return report;
}

Result<Report> offering_status(Session& session, const std::string& reference) {
  IMO_TRY(const std::vector<U256> models,
          market::list_offerings(session.client(), session.deployment()));
  if (reference.empty() && models.size() != 1) {
    Report report;
    report.data = nlohmann::ordered_json::array();
    for (const U256& model_id : models) {
      IMO_TRY(const auto contracts,
              market::offering_contracts(session.client(), session.deployment(), model_id));
      IMO_TRY(const market::Offering offering,
              market::read_offering(session.client(), session.deployment(), contracts));
      report.data.push_back({{"name", offering.name},
                             {"status", market::sale_status_name(offering.status)},
                             {"token", eth::to_checksum(contracts.token)}});
      report.field(offering.symbol,
                   fmt::format("{:<10} {}  {}", market::sale_status_name(offering.status),
                               eth::to_checksum(contracts.token), offering.name));
    }
    if (models.empty()) {
      report.line("no offering on this chain");
      report.next.push_back("imo offering create");
    }
    return report;
  }
  IMO_TRY(const market::Offering offering, read_named(session, reference));
  IMO_TRY(const std::uint64_t now, session.chain_time());
  Report report;
  describe(offering, now, report);
  describe_ladder(offering, report);
  if (offering.status == market::SaleStatus::kOpen) {
    report.next.push_back("imo bid --price '… ETH' --amount '… ETH'");
  }
  if (offering.status == market::SaleStatus::kEnded) report.next.push_back("imo settle");
  if (offering.status >= market::SaleStatus::kSucceeded) report.next.push_back("imo claim");
  return report;
}

Result<Report> bid(Session& session, const BidOptions& options) {
  IMO_TRY(const market::Offering offering, read_named(session, options.offering));
  IMO_TRY(const std::uint64_t tick, tick_of(offering, options.price));
  IMO_TRY_VOID(session.transact(offering.contracts.sale, sale::bid(U256(tick)), options.amount));
  Report report;
  const U256 price = offering.price_at(tick);
  report.data = {{"sale", eth::to_checksum(offering.contracts.sale)},
                 {"tick", tick},
                 {"price", json_amount(price)},
                 {"amount", json_amount(options.amount)}};
  report.line(fmt::format("bid {} for {} at up to {} per token", ether_text(options.amount),
                          offering.symbol, ether_text(price)));
  report.next = {"imo offering status", "imo settle   (after " + time_text(offering.end) + ")"};
  return report;
}

Result<Report> cancel_bid(Session& session, const BidOptions& options) {
  IMO_TRY(const market::Offering offering, read_named(session, options.offering));
  IMO_TRY(const std::uint64_t tick, tick_of(offering, options.price));
  IMO_TRY(const eth::TxReceipt receipt,
          session.transact(offering.contracts.sale, sale::cancel(U256(tick))));
  IMO_TRY(const auto cancelled,
          eth::find_event<sale::events::BidCancelled>(receipt, offering.contracts.sale));
  Report report;
  report.data = {{"tick", tick}, {"refund", json_amount(cancelled.amount)}};
  report.line(fmt::format("took back {} bid at {} per token", ether_text(cancelled.amount),
                          ether_text(offering.price_at(tick))));
  return report;
}

Result<Report> settle(Session& session, const std::string& reference) {
  IMO_TRY(const market::OfferingContracts contracts,
          market::find_offering(session.client(), session.deployment(), reference));
  IMO_TRY(const eth::TxReceipt receipt, session.transact(contracts.sale, sale::settle()));
  IMO_TRY(const auto settled, eth::find_event<sale::events::SaleSettled>(receipt, contracts.sale));
  Report report;
  report.data = {{"succeeded", settled.succeeded},
                 {"clearing_price", json_amount(settled.price)},
                 {"sold", json_amount(settled.sold)},
                 {"proceeds", json_amount(settled.proceeds)},
                 {"burned", json_amount(settled.burned)}};
  if (settled.succeeded) {
    report.line(fmt::format("the sale succeeded: {} tokens at {} each, {} raised",
                            eth::format_units(settled.sold, 18), ether_text(settled.price),
                            ether_text(settled.proceeds)));
  } else {
    report.line("the sale missed its minimum: every bid is refunded in full");
  }
  report.next.push_back("imo claim");
  return report;
}

Result<Report> claim(Session& session, const std::string& reference, const Address& owner) {
  IMO_TRY(const market::OfferingContracts contracts,
          market::find_offering(session.client(), session.deployment(), reference));
  IMO_TRY(const eth::TxReceipt receipt, session.transact(contracts.sale, sale::claim(owner)));
  const auto claimed = eth::find_event<sale::events::SaleClaimed>(receipt, contracts.sale);
  Report report;
  if (!claimed) {
    report.data = {{"owner", eth::to_checksum(owner)}, {"tokens", "0"}, {"refund", "0"}};
    report.line(eth::to_checksum(owner) + " has nothing to claim: no bid, or claimed already");
    return report;
  }
  report.data = {{"owner", eth::to_checksum(owner)},
                 {"tokens", json_amount(claimed->tokens)},
                 {"refund", json_amount(claimed->refund)}};
  report.line(fmt::format("{} received {} tokens and {} back", eth::to_checksum(owner),
                          eth::format_units(claimed->tokens, 18), ether_text(claimed->refund)));
  report.next.push_back("imo revenue status");
  return report;
}

}  // namespace imo::cli
