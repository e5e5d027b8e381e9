#include "imo/cli/dispute.hpp"

#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/cli/ask.hpp"
#include "imo/cli/model.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/replay.hpp"
#include "imo/opml/shape.hpp"

#include <algorithm>
#include <thread>

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace game = market::abi::dispute_game;
using node::ChainDispute;
using opml::Phase;

constexpr std::uint64_t kListed = 100;
constexpr std::chrono::milliseconds kPollInterval{200};

std::string phase_text(Phase phase) {
  switch (phase) {
    case Phase::kCommit:
      return "the operator must commit to a trace";
    case Phase::kPick:
      return "the challenger must pick";
    case Phase::kReveal:
      return "the operator must reveal";
    case Phase::kOpenLeaves:
      return "the operator must open the leaves";
    case Phase::kStep:
      return "the challenger must show an element to be wrong, or ask for its sums";
    case Phase::kSums:
      return "the operator must give the sums of the element";
    case Phase::kStepSum:
      return "the challenger must show a sum to be wrong";
    case Phase::kOperatorWon:
      return "the operator won: the answer stands";
    case Phase::kChallengerWon:
      return "the challenger won: the answer is struck down";
    case Phase::kMoot:
      return "moot: the answer fell in another dispute";
    default:
      return "none";
  }
}

std::string about(std::uint64_t request_id) {
  return request_id == 0 ? std::string("a receipt") : fmt::format("request {}", request_id);
}

Result<std::uint64_t> count_of(Session& session) {
  IMO_TRY(const U256 count,
          session.client().call(session.deployment().dispute_game, game::dispute_count()));
  return count.to_u64().value_or(0);
}

/// What of a dispute's clock is left, in seconds; 0 when it has run out.
std::uint64_t seconds_left(const opml::Dispute& dispute, std::uint64_t now) {
  return dispute.deadline > now ? dispute.deadline - now : 0;
}

struct Round {
  unsigned from = 0;  ///< height of the node that was revealed
  unsigned to = 0;    ///< height of its children
  std::optional<std::uint64_t> picked;
};

/// The rounds that were revealed, with the digit that was picked in each.
std::vector<Round> rounds_of(const ChainDispute& dispute) {
  const opml::Dispute& state = dispute.view.dispute;
  const unsigned group = opml::group_bits(state.height);
  std::vector<Round> rounds;
  unsigned decided = 0;
  for (std::size_t i = 0; i < dispute.view.rounds.size(); ++i) {
    const unsigned levels = std::min(opml::kRoundBits, state.height - group - decided);
    Round round{state.height - decided, state.height - decided - levels, std::nullopt};
    decided += levels;
    if (decided <= state.depth) {
      round.picked =
          state.leaf_index >> (state.depth - decided) & ((std::uint64_t{1} << levels) - 1);
    }
    rounds.push_back(round);
  }
  return rounds;
}

void draw_path(const ChainDispute& dispute, Report& report) {
  nlohmann::ordered_json path = nlohmann::ordered_json::array();
  std::string indent;
  for (const Round& round : rounds_of(dispute)) {
    report.line(fmt::format("{}└ height {}: {} nodes revealed{}", indent, round.from,
                            1U << (round.from - round.to),
                            round.picked ? fmt::format(", number {} picked", *round.picked) : ""));
    path.push_back({{"height", round.from},
                    {"picked", round.picked ? nlohmann::ordered_json(*round.picked)
                                            : nlohmann::ordered_json(nullptr)}});
    indent += "  ";
  }
  const opml::Dispute& state = dispute.view.dispute;
  if (!dispute.view.leaves.empty()) {
    report.line(fmt::format("{}└ height {}: {} leaves opened", indent,
                            opml::group_bits(state.height),
                            dispute.view.leaves.size() / opml::kLeafBytes));
    if (state.depth == state.height) {
      report.line(
          fmt::format("{}  └ leaf {}, element {}", indent, state.leaf_index, state.element));
    }
    if (!dispute.view.sums.empty()) {
      report.line(
          fmt::format("{}    └ {} sums given", indent, dispute.view.sums.size() / opml::kSumBytes));
    }
  }
  report.data["path"] = std::move(path);
}

/// Which operator of the model the descent is in, once it is down to one.
Result<void> name_place(const ChainDispute& dispute, const std::filesystem::path& path,
                        Report& report) {
  IMO_TRY(const engine::Model model, open_model(path));
  if (model.root() != dispute.view.model_root) {
    return invalid(fmt::format("{} has the root {}, the dispute is about {}: another model",
                               path.string(), to_hex(model.root()),
                               to_hex(dispute.view.model_root)));
  }
  const opml::Dispute& state = dispute.view.dispute;
  const auto shape = opml::TraceShape::of(model.program(), dispute.view.tokens.positions());
  if (state.height != shape.height() || state.height - state.depth > shape.leaf_bits) return {};
  const std::uint64_t index = state.leaf_index >> (shape.leaf_bits - (state.height - state.depth));
  if (index >= shape.operators) return {};
  report.data["operator_index"] = index;
  report.field("place", fmt::format("operator {} of {}", index, shape.operators));
  return {};
}

struct Replay {
  RequestRecord record;
  engine::Verdict verdict;
};

Result<Replay> run_again(Session& session, const U256& request_id, const engine::Model& model) {
  Replay result;
  IMO_TRY(result.record, read_request(session, request_id));
  const RequestRecord& record = result.record;
  if (record.output_tokens.empty()) {
    return fail(ErrorKind::kNotFound,
                fmt::format("request {} has no answer to dispute", request_id.to_dec()));
  }
  if (model.root() != record.model_root) {
    return invalid(fmt::format("the model file has the root {}, the request is for {}",
                               to_hex(model.root()), to_hex(record.model_root)));
  }
  ThreadPool pool;
  IMO_TRY(result.verdict, node::replay(model, record.prompt_tokens, record.output_tokens,
                                       record.max_tokens, &pool));
  return result;
}

node::ChainRequest as_chain_request(const RequestRecord& record) {
  node::ChainRequest request;
  request.id = record.id.to_u64().value_or(0);
  request.model_id = record.model_id;
  request.is_text = record.is_text;
  request.input = record.input;
  request.prompt = market::pack_tokens(record.prompt_tokens);
  request.output = market::pack_tokens(record.output_tokens);
  request.text.assign(record.text.begin(), record.text.end());
  request.max_tokens = record.max_tokens;
  return request;
}

/// One side of one dispute, with what its moves are made from.
class Player {
 public:
  Player(Session& session, engine::Model model, const ChainDispute& dispute, bool attacks)
      : session_(session),
        model_(std::move(model)),
        prover_(model_.program(), &pool_),
        tokens_(dispute.view.tokens),
        attacks_(attacks) {}

  Result<void> prepare() {
    IMO_TRY(trace_, opml::compute_trace(model_, tokens_.prefix(), &pool_));
    return {};
  }

  /// Makes the move that is due, if it is this side's turn. True when one was made.
  Result<bool> move(const ChainDispute& dispute) {
    IMO_TRY(const std::uint64_t now, session_.chain_time());
    auto next = opml::closing_move(dispute.view, now, dispute.is_struck_down);
    if (!next && attacks_ == opml::is_challengers_move(dispute.view.dispute.phase)) {
      IMO_TRY(next, attacks_ ? opml::challenger_move(prover_, *trace_, dispute.view)
                             : opml::operator_move(prover_, *trace_, dispute.view));
    }
    if (!next) return false;
    log::info("{}", opml::move_name(*next));
    IMO_TRY_VOID(
        session_.transact(session_.deployment().dispute_game, node::call_of(dispute.id, *next)));
    return true;
  }

 private:
  Session& session_;
  ThreadPool pool_;
  engine::Model model_;
  opml::ModelProver prover_;
  opml::ClaimTokens tokens_;
  bool attacks_;
  std::unique_ptr<opml::Trace> trace_;
};

Result<ChainDispute> read(Session& session, std::uint64_t id) {
  return node::read_dispute(session.client(), session.deployment(), id);
}

}  // namespace

Result<Report> dispute_list(Session& session, bool all) {
  IMO_TRY(const std::uint64_t count, count_of(session));
  IMO_TRY(const std::uint64_t now, session.chain_time());
  Report report;
  report.data = {{"count", count}, {"disputes", nlohmann::ordered_json::array()}};
  const std::uint64_t oldest = count > kListed ? count - kListed : 0;
  for (std::uint64_t id = count; id > oldest; --id) {
    IMO_TRY(const opml::Dispute state,
            node::dispute_state(session.client(), session.deployment(), id));
    const bool live = opml::is_live(state.phase);
    if (!live && !all) continue;
    IMO_TRY(const ChainDispute dispute, read(session, id));
    const opml::Sides& sides = dispute.view.sides;
    report.data["disputes"].push_back({{"id", id},
                                       {"request_id", sides.request_id},
                                       {"phase", opml::phase_name(state.phase)},
                                       {"operator", eth::to_checksum(sides.operator_address)},
                                       {"challenger", eth::to_checksum(sides.challenger)},
                                       {"deadline", state.deadline}});
    report.line(fmt::format(
        "{:>4}  {:<12} {}{}", id, about(sides.request_id), phase_text(state.phase),
        live ? fmt::format(" within {}",
                           format_duration(std::chrono::seconds(seconds_left(state, now))))
             : ""));
  }
  if (report.lines.empty()) {
    report.line(all || count == 0 ? "no disputes"
                                  : fmt::format("no live disputes; {} ended (--all)", count));
  } else {
    report.next = {"imo dispute show NUMBER"};
  }
  return report;
}

Result<Report> dispute_show(Session& session, std::uint64_t id,
                            const std::filesystem::path& model) {
  IMO_TRY(const ChainDispute dispute, read(session, id));
  IMO_TRY(const std::uint64_t now, session.chain_time());
  const opml::Dispute& state = dispute.view.dispute;
  const opml::ClaimTokens& tokens = dispute.view.tokens;
  Report report;
  report.data = {{"id", id},
                 {"request_id", dispute.view.sides.request_id},
                 {"claim_hash", to_hex(dispute.view.sides.claim_hash)},
                 {"model_root", to_hex(dispute.view.model_root)},
                 {"phase", opml::phase_name(state.phase)},
                 {"operator", eth::to_checksum(dispute.view.sides.operator_address)},
                 {"challenger", eth::to_checksum(dispute.view.sides.challenger)},
                 {"output_position", tokens.output_position},
                 {"token", tokens.output.at(tokens.output_position)},
                 {"deadline", state.deadline},
                 {"height", state.height},
                 {"depth", state.depth}};
  report.field("dispute", fmt::format("{} about {}", id, about(dispute.view.sides.request_id)))
      .field("state", phase_text(state.phase))
      .field("token",
             fmt::format("{} at output position {} of {}", tokens.output.at(tokens.output_position),
                         tokens.output_position, tokens.output.size()))
      .field("operator", eth::to_checksum(dispute.view.sides.operator_address))
      .field("challenger", eth::to_checksum(dispute.view.sides.challenger));
  if (opml::is_live(state.phase)) {
    report.field("clock",
                 format_duration(std::chrono::seconds(seconds_left(state, now))) + " left");
  }
  if (!dispute.view.trace_root.is_zero()) {
    report.data["trace_root"] = to_hex(dispute.view.trace_root);
    report.field("trace", to_hex(dispute.view.trace_root));
  }
  if (!model.empty()) IMO_TRY_VOID(name_place(dispute, model, report));
  draw_path(dispute, report);
  if (opml::is_live(state.phase)) {
    report.next = {fmt::format("imo dispute play {} --model FILE   (as one of its sides)", id)};
  }
  return report;
}

Result<Report> dispute_replay(Session& session, const U256& request_id,
                              const std::filesystem::path& path) {
  IMO_TRY(const engine::Model model, open_model(path));
  IMO_TRY(const Replay done, run_again(session, request_id, model));
  const engine::Verdict& verdict = done.verdict;
  Report report;
  report.data = {{"request_id", request_id.to_dec()},
                 {"matches", verdict.matches},
                 {"tokens", done.record.output_tokens.size()}};
  if (verdict.matches) {
    report.line(
        fmt::format("the answer to request {} is what the model writes; a dispute of it "
                    "would be lost",
                    request_id.to_dec()));
    return report;
  }
  report.data["position"] = verdict.position;
  if (verdict.expected) report.data["expected"] = *verdict.expected;
  if (verdict.claimed) report.data["claimed"] = *verdict.claimed;
  report.data["reason"] = verdict.reason;
  report.line(
      fmt::format("the answer to request {} is false: {}", request_id.to_dec(), verdict.reason));
  report.next = {fmt::format("imo dispute open {} --model {}", request_id.to_dec(), path.string())};
  report.exit_code = kVerificationFailed;
  return report;
}

Result<Report> dispute_open(Session& session, const DisputeOpenOptions& options) {
  IMO_TRY(const engine::Model model, open_model(options.model));
  IMO_TRY(const Replay done, run_again(session, options.request_id, model));
  if (done.verdict.matches && !options.position) {
    return invalid(
        fmt::format("the answer to request {} is what the model writes: a dispute would "
                    "be lost, and the bond with it",
                    options.request_id.to_dec()));
  }
  const std::uint32_t position = options.position.value_or(done.verdict.position);
  IMO_TRY_VOID(opml::check_playable(
      model.program(), static_cast<std::uint32_t>(done.record.prompt_tokens.size()) + position));
  const Address& address = session.deployment().dispute_game;
  IMO_TRY(const U256 bond, session.client().call(address, game::challenger_bond()));
  IMO_TRY(
      const eth::TxReceipt receipt,
      session.transact(
          address, node::open_call(as_chain_request(done.record), done.record.model_root, position),
          bond));
  IMO_TRY(const game::events::Opened opened,
          eth::find_event<game::events::Opened>(receipt, address));
  const std::string id = opened.dispute_id.to_dec();
  Report report;
  report.data = {{"dispute_id", id},
                 {"request_id", options.request_id.to_dec()},
                 {"position", position},
                 {"bond", json_amount(bond)}};
  report.line(fmt::format("dispute {} is open against token {} of request {}, with a bond of {}",
                          id, position, options.request_id.to_dec(), ether_text(bond)));
  report.next = {fmt::format("imo dispute play {} --model {}", id, options.model.string())};
  return report;
}

Result<Report> dispute_play(Session& session, const DisputePlayOptions& options) {
  IMO_TRY(ChainDispute dispute, read(session, options.id));
  IMO_TRY(const eth::Wallet* wallet, session.wallet());
  const bool attacks = wallet->address() == dispute.view.sides.challenger;
  if (!attacks && wallet->address() != dispute.view.sides.operator_address) {
    return invalid(fmt::format("{} is no side of dispute {}", eth::to_checksum(wallet->address()),
                               options.id));
  }
  unsigned moves = 0;
  if (opml::is_live(dispute.view.dispute.phase)) {
    IMO_TRY(engine::Model model, open_model(options.model));
    if (model.root() != dispute.view.model_root) {
      return invalid(fmt::format("{} has the root {}, the dispute is about {}: another model",
                                 options.model.string(), to_hex(model.root()),
                                 to_hex(dispute.view.model_root)));
    }
    Player player(session, std::move(model), dispute, attacks);
    IMO_TRY_VOID(player.prepare());
    const auto give_up = std::chrono::steady_clock::now() + options.wait;
    while (opml::is_live(dispute.view.dispute.phase)) {
      IMO_TRY(const bool moved, player.move(dispute));
      moves += moved ? 1 : 0;
      if (!moved) {
        if (std::chrono::steady_clock::now() >= give_up) {
          return fail(ErrorKind::kRejected,
                      fmt::format("dispute {} still waits for the other side; run this again "
                                  "before its clock ends",
                                  options.id));
        }
        std::this_thread::sleep_for(kPollInterval);
      }
      IMO_TRY(dispute, read(session, options.id));
    }
  }
  const Phase outcome = dispute.view.dispute.phase;
  const bool won = outcome == (attacks ? Phase::kChallengerWon : Phase::kOperatorWon);
  Report report;
  report.data = {{"dispute_id", options.id},
                 {"side", attacks ? "challenger" : "operator"},
                 {"moves", moves},
                 {"outcome", opml::phase_name(outcome)},
                 {"gas", session.gas_used()}};
  report.line(fmt::format("dispute {}: {}; {} moves of this side, {} gas", options.id,
                          phase_text(outcome), moves, format_count(session.gas_used())));
  report.exit_code = won || outcome == Phase::kMoot ? kSuccess : kFailure;
  return report;
}

}  // namespace imo::cli
