#include "imo/node/receipt_watcher.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/replay.hpp"
#include "imo/opml/shape.hpp"

#include <system_error>

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;

constexpr std::chrono::seconds kRetryAfter{15};

std::string strike_key(const Hash32& digest) {
  return "strike receipt " + to_hex(digest);
}

}  // namespace

Result<void> ReceiptWatcher::step(const FollowProgress& now) {
  if (folder_.empty()) return {};
  // What was settled by blocks that never happened is looked at again.
  if (now.rolled_back_to) known_.clear();
  const auto clock = std::chrono::steady_clock::now();
  if (folder_not_before_ > clock) return {};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    if (entry.path().extension() != ".json") continue;
    std::error_code gone;
    const auto written = entry.last_write_time(gone);
    if (gone) continue;
    Known& known = known_[entry.path()];
    if (known.written != written) known = {written, false, {}};  // new, or written once more
    if (known.is_settled || known.not_before > clock) continue;
    auto settled = settle(entry.path());
    if (!settled) {
      log::warning("{} waits: {}", entry.path().string(), settled.error().message);
      known.not_before = clock + kRetryAfter;
    }
    known.is_settled = settled.value_or(false);
  }
  if (error) {
    log::warning("no receipts are checked: {}: {}", folder_.string(), error.message());
    folder_not_before_ = clock + kRetryAfter;
  }
  return {};
}

/// True when nothing is left to do; false to come back after what was sent is mined.
Result<bool> ReceiptWatcher::settle(const std::filesystem::path& file) {
  IMO_TRY(const std::string text, read_text_file(file, kMaxReplyBytes));
  const auto claim = parse_receipt_reply(text);
  if (!claim) {
    log::warning("{} is not checked: {}", file.string(), claim.error().message);
    return true;
  }
  if (claim->receipt.operator_address == chain_.transactions.address()) return true;
  IMO_TRY(const auto standing, standing_of(chain_.client, chain_.deployment, *claim));
  if (!standing.is_void.empty()) {
    log::warning("{} binds nobody: {}", file.string(), standing.is_void);
    return true;
  }
  if (standing.is_struck_down) {
    IMO_TRY_VOID(withdraw(standing.digest));
    return true;
  }
  return standing.on_its_face.empty() ? check(*claim, standing) : strike(*claim, standing);
}

Result<bool> ReceiptWatcher::strike(const ReceiptClaim& claim, const ReceiptStanding& standing) {
  log::warning("the receipt {} is false: {}", to_hex(standing.digest), standing.on_its_face);
  if (dry_run_) {
    log::warning("dry run: it would be struck down");
    return true;
  }
  IMO_TRY(const auto sent,
          chain_.transactions.ensure(strike_key(standing.digest), chain_.deployment.dispute_game,
                                     strike_receipt_call(claim)));
  return sent.state == TransactionState::kReverted;
}

Result<bool> ReceiptWatcher::check(const ReceiptClaim& claim, const ReceiptStanding& standing) {
  const auto served = models_.find_root(claim.receipt.model_root);
  if (!served) {
    log::warning("the receipt {} is of model {}, which this node does not serve",
                 to_hex(standing.digest), to_hex(claim.receipt.model_root));
    return true;
  }
  if (!pool_) pool_ = std::make_unique<ThreadPool>();
  const auto replayed =
      replay(served->model, claim.prompt, claim.output, claim.receipt.max_tokens, pool_.get());
  if (!replayed) {
    if (replayed.error().kind != ErrorKind::kVerification) return tl::unexpected(replayed.error());
    log::error("receipt {}: {}", to_hex(standing.digest), replayed.error().message);
    return true;
  }
  const engine::Verdict& verdict = *replayed;
  if (verdict.matches) return true;
  log::warning("the receipt {} is false: {}", to_hex(standing.digest), verdict.reason);
  IMO_TRY_VOID(opml::check_playable(
      served->model.program(), static_cast<std::uint32_t>(claim.prompt.size() + verdict.position)));
  if (dry_run_) {
    log::warning("dry run: it would be disputed at output token {}", verdict.position);
    return true;
  }
  IMO_TRY(const bool is_disputed, has_disputed(chain_.client, chain_.deployment, standing.digest,
                                               chain_.transactions.address()));
  if (is_disputed) return true;
  IMO_TRY(const U256 bond,
          chain_.client.call(chain_.deployment.dispute_game, game::challenger_bond()));
  IMO_TRY_VOID(chain_.transactions.ensure("dispute receipt " + to_hex(standing.digest),
                                          chain_.deployment.dispute_game,
                                          open_receipt_call(claim, verdict.position), bond));
  return true;
}

/// The reward of a receipt that this node struck down; that of a dispute the player fetches.
Result<void> ReceiptWatcher::withdraw(const Hash32& digest) {
  IMO_TRY(const auto struck, chain_.transactions.find(strike_key(digest)));
  if (!struck) return {};
  const Address& self = chain_.transactions.address();
  IMO_TRY(const U256 owed, chain_.client.call(chain_.deployment.dispute_game, game::owed(self)));
  if (owed.is_zero()) return {};
  return chain_.transactions
      .ensure("reward of receipt " + to_hex(digest), chain_.deployment.dispute_game,
              game::withdraw_for(self))
      .map([](const TransactionRecord&) {});
}

}  // namespace imo::node
