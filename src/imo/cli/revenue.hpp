/// `imo revenue`: what a model earned, and a holder's share of it (ERC-7641).
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <string>

namespace imo::cli {

/// What came in, what is booked, what `holder` (zero: nobody) can claim.
Result<Report> revenue_status(Session& session, const std::string& offering, const Address& holder);

/// Books what came in since the last snapshot for the holders at the end of the last epoch.
Result<Report> revenue_snapshot(Session& session, const std::string& offering);

/// Pays `holder` everything it has not claimed, in all assets; anybody may, only it receives.
Result<Report> revenue_claim(Session& session, const std::string& offering, const Address& holder);

struct BurnOptions {
  std::string offering;
  U256 amount;   ///< base units of the token
  U256 minimum;  ///< least ETH to receive, wei
};

/// Burns the account's tokens for their share of the redeem pool.
Result<Report> revenue_burn(Session& session, const BurnOptions& options);

}  // namespace imo::cli
