/// `imo verify --receipt`: an answer from the HTTP door, with the receipt that came with it.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <filesystem>

namespace imo::cli {

/// Checks a reply of the HTTP door (its JSON): the operator's signature as the chain sees it, that
/// the receipt is about these tokens and this text, and that the model writes them. The report's
/// exit code is kVerificationFailed when any of it is false.
Result<Report> verify_receipt(Session& session, const nlohmann::json& reply,
                              const std::filesystem::path& model);

/// The same for a file that holds the reply.
Result<Report> verify_receipt_file(Session& session, const std::filesystem::path& file,
                                   const std::filesystem::path& model);

}  // namespace imo::cli
