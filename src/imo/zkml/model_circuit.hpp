/// The circuit of a model's whole answer: one causal pass over prompt and answer.
///
/// docs/proof.md, "The circuit of a model", is normative. Tensors of the same kind of all layers
/// are one column, with the layer as the highest axis; the shifts of an operator that differ
/// between layers are brought to the greatest of them, S, by scaling what is rounded with 2^(S -
/// s), which changes no quotient. A run is provable when nothing in it saturates.
#pragma once

#include "imo/zkml/circuit_builder.hpp"
#include "imo/zkml/model_shape.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace imo::zkml {

using model::TokenId;

/// What a proof is about: prompt and answer.
struct Answer {
  std::vector<TokenId> prompt;
  std::vector<TokenId> output;

  /// Positions that the pass runs over: all tokens but the last.
  [[nodiscard]] std::uint32_t positions() const {
    return static_cast<std::uint32_t>(prompt.size() + output.size() - 1);
  }
  [[nodiscard]] TokenId token(std::size_t position) const {
    return position < prompt.size() ? prompt[position] : output[position - prompt.size()];
  }
};

/// Fails, saying why, when no run of the model gives this answer: empty, over the context, tokens
/// outside the vocabulary, or tokens behind the end token.
Result<void> check_answer_form(const ModelShape& shape, const Answer& answer);

/// Shifts brought to one: S, and the factor 2^(S - s) of every layer.
struct CommonShift {
  unsigned shift = 0;
  std::vector<Fp> factors;

  static CommonShift of(std::span<const std::uint8_t> shifts);
};

/// Columns of one norm: rows are positions and layers, or the positions that choose.
struct NormColumns {
  Box cells;  ///< [feature][row][layer]
  Box rows;   ///< [row][layer]
  CommonShift narrow;
  CommonShift scale;
  Limbs narrowed;  ///< u; a circuit takes |u| < 2^18, half of what Narrow may give
  Remainder narrow_rest;
  Limbs root;               ///< t
  Remainder above_root;     ///< v - t^2
  Remainder below_next;     ///< 2t - (v - t^2)
  Limbs reciprocal;         ///< r
  Remainder above_product;  ///< 2^40 - r t
  Remainder below_root;     ///< t - 1 - (2^40 - r t)
  ColumnId scaled = 0;
  Remainder scale_rest;
};

/// An operator with int16 outputs.
struct ActivationColumns {
  Box box;
  CommonShift common;
  ColumnId values = 0;
  Remainder rest;
};

/// A matrix that adds to the residual stream.
struct ResidualColumns {
  Box box;
  CommonShift common;
  Limbs values;
  Remainder rest;
};

struct AttentionColumns {
  Box cells;  ///< [key][query][head][layer], causal
  Box rows;   ///< [query][head][layer]
  CommonShift common;
  Limbs maximum;
  ColumnId exp_row = 0;  ///< of the exp table: min(m - z, 65535)
  Limbs beyond_table;    ///< m - z less that
  Remainder rest;
  ColumnId exp = 0;
  ColumnId is_maximum = 0;
  Limbs reciprocal;
  Remainder above_product;  ///< 2^44 - r Z
  Remainder below_sum;      ///< Z - 1 - (2^44 - r Z)
};

struct LogitColumns {
  Box cells;  ///< [token][choice]
  Box rows;   ///< [choice]
  unsigned shift = 0;
  Limbs best;
  Limbs below_best;  ///< best - logit - [token < chosen]
  Remainder rest;
};

struct RegisteredColumns {
  ColumnId embedding = 0;  ///< Embed's outputs, [feature][token]
  std::array<ColumnId, kMatrices>
      matrices{};                    ///< [column][row][layer], times multiplier and 2^(S-s)
  std::array<ColumnId, 3> biases{};  ///< of queries, keys, values: [row][layer], the same
  ColumnId logits = 0;               ///< [column][token]
  ColumnId cosines = 0;              ///< [pair][position]
  ColumnId sines = 0;
  ColumnId exp = 0;   ///< 2^16 entries
  ColumnId gate = 0;  ///< the activation, 2^16 entries
};

/// Bits of every axis.
struct AxisBits {
  unsigned feature, feed_forward, head, heads, group, position, choice, layer, token, context;

  /// `group` is the bits of a head's number within its group.
  static AxisBits of(const ModelShape& shape, std::uint32_t positions, std::uint32_t choices);
};

/// Owns what its circuit's sums refer to; it neither moves nor is copied.
class ModelCircuit {
 public:
  /// `answer` has passed check_answer_form for `shape`.
  static std::unique_ptr<const ModelCircuit> make(ModelShape shape, Answer answer);
  ModelCircuit(const ModelCircuit&) = delete;
  ModelCircuit& operator=(const ModelCircuit&) = delete;

  [[nodiscard]] const Circuit& circuit() const { return circuit_; }
  [[nodiscard]] const ModelShape& shape() const { return shape_; }
  [[nodiscard]] const Answer& answer() const { return answer_; }
  [[nodiscard]] const AxisBits& bits() const { return bits_; }

  RegisteredColumns registered;
  NormColumns attention_norm, feed_forward_norm, tail_norm;
  ActivationColumns query, key, value, turned_query, turned_key, mixed, gate, up, product;
  ColumnId activated = 0;
  ResidualColumns output, down;
  AttentionColumns attention;
  LogitColumns logits;

 private:
  using Point = std::span<const Fp3>;
  using Entries = std::vector<KnownFactor::Entry>;

  ModelCircuit(ModelShape shape, Answer answer);

  [[nodiscard]] std::uint32_t layers() const {
    return static_cast<std::uint32_t>(shape_.layers.size());
  }
  [[nodiscard]] std::uint32_t choices() const {
    return static_cast<std::uint32_t>(answer_.output.size());
  }
  [[nodiscard]] CommonShift common(
      const std::function<std::uint8_t(const LayerShape&)>& field) const;
  /// Entry l is eq(point, l) * factors[l].
  [[nodiscard]] Entries layer_entries(Point point, std::span<const Fp> factors) const;
  [[nodiscard]] Entries layer_entries(Point point) const;
  [[nodiscard]] Entries choice_positions(Point choice) const;
  [[nodiscard]] Box cells(unsigned bits, std::uint32_t bound) const;
  [[nodiscard]] Box head_cells(std::uint32_t heads, unsigned bits) const;

  void declare_registered();
  /// `input` gives the residual stream times the norm's factors, at a point of its cells.
  void add_norm(const std::string& name, NormColumns& norm, std::span<const NormShape> shapes,
                const SumAtPoint& input);
  void add_root(const std::string& name, NormColumns& norm, std::span<const NormShape> shapes);
  void add_reciprocal(const std::string& name, NormColumns& norm);
  void add_scale(const std::string& name, NormColumns& norm);
  void add_matrix(const std::string& name, Matrix matrix, ColumnId input, unsigned input_bits,
                  ActivationColumns& out);
  void add_to_residual(const std::string& name, Matrix matrix, ColumnId input, unsigned input_bits,
                       ResidualColumns& out);
  void add_rope(const std::string& name, const ActivationColumns& from, ActivationColumns& out);
  void add_scores();
  void add_maximum();
  void add_mix_reciprocal();
  void add_mix();
  void add_product();
  void add_layers();
  void add_tail();
  void add_logits();

  [[nodiscard]] Sum matrix_sum(Matrix matrix, ColumnId input, unsigned input_bits, Point row,
                               Point position, Point layer) const;
  /// The residual stream in front of layers' norms at (feature, position), weighted by layer.
  [[nodiscard]] Sum residual_before(Point feature, Point position, std::span<const Fp3> weights,
                                    bool is_behind_attention) const;
  [[nodiscard]] Sum residual_at_choices(Point feature, Point choice) const;

  ModelShape shape_;
  Answer answer_;
  AxisBits bits_;
  CircuitBuilder builder_;
  Circuit circuit_;
};

}  // namespace imo::zkml
