#include "imo/api/rest.hpp"

#include "imo/api/api_error.hpp"
#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/offering.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/market/revenue.hpp"
#include "imo/node/request_index.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse ok(const Json& document) {
  return {
      200, "application/json", document.dump(-1, ' ', false, Json::error_handler_t::replace), {}};
}

HttpResponse failed(const Error& error) {
  // A view that reverts says that there is no such thing.
  if (error.kind == ErrorKind::kRejected) return not_found(error.message).to_response();
  return from_error(error).to_response();
}

std::string id_text(const U256& id) {
  return to_hex(id.to_be());
}

Json ladder_json(const market::Offering& offering) {
  auto ladder = Json::array();
  for (std::size_t tick = 0; tick < offering.ladder.size(); ++tick) {
    ladder.push_back({{"tick", tick},
                      {"price_wei", offering.price_at(tick).to_dec()},
                      {"demand_wei", offering.ladder[tick].to_dec()}});
  }
  return ladder;
}

/// Sum of all bids that stand: what would come in at most.
U256 bid_total(const market::Offering& offering) {
  U256 total;
  for (const auto& amount : offering.ladder) total += amount;
  return total;
}

Json offering_json(const market::Offering& offering) {
  const auto& contracts = offering.contracts;
  return {
      {"model_id", id_text(contracts.model_id)},
      {"model_root", to_hex(offering.model_root)},
      {"name", offering.name},
      {"symbol", offering.symbol},
      {"licence", offering.licence},
      {"author", eth::to_checksum(offering.author)},
      {"token", eth::to_checksum(contracts.token)},
      {"sale", eth::to_checksum(contracts.sale)},
      {"vault", eth::to_checksum(contracts.vault)},
      {"treasury", eth::to_checksum(contracts.treasury)},
      {"status", market::sale_status_name(offering.status)},
      {"total_supply", offering.total_supply.to_dec()},
      {"supply", offering.supply.to_dec()},
      {"floor_price_wei", offering.floor_price.to_dec()},
      {"price_step_wei", offering.price_step.to_dec()},
      {"tick_count", offering.ladder.size()},
      {"start", offering.start},
      {"end", offering.end},
      {"cancel_until", offering.cancel_until},
      {"min_raise_wei", offering.min_raise.to_dec()},
      {"min_bid_wei", offering.min_bid.to_dec()},
      {"buyer_cap_wei", offering.buyer_cap.to_dec()},
      {"bid_wei", bid_total(offering).to_dec()},
      {"clearing_price_wei", offering.clearing_price.to_dec()},
      {"proceeds_wei", offering.proceeds.to_dec()},
      {"sold", offering.sold.to_dec()},
      {"snapshots", offering.snapshots},
  };
}

Json revenue_json(const market::Revenue& revenue) {
  auto snapshots = Json::array();
  for (const auto& snapshot : revenue.snapshots) {
    auto booked = Json::array();
    for (const auto& amount : snapshot.booked) booked.push_back(amount.to_dec());
    snapshots.push_back({{"id", snapshot.id}, {"epoch", snapshot.epoch}, {"booked", booked}});
  }
  auto assets = Json::array();
  for (const auto& asset : revenue.assets) {
    assets.push_back({{"asset", eth::to_checksum(asset.address)},
                      {"unbooked", asset.unbooked.to_dec()},
                      {"claimable", asset.claimable.to_dec()},
                      {"redeemable", asset.redeemable.to_dec()}});
  }
  return {{"epoch", revenue.epoch},
          {"epoch_length", revenue.epoch_length},
          {"assets", assets},
          {"snapshots", snapshots}};
}

/// How far an answer can be trusted now.
const char* trust_of(const node::ChainRequest& request) {
  switch (request.status) {
    case node::RequestStatus::kAnswered:
      return "bonded";
    case node::RequestStatus::kFinal:
      return "final";
    case node::RequestStatus::kOpen:
    case node::RequestStatus::kRefunded:
      break;
  }
  return "none";
}

Json tokens_json(BytesView packed) {
  const auto tokens = market::unpack_tokens(packed);
  return tokens ? Json(*tokens) : Json(nullptr);
}

Json request_json(const node::ChainRequest& request) {
  const bool answered = !request.output.empty();
  const auto& prompt = request.is_text ? request.prompt : request.input;
  return {
      {"id", request.id},
      {"status", node::request_status_name(request.status)},
      {"trust", trust_of(request)},
      {"model_id", id_text(request.model_id)},
      {"account", eth::to_checksum(request.account)},
      {"beneficiary", eth::to_checksum(request.beneficiary)},
      {"prompt_text", request.is_text ? Json(as_text(request.input)) : Json(nullptr)},
      {"prompt_tokens", prompt.empty() ? Json(nullptr) : tokens_json(prompt)},
      {"max_tokens", request.max_tokens},
      {"fee_wei", request.fee.to_dec()},
      {"bond_wei", request.bond.to_dec()},
      {"deadline", request.deadline},
      {"asked_in", to_hex(request.asked_in)},
      {"operator", answered ? Json(eth::to_checksum(request.operator_address)) : Json(nullptr)},
      {"output_tokens", answered ? tokens_json(request.output) : Json(nullptr)},
      {"text", answered ? Json(as_text(request.text)) : Json(nullptr)},
      {"claim_hash", answered ? Json(to_hex(request.claim_hash)) : Json(nullptr)},
      {"final_at", answered ? Json(request.final_at) : Json(nullptr)},
      {"answered_in", answered ? Json(to_hex(request.answered_in)) : Json(nullptr)},
  };
}

}  // namespace

std::string public_rpc_url(const node::NodeConfig& config) {
  if (!config.public_rpc_url.empty()) return config.public_rpc_url;
  const std::string_view url = config.rpc_url;
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  auto rest = url.substr(scheme + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const bool plain = rest.find_first_of("@/?#") == std::string_view::npos;
  return plain ? std::string(url.substr(0, scheme + 3 + rest.size())) : std::string();
}

HttpResponse show_chain(node::Node& node) {
  const auto& config = node.config();
  const auto& deployment = config.deployment;
  return ok({{"chain_id", deployment.chain_id},
             {"rpc_url", public_rpc_url(config)},
             {"deploy_block", deployment.deploy_block},
             {"contracts",
              {{"model_registry", eth::to_checksum(deployment.model_registry)},
               {"offering_factory", eth::to_checksum(deployment.offering_factory)},
               {"splitter_factory", eth::to_checksum(deployment.splitter_factory)},
               {"operator_registry", eth::to_checksum(deployment.operator_registry)},
               {"oracle", eth::to_checksum(deployment.oracle)},
               {"content_token", eth::to_checksum(deployment.content_token)},
               {"step_verifier", eth::to_checksum(deployment.step_verifier)},
               {"model_verifier", eth::to_checksum(deployment.model_verifier)},
               {"proof_registry", eth::to_checksum(deployment.proof_registry)},
               {"dispute_game", eth::to_checksum(deployment.dispute_game)}}}});
}

HttpResponse list_offerings(node::Node& node) {
  auto& client = node.chain();
  const auto& deployment = node.config().deployment;
  const auto ids = market::list_offerings(client, deployment);
  if (!ids) return failed(ids.error());
  auto data = Json::array();
  for (const auto& id : *ids) {
    const auto contracts = market::offering_contracts(client, deployment, id);
    if (!contracts) return failed(contracts.error());
    const auto offering = market::read_offering(client, deployment, *contracts);
    if (!offering) return failed(offering.error());
    data.push_back(offering_json(*offering));
  }
  return ok({{"object", "list"}, {"data", data}});
}

HttpResponse show_offering(node::Node& node, std::string_view reference) {
  auto& client = node.chain();
  const auto& deployment = node.config().deployment;
  const auto contracts = market::find_offering(client, deployment, reference);
  if (!contracts) return failed(contracts.error());
  const auto offering = market::read_offering(client, deployment, *contracts);
  if (!offering) return failed(offering.error());
  const auto revenue = market::read_revenue(client, contracts->token);
  if (!revenue) return failed(revenue.error());
  auto document = offering_json(*offering);
  document["ladder"] = ladder_json(*offering);
  document["revenue"] = revenue_json(*revenue);
  return ok(document);
}

HttpResponse list_requests(node::Node& node) {
  constexpr std::size_t kMost = 50;
  const auto requests = node.requests().newest(kMost);
  if (!requests) return failed(requests.error());
  auto data = Json::array();
  for (const auto& request : *requests) data.push_back(request_json(request));
  return ok({{"object", "list"}, {"data", data}});
}

HttpResponse show_request(node::Node& node, std::string_view id) {
  const auto parsed = U256::parse(id);
  const auto number = parsed ? parsed->to_u64() : std::nullopt;
  if (!number) return not_found(fmt::format("'{}' is no request number", id)).to_response();
  const auto request = node.requests().find(*number);
  if (!request) return failed(request.error());
  if (!*request) {
    return not_found(fmt::format("there is no request {} on this chain up to the followed block",
                                 *number))
        .to_response();
  }
  return ok(request_json(**request));
}

}  // namespace imo::api
