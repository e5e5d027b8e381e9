#include "imo/cli/dispute_receipt.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/cli/model.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/node/receipt_claim.hpp"
#include "imo/node/replay.hpp"
#include "imo/opml/shape.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace game = market::abi::dispute_game;

/// A receipt that binds its operator, and what the chain makes of it.
struct Held {
  node::ReceiptClaim claim;
  node::ReceiptStanding standing;
};

Result<Held> hold(Session& session, const std::filesystem::path& file) {
  Held held;
  IMO_TRY(const std::string text, read_text_file(file, node::kMaxReplyBytes));
  auto claim = node::parse_receipt_reply(text);
  if (!claim) return tl::unexpected(claim.error().within(file.string()));
  held.claim = *std::move(claim);
  IMO_TRY(held.standing, node::standing_of(session.client(), session.deployment(), held.claim));
  if (!held.standing.is_void.empty()) {
    return invalid(fmt::format("{} binds nobody: {}", file.string(), held.standing.is_void));
  }
  return held;
}

/// The answer run again, and the model that ran it.
struct Replayed {
  engine::Model model;
  engine::Verdict verdict;
};

Result<Replayed> run_again(const Held& held, const std::filesystem::path& path) {
  if (path.empty()) return invalid("--model is missing: the model file, .imo or GGUF");
  const node::Receipt& receipt = held.claim.receipt;
  IMO_TRY(engine::Model model, open_model(path));
  if (model.root() != receipt.model_root) {
    return invalid(fmt::format("{} has the root {}, the receipt is for {}: another model",
                               path.string(), to_hex(model.root()), to_hex(receipt.model_root)));
  }
  ThreadPool pool;
  IMO_TRY(engine::Verdict verdict,
          node::replay(model, held.claim.prompt, held.claim.output, receipt.max_tokens, &pool));
  return Replayed{std::move(model), std::move(verdict)};
}

Report about(const Held& held) {
  Report report;
  report.data = {{"digest", to_hex(held.standing.digest)},
                 {"operator", eth::to_checksum(held.claim.receipt.operator_address)},
                 {"model_root", to_hex(held.claim.receipt.model_root)},
                 {"tokens", held.claim.output.size()},
                 {"struck_down", held.standing.is_struck_down}};
  return report;
}

Result<Report> strike(Session& session, const Held& held) {
  const Address& address = session.deployment().dispute_game;
  IMO_TRY(const eth::TxReceipt mined,
          session.transact(address, node::strike_receipt_call(held.claim)));
  IMO_TRY(const auto struck, eth::find_event<game::events::ReceiptStruckDown>(mined, address));
  Report report = about(held);
  report.data["struck_down"] = true;
  report.data["reason"] = held.standing.on_its_face;
  report.data["reward"] = json_amount(struck.reward);
  report.line(fmt::format("the receipt is struck down without a game: {}; {} are yours",
                          held.standing.on_its_face, ether_text(struck.reward)));
  return report;
}

}  // namespace

Result<Report> dispute_replay_receipt(Session& session, const ReceiptDispute& which) {
  IMO_TRY(const Held held, hold(session, which.receipt));
  Report report = about(held);
  std::string reason = held.standing.on_its_face;
  if (reason.empty()) {
    IMO_TRY(const Replayed done, run_again(held, which.model));
    reason = done.verdict.reason;
    if (!done.verdict.matches) report.data["position"] = done.verdict.position;
  }
  report.data["matches"] = reason.empty();
  if (reason.empty()) {
    report.line("the receipt is about what the model writes; a dispute of it would be lost");
    return report;
  }
  report.data["reason"] = reason;
  report.line("the receipt is false: " + reason);
  if (held.standing.is_struck_down) {
    report.line("it has been struck down");
  } else {
    report.next = {fmt::format("imo dispute open --receipt {}{}", which.receipt.string(),
                               which.model.empty() ? "" : " --model " + which.model.string())};
  }
  report.exit_code = kVerificationFailed;
  return report;
}

Result<Report> dispute_open_receipt(Session& session, const ReceiptDispute& which) {
  IMO_TRY(const Held held, hold(session, which.receipt));
  if (held.standing.is_struck_down) {
    return fail(ErrorKind::kRejected, "the receipt has been struck down already");
  }
  if (!held.standing.on_its_face.empty()) return strike(session, held);
  IMO_TRY(const Replayed done, run_again(held, which.model));
  if (done.verdict.matches && !which.position) {
    return invalid(
        "the receipt is about what the model writes: a dispute would be lost, and the bond with "
        "it");
  }
  const std::uint32_t position = which.position.value_or(done.verdict.position);
  IMO_TRY_VOID(opml::check_playable(
      done.model.program(), static_cast<std::uint32_t>(held.claim.prompt.size()) + position));
  const Address& address = session.deployment().dispute_game;
  IMO_TRY(const U256 bond, session.client().call(address, game::challenger_bond()));
  IMO_TRY(const eth::TxReceipt mined,
          session.transact(address, node::open_receipt_call(held.claim, position), bond));
  IMO_TRY(const auto opened, eth::find_event<game::events::Opened>(mined, address));
  const std::string id = opened.dispute_id.to_dec();
  Report report = about(held);
  report.data["dispute_id"] = id;
  report.data["position"] = position;
  report.data["bond"] = json_amount(bond);
  report.line(fmt::format("dispute {} is open against token {} of the receipt, with a bond of {}",
                          id, position, ether_text(bond)));
  report.next = {fmt::format("imo dispute play {} --model {}", id, which.model.string())};
  return report;
}

}  // namespace imo::cli
