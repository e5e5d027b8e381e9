/// `imo operator`: standing for answers with a deposit, and what they cost.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <cstdint>
#include <string>

namespace imo::cli {

struct OperatorJoinOptions {
  U256 deposit;          ///< wei; backs every answer
  std::string endpoint;  ///< URL of the HTTP door; may be empty
};

/// Registers the account as an operator, or adds to the deposit of one that is registered.
Result<Report> operator_join(Session& session, const OperatorJoinOptions& options);

struct OperatorPriceOptions {
  std::string offering;  ///< whose model; see market::find_offering
  std::uint64_t flat = 1;
  std::uint64_t per_prompt_token = 0;
  std::uint64_t per_output_token = 0;
  std::uint64_t per_callback_gas = 0;
};

/// Posts what the account asks for an answer of this model, in wei.
Result<Report> operator_price(Session& session, const OperatorPriceOptions& options);

}  // namespace imo::cli
