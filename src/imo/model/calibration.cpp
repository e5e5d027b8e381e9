#include "imo/model/calibration.hpp"

#include "imo/model/portable_math.hpp"
#include "imo/model/tokenizer.hpp"

#include <algorithm>
#include <cmath>

namespace imo::model {
namespace {

class RangeWatcher {
 public:
  explicit RangeWatcher(Ranges& ranges) : ranges_(ranges) {}

  void operator()(Site site, std::uint32_t layer, std::span<const float> values) {
    double largest = 0;
    for (const float value : values) largest = std::max<double>(largest, std::fabs(value));
    for (double* range : ranges_of(site, layer)) *range = std::max(*range, largest);
    if (std::vector<double>* power = power_of(site, layer)) add_squares(values, *power);
    if (std::vector<double>* peaks = peaks_of(site, layer)) raise(values, *peaks);
  }

 private:
  std::vector<double*> ranges_of(Site site, std::uint32_t layer) {
    if (site == Site::kFinalNormed) return {&ranges_.final_normed};
    if (layer >= ranges_.layers.size()) return {};
    LayerRanges& here = ranges_.layers[layer];
    switch (site) {
      case Site::kEmbedding:
        return {&ranges_.residual, &here.attention_input};
      case Site::kAttentionNormed:
        return {&here.attention_normed};
      case Site::kQuery:
      case Site::kQueryRotated:
        return {&here.query};
      case Site::kKey:
      case Site::kKeyRotated:
        return {&here.key};
      case Site::kValue:
        return {&here.value};
      case Site::kMixed:
        return {&here.mixed};
      case Site::kAfterAttention:
        return {&ranges_.residual, &here.feed_forward_input};
      case Site::kFeedForwardNormed:
        return {&here.feed_forward_normed};
      case Site::kGate:
        return {&here.gate};
      case Site::kUp:
        return {&here.up};
      case Site::kHidden:
        return {&here.hidden};
      case Site::kAfterFeedForward:
        return {&ranges_.residual, next_input(layer)};
      default:
        return {};
    }
  }

  std::vector<double>* power_of(Site site, std::uint32_t layer) {
    if (site == Site::kFinalNormed) return &ranges_.final_power;
    if (layer >= ranges_.layers.size()) return nullptr;
    LayerRanges& here = ranges_.layers[layer];
    switch (site) {
      case Site::kAttentionNormed:
        return &here.attention_power;
      case Site::kMixed:
        return &here.mixed_power;
      case Site::kFeedForwardNormed:
        return &here.feed_forward_power;
      case Site::kHidden:
        return &here.hidden_power;
      default:
        return nullptr;
    }
  }

  static void add_squares(std::span<const float> values, std::vector<double>& power) {
    power.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) power[i] += double{values[i]} * values[i];
  }

  std::vector<double>* peaks_of(Site site, std::uint32_t layer) {
    if (layer >= ranges_.layers.size()) return nullptr;
    LayerRanges& here = ranges_.layers[layer];
    if (site == Site::kAttentionNormed) return &here.attention_peaks;
    return site == Site::kFeedForwardNormed ? &here.feed_forward_peaks : nullptr;
  }

  static void raise(std::span<const float> values, std::vector<double>& peaks) {
    peaks.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      peaks[i] = std::max<double>(peaks[i], std::fabs(values[i]));
    }
  }

  double* next_input(std::uint32_t layer) {
    const bool is_last = layer + 1 == ranges_.layers.size();
    return is_last ? &ranges_.final_input : &ranges_.layers[layer + 1].attention_input;
  }

  Ranges& ranges_;
};

/// Sebastiano Vigna's SplitMix64: all we need is that it is the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  /// In [0, 1), a multiple of 2^-53.
  double unit() { return std::ldexp(static_cast<double>(next() >> 11), -53); }

 private:
  std::uint64_t state_;
};

TokenId sample(std::span<const float> logits, Random& random) {
  const float greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += portable_exp(logit - greatest);
  double left = random.unit() * sum;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    left -= portable_exp(logits[id] - greatest);
    if (left < 0) return static_cast<TokenId>(id);
  }
  return argmax(logits);
}

/// Cuts tokens into the sequences that the model is shown.
class Calibration {
 public:
  Calibration(const FloatModel& model, const Vocabulary& vocabulary,
              const CalibrationOptions& options, ThreadPool* pool)
      : vocabulary_(vocabulary),
        options_(options),
        session_(model, pool),
        length_(std::min(kCalibrationSequence, model.config.context_length)) {
    ranges_.layers.resize(model.config.layers);
    session_.watch(RangeWatcher(ranges_));
    session_.let_go(options.let_go);
  }

  Result<Ranges> on_text(std::span<const TokenId> tokens) {
    for (std::size_t i = 0; i < tokens.size() && ranges_.tokens < options_.tokens; ++i) {
      if (session_.position() == length_) session_.reset();
      const bool begins = session_.position() == 0 && vocabulary_.begin.has_value();
      IMO_TRY_VOID(step(begins ? *vocabulary_.begin : tokens[i]));
    }
    return std::move(ranges_);
  }

  Result<Ranges> on_own_text() {
    Random random(options_.seed);
    TokenId token = first(random);
    while (ranges_.tokens < options_.tokens) {
      IMO_TRY(const auto logits, step(token));
      token = sample(logits, random);
      if (session_.position() == length_ || token == vocabulary_.end) {
        session_.reset();
        token = first(random);
      }
    }
    return std::move(ranges_);
  }

 private:
  TokenId first(Random& random) const {
    const auto any = static_cast<TokenId>(random.next() % vocabulary_.entries.size());
    return vocabulary_.begin.value_or(any);
  }

  Result<std::span<const float>> step(TokenId token) {
    if (session_.position() == 0) ranges_.sequences.emplace_back();
    ranges_.sequences.back().push_back(token);
    ++ranges_.tokens;
    if (options_.on_progress) {
      options_.on_progress(static_cast<double>(ranges_.tokens) / options_.tokens);
    }
    return session_.step(token);
  }

  const Vocabulary& vocabulary_;
  const CalibrationOptions& options_;
  Ranges ranges_;
  FloatSession session_;
  std::uint32_t length_;
};

}  // namespace

Result<Ranges> calibrate(const FloatModel& model, const Vocabulary& vocabulary,
                         const CalibrationOptions& options, ThreadPool* pool) {
  Calibration calibration(model, vocabulary, options, pool);
  if (options.text.empty()) return calibration.on_own_text();
  IMO_TRY(const Tokenizer tokenizer, Tokenizer::create(vocabulary));
  IMO_TRY(const std::vector<TokenId> tokens, tokenizer.encode(options.text));
  if (tokens.empty()) return invalid("the calibration text has no tokens");
  return calibration.on_text(tokens);
}

}  // namespace imo::model
