#include "imo/cli/prove_request.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/ask.hpp"
#include "imo/cli/key_folder.hpp"
#include "imo/cli/model.hpp"
#include "imo/cli/prove.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/key_registry.hpp"
#include "imo/node/key_words.hpp"
#include "imo/zkml/proof_file.hpp"

#include <chrono>
#include <iostream>

#include <fmt/format.h>

namespace imo::cli {

namespace {

namespace oracle = market::abi::oracle;

Result<RequestRecord> provable_request(Session& session, const U256& id,
                                       const engine::Model& model) {
  IMO_TRY(RequestRecord record, read_request(session, id));
  if (record.status != "answered") {
    return invalid(fmt::format("request {} is {}: only an answer that is not final can be proven",
                               id.to_dec(), record.status));
  }
  if (record.is_text) {
    return invalid(
        fmt::format("request {} was asked in text, and no proof says which tokens a text is; ask "
                    "in tokens instead: imo ask PROMPT --model FILE",
                    id.to_dec()));
  }
  if (record.model_root != model.root()) {
    return invalid(fmt::format("request {} asks model {}, the file has {}: another model",
                               id.to_dec(), to_hex(record.model_root), to_hex(model.root())));
  }
  return record;
}

Result<void> check_key(Session& session, const zkml::VerifyingKey& key,
                       const std::filesystem::path& model) {
  IMO_TRY(const bool is_final, node::is_key_final(session.client(), session.deployment(), key));
  if (is_final) return {};
  return fail(ErrorKind::kRejected,
              fmt::format("the key of this model is not final, so no contract believes its proofs; "
                          "imo key list says where it stands, imo key register {} begins",
                          model.string()));
}

/// Says what the transaction will use, before it is sent.
Result<void> check_gas(Session& session, const eth::Call<void>& call) {
  IMO_TRY(const Bytes data, call.data);
  IMO_TRY(const std::uint64_t gas,
          session.client().estimate_gas({.to = session.deployment().oracle, .data = data}));
  if (gas > eth::kMostTransactionGas) {
    return fail(ErrorKind::kRejected,
                fmt::format("verifying the proof takes {} gas, and a transaction may use {}: the "
                            "model is too large to be verified on this chain",
                            format_count(gas), format_count(eth::kMostTransactionGas)));
  }
  std::cerr << fmt::format("sending the proof: {} gas\n", format_count(gas));
  return {};
}

}  // namespace

Result<Report> prove_request(Session& session, const ProveRequestOptions& options) {
  IMO_TRY(const Runner runner, Runner::create(options.execution));
  IMO_TRY(const engine::Model model, open_model(options.model, {.verify = false}));
  IMO_TRY(const RequestRecord record, provable_request(session, options.request_id, model));
  IMO_TRY(const Costs costs, Costs::of(model, runner.pool()));
  IMO_TRY(const node::ProvingCost cost,
          costs.of_answer(record.prompt_tokens.size(), record.output_tokens.size()));
  if (options.estimate) return estimate_report(cost);
  IMO_TRY_VOID(session.wallet());
  std::cerr << cost.to_text() << '\n';

  IMO_TRY(const node::KeyFolder keys, key_folder());
  IMO_TRY(node::KeptKey kept, keys.open(model, runner.pool()));
  IMO_TRY_VOID(check_key(session, kept.key.verifying_key(), options.model));
  const Address& address = session.deployment().oracle;
  zkml::ProofFile file{kept.key.verifying_key(),
                       {.answer = {record.prompt_tokens, record.output_tokens}, .context = {}},
                       {}};
  IMO_TRY(file.statement.context,
          session.client().call(address, oracle::proof_context_of(options.request_id)));
  const auto started = std::chrono::steady_clock::now();
  IMO_TRY(zkml::ModelProof proof, keys.prove_and_check(model, kept, file.statement, runner.pool()));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  file.proof = std::move(proof.bytes);
  if (!options.output.empty()) IMO_TRY_VOID(write_file_atomic(options.output, file.encode()));

  const auto call = oracle::prove(options.request_id, market::pack_tokens(record.prompt_tokens),
                                  market::pack_tokens(record.output_tokens),
                                  node::key_words<oracle::VerifyingKey>(file.key), file.proof);
  IMO_TRY_VOID(check_gas(session, call));
  IMO_TRY_VOID(session.transact(address, call));
  Report report;
  report.data = {{"request_id", options.request_id.to_dec()},
                 {"status", "final"},
                 {"proof_bytes", file.proof.size()},
                 {"prove_s", took.count()},
                 {"gas", session.gas_used()}};
  report
      .line(
          fmt::format("the answer to request {} is proven, and final", options.request_id.to_dec()))
      .field("proof",
             fmt::format("{}, made in {:.2f} s", format_bytes(file.proof.size()), took.count()))
      .field("gas", format_count(session.gas_used()));
  return report;
}

}  // namespace imo::cli
