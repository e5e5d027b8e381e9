#include "imo/cli/prove.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/large_vector.hpp"
#include "imo/base/machine.hpp"
#include "imo/cli/dev.hpp"
#include "imo/cli/key_folder.hpp"
#include "imo/cli/model.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/ModelVerifier.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/key_words.hpp"
#include "imo/zkml/proof_file.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>

#include <fmt/format.h>
#include <unistd.h>

namespace imo::cli {

namespace {

using zkml::ProofFile;
using zkml::ProvingKey;
using Clock = std::chrono::steady_clock;

Result<Hash32> context_of(const std::string& text) {
  if (text.empty()) return Hash32{};
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != Hash32::kSize) {
    return invalid("--context takes 32 bytes in hex: 0x and 64 digits");
  }
  Hash32 context;
  std::ranges::copy(*bytes, context.bytes.begin());
  return context;
}

nlohmann::ordered_json stages_of(std::chrono::nanoseconds registering,
                                 const zkml::ModelProof& proof) {
  return {
      {"register_s", seconds(registering)},          {"witness_s", seconds(proof.witness)},
      {"commit_s", seconds(proof.times.commit)},     {"lookups_s", seconds(proof.times.lookups)},
      {"products_s", seconds(proof.times.products)}, {"opening_s", seconds(proof.times.opening)}};
}

std::string prompt_text(const engine::Model& model, std::span<const engine::TokenId> tokens) {
  const auto text = model.tokenizer().decode(tokens);
  return text ? *text : std::string("(tokens that are no text)");
}

/// What the answer adds to the prompt's text.
std::string answer_text(const engine::Model& model, std::span<const engine::TokenId> tokens) {
  model::StreamDecoder decoder(model.tokenizer());
  std::string text;
  for (const engine::TokenId token : tokens) text += decoder.push(token).value_or("");
  return text + decoder.finish();
}

Result<ProofFile> read_proof(const std::filesystem::path& path) {
  IMO_TRY(const Bytes bytes, read_file(path, ProofFile::kMaxBytes));
  return ProofFile::decode(bytes);
}

/// What a transaction that has the proof checked uses; fails when the contract refuses it.
Result<std::uint64_t> gas_of(eth::Client& client, const Address& verifier, const ProofFile& file) {
  const zkml::Answer& answer = file.statement.answer;
  const auto call = market::abi::model_verifier::verify(
      node::key_words<market::abi::model_verifier::VerifyingKey>(file.key), file.statement.context,
      market::pack_tokens(answer.prompt), market::pack_tokens(answer.output), file.proof);
  IMO_TRY(const Bytes data, call.data);
  return client.estimate_gas({.to = verifier, .data = data});
}

}  // namespace

Result<Costs> Costs::of(const engine::Model& model, ThreadPool& pool) {
  IMO_TRY(zkml::ModelShape shape, zkml::ModelShape::of(model.program()));
  return Costs(std::move(shape), zkml::measure_rates(pool));
}

Result<node::ProvingCost> Costs::of_answer(std::size_t prompt, std::size_t output) const {
  IMO_TRY(const node::ProvingCost cost, node::proving_cost(shape_, prompt, output, rates_));
  const std::uint64_t memory = memory_of_machine();
  if (memory != 0) IMO_TRY_VOID(node::check_memory(cost, memory, "the machine"));
  return cost;
}

Report estimate_report(const node::ProvingCost& cost) {
  Report report;
  report.data = {{"prompt_tokens", cost.prompt_tokens},
                 {"output_tokens", cost.output_tokens},
                 {"prove_s", seconds(cost.proving)},
                 {"register_s", seconds(cost.registering)},
                 {"memory_bytes", cost.needs.memory_bytes},
                 {"proof_bytes", cost.needs.proof_bytes},
                 {"gas", cost.needs.gas},
                 {"fits_transaction", cost.fits_transaction()}};
  report
      .field("tokens", fmt::format("{} of the prompt, up to {} of the answer", cost.prompt_tokens,
                                   cost.output_tokens))
      .field("time", fmt::format("about {}, and once for this model {} to commit to its weights",
                                 format_duration(cost.proving), format_duration(cost.registering)))
      .field("memory", format_bytes(cost.needs.memory_bytes))
      .field("proof", format_bytes(cost.needs.proof_bytes))
      .field("on chain",
             fmt::format("{} gas; a transaction may use {}", format_count(cost.needs.gas),
                         format_count(eth::kMostTransactionGas)));
  return report;
}

Result<Report> prove(const ProveOptions& options) {
  keep_freed_memory();
  if (options.prompt.empty())
    return invalid(
        "there is nothing to prove: name a prompt, or an answer on the chain with --request");
  IMO_TRY(const Runner runner, Runner::create(options.execution));
  ProofFile file;
  IMO_TRY(file.statement.context, context_of(options.context));
  IMO_TRY(const engine::Model model, open_model(options.model, {.verify = false}));
  zkml::Answer& answer = file.statement.answer;
  IMO_TRY(answer.prompt, model.tokenizer().encode(options.prompt));
  IMO_TRY(const Costs costs, Costs::of(model, runner.pool()));
  IMO_TRY(const node::ProvingCost most, costs.of_answer(answer.prompt.size(), options.max_tokens));
  if (options.estimate) return estimate_report(most);
  IMO_TRY(engine::Generation written,
          model.generate(answer.prompt, options.max_tokens, {}, runner.execution()));
  answer.output = std::move(written.tokens);
  IMO_TRY(const node::ProvingCost cost,
          costs.of_answer(answer.prompt.size(), answer.output.size()));
  std::cerr << cost.to_text() << '\n';

  const auto started = Clock::now();
  IMO_TRY(const node::KeyFolder keys, key_folder());
  IMO_TRY(node::KeptKey kept, keys.open(model, runner.pool()));
  const auto registered = Clock::now();
  IMO_TRY(zkml::ModelProof proof, keys.prove_and_check(model, kept, file.statement, runner.pool()));
  const auto done = Clock::now();
  file.key = kept.key.verifying_key();
  file.proof = std::move(proof.bytes);
  const std::filesystem::path output =
      options.output.empty() ? std::filesystem::path("answer.proof") : options.output;
  IMO_TRY_VOID(write_file_atomic(output, file.encode()));

  const std::string text = answer_text(model, answer.output);
  Report report;
  report.data = {{"file", output.string()},
                 {"model_root", to_hex(file.key.model_root)},
                 {"registered_root", to_hex(file.key.registered_root)},
                 {"text", text},
                 {"prompt_tokens", answer.prompt},
                 {"output_tokens", answer.output},
                 {"proof_bytes", file.proof.size()},
                 {"prove_s", seconds(done - registered)},
                 {"peak_rss_bytes", peak_rss_bytes()},
                 {"stages", stages_of(registered - started, proof)}};
  report.field("answer", text)
      .field("proof", fmt::format("{}, {}", output.string(), format_bytes(file.proof.size())))
      .field("time", fmt::format("{:.2f} s, and {:.2f} s to {} the weights",
                                 seconds(done - registered), seconds(registered - started),
                                 kept.is_new ? "commit to" : "open the commitment to"))
      .field("memory", format_bytes(peak_rss_bytes()));
  if (options.profile) {
    for (const auto& [stage, took] : report.data["stages"].items()) {
      report.field("  " + stage, fmt::format("{:.3f}", took.get<double>()));
    }
  }
  report.next.push_back(
      fmt::format("imo verify --proof {} --model {}", output.string(), options.model.string()));
  return report;
}

Result<Report> verify_proof(const std::filesystem::path& path,
                            const std::filesystem::path& model_path) {
  IMO_TRY(const ProofFile file, read_proof(path));
  std::optional<engine::Model> model;
  if (!model_path.empty()) {
    IMO_TRY(const Runner runner, Runner::create({}));
    IMO_TRY(model, open_model(model_path));
    if (model->root() != file.key.model_root) {
      return fail(
          ErrorKind::kVerification,
          fmt::format("the proof is about model {}, '{}' is {}", to_hex(file.key.model_root),
                      model_path.string(), to_hex(model->root())));
    }
    IMO_TRY(const ProvingKey key, ProvingKey::make(*model, runner.pool()));
    if (key.verifying_key() != file.key) {
      return fail(ErrorKind::kVerification,
                  "the proof is about other weights than those of this model, whose root it names");
    }
  }
  const auto started = Clock::now();
  IMO_TRY_VOID(zkml::check_answer(file.key, file.statement, file.proof));
  const double took = seconds(Clock::now() - started);

  const zkml::Answer& answer = file.statement.answer;
  Report report;
  report.data = {{"valid", true},
                 {"model_checked", model.has_value()},
                 {"model_root", to_hex(file.key.model_root)},
                 {"registered_root", to_hex(file.key.registered_root)},
                 {"context", to_hex(file.statement.context)},
                 {"prompt_tokens", answer.prompt},
                 {"output_tokens", answer.output},
                 {"proof_bytes", file.proof.size()},
                 {"verify_ms", took * 1000}};
  report
      .field("proof", fmt::format("valid; {}, checked in {:.1f} ms",
                                  format_bytes(file.proof.size()), took * 1000))
      .field("model", to_hex(file.key.model_root))
      .field("weights", to_hex(file.key.registered_root));
  if (model) {
    report.data["prompt"] = prompt_text(*model, answer.prompt);
    report.data["text"] = answer_text(*model, answer.output);
    report.field("prompt", prompt_text(*model, answer.prompt))
        .field("answer", answer_text(*model, answer.output));
  } else {
    report.field("answer", fmt::format("{} tokens", answer.output.size()))
        .line("That the weights are those of the model was not checked; --model FILE does it.");
  }
  return report;
}

Result<Report> verify_proof_on_chain(Session& session, const std::filesystem::path& path) {
  IMO_TRY(const ProofFile file, read_proof(path));
  const Address& verifier = session.deployment().model_verifier;
  auto gas = gas_of(session.client(), verifier, file);
  if (!gas) {
    if (gas.error().kind != ErrorKind::kRejected) return tl::unexpected(gas.error());
    return fail(ErrorKind::kVerification, "the contract refuses the proof: " + gas.error().message);
  }
  Report report;
  report.data = {{"valid", true},
                 {"contract", eth::to_checksum(verifier)},
                 {"model_root", to_hex(file.key.model_root)},
                 {"registered_root", to_hex(file.key.registered_root)},
                 {"context", to_hex(file.statement.context)},
                 {"gas", *gas}};
  report.field("proof", fmt::format("valid, says the contract {}", eth::to_checksum(verifier)))
      .field("gas", fmt::format("{} in a transaction", format_count(*gas)))
      .field("model", to_hex(file.key.model_root))
      .field("weights", to_hex(file.key.registered_root));
  return report;
}

Result<Report> bench_prove(const BenchProveOptions& options) {
  if (options.prompt == 0 || options.prompt >= options.tokens || options.repeat == 0) {
    return invalid("--prompt must be at least 1 and less than --tokens, --repeat at least 1");
  }
  keep_freed_memory();
  IMO_TRY(const Runner runner, Runner::create(options.execution));
  IMO_TRY(const engine::Model model, open_model(options.model, {.verify = false}));
  zkml::Statement statement;
  zkml::Answer& answer = statement.answer;
  std::mt19937 random(1);
  for (std::uint32_t i = 0; i < options.prompt; ++i) {
    answer.prompt.push_back(static_cast<engine::TokenId>(random() % model.vocabulary_size()));
  }
  IMO_TRY(engine::Generation written,
          model.generate(answer.prompt, options.tokens - options.prompt, {}, runner.execution()));
  answer.output = std::move(written.tokens);
  IMO_TRY(const Costs costs, Costs::of(model, runner.pool()));
  IMO_TRY(const node::ProvingCost cost,
          costs.of_answer(answer.prompt.size(), answer.output.size()));
  const auto started = Clock::now();
  IMO_TRY(const node::KeyFolder keys, key_folder());
  IMO_TRY(const node::KeptKey kept, keys.open(model, runner.pool()));
  const ProvingKey& key = kept.key;
  const auto registering = Clock::now() - started;

  struct Run {
    double prove;
    double verify;
    zkml::ModelProof proof;
  };
  std::vector<Run> runs;
  for (std::uint32_t i = 0; i < options.repeat; ++i) {
    const auto begin = Clock::now();
    IMO_TRY(zkml::ModelProof proof, zkml::prove_answer(model, key, statement, runner.pool()));
    const auto proven = Clock::now();
    IMO_TRY_VOID(zkml::check_answer(key.verifying_key(), statement, proof.bytes));
    runs.push_back({seconds(proven - begin), seconds(Clock::now() - proven), std::move(proof)});
  }
  std::ranges::sort(runs, {}, &Run::prove);
  const Run& median = runs[runs.size() / 2];
  const std::uint64_t peak = peak_rss_bytes();
  IMO_TRY(const TemporaryDirectory directory, TemporaryDirectory::create());
  IMO_TRY(const DevChain chain, start_dev_chain(0, directory.path() / "deployment.json"));
  IMO_TRY(const std::uint64_t gas, gas_of(*chain.client, chain.deployment.model_verifier,
                                          {key.verifying_key(), statement, median.proof.bytes}));

  Report report;
  report.data = {{"model_root", to_hex(model.root())},
                 {"parameters", model.program().parameter_count()},
                 {"prompt_tokens", answer.prompt.size()},
                 {"output_tokens", answer.output.size()},
                 {"threads", runner.pool().size()},
                 {"repeat", options.repeat},
                 {"commitment_was_kept", !kept.is_new},
                 {"prove_s", median.prove},
                 {"peak_rss_bytes", peak},
                 {"estimate", estimate_report(cost).data},
                 {"proof_bytes", median.proof.bytes.size()},
                 {"verify_ms", median.verify * 1000},
                 {"gas", gas},
                 {"stages", stages_of(registering, median.proof)}};
  report
      .field("model", fmt::format("{} parameters", format_count(model.program().parameter_count())))
      .field("prove", fmt::format("{:.2f} s for {} tokens, median of {} runs, {} threads",
                                  median.prove, answer.prompt.size() + answer.output.size(),
                                  options.repeat, runner.pool().size()))
      .field("verify", fmt::format("{:.1f} ms, one thread", median.verify * 1000))
      .field("on chain", format_count(gas) + " gas")
      .field("proof", format_bytes(median.proof.bytes.size()))
      .field("memory", format_bytes(peak))
      .field("estimate", cost.to_text());
  for (const auto& [stage, took] : report.data["stages"].items()) {
    report.field("  " + stage, fmt::format("{:.3f}", took.get<double>()));
  }
  return report;
}

}  // namespace imo::cli
