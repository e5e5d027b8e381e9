/// What proving an answer costs on this machine, said before the work starts; what cannot fit is
/// refused.
#pragma once

#include "imo/base/result.hpp"
#include "imo/eth/transaction.hpp"
#include "imo/zkml/model_proof.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace imo::node {

struct ProvingCost {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
  zkml::ProofEstimate needs;
  std::chrono::milliseconds proving{};
  std::chrono::milliseconds registering{};  ///< before the first proof of the model

  /// Whether one transaction can have it verified, by the estimate.
  [[nodiscard]] bool fits_transaction() const { return needs.gas <= eth::kMostTransactionGas; }
  /// One sentence.
  [[nodiscard]] std::string to_text() const;
};

/// Fails for an answer that the model's context or a proof's circuit has no room for.
Result<ProvingCost> proving_cost(const zkml::ModelShape& shape, std::size_t prompt_tokens,
                                 std::size_t output_tokens, const zkml::ProverRates& rates);

/// Fails when it takes more memory than `limit`, which `whose` has: "the machine".
Result<void> check_memory(const ProvingCost& cost, std::uint64_t limit, std::string_view whose);

}  // namespace imo::node
