/// Lays out the operators of a Llama-family model and fills them with integers.
#pragma once

#include "imo/base/mapped_file.hpp"
#include "imo/base/scratch_file.hpp"
#include "imo/model/calibration.hpp"
#include "imo/model/compiler.hpp"
#include "imo/model/quantise.hpp"
#include "imo/model/quantise_groups.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace imo::model {

/// One layer:
///
///   a = norm(x); q, k, v = W a; q, k = rope(q, k)
///   o = (exp(q.k - max) . v) / sum; x += W_o o
///   b = norm(x); x += W_down (silu(W_gate b) * W_up b)
///
/// Of gpt2:
///
///   x += p[position]; a = norm(x); q, k, v = W a + b; o as above; x += W_o o + b
///   b = norm(x); x += W_down gelu(W_up b + b) + b
///
/// LayerNorm takes the mean away before all else, and nothing reads the residual stream but norms.
/// So whatever is added to the stream is stored without its mean, and a norm is that of Llama; its
/// bias becomes part of the biases of the matrices behind it.
///
/// The gain of a norm is folded into the columns of the matrices behind it, and its sqrt(n) into
/// their multipliers; 1/sqrt(head dimension) is part of the multiplier of Scores. In front of
/// grouped weights, which are to stay as a file has them, it is an operator of its own.
class ProgramBuilder {
 public:
  /// How tensors are made: of grouped weights, or not; on the threads of `pool`, if there is one;
  /// written to `weights`, so that one at a time takes memory; and behind each `done` is told that
  /// its source is not needed.
  struct Means {
    bool groups = false;
    ThreadPool* pool = nullptr;
    ScratchFile* weights = nullptr;
    std::function<void(const SourceTensor&)> done;
  };

  /// Model, ranges, and what `means` points to must outlive the builder.
  ProgramBuilder(const FloatModel& model, const Ranges& ranges, Means means);

  // In this order: the embedding, every layer, the tail.
  Result<void> add_embedding();
  Result<void> add_layer(std::uint32_t layer);
  /// Final norm, logits and argmax.
  Result<void> add_tail();

  /// The program without its vocabulary and name, and the roots of its tensors' rows; the report
  /// has tensors and ranges.
  struct Built {
    Program program;
    std::vector<Hash32> rows_roots;
    std::shared_ptr<const MappedFile> weights;
    CompileReport report;
  };
  Result<Built> finish();

 private:
  struct Storage;

  /// An operator and what its integers stand for: value = q * unit.
  struct Value {
    std::uint32_t index = kNone;
    double unit = 1;
  };

  /// What a matrix product becomes.
  struct Target {
    int fraction = 0;
    unsigned bits = kActivationBits;
    std::string name;
  };

  /// A matrix as it goes into the program.
  struct Rows {
    ReadRow read;
    std::uint32_t rows = 0;
    std::uint32_t columns = 0;
    std::vector<double> bias;  ///< empty, or one a row
    const SourceTensor* source = nullptr;
    bool is_as_stored = true;  ///< the rows are the source's
  };
  /// Rounded weights, before there is a multiplier a row.
  struct Rounded {
    WeightTensor tensor;  ///< whose spans point at one of the matrices
    QuantisedMatrix bytes;
    GroupedMatrix groups;
    [[nodiscard]] std::vector<double>& scales() {
      return tensor.is_grouped() ? groups.row_scales : bytes.scales;
    }
  };

  [[nodiscard]] bool has_layer_norm() const { return !model_.output_norm.bias.empty(); }
  static Rows plain(const FloatModel::Matrix& matrix);
  /// What reads a norm: its bias goes through the matrix.
  static Rows behind(const FloatModel::Norm& norm, const FloatModel::Matrix& matrix);
  /// What embeds: each row is a value of the stream.
  [[nodiscard]] Rows embedded(const FloatModel::Matrix& matrix) const;
  /// What adds to the stream: each column is.
  [[nodiscard]] Rows added(const FloatModel::Matrix& matrix) const;

  std::uint32_t push(Operator op);
  int choose(double largest, unsigned bits, unsigned headroom, std::string name);
  Target target(double largest, std::string_view name);
  [[nodiscard]] std::string named(std::string_view part) const;

  Value norm(double input_range, double normed_range, std::string_view name);
  /// A norm as the matrices behind it read it, and what they have to know of their columns.
  struct Normed {
    Value value;
    std::span<const float> gains;  ///< still to be folded into the columns
    std::vector<double> power;
    [[nodiscard]] Columns columns() const { return {gains, power}; }
  };
  Normed gained(Value normed, const FloatModel::Norm& norm, std::span<const double> power,
                std::span<const double> peaks, std::string_view name);
  [[nodiscard]] bool becomes_groups(const Rows& matrix, const Columns& about) const;
  [[nodiscard]] Rounded round(const Rows& matrix, const Columns& about, bool groups) const;
  Result<std::uint32_t> add_tensor(const Rows& matrix, Rounded rounded, double input_unit,
                                   Target& target, std::uint8_t& shift);
  Result<Value> matmul(const Rows& matrix, const Columns& about, Value input, Target target);
  Result<std::uint32_t> embed(OperatorKind kind, const FloatModel::Matrix& matrix,
                              std::string_view name);
  Value activate(Value gate);
  Result<void> add_to_residual(const FloatModel::Matrix& matrix, std::span<const double> power,
                               Value input, std::string_view name);
  Value rope(Value input, std::uint32_t heads);
  Result<std::uint32_t> scores(Value query, Value key);
  Value mix(std::uint32_t scores, Value value, double mixed_range);
  Result<void> attention(const FloatModel::Layer& layer, const LayerRanges& ranges);
  Result<void> feed_forward(const FloatModel::Layer& layer, const LayerRanges& ranges);
  Result<Value> gated(const FloatModel::Layer& layer, const LayerRanges& ranges,
                      const Normed& normed, Value gate);
  /// Proves that no sum leaves its range, commits to the rows, and puts them aside.
  Result<std::uint32_t> keep(const WeightTensor& tensor, double relative_error);
  void add_tables();

  const FloatModel& model_;
  const Ranges& ranges_;
  Means means_;
  std::shared_ptr<Storage> storage_;
  Program program_;
  std::vector<Hash32> rows_roots_;
  CompileReport report_;
  std::uint16_t layer_ = kNoLayer;
  std::uint32_t residual_ = kNone;  ///< the operator that holds the residual stream now
  int residual_fraction_ = 0;
  int gate_fraction_ = 0;  ///< one for all layers, so that one activation table serves them
  std::uint32_t activation_table_ = kNone;
};

}  // namespace imo::model
