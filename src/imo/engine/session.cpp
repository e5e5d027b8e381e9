#include "imo/engine/session.hpp"

#include "imo/base/check.hpp"
#include "imo/engine/executor.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::engine {

struct Session::State {
  State(Model shared, std::uint32_t positions, const Execution& execution)
      : model(std::move(shared)),
        executor(model.program(), model.plan(), execution),
        cache(model.plan(), positions),
        capacity(positions) {}

  Model model;
  Executor executor;
  Cache cache;
  std::vector<Row> rows;  ///< of the executor's last pass
  std::uint32_t capacity;
  std::uint32_t position = 0;
  std::uint32_t last_row = 0;  ///< of the executor's batch, where the last logits are
  bool has_logits = false;
};

Session::Session(Model model, std::uint32_t capacity, const Execution& execution) {
  IMO_CHECK(capacity >= 1 && capacity <= model.context_length(), "a session beyond the context");
  state_ = std::make_unique<State>(std::move(model), capacity, execution);
}

Session::Session(const Model& model, const Execution& execution)
    : Session(model, model.context_length(), execution) {}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result<void> Session::extend(std::span<const TokenId> tokens) {
  if (tokens.empty()) return invalid("there are no tokens to run");
  return extend_choosing(tokens, tokens.size() - 1, [](const Choice&) { return true; });
}

Result<void> Session::extend_choosing(std::span<const TokenId> tokens, std::size_t first,
                                      const OnChoice& each) {
  State& state = *state_;
  if (tokens.empty()) return invalid("there are no tokens to run");
  if (tokens.size() > state.capacity - state.position) {
    return invalid(fmt::format("{} tokens behind {} do not fit the {} positions of this sequence",
                               tokens.size(), state.position, state.capacity));
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < state.model.vocabulary_size()) continue;
    return invalid(fmt::format("token {} at position {} is outside the vocabulary of {}", tokens[i],
                               state.position + i, state.model.vocabulary_size()));
  }
  for (std::size_t start = 0, count = 0; start < tokens.size(); start += count) {
    count = std::min<std::size_t>(Executor::room(state.position), tokens.size() - start);
    const auto rows = static_cast<std::uint32_t>(count);
    state.rows.clear();
    for (std::uint32_t r = 0; r < rows; ++r) {
      state.rows.push_back({tokens[start + r], state.position + r, &state.cache});
    }
    state.executor.run_body(state.rows);
    const auto skip = static_cast<std::uint32_t>(std::clamp(first, start, start + count) - start);
    if (skip < rows) state.executor.run_tail(skip, rows);
    state.has_logits = skip < rows;
    state.last_row = rows - 1;
    for (std::uint32_t r = skip; r < rows; ++r) {
      if (!each({state.position + r, state.executor.logits(r), state.executor.greedy(r)})) {
        state.position = state.capacity;
        state.has_logits = false;
        return {};
      }
    }
    state.position += rows;
  }
  return {};
}

std::span<const std::int32_t> Session::logits() const {
  IMO_CHECK(state_->has_logits, "no position has been run");
  return state_->executor.logits(state_->last_row);
}

int Session::logits_fraction() const {
  const model::Program& program = state_->model.program();
  return program.operators[program.logits_operator()].fraction;
}

TokenId Session::greedy() const {
  IMO_CHECK(state_->has_logits, "no position has been run");
  return state_->executor.greedy(state_->last_row);
}

std::uint32_t Session::position() const {
  return state_->position;
}

std::uint32_t Session::capacity() const {
  return state_->capacity;
}

void Session::reset() {
  state_->position = 0;
  state_->has_logits = false;
}

void Session::observe(OutputObserver observer) {
  state_->executor.observer = std::move(observer);
}

}  // namespace imo::engine
