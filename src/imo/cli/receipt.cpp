#include "imo/cli/receipt.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/model.hpp"
#include "imo/engine/verify.hpp"
#include "imo/eth/address.hpp"
#include "imo/node/receipt_claim.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {

Result<Report> verify(Session& session, const node::ReceiptClaim& claim,
                      const std::filesystem::path& path) {
  const node::Receipt& receipt = claim.receipt;
  IMO_TRY(const node::ReceiptStanding standing,
          node::standing_of(session.client(), session.deployment(), claim));
  IMO_TRY(const engine::Model model, open_model(path));
  if (model.root() != receipt.model_root) {
    return invalid(fmt::format("{} has the root {}, the receipt is for {}: another model",
                               path.string(), to_hex(model.root()), to_hex(receipt.model_root)));
  }
  std::string fault = standing.is_void.empty() ? standing.on_its_face : standing.is_void;
  if (fault.empty()) {
    IMO_TRY(const engine::Verdict verdict,
            engine::verify(model, claim.prompt, claim.output, receipt.max_tokens));
    fault = verdict.reason;
  }
  const std::string signer = eth::to_checksum(receipt.operator_address);
  Report report;
  report.data = {{"operator", signer},
                 {"model_root", to_hex(receipt.model_root)},
                 {"matches", fault.empty()},
                 {"tokens", claim.output.size()}};
  if (fault.empty()) {
    report.line(
        fmt::format("signed by {}, and what the model writes: {} tokens run again, all equal",
                    signer, claim.output.size()));
    return report;
  }
  report.data["reason"] = fault;
  report.line("the receipt does NOT hold: " + fault);
  report.exit_code = kVerificationFailed;
  return report;
}

}  // namespace

Result<Report> verify_receipt(Session& session, const nlohmann::json& reply,
                              const std::filesystem::path& model) {
  IMO_TRY(const node::ReceiptClaim claim, node::parse_receipt_reply(reply.dump()));
  return verify(session, claim, model);
}

Result<Report> verify_receipt_file(Session& session, const std::filesystem::path& file,
                                   const std::filesystem::path& model) {
  IMO_TRY(const std::string text, read_text_file(file, node::kMaxReplyBytes));
  const auto claim = node::parse_receipt_reply(text);
  if (!claim) return tl::unexpected(claim.error().within(file.string()));
  return verify(session, *claim, model);
}

}  // namespace imo::cli
