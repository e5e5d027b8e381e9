/// `imo dispute replay|open --receipt`: receipts of the HTTP door, disputed by hand. A node with
/// [watch] receipts does the same by itself.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace imo::cli {

struct ReceiptDispute {
  std::filesystem::path receipt;  ///< the reply of the HTTP door, JSON
  std::filesystem::path model;    ///< not needed for a receipt that is false on its face
  /// The token to dispute whatever the replay says; none: the first false one.
  std::optional<std::uint32_t> position;
};

/// Holds a receipt against the chain and the model, and says how it could be disputed. The report's
/// exit code is kVerificationFailed when the receipt is false.
Result<Report> dispute_replay_receipt(Session& session, const ReceiptDispute& which);

/// Strikes down a receipt that is false on its face; disputes a false token of any other, with the
/// challenger's bond. Without a position it refuses to dispute a true answer.
Result<Report> dispute_open_receipt(Session& session, const ReceiptDispute& which);

}  // namespace imo::cli
