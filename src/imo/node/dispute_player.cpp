#include "imo/node/dispute_player.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/Oracle.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace oracle = market::abi::oracle;

constexpr std::chrono::seconds kRetryAfter{15};

}  // namespace

Result<void> DisputePlayer::step(const FollowProgress& now) {
  // Disputes of blocks that never happened are forgotten, and ends that were undone found again.
  if (now.rolled_back_to) {
    jobs_.clear();
    seen_ = 0;
  }
  IMO_TRY_VOID(find_new());
  const auto clock = std::chrono::steady_clock::now();
  for (auto at = jobs_.begin(); at != jobs_.end();) {
    auto& [id, job] = *at;
    bool over = false;
    if (job.not_before <= clock) {
      const auto done = advance(id, job, now.time);
      if (done) {
        over = *done;
      } else {
        if (job.problem != done.error().message) {
          job.problem = done.error().message;
          log::warning("dispute {} waits: {}", id, job.problem);
        }
        job.not_before = clock + kRetryAfter;
      }
    }
    at = over ? jobs_.erase(at) : std::next(at);
  }
  return {};
}

Result<void> DisputePlayer::find_new() {
  IMO_TRY(const U256 total,
          chain_.client.call(chain_.deployment.dispute_game, game::dispute_count()));
  const std::uint64_t count = total.to_u64().value_or(0);
  const Address& self = chain_.transactions.address();
  for (; seen_ < count; ++seen_) {
    const std::uint64_t id = seen_ + 1;
    IMO_TRY(const auto state, dispute_state(chain_.client, chain_.deployment, id));
    if (!opml::is_live(state.phase)) continue;
    IMO_TRY(const auto dispute, read_dispute(chain_.client, chain_.deployment, id));
    const opml::Sides& sides = dispute.view.sides;
    if (sides.operator_address != self && sides.challenger != self) continue;
    log::info("dispute {}: this node is the {}", id,
              sides.challenger == self ? "challenger" : "operator");
    jobs_.try_emplace(id);
  }
  return {};
}

/// True when the dispute is over.
Result<bool> DisputePlayer::advance(std::uint64_t id, Job& job, std::uint64_t now) {
  IMO_TRY(const auto state, dispute_state(chain_.client, chain_.deployment, id));
  if (!opml::is_live(state.phase)) {
    log::info("dispute {} has ended: {}", id, opml::phase_name(state.phase));
    IMO_TRY_VOID(withdraw(id));
    return true;
  }
  IMO_TRY(const ChainDispute dispute, read_dispute(chain_.client, chain_.deployment, id));
  if (const auto end = opml::closing_move(dispute.view, now, dispute.is_struck_down)) {
    IMO_TRY_VOID(send(id, *end));
    return false;
  }
  const bool attacks = dispute.view.sides.challenger == chain_.transactions.address();
  if (attacks != opml::is_challengers_move(dispute.view.dispute.phase)) return false;
  IMO_TRY_VOID(make_ready(job, dispute));
  const auto& prover = prover_of(*job.model);
  IMO_TRY(const auto move, attacks ? opml::challenger_move(prover, *job.trace, dispute.view)
                                   : opml::operator_move(prover, *job.trace, dispute.view));
  if (move) IMO_TRY_VOID(send(id, *move));
  return false;
}

Result<void> DisputePlayer::make_ready(Job& job, const ChainDispute& dispute) {
  if (job.trace) return {};
  job.model = models_.find_root(dispute.view.model_root);
  if (!job.model) {
    return invalid(
        fmt::format("it is about model {}, which this node does not serve: give it the model file",
                    to_hex(dispute.view.model_root)));
  }
  if (!pool_) pool_ = std::make_unique<ThreadPool>();
  IMO_TRY(job.trace,
          opml::compute_trace(job.model->model, dispute.view.tokens.prefix(), pool_.get()));
  return {};
}

Result<void> DisputePlayer::send(std::uint64_t id, const opml::Move& move) {
  const auto call = call_of(id, move);
  if (!call.data) return tl::unexpected(call.data.error().within(call.name));
  const auto key = fmt::format("dispute {} {} {}", id, opml::move_name(move),
                               to_hex(crypto::keccak256(*call.data)));
  IMO_TRY(const auto known, chain_.transactions.find(key));
  if (!known) log::info("dispute {}: {}", id, opml::move_name(move));
  return chain_.transactions.ensure(key, chain_.deployment.dispute_game, call)
      .map([](const TransactionRecord&) {});
}

/// Bonds and rewards: the game owes what was put down there, the oracle half of a struck bond.
Result<void> DisputePlayer::withdraw(std::uint64_t id) {
  const Address& self = chain_.transactions.address();
  IMO_TRY(const U256 bond, chain_.client.call(chain_.deployment.dispute_game, game::owed(self)));
  if (!bond.is_zero()) {
    IMO_TRY_VOID(chain_.transactions.ensure(fmt::format("dispute {} withdraw", id),
                                            chain_.deployment.dispute_game,
                                            game::withdraw_for(self)));
  }
  IMO_TRY(const U256 reward, chain_.client.call(chain_.deployment.oracle, oracle::owed(self)));
  if (!reward.is_zero()) {
    IMO_TRY_VOID(chain_.transactions.ensure(fmt::format("dispute {} reward", id),
                                            chain_.deployment.oracle, oracle::withdraw_for(self)));
  }
  return {};
}

const opml::ModelProver& DisputePlayer::prover_of(const ServedModel& model) {
  const auto known = provers_.find(model.root());
  if (known != provers_.end()) return known->second;
  return provers_.try_emplace(model.root(), model.model.program(), pool_.get()).first->second;
}

}  // namespace imo::node
