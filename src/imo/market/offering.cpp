#include "imo/market/offering.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/ModelToken.hpp"
#include "imo/market/abi/OfferingFactory.hpp"
#include "imo/market/abi/UniformSale.hpp"

#include <array>

#include <fmt/core.h>

namespace imo::market {

namespace {

constexpr std::array<std::string_view, 5> kStatusNames{"pending", "open", "ended", "succeeded",
                                                       "failed"};

/// Contracts hold times as uint256; none of ours is beyond 64 bits.
std::uint64_t seconds_of(const U256& time) {
  return time.to_u64().value_or(~0ULL);
}

Result<void> read_sale(eth::Client& client, Offering& offering) {
  namespace sale = abi::uniform_sale;
  const Address& address = offering.contracts.sale;
  IMO_TRY(const sale::Parameters terms, client.call(address, sale::parameters()));
  IMO_TRY(const sale::Outcome outcome, client.call(address, sale::quote()));
  IMO_TRY(const std::uint8_t status, client.call(address, sale::status()));
  IMO_TRY(const U256 end, client.call(address, sale::end_time()));
  IMO_TRY(offering.ladder, client.call(address, sale::ladder()));
  if (status >= kStatusNames.size()) {
    return invalid(
        fmt::format("the sale {} states the unknown status {}", eth::to_checksum(address), status));
  }
  offering.status = static_cast<SaleStatus>(status);
  offering.supply = terms.supply;
  offering.floor_price = terms.floor_price;
  offering.price_step = terms.price_step;
  offering.start = seconds_of(terms.start);
  offering.end = seconds_of(end);
  offering.cancel_until = seconds_of(terms.cancel_until);
  offering.min_raise = terms.min_raise;
  offering.min_bid = terms.min_bid;
  offering.buyer_cap = terms.buyer_cap;
  offering.clearing_price = outcome.price;
  offering.proceeds = outcome.proceeds;
  offering.sold = outcome.sold;
  return {};
}

Result<void> read_token(eth::Client& client, Offering& offering) {
  namespace token = abi::model_token;
  const Address& address = offering.contracts.token;
  IMO_TRY(offering.name, client.call(address, token::name()));
  IMO_TRY(offering.symbol, client.call(address, token::symbol()));
  IMO_TRY(offering.total_supply, client.call(address, token::total_supply()));
  IMO_TRY(const U256 snapshots, client.call(address, token::snapshot_count()));
  offering.snapshots = seconds_of(snapshots);
  return {};
}

/// The offering whose token or sale stands at `address`.
Result<OfferingContracts> find_by_address(eth::Client& client, const Deployment& deployment,
                                          const Address& address) {
  IMO_TRY(const std::vector<U256> models, list_offerings(client, deployment));
  for (const U256& model_id : models) {
    IMO_TRY(const OfferingContracts contracts, offering_contracts(client, deployment, model_id));
    if (contracts.token == address || contracts.sale == address) return contracts;
  }
  return fail(ErrorKind::kNotFound,
              fmt::format("no offering has its token or sale at {}; `imo offering status` lists "
                          "those there are",
                          eth::to_checksum(address)));
}

}  // namespace

std::string_view sale_status_name(SaleStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

Result<std::vector<U256>> list_offerings(eth::Client& client, const Deployment& deployment) {
  namespace factory = abi::offering_factory;
  IMO_TRY(const U256 count, client.call(deployment.offering_factory, factory::offering_count()));
  std::vector<eth::Call<U256>> calls;
  for (std::uint64_t i = 0; i < count.to_u64().value_or(0); ++i) {
    calls.push_back(factory::model_id_at(U256(i)));
  }
  return client.call_all(deployment.offering_factory, calls);
}

Result<OfferingContracts> offering_contracts(eth::Client& client, const Deployment& deployment,
                                             const U256& model_id) {
  IMO_TRY(const auto found,
          client.call(deployment.offering_factory, abi::offering_factory::offering_of(model_id)));
  return OfferingContracts{model_id, found.token, found.sale, found.vault, found.treasury};
}

Result<OfferingContracts> find_offering(eth::Client& client, const Deployment& deployment,
                                        std::string_view reference) {
  if (reference.empty()) {
    IMO_TRY(const std::vector<U256> models, list_offerings(client, deployment));
    if (models.empty()) {
      return fail(ErrorKind::kNotFound,
                  "there is no offering on this chain; `imo offering create` makes one");
    }
    if (models.size() > 1) {
      return invalid(
          fmt::format("there are {} offerings on this chain; name one by its token, its "
                      "sale or its model id (`imo offering status` lists them)",
                      models.size()));
    }
    return offering_contracts(client, deployment, models.front());
  }
  if (reference.size() == 42) {
    IMO_TRY(const Address address, eth::parse_address(reference));
    return find_by_address(client, deployment, address);
  }
  auto model_id = U256::parse(reference);
  if (!model_id) {
    return invalid(
        fmt::format("'{}' names no offering: give the address of its token or sale, or "
                    "its model id",
                    reference));
  }
  return offering_contracts(client, deployment, *model_id);
}

Result<Offering> read_offering(eth::Client& client, const Deployment& deployment,
                               const OfferingContracts& contracts) {
  Offering offering;
  offering.contracts = contracts;
  IMO_TRY(const auto model, client.call(deployment.model_registry,
                                        abi::model_registry::model_of(contracts.model_id)));
  offering.author = model.author;
  offering.model_root = model.registration.model_root;
  offering.licence = model.registration.licence;
  IMO_TRY_VOID(read_sale(client, offering));
  IMO_TRY_VOID(read_token(client, offering));
  return offering;
}

}  // namespace imo::market
