#include "imo/cli/prove_remote.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/ask.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/json_rpc.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/node/receipt_claim.hpp"
#include "imo/node/x402.hpp"
#include "imo/zkml/proof_file.hpp"

#include <iostream>
#include <thread>

#include <fmt/format.h>

namespace imo::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kPause{500};
/// How long a payment is good for: it has to be mined in this time.
constexpr std::uint64_t kPaymentSeconds = 600;

/// What is asked for, and what the proof has to be of.
struct Wanted {
  Json body;
  Hash32 model_root;
  zkml::Statement statement;
};

Result<Wanted> wanted_receipt(Session& session, const std::filesystem::path& path) {
  IMO_TRY(const std::string text, read_text_file(path, node::kMaxReplyBytes));
  auto claim = node::parse_receipt_reply(text);
  if (!claim) return tl::unexpected(claim.error().within(path.string()));
  Wanted wanted;
  wanted.model_root = claim->receipt.model_root;
  wanted.statement.context = node::receipt_digest(claim->receipt, session.deployment().chain_id,
                                                  session.deployment().operator_registry);
  wanted.statement.answer = {std::move(claim->prompt), std::move(claim->output)};
  wanted.body["receipt"] = to_hex(wanted.statement.context);
  return wanted;
}

Result<Wanted> wanted_request(Session& session, const U256& id) {
  IMO_TRY(RequestRecord record, read_request(session, id));
  const auto number = id.to_u64();
  if (!number || record.output_tokens.empty()) {
    return invalid(fmt::format("request {} has no answer that could be proven", id.to_dec()));
  }
  Wanted wanted;
  wanted.model_root = record.model_root;
  IMO_TRY(wanted.statement.context,
          session.client().call(session.deployment().oracle,
                                market::abi::oracle::proof_context_of(id)));
  wanted.statement.answer = {std::move(record.prompt_tokens), std::move(record.output_tokens)};
  wanted.body["request"] = *number;
  return wanted;
}

struct Reply {
  int status = 0;
  std::string text;
  Json body;
};

Result<Reply> post(const ProveRemoteOptions& options, const std::string& path, const Json& body,
                   const std::string& payment = {}) {
  eth::HttpOptions http;
  if (!payment.empty()) http.headers.push_back("X-PAYMENT: " + payment);
  std::string url = options.url;
  while (url.ends_with('/')) url.pop_back();
  IMO_TRY(const auto transport, eth::make_http_transport(url + path, http));
  auto reply = transport->post(body.dump());
  if (!reply) return tl::unexpected(reply.error().error.within(transport->peer()));
  Json document = Json::parse(reply->body, nullptr, /*allow_exceptions=*/false);
  const bool is_known = reply->status == 200 || reply->status == 202 || reply->status == 402;
  if (is_known && document.is_object()) {
    return Reply{reply->status, std::move(reply->body), std::move(document)};
  }
  const auto message = document.value(Json::json_pointer("/error/message"), std::string());
  return fail(reply->status == 404 ? ErrorKind::kNotFound : ErrorKind::kRejected,
              fmt::format("{}: {}", transport->peer(),
                          message.empty() ? fmt::format("status {}", reply->status) : message));
}

/// Signs what the node asks for, when that is no more than what was allowed.
Result<std::string> pay(Session& session, const ProveRemoteOptions& options, const Reply& reply) {
  IMO_TRY(const node::PaymentTerms terms,
          node::parse_payment_required(reply.text, session.deployment().chain_id));
  const std::string price = fmt::format("{} of {} ({})", terms.amount.to_dec(), terms.asset_name,
                                        eth::to_checksum(terms.asset));
  if (terms.amount > options.most) {
    return fail(ErrorKind::kRejected,
                fmt::format("the node asks for {}, in the token's smallest unit; --pay {} allows "
                            "that",
                            price, terms.amount.to_dec()));
  }
  IMO_TRY(eth::Wallet * payer, session.wallet());
  IMO_TRY(const std::uint64_t now, session.chain_time());
  std::cerr << fmt::format("paying {}\n", price);
  return node::payment_header(terms,
                              node::sign_payment(terms, payer->key(), now + kPaymentSeconds));
}

/// Asks again until the proof is there: the same question is the same job.
Result<Bytes> fetch(Session& session, const ProveRemoteOptions& options, const Json& body) {
  const auto until = std::chrono::steady_clock::now() + options.wait;
  IMO_TRY(Reply reply, post(options, "/v1/proofs", body));
  if (reply.status == 402) {
    IMO_TRY(const std::string payment, pay(session, options, reply));
    IMO_TRY(reply, post(options, "/v1/proofs", body, payment));
  }
  while (true) {
    if (reply.status == 402) {
      return fail(
          ErrorKind::kRejected,
          "the node took no payment: " + reply.body.value("error", std::string("it says not why")));
    }
    const auto state = reply.body.value("state", std::string());
    if (state == "ready") return from_hex(reply.body.value("proof", std::string()));
    if (state == "failed") {
      return fail(ErrorKind::kRejected,
                  "the node could not prove it: " + reply.body.value("reason", std::string()));
    }
    if (std::chrono::steady_clock::now() >= until) {
      return fail(ErrorKind::kTimeout,
                  "the proof is not there yet; the same command goes on, and pays nothing again");
    }
    std::this_thread::sleep_for(kPause);
    IMO_TRY(reply, post(options, "/v1/proofs", body));
  }
}

Result<zkml::ProofFile> checked(const Bytes& bytes, const Wanted& wanted) {
  IMO_TRY(zkml::ProofFile file, zkml::ProofFile::decode(bytes));
  const zkml::Answer& answer = file.statement.answer;
  if (file.key.model_root != wanted.model_root ||
      file.statement.context != wanted.statement.context ||
      answer.prompt != wanted.statement.answer.prompt ||
      answer.output != wanted.statement.answer.output) {
    return fail(ErrorKind::kVerification, "the node gave a proof of something else");
  }
  IMO_TRY_VOID(zkml::check_answer(file.key, file.statement, file.proof));
  return file;
}

Report estimate_report(const Json& quoted) {
  Report report;
  report.data = quoted;
  const Json& estimate = quoted.value("estimate", Json::object());
  report.field("time", fmt::format("about {:.1f} s on the node", estimate.value("prove_s", 0.0)))
      .field("memory", format_bytes(estimate.value("memory_bytes", std::uint64_t{0})))
      .field("proof", format_bytes(estimate.value("proof_bytes", std::uint64_t{0})))
      .field("on chain", format_count(estimate.value("gas", std::uint64_t{0})) + " gas");
  const Json price = quoted.value("price", Json());
  report.field("price", price.is_object() ? fmt::format("{} of {}, in its smallest unit",
                                                        price.value("amount", std::string()),
                                                        price.value("asset", std::string()))
                                          : std::string("none"));
  return report;
}

}  // namespace

Result<Report> prove_remote(Session& session, const ProveRemoteOptions& options) {
  IMO_TRY(Wanted wanted, options.request_id ? wanted_request(session, *options.request_id)
                                            : wanted_receipt(session, options.receipt));
  if (options.post) wanted.body["post"] = true;
  if (options.estimate) {
    IMO_TRY(const Reply quoted, post(options, "/v1/proofs/estimate", wanted.body));
    return estimate_report(quoted.body);
  }
  IMO_TRY(const Bytes bytes, fetch(session, options, wanted.body));
  IMO_TRY(const zkml::ProofFile file, checked(bytes, wanted));
  const std::filesystem::path output =
      options.output.empty() ? std::filesystem::path("answer.proof") : options.output;
  IMO_TRY_VOID(write_file_atomic(output, bytes));
  Report report;
  report.data = {{"file", output.string()},
                 {"model_root", to_hex(file.key.model_root)},
                 {"context", to_hex(file.statement.context)},
                 {"proof_bytes", file.proof.size()}};
  report
      .field("proof", fmt::format("{}, {}, checked: it is of this answer", output.string(),
                                  format_bytes(file.proof.size())))
      .field("model", to_hex(file.key.model_root))
      .line("That the weights are those of the model was not checked; --model FILE does it.");
  report.next.push_back(fmt::format("imo verify --proof {} --model FILE", output.string()));
  return report;
}

}  // namespace imo::cli
