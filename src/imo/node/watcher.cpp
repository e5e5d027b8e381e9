#include "imo/node/watcher.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/replay.hpp"
#include "imo/opml/shape.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;

constexpr std::chrono::seconds kRetryAfter{15};

}  // namespace

Result<void> Watcher::step(const FollowProgress& now) {
  IMO_TRY(const auto answered, chain_.index.disputable_at(now.time));
  const auto clock = std::chrono::steady_clock::now();
  std::erase_if(not_before_, [&](const auto& entry) { return entry.second <= clock; });
  for (const auto& request : answered) {
    if (request.operator_address == chain_.transactions.address()) continue;
    if (checked_.contains(request.claim_hash) || not_before_.contains(request.claim_hash)) continue;
    if (const auto done = check(request); !done) {
      log::warning("answer to request {} cannot be checked yet: {}", request.id,
                   done.error().message);
      not_before_[request.claim_hash] = clock + kRetryAfter;
    }
  }
  return {};
}

Result<void> Watcher::check(const ChainRequest& request) {
  IMO_TRY(const auto registered, chain_.index.model(request.model_id));
  if (!registered) return {};
  const auto served = models_.find_root(registered->root);
  if (!served) return {};

  IMO_TRY(const auto prompt,
          market::unpack_tokens(request.is_text ? request.prompt : request.input));
  IMO_TRY(const auto output, market::unpack_tokens(request.output));
  if (!pool_) pool_ = std::make_unique<ThreadPool>();
  const auto replayed = replay(served->model, prompt, output, request.max_tokens, pool_.get());
  if (!replayed && replayed.error().kind != ErrorKind::kVerification) {
    return tl::unexpected(replayed.error());
  }
  if (!replayed) log::error("request {}: {}", request.id, replayed.error().message);
  if (!replayed || replayed->matches) {
    checked_.insert(request.claim_hash);
    return {};
  }
  const engine::Verdict& verdict = *replayed;
  log::warning("the answer to request {} is false: {}", request.id, verdict.reason);
  // The oracle takes no answer that stops too early or too late, so a false one has a false token.
  if (verdict.position >= output.size()) return invalid("it is false behind its last token");
  const auto positions = static_cast<std::uint32_t>(prompt.size() + verdict.position);
  IMO_TRY_VOID(opml::check_playable(served->model.program(), positions));
  return dispute(request, registered->root, verdict.position);
}

Result<void> Watcher::dispute(const ChainRequest& request, const Hash32& root,
                              std::uint32_t position) {
  if (dry_run_) {
    log::warning("dry run: request {} would be disputed at output token {}", request.id, position);
    checked_.insert(request.claim_hash);
    return {};
  }
  IMO_TRY(const bool is_disputed, has_disputed(chain_.client, chain_.deployment, request.claim_hash,
                                               chain_.transactions.address()));
  if (is_disputed) {
    checked_.insert(request.claim_hash);
    return {};
  }
  IMO_TRY(const U256 bond,
          chain_.client.call(chain_.deployment.dispute_game, game::challenger_bond()));
  const auto key = fmt::format("dispute request {} {}", request.id, to_hex(request.claim_hash));
  IMO_TRY(const auto sent, chain_.transactions.ensure(key, chain_.deployment.dispute_game,
                                                      open_call(request, root, position), bond));
  if (sent.state == TransactionState::kReverted) {
    log::warning("the dispute of request {} was not opened: its transaction reverted", request.id);
  }
  checked_.insert(request.claim_hash);
  return {};
}

}  // namespace imo::node
