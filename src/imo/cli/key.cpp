#include "imo/cli/key.hpp"

#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/execution.hpp"
#include "imo/cli/model.hpp"
#include "imo/eth/address.hpp"
#include "imo/node/key_side.hpp"
#include "imo/node/key_words.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace imo::cli {

namespace {

namespace registry = market::abi::proof_registry;
using node::ChainChallenge;
using node::ChainRegistration;
using node::ChallengePhase;
using node::KeyStatus;

constexpr std::uint64_t kListed = 100;
constexpr std::chrono::milliseconds kPollInterval{200};

std::string_view status_name(KeyStatus status) {
  switch (status) {
    case KeyStatus::kPending:
      return "pending";
    case KeyStatus::kFallen:
      return "fallen";
    case KeyStatus::kFinal:
      return "final";
    default:
      return "none";
  }
}

std::string_view outcome_text(ChallengePhase phase) {
  switch (phase) {
    case ChallengePhase::kRegistrantWon:
      return "the key stands";
    case ChallengePhase::kChallengerWon:
      return "the key has fallen";
    case ChallengePhase::kMoot:
      return "moot: the key fell otherwise";
    default:
      return "under way";
  }
}

Result<U256> amount(Session& session, const eth::Call<U256>& call) {
  return session.client().call(session.deployment().proof_registry, call);
}

/// "final in 3d", or why not.
std::string clock_text(const ChainRegistration& registration, std::uint64_t now) {
  if (registration.status != KeyStatus::kPending)
    return std::string(status_name(registration.status));
  if (registration.state.live_challenges != 0) {
    return fmt::format("pending, {} live challenges", registration.state.live_challenges);
  }
  if (registration.state.final_at <= now) return "pending, may be made final";
  return fmt::format("pending, final in {}",
                     format_duration(std::chrono::seconds(registration.state.final_at - now)));
}

Result<engine::Model> model_of(const ChainRegistration& registration,
                               const std::filesystem::path& path) {
  IMO_TRY(engine::Model model, open_model(path));
  if (model.root() != registration.key.model_root) {
    return invalid(fmt::format("{} has the root {}, key {} is about {}: another model",
                               path.string(), to_hex(model.root()), registration.id,
                               to_hex(registration.key.model_root)));
  }
  return model;
}

Result<void> contest(Session& session, const node::KeySide& side,
                     const ChainRegistration& registration, const node::KeyObjection& objection,
                     const std::string& model, Report& report) {
  const Address& address = session.deployment().proof_registry;
  if (objection.part) {
    IMO_TRY_VOID(session.transact(address, side.strike(registration, *objection.part)));
    report.data["struck"] = true;
    report.line(fmt::format("key {} is struck down; half of its bond is yours", registration.id));
    return {};
  }
  IMO_TRY(const U256 bond, amount(session, registry::challenge_bond()));
  IMO_TRY(const eth::TxReceipt receipt,
          session.transact(
              address,
              registry::challenge(U256(registration.id),
                                  node::key_words<registry::VerifyingKey>(registration.key)),
              bond));
  IMO_TRY(const auto challenged, eth::find_event<registry::events::Challenged>(receipt, address));
  const std::string id = challenged.challenge_id.to_dec();
  report.data["challenge_id"] = id;
  report.line(fmt::format("challenge {} is open, with a bond of {}", id, ether_text(bond)));
  report.next = {fmt::format("imo key play {} --model {}", id, model)};
  return {};
}

}  // namespace

Result<Report> key_register(Session& session, const std::filesystem::path& path) {
  IMO_TRY(const Runner runner, Runner::create({}));
  IMO_TRY(const engine::Model model, open_model(path, {.verify = false}));
  IMO_TRY_VOID(session.wallet());
  IMO_TRY(const zkml::ProvingKey proving, zkml::ProvingKey::make(model, runner.pool()));
  const zkml::VerifyingKey& key = proving.verifying_key();
  const opml::ModelProver prover(model.program(), &runner.pool());
  IMO_TRY(const U256 bond, amount(session, registry::registration_bond()));
  const Address& address = session.deployment().proof_registry;
  IMO_TRY(const eth::TxReceipt receipt,
          session.transact(
              address,
              registry::register_(node::key_words<registry::VerifyingKey>(key),
                                  node::opening_words<registry::ModelOpening>(prover.opening())),
              bond));
  IMO_TRY(const auto registered, eth::find_event<registry::events::Registered>(receipt, address));
  IMO_TRY(const std::uint64_t now, session.chain_time());
  const std::string id = registered.registration_id.to_dec();
  Report report;
  report.data = {{"registration_id", id},
                 {"key_id", to_hex(registered.key_id)},
                 {"model_root", to_hex(key.model_root)},
                 {"registered_root", to_hex(key.registered_root)},
                 {"bond", json_amount(bond)},
                 {"final_at", registered.final_at},
                 {"gas", session.gas_used()}};
  report.field("key", fmt::format("registration {}, {}", id, to_hex(registered.key_id)))
      .field("model", to_hex(key.model_root))
      .field("bond", ether_text(bond))
      .field("final", "in " + format_duration(std::chrono::seconds(registered.final_at - now)) +
                          ", if nobody shows it false; a node of this account defends it");
  report.next = {fmt::format("imo key finalise {}", id)};
  return report;
}

Result<Report> key_list(Session& session) {
  IMO_TRY(const std::uint64_t count,
          node::registration_count(session.client(), session.deployment()));
  IMO_TRY(const std::uint64_t now, session.chain_time());
  Report report;
  report.data["keys"] = nlohmann::ordered_json::array();
  const std::uint64_t oldest = count > kListed ? count - kListed : 0;
  for (std::uint64_t id = count; id > oldest; --id) {
    IMO_TRY(const ChainRegistration registration,
            node::read_registration(session.client(), session.deployment(), id));
    report.data["keys"].push_back({{"registration_id", id},
                                   {"key_id", to_hex(registration.state.key_id)},
                                   {"model_root", to_hex(registration.key.model_root)},
                                   {"registrant", eth::to_checksum(registration.state.registrant)},
                                   {"status", status_name(registration.status)},
                                   {"final_at", registration.state.final_at},
                                   {"live_challenges", registration.state.live_challenges}});
    report.line(fmt::format("{:>4}  model {}  {}", id, to_hex(registration.key.model_root),
                            clock_text(registration, now)));
  }
  if (count == 0) {
    report.line("no keys are registered");
    report.next = {"imo key register MODEL"};
  } else {
    report.next = {"imo key check NUMBER --model MODEL"};
  }
  return report;
}

Result<Report> key_check(Session& session, const KeyCheckOptions& options) {
  IMO_TRY(const ChainRegistration registration,
          node::read_registration(session.client(), session.deployment(), options.id));
  IMO_TRY(const engine::Model model, model_of(registration, options.model));
  IMO_TRY(const Runner runner, Runner::create({}));
  node::KeySide side(model, runner.pool());
  IMO_TRY(const auto objection, side.objection(registration.key));
  Report report;
  report.data = {{"registration_id", options.id},
                 {"status", status_name(registration.status)},
                 {"matches", !objection}};
  if (!objection) {
    report.line(fmt::format("key {} is one of this model; who contests it loses", options.id));
    return report;
  }
  report.exit_code = kVerificationFailed;
  report.data["reason"] = objection->reason;
  report.line(fmt::format("key {} is false: {}", options.id, objection->reason));
  if (registration.status != KeyStatus::kPending) {
    report.line(
        fmt::format("it is {}, so there is nothing to contest", status_name(registration.status)));
    return report;
  }
  if (options.contest) {
    IMO_TRY_VOID(contest(session, side, registration, *objection, options.model.string(), report));
  } else {
    report.next = {
        fmt::format("imo key check {} --model {} --contest", options.id, options.model.string())};
  }
  return report;
}

Result<Report> key_play(Session& session, const KeyPlayOptions& options) {
  const auto read = [&] {
    return node::read_challenge(session.client(), session.deployment(), options.id);
  };
  IMO_TRY(ChainChallenge challenge, read());
  IMO_TRY(
      ChainRegistration registration,
      node::read_registration(session.client(), session.deployment(), challenge.registration_id));
  IMO_TRY(const eth::Wallet* wallet, session.wallet());
  const bool attacks = wallet->address() == challenge.state.challenger;
  if (!attacks && wallet->address() != registration.state.registrant) {
    return invalid(fmt::format("{} is no side of challenge {}", eth::to_checksum(wallet->address()),
                               options.id));
  }
  IMO_TRY(const engine::Model model, model_of(registration, options.model));
  IMO_TRY(const Runner runner, Runner::create({}));
  node::KeySide side(model, runner.pool());
  unsigned moves = 0;
  auto give_up = std::chrono::steady_clock::now() + options.wait;
  while (node::is_live(challenge.phase)) {
    IMO_TRY(const std::uint64_t now, session.chain_time());
    IMO_TRY(const auto move, side.move(registration, challenge, attacks, now));
    if (move) {
      IMO_TRY_VOID(session.transact(session.deployment().proof_registry, *move));
      ++moves;
      give_up = std::chrono::steady_clock::now() + options.wait;
    } else if (std::chrono::steady_clock::now() >= give_up) {
      return fail(ErrorKind::kRejected,
                  fmt::format("challenge {} still waits for the other side; run this again before "
                              "the time for its next move ends",
                              options.id));
    } else {
      std::this_thread::sleep_for(kPollInterval);
    }
    IMO_TRY(challenge, read());
    IMO_TRY(registration, node::read_registration(session.client(), session.deployment(),
                                                  challenge.registration_id));
  }
  const bool won = challenge.phase ==
                   (attacks ? ChallengePhase::kChallengerWon : ChallengePhase::kRegistrantWon);
  Report report;
  report.data = {{"challenge_id", options.id},
                 {"side", attacks ? "challenger" : "registrant"},
                 {"moves", moves},
                 {"outcome", outcome_text(challenge.phase)},
                 {"gas", session.gas_used()}};
  report.line(fmt::format("challenge {}: {}; {} moves of this side, {} gas", options.id,
                          outcome_text(challenge.phase), moves, format_count(session.gas_used())));
  report.exit_code = won || challenge.phase == ChallengePhase::kMoot ? kSuccess : kFailure;
  return report;
}

Result<Report> key_finalise(Session& session, std::uint64_t id) {
  IMO_TRY(const ChainRegistration registration,
          node::read_registration(session.client(), session.deployment(), id));
  Report report;
  report.data = {{"registration_id", id}, {"key_id", to_hex(registration.state.key_id)}};
  if (registration.status != KeyStatus::kFinal) {
    IMO_TRY(const std::uint64_t now, session.chain_time());
    if (registration.status == KeyStatus::kFallen || registration.state.final_at > now) {
      return fail(ErrorKind::kRejected, fmt::format("key {} cannot be made final now: {}", id,
                                                    clock_text(registration, now)));
    }
    IMO_TRY_VOID(
        session.transact(session.deployment().proof_registry, registry::finalise(U256(id))));
  }
  report.line(fmt::format("key {} is final: contracts believe its proofs", id));
  report.next = {"imo prove MODEL --request NUMBER"};
  return report;
}

}  // namespace imo::cli
