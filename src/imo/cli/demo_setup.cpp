#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/demo_stage.hpp"
#include "imo/cli/model.hpp"
#include "imo/cli/model_compile.hpp"
#include "imo/cli/offering.hpp"
#include "imo/cli/operator.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DemoDollar.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {

/// Enough for every order and its gas, and easy to subtract from.
const U256 kPurse = U256(100) * eth::kEther;

OfferingCreateOptions terms_of(const Stage& stage) {
  OfferingCreateOptions terms;
  terms.model = stage.model;
  terms.licence = "apache-2.0";
  terms.name = "Harbour Tales";
  terms.symbol = "TALES";
  terms.total_supply = U256(1'000'000) * eth::kEther;
  terms.for_sale = U256(600'000) * eth::kEther;
  terms.floor_price = U256(10'000) * eth::kGwei;
  terms.price_step = U256(1'000) * eth::kGwei;
  terms.ticks = 32;
  terms.min_raise = U256(5) * eth::kEther;
  terms.min_bid = eth::kEther / U256(100);
  terms.revenue_tokens = {stage.dollar};
  return terms;
}

}  // namespace

Result<StepResult> step_start_chain(Stage& stage) {
  IMO_TRY(stage.chain, start_dev_chain(0, stage.directory.path() / "deployment.json"));
  IMO_TRY(stage.keeper, make_person(stage, "keeper", kPurse));
  IMO_TRY(stage.dollar, stage.keeper->session.deploy(market::abi::demo_dollar::deploy_data()));
  StepResult result;
  result.data = {{"rpc_url", stage.chain->anvil.url()},
                 {"chain_id", stage.chain->deployment.chain_id},
                 {"contracts", stage.chain->contracts}};
  result.line(fmt::format("anvil at {}, {} contracts without an owner", stage.chain->anvil.url(),
                          stage.chain->contracts));
  return result;
}

Result<StepResult> step_compile_model(Stage& stage) {
  if (stage.model.empty()) {
    IMO_TRY(stage.model, compile_demo_model(stage.directory.path()));
  } else if (stage.model.extension() != ".imo") {
    const auto output = stage.directory.path() / kDemoModelName;
    ModelCompileOptions compile;
    compile.input = stage.model;
    compile.output = output;
    IMO_TRY_VOID(model_compile(compile));
    stage.model = output;
  }
  IMO_TRY(const Report shown, model_show(stage.model));
  StepResult result;
  result.data = shown.data;
  result.line("root " + shown.data.at("model_root").get<std::string>());
  result.line(fmt::format("{} parameters, {} operators",
                          format_count(shown.data.at("parameters").get<std::uint64_t>()),
                          shown.data.at("operators").get<std::uint64_t>()));
  return result;
}

Result<StepResult> step_create_offering(Stage& stage) {
  IMO_TRY(Person author, make_person(stage, "author", kPurse));
  stage.author = author.address;
  IMO_TRY(const Report created, offering_create(author.session, terms_of(stage)));
  stage.offering = created.data.at("token").get<std::string>();
  IMO_TRY(stage.contracts,
          market::find_offering(*stage.chain->client, stage.chain->deployment, stage.offering));
  stage.retired_gas += author.session.gas_used();

  IMO_TRY(stage.operator_person, make_person(stage, "operator", kPurse));
  Session& operating = stage.operator_person->session;
  IMO_TRY_VOID(operator_join(operating, {U256(10) * eth::kEther, ""}));
  OperatorPriceOptions price;
  price.offering = stage.offering;
  price.flat = 1'000'000'000'000'000ULL;
  price.per_output_token = 10'000'000'000'000ULL;
  price.per_callback_gas = 1'000'000'000ULL;
  IMO_TRY_VOID(operator_price(operating, price));
  IMO_TRY(stage.node, NodeProcess::start({stage.chain->anvil.url(), stage.chain->deployment_file,
                                          stage.model, stage.directory.path() / "node", 0},
                                         demo_key("operator")));

  StepResult result;
  result.data = created.data;
  result.data["node_url"] = stage.node->url();
  result.line(
      fmt::format("token {}, sale {}", stage.offering, created.data.at("sale").get<std::string>()));
  result.line("600,000 of 1,000,000 TALES for sale, minimum raise 5 ETH; the author's vest");
  result.line(fmt::format("an operator stands for answers with 10 ETH, node and page at {}",
                          stage.node->url()));
  return result;
}

}  // namespace imo::cli
