#include "imo/model/program_check.hpp"

#include "imo/model/architecture.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

namespace imo::model {
namespace {

constexpr std::size_t kMostOperators = 1U << 16;
constexpr std::uint32_t kMostLayers = 1U << 12;

/// Checks one operator against those before it. Which operator may read which is fixed so
/// narrowly that every bound of operators.hpp follows, whatever the weights and tokens are.
class OperatorChecker {
 public:
  OperatorChecker(const Program& program, std::uint32_t index)
      : program_(program), index_(index), op_(program.operators[index]) {
    used_.kind = op_.kind;
    used_.layer = op_.layer;
    used_.fraction = op_.fraction;
    used_.width = op_.width;
  }

  Result<void> run() {
    if (op_.layer != kNoLayer && op_.layer >= program_.layers) {
      return wrong(fmt::format("is in layer {}, but there are {}", op_.layer, program_.layers));
    }
    if (op_.fraction < -64 || op_.fraction > 64) return wrong("has a fraction outside [-64, 64]");
    IMO_TRY_VOID(check_kind());
    if (used_ != op_) return wrong("sets a field that its kind does not use");
    return {};
  }

 private:
  using Kinds = std::initializer_list<OperatorKind>;

  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view what) const {
    return invalid(fmt::format("operator {} {}", operator_name(program_, index_), what));
  }

  Result<void> require(bool condition, std::string_view what) const {
    if (!condition) return wrong(what);
    return {};
  }

  /// The operator that input `slot` names, which must be one of `kinds` and come earlier.
  Result<const Operator*> input(std::size_t slot, Kinds kinds) {
    used_.inputs[slot] = op_.inputs[slot];
    if (op_.inputs[slot] >= index_) return wrong("reads an operator that is not before it");
    const Operator& from = program_.operators[op_.inputs[slot]];
    if (std::find(kinds.begin(), kinds.end(), from.kind) == kinds.end()) {
      return wrong(fmt::format("cannot read {}", operator_kind_name(from.kind)));
    }
    return &from;
  }

  Result<const Operator*> narrow_input(std::size_t slot) {
    IMO_TRY(const Operator* from,
            input(slot, {OperatorKind::kScale, OperatorKind::kMatMul, OperatorKind::kGroupedMatMul,
                         OperatorKind::kRope, OperatorKind::kActivation, OperatorKind::kMultiply,
                         OperatorKind::kGain}));
    if (output_type(*from) != ElementType::kInt16) return wrong("reads int32 where int16 is due");
    return from;
  }

  Result<const Operator*> residual_input(std::size_t slot) {
    IMO_TRY(const Operator* from,
            input(slot, {OperatorKind::kEmbed, OperatorKind::kPosition, OperatorKind::kAdd,
                         OperatorKind::kMatMul, OperatorKind::kGroupedMatMul}));
    if (output_type(*from) != ElementType::kInt32) return wrong("reads int16 where int32 is due");
    return from;
  }

  Result<const WeightTensor*> tensor(bool is_grouped = false) {
    used_.tensor = op_.tensor;
    if (op_.tensor >= program_.tensors.size()) return wrong("names a tensor that is not there");
    const WeightTensor& found = program_.tensors[op_.tensor];
    if (found.is_grouped() != is_grouped) {
      return wrong(is_grouped ? "needs grouped weights" : "cannot use grouped weights");
    }
    return &found;
  }

  Result<const Table*> table(TableKind kind) {
    used_.table = op_.table;
    if (op_.table >= program_.tables.size()) return wrong("names a table that is not there");
    const Table& found = program_.tables[op_.table];
    if (found.kind != kind) return wrong("names a table of another kind");
    return &found;
  }

  Result<void> width(std::uint64_t expected) const {
    if (op_.width == expected && expected != 0) return {};
    return wrong(fmt::format("is {} wide, but {} follows from what it reads", op_.width, expected));
  }

  Result<void> rescales(unsigned bits) {
    used_.shift = op_.shift;
    used_.bits = op_.bits;
    if (op_.shift < 1 || op_.shift > kMaxShift) {
      return wrong(fmt::format("shifts by {}; 1 to {} are possible", op_.shift, kMaxShift));
    }
    if (op_.bits != bits) return wrong(fmt::format("clamps to {} bits, not {}", op_.bits, bits));
    return {};
  }

  /// Keys and values are kept of every position, so they cannot be in the tail.
  Result<void> attends() {
    used_.groups = op_.groups;
    used_.kv_groups = op_.kv_groups;
    if (index_ >= program_.tail) return wrong("attends in the tail");
    if (op_.groups == 0 || op_.kv_groups == 0 || op_.groups % op_.kv_groups != 0) {
      return wrong(fmt::format("has {} heads over {} key-value heads", op_.groups, op_.kv_groups));
    }
    return {};
  }

  Result<void> check_kind() {
    switch (op_.kind) {
      case OperatorKind::kEmbed:
        return embed();
      case OperatorKind::kNarrow:
        return narrow();
      case OperatorKind::kSumSquares:
        return sum_squares();
      case OperatorKind::kRoot:
        return root();
      case OperatorKind::kReciprocal:
        return reciprocal();
      case OperatorKind::kScale:
        return scale();
      case OperatorKind::kMatMul:
        return matmul();
      case OperatorKind::kAdd:
        return add();
      case OperatorKind::kRope:
        return rope();
      case OperatorKind::kScores:
        return scores();
      case OperatorKind::kRowMax:
        return row_max();
      case OperatorKind::kExp:
        return exp();
      case OperatorKind::kRowSum:
        return row_sum();
      case OperatorKind::kMix:
        return mix();
      case OperatorKind::kActivation:
        return activation();
      case OperatorKind::kMultiply:
        return multiply();
      case OperatorKind::kBlockMax:
        return block_max();
      case OperatorKind::kArgmax:
        return argmax();
      case OperatorKind::kPosition:
        return position();
      case OperatorKind::kGroupedMatMul:
        return grouped_matmul();
      case OperatorKind::kGain:
        return gain();
    }
    return invalid(
        fmt::format("operator {} is of kind {}, which there is not", index_, int(op_.kind)));
  }

  Result<void> embed() {
    IMO_TRY(const WeightTensor* weights, tensor());
    IMO_TRY_VOID(
        require(weights->rows == program_.vocabulary_size, "needs a tensor with one row a token"));
    IMO_TRY_VOID(require(weights->biases.empty(), "cannot use a tensor with biases"));
    IMO_TRY_VOID(width(weights->columns));
    return rescales(kResidualBits);
  }

  Result<void> position() {
    IMO_TRY(const WeightTensor* weights, tensor());
    IMO_TRY_VOID(require(weights->rows == program_.context_length,
                         "needs a tensor with one row a position"));
    IMO_TRY_VOID(require(weights->biases.empty(), "cannot use a tensor with biases"));
    IMO_TRY_VOID(width(weights->columns));
    return rescales(kResidualBits);
  }

  Result<void> narrow() {
    IMO_TRY(const Operator* x, residual_input(0));
    IMO_TRY_VOID(width(x->width));
    return rescales(kNarrowBits);
  }

  Result<void> sum_squares() {
    used_.constant = op_.constant;
    IMO_TRY(const Operator* u, input(0, {OperatorKind::kNarrow}));
    IMO_TRY_VOID(width(1));
    IMO_TRY_VOID(require(u->width <= kMaxColumns, "reads a row too long for its bound"));
    return require(op_.constant >= 1 && op_.constant <= std::uint64_t{kEpsilonMax},
                   "has an epsilon outside [1, 2^52)");
  }

  Result<void> root() {
    IMO_TRY_VOID(input(0, {OperatorKind::kSumSquares}));
    return width(1);
  }

  Result<void> reciprocal() {
    used_.constant = op_.constant;
    IMO_TRY(const Operator* z, input(0, {OperatorKind::kRoot, OperatorKind::kRowSum}));
    IMO_TRY_VOID(width(z->width));
    const unsigned exponent = z->kind == OperatorKind::kRoot ? kNormReciprocal : kSoftmaxReciprocal;
    return require(op_.constant == exponent, "has another exponent than its input asks for");
  }

  // Either a norm, u * 1/root(sum u^2), or the end of a softmax, (sum e v) * 1/(sum e): the
  // reciprocal must be that of the very values scaled, or the product has no bound.
  Result<void> scale() {
    used_.groups = op_.groups;
    IMO_TRY(const Operator* x, input(0, {OperatorKind::kNarrow, OperatorKind::kMix}));
    IMO_TRY(const Operator* r, input(1, {OperatorKind::kReciprocal}));
    IMO_TRY_VOID(width(x->width));
    IMO_TRY_VOID(require(op_.groups == r->width, "has another number of groups than reciprocals"));
    const std::uint32_t origin = r->inputs[0];
    const Operator& of = program_.operators[origin];
    if (x->kind == OperatorKind::kNarrow) {
      IMO_TRY_VOID(require(of.kind == OperatorKind::kRoot &&
                               program_.operators[of.inputs[0]].inputs[0] == op_.inputs[0],
                           "scales a row by the root of another"));
    } else {
      IMO_TRY_VOID(require(of.kind == OperatorKind::kRowSum && of.inputs[0] == x->inputs[0] &&
                               x->groups == op_.groups,
                           "scales a mix by the sum of another"));
    }
    return rescales(kActivationBits);
  }

  Result<void> matmul() {
    IMO_TRY(const WeightTensor* weights, tensor());
    return product(*weights);
  }

  // The bound on its sums is proven row by row, as that of MatMul is.
  Result<void> grouped_matmul() {
    used_.constant = op_.constant;
    IMO_TRY(const WeightTensor* weights, tensor(true));
    const std::uint64_t has_offsets = weights->grouped.offsets.empty() ? 0 : 1;
    IMO_TRY_VOID(require(op_.constant == has_offsets, "says otherwise of its groups' offsets"));
    return product(*weights);
  }

  Result<void> product(const WeightTensor& weights) {
    IMO_TRY(const Operator* x, narrow_input(0));
    IMO_TRY_VOID(require(weights.columns == x->width,
                         fmt::format("has {} columns for a row of {}", weights.columns, x->width)));
    IMO_TRY_VOID(width(weights.rows));
    return rescales(op_.bits == kResidualBits ? kResidualBits : kActivationBits);
  }

  Result<void> add() {
    IMO_TRY(const Operator* x, residual_input(0));
    IMO_TRY(const Operator* y, residual_input(1));
    IMO_TRY_VOID(require(x->width == y->width, "adds rows of different length"));
    return width(x->width);
  }

  Result<void> rope() {
    used_.groups = op_.groups;
    used_.rotated = op_.rotated;
    used_.pairing = op_.pairing;
    IMO_TRY(const Operator* x, narrow_input(0));
    IMO_TRY(const Table* angles, table(TableKind::kRope));
    IMO_TRY_VOID(width(x->width));
    IMO_TRY_VOID(require(op_.groups != 0 && op_.width % op_.groups == 0, "splits no whole heads"));
    IMO_TRY_VOID(
        require(op_.rotated != 0 && op_.rotated % 2 == 0 && op_.rotated <= op_.width / op_.groups,
                "rotates an odd number of elements or more than a head has"));
    IMO_TRY_VOID(require(op_.pairing <= static_cast<std::uint8_t>(RopePairing::kHalfSplit),
                         "has a pairing that there is not"));
    IMO_TRY_VOID(require(angles->entries() == std::uint64_t{program_.context_length} * op_.rotated,
                         "has a table that does not fit context and head"));
    used_.shift = op_.shift;
    IMO_TRY_VOID(require(op_.shift == kRopeFraction, "must shift by 14"));
    return rescales(kActivationBits);
  }

  Result<void> scores() {
    used_.multiplier = op_.multiplier;
    IMO_TRY_VOID(attends());
    IMO_TRY(const Operator* q, narrow_input(0));
    IMO_TRY(const Operator* k, narrow_input(1));
    IMO_TRY_VOID(require(q->width % op_.groups == 0 && k->width % op_.kv_groups == 0 &&
                             q->width / op_.groups == k->width / op_.kv_groups,
                         "has queries and keys of different head size"));
    IMO_TRY_VOID(require(q->width / op_.groups <= kMaxHeadDimension, "has a head too wide"));
    IMO_TRY_VOID(require(op_.multiplier >= 1 && op_.multiplier <= kScoreMultiplierMax,
                         "has a multiplier outside [1, 2^20)"));
    IMO_TRY_VOID(width(op_.groups));
    return rescales(kScoreBits);
  }

  Result<void> row_max() {
    IMO_TRY(const Operator* z, input(0, {OperatorKind::kScores}));
    return width(z->width);
  }

  Result<void> exp() {
    IMO_TRY(const Operator* z, input(0, {OperatorKind::kScores}));
    IMO_TRY(const Operator* m, input(1, {OperatorKind::kRowMax}));
    IMO_TRY_VOID(table(TableKind::kExp));
    IMO_TRY_VOID(require(m->inputs[0] == op_.inputs[0], "subtracts the maximum of another row"));
    return width(z->width);
  }

  Result<void> row_sum() {
    IMO_TRY(const Operator* e, input(0, {OperatorKind::kExp}));
    return width(e->width);
  }

  Result<void> mix() {
    IMO_TRY_VOID(attends());
    IMO_TRY(const Operator* e, input(0, {OperatorKind::kExp}));
    IMO_TRY(const Operator* v, narrow_input(1));
    IMO_TRY_VOID(require(e->width == op_.groups, "has another number of heads than its weights"));
    IMO_TRY_VOID(require(v->width % op_.kv_groups == 0, "has values of no whole head"));
    IMO_TRY_VOID(require(v->width / op_.kv_groups <= kMaxHeadDimension, "has a head too wide"));
    return width(std::uint64_t{v->width} / op_.kv_groups * op_.groups);
  }

  Result<void> activation() {
    IMO_TRY(const Operator* x, narrow_input(0));
    used_.table = op_.table;
    IMO_TRY_VOID(require(op_.table < program_.tables.size(), "names a table that is not there"));
    const TableKind kind = program_.tables[op_.table].kind;
    IMO_TRY_VOID(require(kind == TableKind::kSilu || kind == TableKind::kGelu,
                         "names a table of another kind"));
    return width(x->width);
  }

  // An int16 by an int16: the product stays under 2^30.
  Result<void> gain() {
    IMO_TRY(const Operator* x, narrow_input(0));
    IMO_TRY(const Table* factors, table(TableKind::kGain));
    IMO_TRY_VOID(require(factors->entries() == x->width, "has a table of another length"));
    IMO_TRY_VOID(width(x->width));
    return rescales(kActivationBits);
  }

  Result<void> multiply() {
    IMO_TRY(const Operator* x, narrow_input(0));
    IMO_TRY(const Operator* y, narrow_input(1));
    IMO_TRY_VOID(require(x->width == y->width, "multiplies rows of different length"));
    IMO_TRY_VOID(width(x->width));
    return rescales(kActivationBits);
  }

  Result<void> block_max() {
    IMO_TRY(const Operator* logits, input(0, {OperatorKind::kMatMul}));
    IMO_TRY_VOID(require(
        output_type(*logits) == ElementType::kInt32 && logits->width == program_.vocabulary_size,
        "needs one int32 logit a token"));
    const std::uint64_t blocks = (std::uint64_t{logits->width} + kArgmaxBlock - 1) / kArgmaxBlock;
    return width(2 * blocks);
  }

  Result<void> argmax() {
    IMO_TRY_VOID(input(0, {OperatorKind::kBlockMax}));
    IMO_TRY_VOID(require(index_ + 1 == program_.operators.size(), "is not the last"));
    return width(1);
  }

  const Program& program_;
  const std::uint32_t index_;
  const Operator& op_;
  Operator used_;  ///< op_ with only the fields that its kind uses
};

bool has_weights_of_shape(const WeightTensor& tensor) {
  const GroupedWeights& grouped = tensor.grouped;
  if (!tensor.is_grouped()) {
    return tensor.weights.size() == tensor.size() && grouped.bits.empty() &&
           grouped.offsets.empty();
  }
  const std::uint64_t groups = std::uint64_t{tensor.rows} * tensor.groups();
  return tensor.weights.empty() && tensor.columns % kGroupColumns == 0 &&
         grouped.scales.size() == groups && 2 * grouped.bits.size() == tensor.size() &&
         (grouped.offsets.empty() || grouped.offsets.size() == groups);
}

Result<void> check_tensor(const WeightTensor& tensor) {
  if (tensor.rows == 0 || tensor.columns == 0 || tensor.columns > kMaxColumns) {
    return invalid(fmt::format("tensor '{}' is {} x {}; rows have 1 to {} elements", tensor.name,
                               tensor.rows, tensor.columns, kMaxColumns));
  }
  if (!has_weights_of_shape(tensor) || tensor.multipliers.size() != tensor.rows ||
      (!tensor.biases.empty() && tensor.biases.size() != tensor.rows)) {
    return invalid(fmt::format("tensor '{}' has other lengths than its shape says", tensor.name));
  }
  for (std::uint32_t row = 0; row < tensor.rows; ++row) {
    if (tensor.multipliers[row] > kRowMultiplierMax) {
      return invalid(fmt::format("tensor '{}' row {} has multiplier {}; at most {} is possible",
                                 tensor.name, row, tensor.multipliers[row], kRowMultiplierMax));
    }
    if (tensor.bias(row) > kAccumulatorMax || tensor.bias(row) < -kAccumulatorMax) {
      return invalid(fmt::format("tensor '{}' row {} has bias {}; at most {} is possible",
                                 tensor.name, row, tensor.bias(row), kAccumulatorMax));
    }
  }
  return {};
}

Result<void> check_table_shape(const Program& program, std::size_t index) {
  const Table& table = program.tables[index];
  const bool is_wide = table.kind == TableKind::kExp;
  const bool fits = is_wide ? table.narrow.empty() && table.wide.size() == kExpEntries
                    : table.kind == TableKind::kSilu || table.kind == TableKind::kGelu
                        ? table.wide.empty() && table.narrow.size() == kActivationEntries
                        : (table.kind == TableKind::kRope || table.kind == TableKind::kGain) &&
                              table.wide.empty();
  if (!fits) return invalid(fmt::format("table {} does not have its kind's length", index));
  return {};
}

// Neither the step of the fraud proof nor the circuit knows GELU, and both would read its table as
// SiLU's or not at all. They refuse a program by its operators, so it has to have one of gpt2's.
Result<void> check_gelu(const Program& program) {
  const bool has_gelu =
      std::any_of(program.tables.begin(), program.tables.end(),
                  [](const Table& table) { return table.kind == TableKind::kGelu; });
  const bool has_position =
      std::any_of(program.operators.begin(), program.operators.end(),
                  [](const Operator& op) { return op.kind == OperatorKind::kPosition; });
  if (!has_gelu || has_position) return {};
  return invalid("the program has a table of GELU, but no operator Position");
}

// Sum of the magnitudes of a row's weights.
Result<std::int64_t> norm_of_row(const WeightTensor& tensor, std::uint32_t row) {
  std::int64_t norm = 0;
  bool in_range = true;
  for (const std::int8_t weight : tensor.row(row)) {
    norm += std::abs(std::int32_t{weight});
    in_range = in_range && weight >= -kWeightMax;
  }
  if (in_range) return norm;
  return invalid(fmt::format("tensor '{}' row {} has a weight of -128", tensor.name, row));
}

// The same of grouped weights; each of the sixteen that a group can have is to be in range, so that
// its bits need no check.
Result<std::int64_t> norm_of_groups(const WeightTensor& tensor, std::uint32_t row) {
  const GroupedWeights& grouped = tensor.grouped;
  std::int64_t norm = 0;
  for (std::size_t k = 0; k < tensor.groups(); ++k) {
    const std::size_t group = row * tensor.groups() + k;
    const std::int32_t scale = grouped.scales[group];
    const std::int32_t offset = grouped.offsets.empty() ? 0 : grouped.offsets[group];
    const std::int32_t ends = std::max(std::abs(grouped_weight(0, scale, offset)),
                                       std::abs(grouped_weight(15, scale, offset)));
    if (scale < -kGroupScaleMax || ends > kGroupedWeightMax) {
      return invalid(
          fmt::format("tensor '{}' row {} group {}: scale {} and offset {} give weights "
                      "beyond {}",
                      tensor.name, row, k, scale, offset, kGroupedWeightMax));
    }
    std::int32_t sum = 0;
    for (const std::uint8_t pair : grouped.bits.subspan(group * 16, 16)) {
      sum += std::abs(grouped_weight(pair & 15U, scale, offset)) +
             std::abs(grouped_weight(pair >> 4U, scale, offset));
    }
    norm += sum;
  }
  return norm;
}

Result<void> check_header(const Program& program) {
  if (program.context_length < 1 || program.context_length > kMaxContext) {
    return invalid(fmt::format("context of {} positions; 1 to {} are possible",
                               program.context_length, kMaxContext));
  }
  if (program.vocabulary_size < 1 || program.vocabulary_size > kMaxVocabulary ||
      program.vocabulary.entries.size() != program.vocabulary_size) {
    return invalid(fmt::format("vocabulary of {} tokens with {} entries; 1 to {} are possible",
                               program.vocabulary_size, program.vocabulary.entries.size(),
                               kMaxVocabulary));
  }
  if (program.end_token != kNone && program.end_token >= program.vocabulary_size) {
    return invalid(fmt::format("end token {} is outside the vocabulary", program.end_token));
  }
  if (program.layers > kMostLayers) return invalid(fmt::format("{} layers", program.layers));
  if (program.operators.empty() || program.operators.size() > kMostOperators) {
    return invalid(fmt::format("{} operators; 1 to {} are possible", program.operators.size(),
                               kMostOperators));
  }
  if (program.tail >= program.operators.size()) {
    return invalid(fmt::format("the tail begins at operator {} of {}", program.tail,
                               program.operators.size()));
  }
  if (program.operators.back().kind != OperatorKind::kArgmax) {
    return invalid("the last operator is not Argmax");
  }
  return {};
}

}  // namespace

Result<void> check_structure(const Program& program) {
  IMO_TRY_VOID(check_header(program));
  for (const WeightTensor& tensor : program.tensors) IMO_TRY_VOID(check_tensor(tensor));
  for (std::size_t i = 0; i < program.tables.size(); ++i) {
    IMO_TRY_VOID(check_table_shape(program, i));
  }
  for (std::uint32_t i = 0; i < program.operators.size(); ++i) {
    IMO_TRY_VOID(OperatorChecker(program, i).run());
  }
  return check_gelu(program);
}

Result<std::int64_t> check_accumulators(const WeightTensor& tensor) {
  std::int64_t largest = 0;
  for (std::uint32_t row = 0; row < tensor.rows; ++row) {
    IMO_TRY(const std::int64_t norm,
            tensor.is_grouped() ? norm_of_groups(tensor, row) : norm_of_row(tensor, row));
    const std::int64_t bound = norm * kActivationMax + std::abs(tensor.bias(row));
    if (bound > kAccumulatorMax) {
      return invalid(fmt::format("tensor '{}' row {}: a sum can reach {}, beyond {}", tensor.name,
                                 row, bound, kAccumulatorMax));
    }
    largest = std::max(largest, bound);
  }
  return largest;
}

Result<void> check_tables(const Program& program) {
  for (std::size_t i = 0; i < program.tables.size(); ++i) {
    const Table& table = program.tables[i];
    if (table.kind == TableKind::kExp) {
      const std::int32_t one = 1 << kExpFraction;
      const bool fits =
          table.wide[0] == one && std::all_of(table.wide.begin(), table.wide.end(),
                                              [&](std::int32_t e) { return e >= 0 && e <= one; });
      if (!fits) return invalid(fmt::format("table {} leaves [0, 2^20] or begins below", i));
      continue;
    }
    const std::int32_t limit = table.kind == TableKind::kRope ? 1 << kRopeFraction : kActivationMax;
    for (std::size_t entry = 0; entry < table.narrow.size(); ++entry) {
      if (std::abs(std::int32_t{table.narrow[entry]}) > limit) {
        return invalid(fmt::format("table {} entry {} is {}, beyond {}", i, entry,
                                   table.narrow[entry], limit));
      }
    }
  }
  return {};
}

Result<void> check_program(const Program& program) {
  IMO_TRY_VOID(check_structure(program));
  IMO_TRY_VOID(check_tables(program));
  for (const WeightTensor& tensor : program.tensors) {
    IMO_TRY_VOID(check_accumulators(tensor));
  }
  return {};
}

}  // namespace imo::model
