#include "imo/engine/quality.hpp"

#include "imo/engine/session.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace imo::engine {
namespace {

using model::Operator;
using model::OperatorKind;

/// ln softmax of a row of logits.
std::vector<double> log_probabilities(std::span<const double> logits) {
  const double greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - greatest);
  const double offset = greatest + std::log(sum);
  std::vector<double> result;
  for (const double logit : logits) result.push_back(logit - offset);
  return result;
}

std::vector<double> from_integers(std::span<const std::int32_t> logits, int fraction) {
  std::vector<double> result;
  for (const std::int32_t logit : logits) result.push_back(std::ldexp(logit, -fraction));
  return result;
}

template <typename T>
void count(std::span<const T> row, std::int64_t limit, Saturation& total) {
  for (const T q : row) {
    const std::int64_t size = std::abs(std::int64_t{q});
    total.saturated += size >= limit ? 1U : 0U;
    total.largest = std::max(total.largest, size);
  }
  total.elements += row.size();
}

/// Which clamp an operator's elements can meet; 0 when none.
unsigned clamp_of(const Operator& op) {
  return op.kind == OperatorKind::kAdd ? model::kResidualBits : op.bits;
}

class SaturationCounter {
 public:
  explicit SaturationCounter(const model::Program& program)
      : program_(program), totals_(program.operators.size()) {}

  void operator()(const Output& output) {
    const unsigned bits = clamp_of(program_.operators[output.operator_index]);
    if (bits == 0) return;
    const std::int64_t limit = (std::int64_t{1} << bits) - 1;
    Saturation& total = totals_[output.operator_index];
    count(output.narrow, limit, total);
    count(output.wide, limit, total);
  }

  [[nodiscard]] std::vector<Saturation> result() const {
    std::vector<Saturation> result;
    for (std::uint32_t i = 0; i < totals_.size(); ++i) {
      if (clamp_of(program_.operators[i]) == 0) continue;
      result.push_back(totals_[i]);
      result.back().operator_index = i;
    }
    return result;
  }

 private:
  const model::Program& program_;
  std::vector<Saturation> totals_;
};

/// Sums over the scored positions of all chunks.
class Comparison {
 public:
  void add(std::span<const double> program, std::span<const double> reference, TokenId next) {
    const std::vector<double> p = log_probabilities(program);
    const std::vector<double> q = log_probabilities(reference);
    program_loss_ -= p[next];
    reference_loss_ -= q[next];
    for (std::size_t i = 0; i < q.size(); ++i) divergence_ += std::exp(q[i]) * (q[i] - p[i]);
    const auto top = [](std::span<const double> row) {
      return std::max_element(row.begin(), row.end()) - row.begin();
    };
    same_ += top(program) == top(reference) ? 1U : 0U;
    ++tokens_;
  }

  [[nodiscard]] Quality result() const {
    const auto n = static_cast<double>(tokens_);
    Quality quality;
    quality.perplexity = std::exp(program_loss_ / n);
    quality.reference_perplexity = std::exp(reference_loss_ / n);
    quality.kl_divergence = divergence_ / n;
    quality.same_top1 = static_cast<double>(same_) / n;
    quality.tokens = tokens_;
    return quality;
  }

 private:
  double program_loss_ = 0;
  double reference_loss_ = 0;
  double divergence_ = 0;
  std::uint64_t same_ = 0;
  std::uint64_t tokens_ = 0;
};

Result<void> compare_chunk(Session& session, model::FloatSession& reference,
                           std::span<const TokenId> chunk, Comparison& comparison) {
  session.reset();
  reference.reset();
  const std::size_t middle = chunk.size() / 2;
  for (const TokenId token : chunk.first(middle)) IMO_TRY_VOID(reference.advance(token));
  Result<void> outcome;
  const auto compare = [&](const Choice& choice) {
    auto expected = reference.step(chunk[choice.position]);
    if (!expected) {
      outcome = tl::unexpected(expected.error());
      return false;
    }
    const std::vector<double> logits(expected->begin(), expected->end());
    comparison.add(from_integers(choice.logits, session.logits_fraction()), logits,
                   chunk[choice.position + 1]);
    return true;
  };
  IMO_TRY_VOID(session.extend_choosing(chunk.first(chunk.size() - 1), middle, compare));
  return outcome;
}

Result<void> check_chunks(const Model& model, std::span<const TokenId> tokens,
                          std::uint32_t context) {
  if (context < 4 || context > model.context_length()) {
    return invalid(fmt::format("chunks of {} tokens: the model takes 4 to {}", context,
                               model.context_length()));
  }
  if (tokens.size() < context) {
    return invalid(
        fmt::format("the text has {} tokens, fewer than one chunk of {}", tokens.size(), context));
  }
  for (const TokenId token : tokens) {
    if (token >= model.vocabulary_size()) {
      return invalid(
          fmt::format("token {} is outside the vocabulary of {}", token, model.vocabulary_size()));
    }
  }
  return {};
}

}  // namespace

Result<Quality> measure_quality(const Model& model, const model::FloatModel& reference,
                                std::span<const TokenId> tokens, std::uint32_t context,
                                std::uint32_t max_chunks, std::optional<TokenId> begin) {
  IMO_TRY_VOID(check_chunks(model, tokens, context));
  std::size_t chunks = tokens.size() / context;
  if (max_chunks != 0) chunks = std::min<std::size_t>(chunks, max_chunks);
  Comparison comparison;
  SaturationCounter counter(model.program());
  Session session(model, context);
  session.observe([&counter](const Output& output) { counter(output); });
  model::FloatSession float_session(reference);
  for (std::size_t i = 0; i < chunks; ++i) {
    const auto from = tokens.subspan(i * context, context);
    std::vector<TokenId> chunk(from.begin(), from.end());
    if (begin) chunk.front() = *begin;
    IMO_TRY_VOID(compare_chunk(session, float_session, chunk, comparison));
  }
  Quality quality = comparison.result();
  for (const Saturation& each : counter.result()) {
    quality.saturated += each.saturated;
    quality.elements += each.elements;
  }
  return quality;
}

Result<std::vector<Saturation>> count_saturation(
    const Model& model, std::span<const TokenId> tokens, const Execution& execution,
    const std::function<void(std::uint32_t operator_index)>& done) {
  if (tokens.empty()) return invalid("no tokens to run");
  if (tokens.size() > model.context_length()) {
    return invalid(fmt::format("{} tokens do not fit the context of {}", tokens.size(),
                               model.context_length()));
  }
  SaturationCounter counter(model.program());
  Session session(model, static_cast<std::uint32_t>(tokens.size()), execution);
  std::uint32_t running = 0;
  session.observe([&](const Output& output) {
    counter(output);
    if (done && output.operator_index != running) done(running);
    running = output.operator_index;
  });
  IMO_TRY_VOID(session.extend_choosing(tokens, 0, [](const Choice&) { return true; }));
  return counter.result();
}

}  // namespace imo::engine
