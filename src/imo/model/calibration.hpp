/// How large the values of a model get: what static exponents are chosen by.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/float_reference.hpp"
#include "imo/model/vocabulary.hpp"

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::model {

/// Greatest magnitudes seen in one layer.
struct LayerRanges {
  double attention_input = 0;   ///< the residual stream, before the norm
  double attention_normed = 0;  ///< x / rms(x)
  double query = 0;             ///< before or after rotation
  double key = 0;
  double value = 0;
  double mixed = 0;  ///< softmax(scores).V
  double feed_forward_input = 0;
  double feed_forward_normed = 0;
  double gate = 0;
  double up = 0;
  double hidden = 0;  ///< SiLU(gate) * up

  // Sums of squares of the inputs of matrices, element by element: how much each column matters.
  std::vector<double> attention_power;
  std::vector<double> mixed_power;
  std::vector<double> feed_forward_power;
  std::vector<double> hidden_power;

  // The greatest magnitudes of what the norms give, element by element.
  std::vector<double> attention_peaks;
  std::vector<double> feed_forward_peaks;
};

struct Ranges {
  std::vector<LayerRanges> layers;
  double residual = 0;  ///< anywhere in the residual stream
  double final_input = 0;
  double final_normed = 0;
  std::vector<double> final_power;
  std::uint32_t tokens = 0;  ///< positions looked at
  /// What was run, one after the other; of it the exponents are known to be right.
  std::vector<std::vector<TokenId>> sequences;
};

/// A sequence has at most so many positions: enough for attention to spread, and few enough that
/// there are several beginnings.
inline constexpr std::uint32_t kCalibrationSequence = 256;

struct CalibrationOptions {
  std::string_view text;  ///< empty: the model writes
  std::uint32_t tokens = 512;
  std::uint64_t seed = 1;
  std::function<void(double done)> on_progress;
  std::function<void(const SourceTensor&)> let_go;  ///< as FloatSession's
};

/// Runs the float model over `options.tokens` positions: of the given text, or of text that the
/// model samples at temperature 1 from a fixed seed. The same everywhere: the float model uses
/// correctly rounded operations in a fixed order only.
Result<Ranges> calibrate(const FloatModel& model, const Vocabulary& vocabulary,
                         const CalibrationOptions& options, ThreadPool* pool = nullptr);

}  // namespace imo::model
