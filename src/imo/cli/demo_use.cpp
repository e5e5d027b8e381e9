#include "imo/cli/ask.hpp"
#include "imo/cli/content.hpp"
#include "imo/cli/demo_stage.hpp"
#include "imo/cli/model.hpp"
#include "imo/cli/receipt.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/json_rpc.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/AskExample.hpp"
#include "imo/market/abi/ContentMarket.hpp"
#include "imo/market/abi/ContentToken.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/abi/SplitterFactory.hpp"
#include "imo/market/packed_tokens.hpp"

#include <chrono>
#include <thread>

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace ask_example = market::abi::ask_example;
namespace oracle = market::abi::oracle;

const U256 kPurse = U256(100) * eth::kEther;
constexpr std::uint32_t kMaxTokens = 48;
constexpr std::string_view kPrompt = "Question: Where does Mara keep the lamp?\nAnswer:";

/// Waits until the node has answered a request.
Result<RequestRecord> wait_for_answer(Session& session, const U256& request_id) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < give_up) {
    IMO_TRY(RequestRecord record, read_request(session, request_id));
    if (record.status != "open") return record;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return fail(ErrorKind::kTimeout, "the node did not answer within a minute");
}

/// What a request's fee came to at the token: the splitter's share for the holders.
Result<U256> holders_share(Stage& stage, const U256& amount) {
  namespace factory = market::abi::splitter_factory;
  eth::Client& client = *stage.chain->client;
  const auto& deployment = stage.chain->deployment;
  IMO_TRY(
      const Address splitter,
      client.call(deployment.splitter_factory,
                  factory::splitter_of(stage.contracts.model_id, stage.operator_person->address)));
  IMO_TRY(const auto shares,
          client.call(splitter, market::abi::splitter::shares_down(Address{}, amount)));
  return shares.amounts.at(0);
}

/// POSTs `body` to the node and reads the JSON that comes back.
Result<nlohmann::json> post_json(const std::string& url, const nlohmann::json& body) {
  IMO_TRY(const auto transport, eth::make_http_transport(url));
  const auto reply = transport->post(body.dump());
  if (!reply) return tl::unexpected(reply.error().error);
  auto json = nlohmann::json::parse(reply->body, nullptr, false);
  if (reply->status != 200 || json.is_discarded()) {
    return fail(ErrorKind::kNetwork,
                fmt::format("{} answered {}: {}", url, reply->status, reply->body.substr(0, 200)));
  }
  return json;
}

}  // namespace

Result<StepResult> step_contract_asks(Stage& stage) {
  eth::Client& client = *stage.chain->client;
  const auto& deployment = stage.chain->deployment;
  IMO_TRY(stage.asker, make_person(stage, "asker", kPurse));
  Session& session = stage.asker->session;
  IMO_TRY(const Address contract,
          session.deploy(ask_example::deploy_data(deployment.oracle, stage.contracts.model_id)));

  IMO_TRY(const engine::Model model, open_model(stage.model));
  IMO_TRY(const auto prompt, model.tokenizer().encode(kPrompt));
  IMO_TRY(const std::uint64_t gas, client.call(contract, ask_example::callback_gas()));
  IMO_TRY(const U256 fee,
          client.call(deployment.oracle,
                      oracle::quote(stage.contracts.model_id, U256(prompt.size()), U256(kMaxTokens),
                                    U256(gas), stage.operator_person->address)));
  IMO_TRY_VOID(session.transact(contract,
                                ask_example::ask(market::pack_tokens(prompt), kMaxTokens,
                                                 stage.operator_person->address, 3'600),
                                fee));
  IMO_TRY(stage.request_id, client.call(contract, ask_example::last_request_id()));
  IMO_TRY(const RequestRecord answered, wait_for_answer(session, stage.request_id));
  stage.answer = answered.text;
  stage.answer_tokens = answered.output_tokens;

  IMO_TRY(const auto stored, client.call(contract, ask_example::answer_of(stage.request_id)));
  IMO_TRY_VOID(stage.totals.expect("request: the callback brought the answer, not yet final",
                                   stored.text == answered.text && !stored.is_final));
  IMO_TRY(const Report verified, verify_request(session, stage.request_id, stage.model));
  IMO_TRY_VOID(stage.totals.expect("request: run again, the answer is the same",
                                   verified.exit_code == kSuccess));

  IMO_TRY(const std::uint64_t window, client.call(deployment.oracle, oracle::window()));
  IMO_TRY_VOID(pass_time(stage, window));
  IMO_TRY_VOID(finalise(stage.keeper->session, stage.request_id));
  IMO_TRY(const U256 share, holders_share(stage, fee));
  IMO_TRY(const U256 after, client.balance(stage.contracts.token));
  stage.eth_revenue += after;
  IMO_TRY_VOID(stage.totals.expect_equal("request: the fee as revenue", after, share));

  StepResult result;
  result.data = {{"request_id", stage.request_id.to_dec()},
                 {"prompt", kPrompt},
                 {"text", answered.text},
                 {"tokens", answered.output_tokens.size()},
                 {"fee", json_amount(fee)},
                 {"bond", json_amount(answered.bond)},
                 {"revenue", json_amount(share)}};
  result.line("asked:    " + std::string(kPrompt.substr(0, kPrompt.find('\n'))));
  result.line("answered:" + answered.text);
  result.line(fmt::format("bonded with {}, run again and equal, final after the window",
                          ether_text(answered.bond)));
  result.line(
      fmt::format("fee {}, of which {} became revenue", ether_text(fee), ether_text(share)));
  return result;
}

Result<StepResult> step_http_asks(Stage& stage) {
  const nlohmann::json question = {
      {"model", "imo-demo"}, {"prompt", kPrompt}, {"max_tokens", kMaxTokens}, {"temperature", 0}};
  IMO_TRY(const nlohmann::json reply, post_json(stage.node->url() + "/v1/completions", question));
  const auto& ours = reply.at("imo");
  IMO_TRY_VOID(stage.totals.expect(
      "http: the same tokens as on the chain",
      ours.at("output_tokens").get<std::vector<std::uint32_t>>() == stage.answer_tokens));
  IMO_TRY(const Report verified, verify_receipt(stage.asker->session, reply, stage.model));
  IMO_TRY_VOID(stage.totals.expect("http: the chain knows the receipt's signature",
                                   verified.exit_code == kSuccess));
  nlohmann::json forged = reply;
  forged["imo"]["output_tokens"].back() = 0U;
  IMO_TRY(const Report refused, verify_receipt(stage.asker->session, forged, stage.model));
  IMO_TRY_VOID(stage.totals.expect("http: a receipt does not stand for other tokens",
                                   refused.exit_code == kVerificationFailed));
  StepResult result;
  result.data = {{"text", reply.at("choices").at(0).at("text")}, {"receipt", ours.at("receipt")}};
  result.line(
      fmt::format("POST /v1/completions gives the same {} tokens", stage.answer_tokens.size()));
  result.line(fmt::format("with a receipt signed by operator {}, which the chain recognises",
                          verified.data.at("operator").get<std::string>()));
  return result;
}

Result<StepResult> step_content(Stage& stage) {
  namespace content = market::abi::content_token;
  namespace shop = market::abi::content_market;
  eth::Client& client = *stage.chain->client;
  const Address& collection = stage.chain->deployment.content_token;
  Session& seller = stage.asker->session;
  IMO_TRY(stage.collector, make_person(stage, "collector", kPurse));

  IMO_TRY(const Report minted, content_mint(seller, stage.request_id, {}));
  const std::string token_text = minted.data.at("token_id").get<std::string>();
  IMO_TRY(const U256 token_id, U256::parse(token_text));
  IMO_TRY(const Report shown, content_show(seller, token_id));
  IMO_TRY_VOID(stage.totals.expect("content: the chain verifies the text",
                                   shown.data.at("verified").get<bool>() &&
                                       shown.data.at("text").get<std::string>() == stage.answer));

  const U256 price = U256(2) * eth::kEther;
  IMO_TRY(const Address market, stage.keeper->session.deploy(shop::deploy_data()));
  IMO_TRY_VOID(seller.transact(collection, content::approve(market, token_id)));
  IMO_TRY_VOID(seller.transact(market, shop::list(collection, token_id, price)));
  IMO_TRY_VOID(stage.collector->session.transact(market, shop::buy(collection, token_id), price));
  IMO_TRY(const Address owner, client.call(collection, content::owner_of(token_id)));
  IMO_TRY_VOID(
      stage.totals.expect("content: the collector owns it", owner == stage.collector->address));

  IMO_TRY(const auto royalty, client.call(collection, content::royalty_info(token_id, price)));
  IMO_TRY(const U256 before, client.balance(stage.contracts.token));
  IMO_TRY(const U256 share, holders_share(stage, royalty.royalty_amount));
  IMO_TRY_VOID(stage.keeper->session.transact(market, shop::withdraw(royalty.receiver)));
  IMO_TRY_VOID(split_all(stage.keeper->session, royalty.receiver));
  IMO_TRY(const U256 after, client.balance(stage.contracts.token));
  stage.eth_revenue += after - before;
  IMO_TRY_VOID(stage.totals.expect_equal("content: the royalty as revenue", after - before, share));

  StepResult result;
  result.data = {{"token_id", token_text},
                 {"price", json_amount(price)},
                 {"royalty", json_amount(royalty.royalty_amount)},
                 {"revenue", json_amount(share)}};
  result.line(fmt::format("ERC-7007 token {}…, verified by the chain", token_text.substr(0, 14)));
  result.line(fmt::format("sold for {}; {} royalty, of which {} became revenue", ether_text(price),
                          ether_text(royalty.royalty_amount), ether_text(share)));
  return result;
}

}  // namespace imo::cli
