#include "imo/node/proving_cost.hpp"

#include "imo/base/format.hpp"

#include <fmt/format.h>

namespace imo::node {

std::string ProvingCost::to_text() const {
  return fmt::format(
      "proving {} tokens: about {}, {} of memory, a proof of {}, and {} gas to verify{}",
      prompt_tokens + output_tokens, format_duration(proving), format_bytes(needs.memory_bytes),
      format_bytes(needs.proof_bytes), format_count(needs.gas),
      fits_transaction() ? ""
                         : fmt::format(", more than the {} of a transaction",
                                       format_count(eth::kMostTransactionGas)));
}

Result<ProvingCost> proving_cost(const zkml::ModelShape& shape, std::size_t prompt_tokens,
                                 std::size_t output_tokens, const zkml::ProverRates& rates) {
  const std::size_t tokens = prompt_tokens + output_tokens;
  if (prompt_tokens == 0 || output_tokens == 0 || tokens > shape.context) {
    return invalid(
        fmt::format("a proof is of at least one token of prompt and of answer each and of at most "
                    "{} together, the model's context; these are {} and {}",
                    shape.context, prompt_tokens, output_tokens));
  }
  ProvingCost cost;
  cost.prompt_tokens = static_cast<std::uint32_t>(prompt_tokens);
  cost.output_tokens = static_cast<std::uint32_t>(output_tokens);
  IMO_TRY(cost.needs, zkml::estimate_proof(shape, cost.prompt_tokens, cost.output_tokens));
  cost.proving = rates.time_of(cost.needs.proving);
  cost.registering = rates.time_of(cost.needs.registering);
  return cost;
}

Result<void> check_memory(const ProvingCost& cost, std::uint64_t limit, std::string_view whose) {
  if (cost.needs.memory_bytes <= limit) return {};
  return invalid(
      fmt::format("proving {} tokens takes about {} of memory, {} has {}; ask for fewer tokens, or "
                  "prove where there is more",
                  cost.prompt_tokens + cost.output_tokens, format_bytes(cost.needs.memory_bytes),
                  whose, format_bytes(limit)));
}

}  // namespace imo::node
