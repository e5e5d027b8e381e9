/// A chain with an operator that lies as a test tells it, and watchers that can be killed.
#pragma once

#include "imo/engine/session.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/node.hpp"
#include "imo/node/prompt.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"
#include "imo/opml/stored_trace.hpp"

#include <csignal>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace imo::node::test {

inline constexpr unsigned kWatcherKey = 3;

/// A node as a process of its own, for kill -9.
class WatcherProcess {
 public:
  explicit WatcherProcess(NodeConfig config) : config_(std::move(config)) { start(); }
  ~WatcherProcess() { kill_hard(); }
  WatcherProcess(const WatcherProcess&) = delete;
  WatcherProcess& operator=(const WatcherProcess&) = delete;

  void kill_and_restart() {
    kill_hard();
    start();
  }

 private:
  /// The child never returns.
  void start() {
    child_ = ::fork();
    if (child_ != 0) return;
    const auto node = Node::start(config_, eth::anvil_key(kWatcherKey));
    if (!node) ::_exit(1);
    while (true) ::pause();
  }
  void kill_hard() const {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  NodeConfig config_;
  pid_t child_ = 0;
};

class DisputeTest : public testing::Test {
 protected:
  using Tokens = std::vector<std::uint32_t>;
  /// Makes the operator's trace when the dispute is open.
  using MakeTrace = std::function<std::unique_ptr<opml::Trace>(const ChainDispute&)>;

  /// About the model that other tests use.
  DisputeTest() : DisputeTest(*test_models().find("tales"), {model_file(), "tales"}) {}
  DisputeTest(const ServedModel& model, ModelFile file)
      : model_(model), file_(std::move(file)), prover_(model.model.program()) {
    model_id_ = world_.register_model(model.model);
    world_.join(model_id_, 1'000);
  }

  [[nodiscard]] const ServedModel& model() const { return model_; }
  [[nodiscard]] Tokens prompt(std::string_view text = "Once upon a time") const {
    return must(completion_prompt(model_, text));
  }
  [[nodiscard]] Tokens truth(std::uint32_t max_tokens) const {
    return must(model_.model.generate(prompt(), max_tokens)).tokens;
  }
  /// The truth with a wrong token, which does not end it.
  [[nodiscard]] Tokens falsified(std::uint32_t max_tokens, std::size_t position) const {
    Tokens output = truth(max_tokens);
    output[position] = (output[position] + 1) % model_.model.vocabulary_size();
    if (output[position] == model_.model.end_token()) ++output[position];
    return output;
  }

  NodeConfig watcher_config(bool dry_run = false) {
    auto config = world_.config(world_.directory.path() / "watcher");
    config.models = {file_};
    config.answer_requests = false;
    config.watch = true;
    config.watch_dry_run = dry_run;
    return config;
  }
  std::unique_ptr<Node> start_watcher(bool dry_run = false) {
    return must(Node::start(watcher_config(dry_run), eth::anvil_key(kWatcherKey)));
  }

  /// Asks, and answers from the operator's wallet whatever it is told to.
  std::uint64_t answer(const Tokens& asked, const Tokens& output, std::uint32_t max_tokens) {
    namespace oracle = market::abi::oracle;
    const auto id = world_.ask(model_id_, {asked, max_tokens, kFee, {}, 3600});
    oracle::Answer answer;
    answer.question_hash =
        must(world_.client.call(world_.deployment.oracle, oracle::question_hash_of(U256(id))));
    answer.output_tokens = market::pack_tokens(output);
    answer.text = Bytes{'?'};
    must(world_.operator_wallet.transact(world_.deployment.oracle,
                                         oracle::answer(U256(id), answer)));
    return id;
  }
  std::uint64_t answer_falsely(std::size_t position) {
    return answer(prompt(), falsified(6, position), 6);
  }

  std::uint64_t disputes() {
    return *must(world_.client.call(world_.deployment.dispute_game,
                                    market::abi::dispute_game::dispute_count()))
                .to_u64();
  }
  opml::Dispute state(std::uint64_t id) {
    return must(dispute_state(world_.client, world_.deployment, id));
  }
  bool reached(std::uint64_t id, opml::Phase phase) {
    return eventually([&] { return state(id).phase == phase; });
  }
  RequestStatus request_status(std::uint64_t id) {
    return static_cast<RequestStatus>(
        must(
            world_.client.call(world_.deployment.oracle, market::abi::oracle::request_of(U256(id))))
            .status);
  }
  U256 owed_by_oracle(const Address& account) {
    return must(world_.client.call(world_.deployment.oracle, market::abi::oracle::owed(account)));
  }
  U256 owed_by_game(const Address& account) {
    return must(world_.client.call(world_.deployment.dispute_game,
                                   market::abi::dispute_game::owed(account)));
  }
  /// Of the operator, in wei.
  U256 deposit() {
    return must(world_.client.call(
                    world_.deployment.operator_registry,
                    market::abi::operator_registry::operator_of(world_.operator_wallet.address())))
        .deposit;
  }

  /// Plays the operator's moves by a trace; `after_move` runs after each.
  void play_liar(std::uint64_t id, const MakeTrace& make_trace,
                 const std::function<void(opml::Phase)>& after_move) {
    std::unique_ptr<opml::Trace> theirs;
    while (opml::is_live(state(id).phase)) {
      const auto now = state(id);
      if (opml::is_challengers_move(now.phase)) {
        ASSERT_TRUE(eventually([&] { return state(id).phase != now.phase; }))
            << "the watcher does not move in " << opml::phase_name(now.phase);
        continue;
      }
      const auto dispute = must(read_dispute(world_.client, world_.deployment, id));
      if (!theirs) theirs = make_trace(dispute);
      const auto move = must(opml::operator_move(prover_, *theirs, dispute.view));
      ASSERT_TRUE(move);
      must(world_.operator_wallet.transact(world_.deployment.dispute_game, call_of(id, *move)));
      after_move(now.phase);
    }
  }

  /// Ends with the claimed token, lies in the middle and is true everywhere else.
  [[nodiscard]] std::unique_ptr<opml::Trace> lying_trace(const ChainDispute& dispute) const {
    const auto& program = model_.model.program();
    const auto& tokens = dispute.view.tokens;
    const auto middle = static_cast<std::uint32_t>(program.operators.size() / 2);
    auto trace = opml::plain_trace(program, tokens.prefix(), opml::Lie{middle, 0, 0, 1}, false);
    trace->set_element(trace->shape().operators - 1, 0, 0, tokens.output[tokens.output_position]);
    return trace;
  }
  [[nodiscard]] MakeTrace lying() const {
    return [this](const ChainDispute& dispute) { return lying_trace(dispute); };
  }

  /// Makes moves that a challenger may make, and waits for the operator's node, until the end.
  /// Whatever he picks, he ends at an element that is right, and can only let his clock run out.
  void attack(std::uint64_t id, eth::Wallet& attacker, const Node& node) {
    while (opml::is_live(state(id).phase)) {
      const auto dispute = must(read_dispute(world_.client, world_.deployment, id));
      const auto& now = dispute.view.dispute;
      if (now.phase == opml::Phase::kPick) {
        must(attacker.transact(
            world_.deployment.dispute_game,
            call_of(id, opml::Pick{dispute.view.standing().rest(), dispute.view.standing().node,
                                   now.depth == 0 ? 3U : 1U})));
      } else if (now.phase == opml::Phase::kStep) {
        must(world_.control.pass_time(std::chrono::hours(2)));
        ASSERT_TRUE(eventually([&] { return state(id).phase != now.phase; }))
            << "the operator does not end it: " << node.status().problem;
      } else {
        ASSERT_TRUE(eventually([&] { return state(id).phase != now.phase; }))
            << opml::phase_name(now.phase) << ": " << node.status().problem;
      }
    }
  }

  static inline const U256 kFee = eth::kEther / U256(100);

  const ServedModel& model_;
  ModelFile file_;
  TestWorld world_;
  U256 model_id_;
  opml::ModelProver prover_;
};

}  // namespace imo::node::test
