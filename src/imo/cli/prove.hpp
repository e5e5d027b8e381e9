/// `imo prove`, `imo verify --proof`, `imo bench prove`: an answer with a proof that the model
/// gives it.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/execution.hpp"
#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"
#include "imo/engine/model.hpp"
#include "imo/node/proving_cost.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace imo::cli {

struct ProveOptions {
  std::filesystem::path model;  ///< `.imo` or GGUF
  std::string prompt;
  std::filesystem::path output;  ///< empty: `answer.proof`
  std::uint32_t max_tokens = 32;
  std::string context;    ///< 32 bytes in hex that name the request; empty for none
  bool profile = false;   ///< say how long each stage took
  bool estimate = false;  ///< say what it would take, and end
  ExecutionOptions execution;
};

/// What proofs of a model's answers cost on this machine as it is now.
class Costs {
 public:
  /// Fails for a model outside the provable subset. Measures the machine.
  static Result<Costs> of(const engine::Model& model, ThreadPool& pool);

  /// Fails when an answer of so many tokens takes more memory than the machine has.
  [[nodiscard]] Result<node::ProvingCost> of_answer(std::size_t prompt, std::size_t output) const;

 private:
  Costs(zkml::ModelShape shape, zkml::ProverRates rates)
      : shape_(std::move(shape)), rates_(rates) {}

  zkml::ModelShape shape_;
  zkml::ProverRates rates_;
};

/// The estimate alone, for `--estimate`.
Report estimate_report(const node::ProvingCost& cost);

/// Lets the model answer, proves it and writes the proof file. Before the work starts it says, on
/// standard error, what it will take; what the machine has no memory for is refused.
Result<Report> prove(const ProveOptions& options);

/// Checks a proof file, and that it is about `model` unless that is empty: without, the key in the
/// file is taken as it is, and the report says so.
Result<Report> verify_proof(const std::filesystem::path& file, const std::filesystem::path& model);

/// Lets the contract ModelVerifier check a proof file, without a transaction, and says what one
/// would cost.
Result<Report> verify_proof_on_chain(Session& session, const std::filesystem::path& file);

struct BenchProveOptions {
  std::filesystem::path model;
  std::uint32_t tokens = 32;  ///< prompt and answer together
  std::uint32_t prompt = 4;   ///< tokens of the prompt, random
  std::uint32_t repeat = 3;   ///< proofs, of which the medians are reported
  ExecutionOptions execution;
};

/// Times of proving and verifying, memory, bytes of the proof, and gas on a chain of its own.
Result<Report> bench_prove(const BenchProveOptions& options);

}  // namespace imo::cli
