#include "imo/node/key_agent.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/node/key_words.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace registry = market::abi::proof_registry;

constexpr std::chrono::seconds kRetryAfter{15};

}  // namespace

Result<void> KeyAgent::step(const FollowProgress& now) {
  if (now.rolled_back_to) {
    registrations_ = Jobs(registrations_.what);
    challenges_ = Jobs(challenges_.what);
    checked_.clear();
  }
  IMO_TRY(const std::uint64_t registered, registration_count(chain_.client, chain_.deployment));
  run(registrations_, registered,
      [&](std::uint64_t id) { return advance_registration(id, now.time); });
  IMO_TRY(const std::uint64_t challenged, challenge_count(chain_.client, chain_.deployment));
  run(challenges_, challenged, [&](std::uint64_t id) { return advance_challenge(id, now.time); });
  return {};
}

void KeyAgent::run(Jobs& jobs, std::uint64_t count, const Advance& advance) {
  while (jobs.seen < count) jobs.waiting.try_emplace(++jobs.seen);
  const auto clock = std::chrono::steady_clock::now();
  for (auto at = jobs.waiting.begin(); at != jobs.waiting.end();) {
    bool over = false;
    if (at->second <= clock) {
      const auto done = advance(at->first);
      over = done && *done;
      std::string& problem = jobs.problems[at->first];
      if (!done) {
        if (problem != done.error().message) {
          problem = done.error().message;
          log::warning("{} {} waits: {}", jobs.what, at->first, problem);
        }
        at->second = clock + kRetryAfter;
      }
    }
    if (over) jobs.problems.erase(at->first);
    at = over ? jobs.waiting.erase(at) : std::next(at);
  }
}

Result<bool> KeyAgent::advance_registration(std::uint64_t id, std::uint64_t now) {
  IMO_TRY(const ChainRegistration registration,
          read_registration(chain_.client, chain_.deployment, id));
  const bool is_own = registration.state.registrant == chain_.transactions.address();
  if (registration.status != KeyStatus::kPending) {
    if (is_own) IMO_TRY_VOID(withdraw(fmt::format("key {} withdraw", id)));
    return true;
  }
  if (is_own) {
    if (now < registration.state.final_at || registration.state.live_challenges != 0) return false;
    IMO_TRY_VOID(send(fmt::format("key {}", id), registry::finalise(U256(id))));
    return false;
  }
  KeySide* side = options_.contest ? side_of(registration.key.model_root) : nullptr;
  if (side == nullptr) return true;
  return checked_.contains(id) ? Result<bool>(false) : contest(registration, *side);
}

/// Looks at it once; what it found it finds again after a restart, and contests once.
Result<bool> KeyAgent::contest(const ChainRegistration& registration, KeySide& side) {
  IMO_TRY(const auto objection, side.objection(registration.key));
  if (!objection) return true;
  log::warning("key {} is false: {}", registration.id, objection->reason);
  if (options_.dry_run) {
    log::warning("dry run: key {} would be contested", registration.id);
    return true;
  }
  if (objection->part) {
    IMO_TRY_VOID(
        send(fmt::format("key {}", registration.id), side.strike(registration, *objection->part)));
  } else {
    IMO_TRY(const U256 bond,
            chain_.client.call(chain_.deployment.proof_registry, registry::challenge_bond()));
    IMO_TRY_VOID(chain_.transactions.ensure(
        fmt::format("key {} challenge", registration.id), chain_.deployment.proof_registry,
        registry::challenge(U256(registration.id),
                            key_words<registry::VerifyingKey>(registration.key)),
        bond));
  }
  checked_.insert(registration.id);
  return false;
}

Result<bool> KeyAgent::advance_challenge(std::uint64_t id, std::uint64_t now) {
  IMO_TRY(const ChainChallenge challenge, read_challenge(chain_.client, chain_.deployment, id));
  IMO_TRY(const ChainRegistration registration,
          read_registration(chain_.client, chain_.deployment, challenge.registration_id));
  const Address& self = chain_.transactions.address();
  const bool attacks = challenge.state.challenger == self;
  if (!attacks && registration.state.registrant != self) return true;
  if (!is_live(challenge.phase)) {
    log::info(
        "challenge {} of key {} has ended: {}", id, registration.id,
        challenge.phase == ChallengePhase::kRegistrantWon ? "the key stands" : "the key is gone");
    IMO_TRY_VOID(withdraw(fmt::format("challenge {} withdraw", id)));
    return true;
  }
  KeySide* side = side_of(registration.key.model_root);
  if (side == nullptr) {
    return invalid(
        fmt::format("it is about model {}, which this node does not serve: give it the "
                    "model file",
                    to_hex(registration.key.model_root)));
  }
  IMO_TRY(const auto move, side->move(registration, challenge, attacks, now));
  if (move) IMO_TRY_VOID(send(fmt::format("challenge {}", id), *move));
  return false;
}

Result<void> KeyAgent::send(const std::string& purpose, const eth::Call<void>& call) {
  if (!call.data) return tl::unexpected(call.data.error().within(call.name));
  const auto key =
      fmt::format("{} {} {}", purpose, call.name, to_hex(crypto::keccak256(*call.data)));
  IMO_TRY(const auto known, chain_.transactions.find(key));
  if (!known) log::info("{}: {}", purpose, call.name);
  return chain_.transactions.ensure(key, chain_.deployment.proof_registry, call)
      .map([](const TransactionRecord&) {});
}

/// Bonds and rewards that the registry owes this node.
Result<void> KeyAgent::withdraw(const std::string& purpose) {
  const Address& self = chain_.transactions.address();
  IMO_TRY(const U256 owed,
          chain_.client.call(chain_.deployment.proof_registry, registry::owed(self)));
  if (owed.is_zero()) return {};
  return chain_.transactions
      .ensure(purpose, chain_.deployment.proof_registry, registry::withdraw_for(self))
      .map([](const TransactionRecord&) {});
}

KeySide* KeyAgent::side_of(const Hash32& model_root) {
  const auto known = sides_.find(model_root);
  if (known != sides_.end()) return &known->second;
  const auto served = models_.find_root(model_root);
  if (!served) return nullptr;
  if (!pool_) pool_ = std::make_unique<ThreadPool>();
  return &sides_.try_emplace(model_root, served->model, *pool_).first->second;
}

}  // namespace imo::node
