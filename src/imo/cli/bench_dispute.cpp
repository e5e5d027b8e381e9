#include "imo/cli/bench_dispute.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/cli/dev.hpp"
#include "imo/cli/model.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/engine/verify.hpp"
#include "imo/eth/transaction.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/dispute.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/shape.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include <fmt/format.h>

namespace imo::cli {

namespace {

namespace game = market::abi::dispute_game;
namespace models = market::abi::model_registry;
namespace operators = market::abi::operator_registry;
namespace oracle = market::abi::oracle;
using Clock = std::chrono::steady_clock;
using Tokens = std::vector<engine::TokenId>;

double seconds_since(Clock::time_point started) {
  return std::chrono::duration<double>(Clock::now() - started).count();
}

/// A true trace but for some leaves.
class FalsifiedTrace final : public opml::Trace {
 public:
  explicit FalsifiedTrace(std::unique_ptr<opml::Trace> truth) : truth_(std::move(truth)) {}

  /// Changes one byte of a leaf.
  void flip(std::uint64_t leaf_index, std::uint32_t byte) {
    opml::Leaf changed = leaf(leaf_index);
    changed.at(byte) ^= 1;
    leaves_[leaf_index] = changed;
  }
  void set(std::uint64_t leaf_index, const opml::Leaf& leaf) { leaves_[leaf_index] = leaf; }

  [[nodiscard]] const opml::TraceShape& shape() const override { return truth_->shape(); }
  [[nodiscard]] opml::Leaf leaf(std::uint64_t leaf_index) const override {
    const auto changed = leaves_.find(leaf_index);
    return changed == leaves_.end() ? truth_->leaf(leaf_index) : changed->second;
  }
  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override {
    const auto first = leaves_.lower_bound(index << height);
    if (first == leaves_.end() || first->first >> height != index) {
      return truth_->node(height, index);
    }
    if (height == 0) return crypto::merkle_leaf(first->second);
    return crypto::merkle_node(node(height - 1, 2 * index), node(height - 1, 2 * index + 1));
  }

 private:
  std::unique_ptr<opml::Trace> truth_;
  std::map<std::uint64_t, opml::Leaf> leaves_;
};

/// The matrix product with the longest rows before the tail, the last one of these.
std::uint32_t longest_product(const model::Program& program) {
  std::uint32_t found = 0;
  std::uint32_t columns = 0;
  for (std::uint32_t i = 0; i < program.tail; ++i) {
    const model::Operator& op = program.operators[i];
    if (op.kind != model::OperatorKind::kMatMul) continue;
    if (program.tensors[op.tensor].columns >= columns) {
      columns = program.tensors[op.tensor].columns;
      found = i;
    }
  }
  return found;
}

struct Move {
  std::string name;
  std::uint64_t gas = 0;
  std::size_t calldata = 0;
};

/// Deployed contracts, an operator with a deposit, and a false answer under dispute.
class Stage {
 public:
  Stage(DevChain chain, engine::Model model, ThreadPool& pool)
      : chain_(std::move(chain)),
        client_(*chain_.client),
        author_(client_, eth::anvil_key(0)),
        liar_(client_, eth::anvil_key(1)),
        challenger_(client_, eth::anvil_key(2)),
        model_(std::move(model)),
        pool_(pool) {}

  Result<void> answer(const Tokens& prompt, const Tokens& output) {
    IMO_TRY(const U256 model_id, register_model());
    const auto& contracts = chain_.deployment;
    IMO_TRY_VOID(liar_.transact(contracts.operator_registry, operators::register_(""),
                                U256(10) * eth::kEther));
    oracle::Question question;
    question.model_id = model_id;
    question.prompt_tokens = market::pack_tokens(prompt);
    question.max_tokens = static_cast<std::uint32_t>(output.size());
    IMO_TRY(const auto block, client_.block());
    question.deadline = block.timestamp + 3'600;
    IMO_TRY_VOID(author_.transact(contracts.oracle, oracle::ask(question), U256(1'000'000)));
    oracle::Answer posted;
    IMO_TRY(posted.question_hash,
            client_.call(contracts.oracle, oracle::question_hash_of(U256(1))));
    posted.output_tokens = market::pack_tokens(output);
    IMO_TRY_VOID(liar_.transact(contracts.oracle, oracle::answer(U256(1), posted)));

    node::ChainRequest request;
    request.id = 1;
    request.model_id = model_id;
    request.input = question.prompt_tokens;
    request.output = posted.output_tokens;
    request.max_tokens = question.max_tokens;
    IMO_TRY(const U256 bond, client_.call(contracts.dispute_game, game::challenger_bond()));
    return send(challenger_, "open", node::open_call(request, model_.root(), output.size() - 1),
                bond);
  }

  /// Both sides play to the end; the operator by a trace with one false element.
  Result<void> play(const opml::ClaimTokens& tokens) {
    const auto started = Clock::now();
    IMO_TRY(auto truth, opml::compute_trace(model_, tokens.prefix(), &pool_));
    trace_seconds = seconds_since(started);
    FalsifiedTrace theirs(std::move(truth));
    falsify(theirs, tokens);
    IMO_TRY(const auto own, opml::compute_trace(model_, tokens.prefix(), &pool_));
    const opml::ModelProver prover(model_.program(), &pool_);
    while (true) {
      IMO_TRY(const auto dispute, node::read_dispute(client_, chain_.deployment, 1));
      const opml::Phase phase = dispute.view.dispute.phase;
      if (!opml::is_live(phase)) {
        outcome = phase;
        return {};
      }
      const bool challengers = opml::is_challengers_move(phase);
      IMO_TRY(auto move, challengers ? opml::challenger_move(prover, *own, dispute.view)
                                     : opml::operator_move(prover, theirs, dispute.view));
      if (!move) return fail(ErrorKind::kVerification, "a player has no move");
      if (auto* sums = std::get_if<opml::GiveSums>(&*move)) falsify(sums->sums);
      if (const auto* step = std::get_if<opml::ComputeStep>(&*move)) {
        witness_bytes = step->witness.size();
      } else if (const auto* sum = std::get_if<opml::ComputeSum>(&*move)) {
        witness_bytes = sum->witness.size();
      }
      IMO_TRY_VOID(
          send(challengers ? challenger_ : liar_, opml::move_name(*move), node::call_of(1, *move)));
    }
  }

  std::vector<Move> moves;
  double trace_seconds = 0;
  std::size_t witness_bytes = 0;
  std::uint32_t false_operator = 0;
  unsigned height = 0;
  opml::Phase outcome = opml::Phase::kNone;

 private:
  Result<U256> register_model() {
    models::Registration registration;
    registration.model_root = model_.root();
    registration.licence = "MIT";
    registration.context_length = model_.context_length();
    registration.vocabulary_size = model_.vocabulary_size();
    registration.end_token = model_.end_token();
    IMO_TRY(const auto receipt,
            author_.transact(chain_.deployment.model_registry, models::register_(registration)));
    IMO_TRY(const auto registered, eth::find_event<models::events::ModelRegistered>(
                                       receipt, chain_.deployment.model_registry));
    return registered.model_id;
  }

  void falsify(FalsifiedTrace& trace, const opml::ClaimTokens& tokens) {
    const auto& shape = trace.shape();
    height = shape.height();
    false_operator = longest_product(model_.program());
    const auto layout =
        opml::TensorLayout::of(model_.program().operators[false_operator], false_operator, shape);
    const std::uint64_t first = std::uint64_t{false_operator} << shape.leaf_bits;
    const std::uint64_t middle = layout.leaves() / 2;
    trace.flip(first + middle, static_cast<std::uint32_t>(layout.element_bytes(middle)) - 1);
    opml::Leaf choice{};
    const Bytes token = opml::pack_tokens({&tokens.output[tokens.output_position], 1});
    std::copy(token.begin(), token.end(), choice.begin());
    trace.set(std::uint64_t{shape.operators - 1} << shape.leaf_bits, choice);
  }

  /// True sums would leave the challenger a smaller witness: the element from the last of them.
  static void falsify(Bytes& sums) {
    const std::size_t count = sums.size() / opml::kSumBytes;
    for (std::size_t i = count / 2; i < count; ++i) {
      const auto sum = std::span(sums).subspan(i * opml::kSumBytes, opml::kSumBytes);
      opml::write_element(sum, opml::read_element(sum) + 1);
    }
  }

  template <typename R>
  Result<void> send(eth::Wallet& from, std::string_view name, const eth::Call<R>& call,
                    const U256& value = {}) {
    IMO_TRY(const auto receipt, from.transact(chain_.deployment.dispute_game, call, value));
    const Bytes& data = *call.data;
    moves.push_back(
        {std::string(name), std::max(receipt.gas_used, eth::calldata_floor(data)), data.size()});
    return {};
  }

  DevChain chain_;
  eth::Client& client_;
  eth::Wallet author_;
  eth::Wallet liar_;
  eth::Wallet challenger_;
  engine::Model model_;
  ThreadPool& pool_;
};

/// What answers cost off the chain.
struct Rates {
  double decode = 0;    ///< tokens a second
  double replay = 0;    ///< output tokens a second of engine::verify
  double overhead = 0;  ///< of the node's path over the bare engine, a share
};

Result<Rates> measure(const engine::Model& model, const Tokens& prompt, const Tokens& output,
                      ThreadPool& pool) {
  constexpr int kRuns = 3;
  const engine::Execution execution{.pool = &pool};
  const auto count = static_cast<std::uint32_t>(output.size());
  const auto served =
      std::make_shared<const node::ServedModel>(node::ServedModel{"", model, {}, 0});
  node::AnswerService service(1);
  double bare = 1e300;
  double node = 1e300;
  double replay = 1e300;
  for (int i = 0; i < kRuns; ++i) {
    auto started = Clock::now();
    IMO_TRY_VOID(model.generate(prompt, count, {}, execution));
    bare = std::min(bare, seconds_since(started));
    started = Clock::now();
    IMO_TRY_VOID(service.answer({served, prompt, count}));
    node = std::min(node, seconds_since(started));
    started = Clock::now();
    IMO_TRY_VOID(engine::verify(model, prompt, output, count, execution));
    replay = std::min(replay, seconds_since(started));
  }
  return Rates{count / bare, count / replay, node / bare - 1};
}

Result<std::filesystem::path> model_file(const BenchDisputeOptions& options,
                                         const std::filesystem::path& directory) {
  if (!options.model.empty()) return options.model;
  return compile_demo_model(directory);
}

void describe(const Stage& stage, const Rates& rates, double seconds, Report& report) {
  std::uint64_t gas = 0;
  std::uint64_t step_gas = 0;
  auto moves = nlohmann::ordered_json::array();
  report.line("move            gas   calldata bytes");
  for (const Move& move : stage.moves) {
    gas += move.gas;
    step_gas = move.gas;  // of the last
    moves.push_back({{"move", move.name}, {"gas", move.gas}, {"calldata_bytes", move.calldata}});
    report.line(fmt::format("{:<10} {:>9} {:>10}", move.name, format_count(move.gas),
                            format_count(move.calldata)));
  }
  report.data["transactions"] = stage.moves.size();
  report.data["gas"] = gas;
  report.data["step_gas"] = step_gas;
  report.data["witness_bytes"] = stage.witness_bytes;
  report.data["tree_height"] = stage.height;
  report.data["outcome"] = opml::phase_name(stage.outcome);
  report.data["dispute_s"] = seconds;
  report.data["trace_s"] = stage.trace_seconds;
  report.data["decode_tokens_per_s"] = rates.decode;
  report.data["replay_tokens_per_s"] = rates.replay;
  report.data["replay_speedup"] = rates.replay / rates.decode;
  report.data["operator_overhead_fraction"] = rates.overhead;
  report.data["moves"] = std::move(moves);
  report
      .field("dispute", fmt::format("{} transactions, {} gas of both sides, {:.2f} s",
                                    stage.moves.size(), format_count(gas), seconds))
      .field("trace", fmt::format("{:.2f} s for one side, a tree of height {}", stage.trace_seconds,
                                  stage.height))
      .field("replay", fmt::format("{:.1f} tokens a second, {:.1f} times as fast as writing",
                                   rates.replay, rates.replay / rates.decode))
      .field("overhead", fmt::format("{:.1f} % without a dispute", rates.overhead * 100));
}

}  // namespace

Result<Report> bench_dispute(const BenchDisputeOptions& options) {
  if (options.prompt == 0 || options.generate == 0) {
    return invalid("--prompt and --generate must be at least 1");
  }
  IMO_TRY(const auto directory, TemporaryDirectory::create());
  IMO_TRY(const auto path, model_file(options, directory.path()));
  IMO_TRY(const engine::Model model, open_model(path, {.verify = false}));
  ThreadPool pool;
  std::mt19937 random(1);
  Tokens prompt(options.prompt);
  for (auto& token : prompt) {
    token = static_cast<engine::TokenId>(random() % model.vocabulary_size());
  }
  IMO_TRY(const auto written, model.generate(prompt, options.generate, {}, {.pool = &pool}));
  Tokens output = written.tokens;
  IMO_TRY(const Rates rates, measure(model, prompt, output, pool));

  // The last token becomes another one, and never the end token.
  engine::TokenId& last = output.back();
  do {
    last = (last + 1) % model.vocabulary_size();
  } while (last == model.end_token());
  const opml::ClaimTokens tokens{prompt, output, static_cast<std::uint32_t>(output.size() - 1)};
  IMO_TRY_VOID(opml::check_playable(model.program(), tokens.positions()));
  IMO_TRY(DevChain chain, start_dev_chain(0, directory.path() / "deployment.json"));
  Stage stage(std::move(chain), model, pool);
  const auto started = Clock::now();
  IMO_TRY_VOID(stage.answer(prompt, output));
  IMO_TRY_VOID(stage.play(tokens));
  Report report;
  report.data = {{"model_root", to_hex(model.root())},
                 {"parameters", model.program().parameter_count()},
                 {"prompt_tokens", prompt.size()},
                 {"output_tokens", output.size()},
                 {"positions", tokens.positions()}};
  describe(stage, rates, seconds_since(started), report);
  if (stage.outcome != opml::Phase::kChallengerWon) {
    return fail(ErrorKind::kVerification, "the false answer was not struck down");
  }
  return report;
}

}  // namespace imo::cli
