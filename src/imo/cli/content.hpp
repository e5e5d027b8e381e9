/// `imo content`: answers as ERC-7007 tokens.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

namespace imo::cli {

/// Mints the answer to a request that the account asked. `to` zero: the account itself.
Result<Report> content_mint(Session& session, const U256& request_id, const Address& to);

/// Owner, text and whether the chain calls it final.
Result<Report> content_show(Session& session, const U256& token_id);

}  // namespace imo::cli
