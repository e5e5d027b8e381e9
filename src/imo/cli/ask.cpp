#include "imo/cli/ask.hpp"

#include "imo/base/hex.hpp"
#include "imo/cli/arguments.hpp"
#include "imo/cli/model.hpp"
#include "imo/engine/verify.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/abi/SplitterFactory.hpp"
#include "imo/market/offering.hpp"
#include "imo/market/packed_tokens.hpp"

#include <algorithm>
#include <array>
#include <thread>

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace oracle = market::abi::oracle;
namespace splitter = market::abi::splitter;

constexpr std::array<std::string_view, 5> kStatusNames{"unknown", "open", "answered", "final",
                                                       "refunded"};
constexpr std::uint8_t kAnswered = 2;
constexpr std::uint64_t kResponseTime = 3'600;

std::string tokens_text(std::size_t count) {
  return fmt::format("{} token{}", count, count == 1 ? "" : "s");
}

/// The question as tokens, made with the model's own tokenizer.
Result<Bytes> packed_prompt(const AskOptions& options, const Hash32& model_root) {
  IMO_TRY(const engine::Model model, open_model(options.model));
  if (model.root() != model_root) {
    return invalid(fmt::format("{} has the root {}, the offering's model has {}: another model",
                               options.model.string(), to_hex(model.root()), to_hex(model_root)));
  }
  IMO_TRY(const std::vector<std::uint32_t> tokens, model.tokenizer().encode(options.prompt));
  IMO_TRY_VOID(model.check_request(tokens, options.max_tokens));
  return market::pack_tokens(tokens);
}

Result<eth::TxReceipt> ask_in_tokens(Session& session, const AskOptions& options,
                                     const U256& model_id, const Bytes& prompt) {
  const Address& address = session.deployment().oracle;
  IMO_TRY(const std::uint64_t now, session.chain_time());
  U256 fee = options.fee;
  if (fee.is_zero()) {
    IMO_TRY(fee, session.client().call(address, oracle::quote(model_id, U256(prompt.size() / 4),
                                                              U256(options.max_tokens), U256(),
                                                              options.operator_address)));
  }
  oracle::Question question;
  question.model_id = model_id;
  question.prompt_tokens = prompt;
  question.max_tokens = options.max_tokens;
  question.operator_ = options.operator_address;
  question.deadline = now + kResponseTime;
  return session.transact(address, oracle::ask(question), fee);
}

Result<eth::TxReceipt> ask_in_text(Session& session, const AskOptions& options,
                                   const U256& model_id) {
  const Address& address = session.deployment().oracle;
  U256 fee = options.fee;
  if (fee.is_zero()) {
    IMO_TRY(fee, session.client().call(address, oracle::estimate_fee(model_id, U256())));
  }
  const BytesView text = as_bytes(options.prompt);
  return session.transact(
      address,
      oracle::request_callback(model_id, Bytes(text.begin(), text.end()), Address{}, 0, Bytes{}),
      fee);
}

void describe(const RequestRecord& record, Report& report) {
  report.data["request_id"] = record.id.to_dec();
  report.data["model_id"] = to_hex(record.model_id.to_be());
  report.data["status"] = record.status;
  report.data["fee"] = json_amount(record.fee);
  report.data["operator"] = eth::to_checksum(record.operator_address);
  report.data["prompt_tokens"] = record.prompt_tokens;
  report.data["output_tokens"] = record.output_tokens;
  report.data["text"] = record.text;
  report.data["bond"] = json_amount(record.bond);
  report.data["final_at"] = record.final_at;
}

/// How far the answer can be trusted now, in the words of the project.
std::string trust_of(const RequestRecord& record) {
  if (record.status == "final") return "final";
  return fmt::format("bonded with {}, final after {}", ether_text(record.bond),
                     time_text(record.final_at));
}

Result<RequestRecord> wait_for_answer(Session& session, const U256& request_id,
                                      std::chrono::seconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (true) {
    IMO_TRY(RequestRecord record, read_request(session, request_id));
    if (record.status != "open") return record;
    if (std::chrono::steady_clock::now() >= give_up) return record;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace

Result<Report> ask(Session& session, const AskOptions& options) {
  IMO_TRY(const market::OfferingContracts offering,
          market::find_offering(session.client(), session.deployment(), options.offering));
  Result<eth::TxReceipt> asked_in = fail(ErrorKind::kInvalidInput, "");
  if (options.model.empty()) {
    asked_in = ask_in_text(session, options, offering.model_id);
  } else {
    IMO_TRY(const Hash32 root,
            session.client().call(session.deployment().model_registry,
                                  market::abi::model_registry::root_of(offering.model_id)));
    IMO_TRY(const Bytes prompt, packed_prompt(options, root));
    asked_in = ask_in_tokens(session, options, offering.model_id, prompt);
  }
  IMO_TRY(const eth::TxReceipt receipt, std::move(asked_in));
  IMO_TRY(const auto asked,
          eth::find_event<oracle::events::Asked>(receipt, session.deployment().oracle));
  IMO_TRY(const RequestRecord record, wait_for_answer(session, asked.request_id, options.wait));
  Report report;
  describe(record, report);
  const std::string id = record.id.to_dec();
  if (record.status == "open") {
    report.line(fmt::format("request {} is on the chain; no operator answered within {} s", id,
                            options.wait.count()));
    report.next.push_back("imo request " + id);
    return report;
  }
  report.line(record.text).field("trust", trust_of(record));
  report.next = {fmt::format("imo verify {} --model FILE", id),
                 fmt::format("imo content mint {}", id)};
  return report;
}

Result<RequestRecord> read_request(Session& session, const U256& request_id) {
  const Address& address = session.deployment().oracle;
  eth::Client& client = session.client();
  IMO_TRY(const oracle::Request request, client.call(address, oracle::request_of(request_id)));
  if (request.status == 0 || request.status >= kStatusNames.size()) {
    return fail(ErrorKind::kNotFound,
                fmt::format("the oracle knows no request {}", request_id.to_dec()));
  }
  IMO_TRY(const std::uint64_t head, client.block_number());
  const std::uint64_t from = session.deployment().deploy_block;
  const Hash32 topic = request_id.to_be();
  IMO_TRY(const auto asked_logs,
          client.logs({from, head, {address}, {{oracle::events::Asked::kTopic0}, {topic}}}));
  IMO_TRY(const auto answer_logs,
          client.logs({from, head, {address}, {{oracle::events::Answered::kTopic0}, {topic}}}));
  if (asked_logs.empty()) {
    return fail(ErrorKind::kNetwork,
                "the chain gives no event of the question; is the node of "
                "--rpc-url pruned?");
  }
  IMO_TRY(const oracle::events::Asked asked, oracle::events::Asked::decode(asked_logs.front()));
  RequestRecord record;
  record.id = request_id;
  record.model_id = request.model_id;
  record.status = kStatusNames.at(request.status);
  record.is_text = request.is_text;
  record.input = asked.input;
  record.max_tokens = request.max_tokens;
  record.operator_address = request.operator_;
  record.fee = request.fee;
  record.bond = request.bond;
  record.final_at = request.final_at;
  IMO_TRY(record.model_root, client.call(session.deployment().model_registry,
                                         market::abi::model_registry::root_of(request.model_id)));
  if (!record.is_text) {
    IMO_TRY(record.prompt_tokens, market::unpack_tokens(asked.input));
  }
  if (request.status >= kAnswered && !answer_logs.empty()) {
    // After a strike-down there are several answers; the last one is the live one.
    IMO_TRY(const oracle::events::Answered answered,
            oracle::events::Answered::decode(answer_logs.back()));
    if (record.is_text) {
      IMO_TRY(record.prompt_tokens, market::unpack_tokens(answered.prompt_tokens));
    }
    IMO_TRY(record.output_tokens, market::unpack_tokens(answered.output_tokens));
    record.text.assign(answered.text.begin(), answered.text.end());
    record.operator_address = answered.operator_;
    record.bond = answered.bond;
    record.final_at = answered.final_at;
  }
  return record;
}

Result<Report> request_status(Session& session, const U256& request_id) {
  IMO_TRY(const RequestRecord record, read_request(session, request_id));
  Report report;
  describe(record, report);
  report.field("request", record.id.to_dec())
      .field("status", record.status)
      .field("question",
             fmt::format("{}, at most {} in the answer",
                         record.is_text ? fmt::format("{} bytes of text", record.input.size())
                                        : tokens_text(record.prompt_tokens.size()),
                         tokens_text(record.max_tokens)))
      .field("fee", ether_text(record.fee));
  if (!record.output_tokens.empty()) {
    report.field("operator", eth::to_checksum(record.operator_address))
        .field("trust", trust_of(record))
        .field("answer", record.text);
  }
  return report;
}

Result<void> split_all(Session& session, const Address& splitter) {
  const auto sent = session.transact(splitter, splitter::split(Address{}));
  if (sent) return {};
  const auto rest = session.client().call(splitter, splitter::pending(Address{}));
  return rest && rest->is_zero() ? Result<void>{} : tl::unexpected(sent.error());
}

Result<Report> finalise(Session& session, const U256& request_id) {
  namespace factory = market::abi::splitter_factory;
  const auto& deployment = session.deployment();
  const auto sent = session.transact(deployment.oracle, oracle::finalise(request_id));
  IMO_TRY(const RequestRecord record, read_request(session, request_id));
  if (!sent && record.status != "final") return tl::unexpected(sent.error());
  IMO_TRY(const Address splitter,
          session.client().call(deployment.splitter_factory,
                                factory::splitter_of(record.model_id, record.operator_address)));
  IMO_TRY_VOID(session.transact(deployment.splitter_factory,
                                factory::deploy(record.model_id, record.operator_address)));
  IMO_TRY_VOID(split_all(session, splitter));
  Report report;
  report.data = {{"request_id", request_id.to_dec()},
                 {"fee", json_amount(record.fee)},
                 {"splitter", eth::to_checksum(splitter)}};
  report.line(
      fmt::format("request {} is final; its fee of {} was split among holders, operator "
                  "and parents",
                  request_id.to_dec(), ether_text(record.fee)));
  return report;
}

Result<Report> verify_request(Session& session, const U256& request_id,
                              const std::filesystem::path& path) {
  IMO_TRY(const RequestRecord record, read_request(session, request_id));
  if (record.output_tokens.empty()) {
    return fail(ErrorKind::kNotFound,
                fmt::format("request {} has no answer yet", request_id.to_dec()));
  }
  IMO_TRY(const engine::Model model, open_model(path));
  if (model.root() != record.model_root) {
    return invalid(fmt::format("{} has the root {}, the request is for {}: another model",
                               path.string(), to_hex(model.root()), to_hex(record.model_root)));
  }
  std::vector<std::uint32_t> prompt = record.prompt_tokens;
  std::string fault;
  if (record.is_text) {
    const std::string text(record.input.begin(), record.input.end());
    IMO_TRY(prompt, model.tokenizer().encode(text));
    if (prompt != record.prompt_tokens) fault = "the prompt was turned into other tokens";
  }
  IMO_TRY(const engine::Verdict verdict,
          engine::verify(model, prompt, record.output_tokens, record.max_tokens));
  if (fault.empty() && !verdict.matches) fault = verdict.reason;
  Report report;
  report.data = {{"request_id", request_id.to_dec()},
                 {"model_root", to_hex(model.root())},
                 {"matches", fault.empty()},
                 {"tokens", record.output_tokens.size()}};
  if (fault.empty()) {
    report.line(
        fmt::format("the answer to request {} is what the model writes: {} run again, all "
                    "equal",
                    request_id.to_dec(), tokens_text(record.output_tokens.size())));
    return report;
  }
  report.data["reason"] = fault;
  report.data["position"] = verdict.position;
  report.line(fmt::format("the answer to request {} is NOT what the model writes: {}",
                          request_id.to_dec(), fault));
  report.exit_code = kVerificationFailed;
  return report;
}

}  // namespace imo::cli
