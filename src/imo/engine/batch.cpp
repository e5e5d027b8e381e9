#include "imo/engine/batch.hpp"

#include "imo/engine/executor.hpp"

#include <algorithm>
#include <list>
#include <utility>

namespace imo::engine {
namespace {

/// One request on its way.
struct Sequence {
  Sequence(const Plan& plan, std::vector<TokenId> prompt, std::uint32_t limit, OnToken token,
           Batch::OnDone done)
      : tokens(std::move(prompt)),
        max_tokens(limit),
        on_token(std::move(token)),
        on_done(std::move(done)),
        cache(plan, static_cast<std::uint32_t>(tokens.size()) + limit) {}

  [[nodiscard]] std::uint32_t waiting() const {
    return static_cast<std::uint32_t>(tokens.size()) - position;
  }

  std::vector<TokenId> tokens;  ///< the prompt, then what was chosen
  std::uint32_t max_tokens;
  OnToken on_token;
  Batch::OnDone on_done;
  Cache cache;
  std::uint32_t position = 0;  ///< tokens that have been run
  Generation generation;
};

}  // namespace

struct Batch::State {
  State(Model shared, const Execution& execution)
      : model(std::move(shared)), executor(model.program(), model.plan(), execution) {}

  /// The greatest position that a sequence has come to.
  [[nodiscard]] std::uint32_t last_position() const {
    std::uint32_t last = 0;
    for (const Sequence& sequence : sequences) last = std::max(last, sequence.position);
    return last;
  }

  /// Takes the next `count` tokens of a sequence into the pass.
  void take(Sequence& sequence, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i, ++sequence.position) {
      rows.push_back({sequence.tokens[sequence.position], sequence.position, &sequence.cache});
    }
  }

  /// Gives a sequence its next token; true when that was its last.
  bool choose(Sequence& sequence, TokenId token) {
    Generation& generation = sequence.generation;
    generation.tokens.push_back(token);
    sequence.tokens.push_back(token);
    const bool goes_on = !sequence.on_token || sequence.on_token(token);
    if (token == model.end_token()) {
      generation.stop = StopReason::kEndToken;
    } else if (generation.tokens.size() < sequence.max_tokens) {
      if (goes_on) return false;
      generation.stop = StopReason::kCancelled;
    }
    return true;
  }

  Model model;
  Executor executor;
  std::list<Sequence> sequences;  ///< in the order of their coming; caches must not move
  std::vector<Row> rows;
};

Batch::Batch(Model model, const Execution& execution)
    : state_(std::make_unique<State>(std::move(model), execution)) {}

Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;

Result<void> Batch::add(std::vector<TokenId> prompt, std::uint32_t max_tokens, OnToken on_token,
                        OnDone on_done) {
  IMO_TRY_VOID(state_->model.check_request(prompt, max_tokens));
  state_->sequences.emplace_back(state_->model.plan(), std::move(prompt), max_tokens,
                                 std::move(on_token), std::move(on_done));
  return {};
}

std::size_t Batch::size() const {
  return state_->sequences.size();
}

void Batch::step() {
  State& state = *state_;
  // Rows that choose a token stand last, so that the tail runs over them alone. A row sees its own
  // sequence's earlier ones whatever their order, because operators go over all rows in turn.
  std::vector<std::list<Sequence>::iterator> choosing;
  state.rows.clear();
  std::uint32_t room = Executor::room(state.last_position());
  const auto plan = [&](bool writing) {
    for (auto it = state.sequences.begin(); it != state.sequences.end() && room != 0; ++it) {
      if ((it->waiting() == 1 && !it->generation.tokens.empty()) != writing) continue;
      const std::uint32_t count = std::min(room, it->waiting());
      room -= count;
      const bool completes = count == it->waiting();
      state.take(*it, completes ? count - 1 : count);
      if (completes) choosing.push_back(it);
    }
  };
  plan(true);
  plan(false);
  const auto first = static_cast<std::uint32_t>(state.rows.size());
  for (const auto& sequence : choosing) state.take(*sequence, 1);
  if (state.rows.empty()) return;
  const auto count = static_cast<std::uint32_t>(state.rows.size());
  state.executor.run_body(state.rows);
  if (first < count) state.executor.run_tail(first, count);
  for (std::uint32_t i = 0; i < choosing.size(); ++i) {
    if (!state.choose(*choosing[i], state.executor.greedy(first + i))) continue;
    // Out of the batch before its callback, which may look at size().
    std::list<Sequence> done;
    done.splice(done.end(), state.sequences, choosing[i]);
    if (done.front().on_done) done.front().on_done(std::move(done.front().generation));
  }
}

}  // namespace imo::engine
