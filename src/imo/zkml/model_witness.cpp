#include "imo/zkml/model_witness.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/engine/session.hpp"

#include <fmt/format.h>

namespace imo::zkml {
namespace {

using model::Program;
namespace ops = layer_operators;

/// The rows of every operator, one after the other as positions come.
using Outputs = std::vector<std::vector<std::int64_t>>;

Result<Outputs> run(const engine::Model& model, const Answer& answer, ThreadPool& pool) {
  const std::uint32_t positions = answer.positions();
  Outputs outputs(model.program().operators.size());
  engine::Session session(model, positions, {.pool = &pool});
  session.observe([&](const engine::Output& row) {
    std::vector<std::int64_t>& rows = outputs[row.operator_index];
    rows.insert(rows.end(), row.narrow.begin(), row.narrow.end());
    rows.insert(rows.end(), row.wide.begin(), row.wide.end());
    rows.insert(rows.end(), row.large.begin(), row.large.end());
  });
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; i < positions; ++i) tokens.push_back(answer.token(i));
  const std::size_t first = answer.prompt.size() - 1;
  std::string differs;
  IMO_TRY_VOID(session.extend_choosing(tokens, first, [&](const engine::Choice& choice) {
    const std::size_t index = choice.position - first;
    if (choice.greedy == answer.output[index]) return true;
    differs = fmt::format("token {} of the answer is {}, the model writes {}: nothing to prove",
                          index, answer.output[index], choice.greedy);
    return false;
  }));
  if (!differs.empty()) return fail(ErrorKind::kVerification, differs);
  return outputs;
}

/// Fills one circuit's columns and virtual vectors from a run.
class WitnessWriter {
 public:
  WitnessWriter(const Program& program, const ModelCircuit& circuit, const Outputs& outputs,
                std::span<const Fp> registered, ThreadPool& pool)
      : program_(program), circuit_(circuit), outputs_(outputs), pool_(pool) {
    values_.witness.resize(std::size_t{1} << circuit.circuit().witness_variables);
    values_.registered = registered;
    for (const Virtual& vector : circuit.circuit().virtuals) {
      values_.virtuals.emplace_back(std::size_t{1} << vector.variables);
    }
  }

  CircuitValues write() && {
    const std::uint32_t positions = circuit_.answer().positions();
    for (std::uint32_t layer = 0; layer < program_.layers; ++layer) {
      first_ = first_operator(layer);
      layer_ = layer;
      norm(circuit_.attention_norm, first_ + ops::kAttentionNorm, positions);
      matrix(circuit_.query, ops::kQuery);
      matrix(circuit_.key, ops::kKey);
      matrix(circuit_.value, ops::kValue);
      rope(circuit_.turned_query, ops::kQuery, ops::kTurnedQuery);
      rope(circuit_.turned_key, ops::kKey, ops::kTurnedKey);
      scores();
      mix();
      residual(circuit_.output, ops::kOutput);
      norm(circuit_.feed_forward_norm, first_ + ops::kFeedForwardNorm, positions);
      matrix(circuit_.gate, ops::kGate);
      matrix(circuit_.up, ops::kUp);
      product();
      residual(circuit_.down, ops::kDown);
    }
    layer_ = 0;
    first_ = program_.tail;
    norm(circuit_.tail_norm, program_.tail,
         static_cast<std::uint32_t>(circuit_.answer().output.size()));
    logits();
    return std::move(values_);
  }

 private:
  [[nodiscard]] Fp* column(ColumnId id) {
    return &values_.witness[circuit_.circuit().columns[id].offset];
  }

  /// The highest limb takes all that is left, so that what does not fit shows.
  void put(const Limbs& limbs, std::size_t cell, std::int64_t value) {
    for (std::size_t i = 0; i < limbs.columns.size(); ++i) {
      const bool last = i + 1 == limbs.columns.size();
      column(limbs.columns[i])[cell] = Fp::from_signed(last ? value : value & 0xFFFF);
      value >>= kLimbBits;
    }
  }
  void put(const Remainder& remainder, std::size_t cell, std::int64_t value) {
    const bool is_all = remainder.high.empty();
    values_.virtuals[remainder.low][cell] = Fp::from_signed(is_all ? value : value & 0xFFFF);
    for (std::size_t i = 0; i < remainder.high.size(); ++i) {
      value >>= kLimbBits;
      const bool last = i + 1 == remainder.high.size();
      column(remainder.high[i])[cell] = Fp::from_signed(last ? value : value & 0xFFFF);
    }
  }
  /// x times the layer's factor, and what rounding it to `quotient` leaves.
  void put_rest(const Remainder& rest, const CommonShift& common, std::size_t cell, std::int64_t x,
                std::int64_t quotient) {
    const auto factor = static_cast<std::int64_t>(common.factors[layer_].value());
    const std::int64_t half = std::int64_t{1} << (common.shift - 1);
    put(rest, cell, x * factor + half - (quotient << common.shift));
  }

  [[nodiscard]] const std::vector<std::int64_t>& output(std::uint32_t within) const {
    return outputs_[first_ + within];
  }
  /// Cell 0 of a row and of this layer in a box [feature][row][layer].
  [[nodiscard]] std::size_t row_start(const Box& box, std::size_t row, std::size_t row_axis) const {
    unsigned bits = 0;
    for (std::size_t i = 0; i < row_axis; ++i) bits += box.axes[i].bits;
    return (row + (std::size_t{layer_} << box.axes[row_axis].bits)) << bits;
  }

  void norm(const NormColumns& norm, std::uint32_t op, std::uint32_t rows) {
    const std::uint32_t before = program_.operators[op].inputs[0];
    const std::size_t width = program_.operators[op].width;
    const bool is_tail = op == program_.tail;
    // The tail reads a row of the stream at the positions that choose.
    const std::size_t skipped = is_tail ? circuit_.answer().prompt.size() - 1 : 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t start = row_start(norm.cells, row, 1);
      const std::size_t row_cell = row_start(norm.rows, row, 0);
      const std::int64_t t = outputs_[op + 2][row];
      const std::int64_t r = outputs_[op + 3][row];
      const std::int64_t above = outputs_[op + 1][row] - t * t;
      const std::int64_t above_product = (std::int64_t{1} << model::kNormReciprocal) - r * t;
      put(norm.root, row_cell, t);
      put(norm.above_root, row_cell, above);
      put(norm.below_next, row_cell, 2 * t - above);
      put(norm.reciprocal, row_cell, r);
      put(norm.above_product, row_cell, above_product);
      put(norm.below_root, row_cell, t - 1 - above_product);
      for (std::size_t i = 0; i < width; ++i) {
        const std::int64_t x = outputs_[before][(row + skipped) * width + i];
        const std::int64_t u = outputs_[op][row * width + i];
        const std::int64_t a = outputs_[op + 4][row * width + i];
        put(norm.narrowed, start + i, u);
        put_rest(norm.narrow_rest, norm.narrow, start + i, x, u);
        column(norm.scaled)[start + i] = Fp::from_signed(a);
        put_rest(norm.scale_rest, norm.scale, start + i, u * r, a);
      }
    }
  }

  /// Calls each(position, row of the matrix, (sum + bias) * multiplier).
  template <typename Each>
  void for_products(std::uint32_t op, std::uint32_t rows, Each&& each) {
    const model::Operator& matmul = program_.operators[op];
    const model::WeightTensor& tensor = program_.tensors[matmul.tensor];
    const std::vector<std::int64_t>& wide = outputs_[matmul.inputs[0]];
    const std::vector<std::int16_t> inputs(wide.begin(), wide.end());
    pool_.parallel_for(tensor.rows, [&](std::size_t i) {
      for (std::size_t position = 0; position < rows; ++position) {
        const std::span<const std::int16_t> x(&inputs[position * tensor.columns], tensor.columns);
        const std::int64_t sum = model::dot_product(tensor.row(i), x) + tensor.bias(i);
        each(position, i, sum * std::int64_t{tensor.multipliers[i]});
      }
    });
  }

  /// Where an output is within its row of cells: `within` tells which matrix it comes from.
  [[nodiscard]] std::size_t cell_in_row(std::uint32_t within, std::size_t i) const {
    const bool is_turned = within == ops::kQuery || within == ops::kKey ||
                           within == ops::kTurnedQuery || within == ops::kTurnedKey;
    if (!is_turned && within != ops::kValue && within != ops::kMixScaled) return i;
    return circuit_.shape().head_cell(static_cast<std::uint32_t>(i), is_turned);
  }

  void matrix(const ActivationColumns& columns, std::uint32_t within) {
    const std::uint32_t op = first_ + within;
    const std::size_t width = program_.operators[op].width;
    const std::size_t row_axis = columns.box.axes.size() - 2;
    for_products(op, circuit_.answer().positions(),
                 [&](std::size_t position, std::size_t i, std::int64_t product) {
                   const std::size_t cell =
                       row_start(columns.box, position, row_axis) + cell_in_row(within, i);
                   const std::int64_t y = outputs_[op][position * width + i];
                   column(columns.values)[cell] = Fp::from_signed(y);
                   put_rest(columns.rest, columns.common, cell, product, y);
                 });
  }

  void residual(const ResidualColumns& columns, std::uint32_t within) {
    const std::uint32_t op = first_ + within;
    const std::size_t width = program_.operators[op].width;
    for_products(op, circuit_.answer().positions(),
                 [&](std::size_t position, std::size_t i, std::int64_t product) {
                   const std::size_t cell = row_start(columns.box, position, 1) + i;
                   const std::int64_t y = outputs_[op][position * width + i];
                   put(columns.values, cell, y);
                   put_rest(columns.rest, columns.common, cell, product, y);
                 });
  }

  void rope(const ActivationColumns& columns, std::uint32_t from, std::uint32_t within) {
    const model::Operator& op = program_.operators[first_ + within];
    const model::Table& table = program_.tables[op.table];
    const std::size_t head = circuit_.shape().head;
    const std::size_t half = head / 2;
    const bool is_half_split = circuit_.shape().is_half_split;
    for (std::size_t position = 0; position < circuit_.answer().positions(); ++position) {
      const std::size_t start = row_start(columns.box, position, 2);
      const std::int64_t* in = &output(from)[position * op.width];
      const std::int64_t* out = &output(within)[position * op.width];
      for (std::size_t i = 0; i < op.width; ++i) {
        const std::size_t in_head = i % head;
        const std::size_t pair = is_half_split ? in_head % half : in_head / 2;
        const bool is_second = is_half_split ? in_head >= half : in_head % 2 != 0;
        const std::size_t step = is_half_split ? half : 1;
        const std::int64_t x0 = in[is_second ? i - step : i];
        const std::int64_t x1 = in[is_second ? i : i + step];
        const std::int64_t cosine = table.narrow[2 * (position * half + pair)];
        const std::int64_t sine = table.narrow[2 * (position * half + pair) + 1];
        const std::int64_t x = is_second ? x0 * sine + x1 * cosine : x0 * cosine - x1 * sine;
        const std::size_t cell = start + cell_in_row(within, i);
        column(columns.values)[cell] = Fp::from_signed(out[i]);
        put_rest(columns.rest, columns.common, cell, x, out[i]);
      }
    }
  }

  void scores() {
    const AttentionColumns& columns = circuit_.attention;
    const ModelShape& shape = circuit_.shape();
    const unsigned bits = circuit_.bits().position;
    const std::size_t positions = circuit_.answer().positions();
    const std::size_t group = shape.heads / shape.kv_heads;
    const std::int64_t half = std::int64_t{1} << (columns.common.shift - 1);
    const auto factor = static_cast<std::int64_t>(columns.common.factors[layer_].value());
    for (std::size_t p = 0; p < positions; ++p) {
      for (std::size_t h = 0; h < shape.heads; ++h) {
        const std::size_t heads_and_layer = h + (std::size_t{layer_} << circuit_.bits().heads);
        const std::size_t row = p + (heads_and_layer << bits);
        const std::int64_t maximum = output(ops::kRowMax)[p * shape.heads + h];
        const std::size_t first = p * (p + 1) / 2 * shape.heads + h * (p + 1);
        put(columns.maximum, row, maximum);
        bool is_found = false;
        // Keys behind the query have a virtual value too, which nothing looks up.
        for (std::size_t t = 0; t < positions; ++t) {
          const std::size_t cell = t + (row << bits);
          const std::int64_t* q = &output(ops::kTurnedQuery)[(p * shape.heads + h) * shape.head];
          const std::int64_t* k =
              &output(ops::kTurnedKey)[(t * shape.kv_heads + h / group) * shape.head];
          std::int64_t sum = 0;
          for (std::size_t j = 0; j < shape.head; ++j) sum += q[j] * k[j];
          const std::int64_t scaled = sum * factor + half;
          if (t > p) {
            values_.virtuals[columns.rest.low][cell] =
                Fp::from_signed(scaled - (maximum << columns.common.shift));
            continue;
          }
          const std::int64_t z = output(ops::kScores)[first + t];
          const std::int64_t exp_row = std::min<std::int64_t>(maximum - z, model::kExpEntries - 1);
          column(columns.exp_row)[cell] = Fp::from_signed(exp_row);
          put(columns.beyond_table, cell, maximum - z - exp_row);
          column(columns.exp)[cell] = Fp::from_signed(output(ops::kExp)[first + t]);
          put(columns.rest, cell, scaled - (z << columns.common.shift));
          if (z == maximum && !is_found) {
            is_found = true;
            column(columns.is_maximum)[cell] = Fp(1);
          }
        }
        const std::int64_t total = output(ops::kRowSum)[p * shape.heads + h];
        const std::int64_t r = output(ops::kMixReciprocal)[p * shape.heads + h];
        const std::int64_t above = (std::int64_t{1} << model::kSoftmaxReciprocal) - r * total;
        put(columns.reciprocal, row, r);
        put(columns.above_product, row, above);
        put(columns.below_sum, row, total - 1 - above);
      }
    }
  }

  void mix() {
    const ModelShape& shape = circuit_.shape();
    const std::size_t width = std::size_t{shape.heads} * shape.head;
    for (std::size_t p = 0; p < circuit_.answer().positions(); ++p) {
      const std::size_t start = row_start(circuit_.mixed.box, p, 2);
      for (std::size_t i = 0; i < width; ++i) {
        const std::int64_t r = output(ops::kMixReciprocal)[p * shape.heads + i / shape.head];
        const std::int64_t o = output(ops::kMixScaled)[p * width + i];
        const std::size_t cell = start + cell_in_row(ops::kMixScaled, i);
        column(circuit_.mixed.values)[cell] = Fp::from_signed(o);
        put_rest(circuit_.mixed.rest, circuit_.mixed.common, cell,
                 output(ops::kMix)[p * width + i] * r, o);
      }
    }
  }

  void product() {
    const std::size_t width = circuit_.shape().feed_forward;
    for (std::size_t p = 0; p < circuit_.answer().positions(); ++p) {
      const std::size_t start = row_start(circuit_.product.box, p, 1);
      for (std::size_t i = 0; i < width; ++i) {
        const std::int64_t activated = output(ops::kActivation)[p * width + i];
        const std::int64_t up = output(ops::kUp)[p * width + i];
        const std::int64_t hidden = output(ops::kMultiply)[p * width + i];
        column(circuit_.activated)[start + i] = Fp::from_signed(activated);
        column(circuit_.product.values)[start + i] = Fp::from_signed(hidden);
        put_rest(circuit_.product.rest, circuit_.product.common, start + i, activated * up, hidden);
      }
    }
  }

  void logits() {
    const LogitColumns& columns = circuit_.logits;
    const std::size_t width = circuit_.shape().vocabulary;
    const unsigned bits = circuit_.bits().token;
    const std::uint32_t op = program_.logits_operator();
    const std::vector<TokenId>& chosen = circuit_.answer().output;
    for (std::size_t row = 0; row < chosen.size(); ++row) {
      put(columns.best, row, outputs_[op][row * width + chosen[row]]);
    }
    const std::int64_t half = std::int64_t{1} << (columns.shift - 1);
    for_products(op, static_cast<std::uint32_t>(chosen.size()),
                 [&](std::size_t row, std::size_t token, std::int64_t product) {
                   const std::size_t cell = token + (row << bits);
                   const std::int64_t logit = outputs_[op][row * width + token];
                   const std::int64_t best = outputs_[op][row * width + chosen[row]];
                   put(columns.below_best, cell, best - logit - (token < chosen[row] ? 1 : 0));
                   put(columns.rest, cell, product + half - (logit << columns.shift));
                 });
  }

  const Program& program_;
  const ModelCircuit& circuit_;
  const Outputs& outputs_;
  ThreadPool& pool_;
  CircuitValues values_;
  std::uint32_t first_ = 0;
  std::uint32_t layer_ = 0;
};

}  // namespace

Result<CircuitValues> witness_values(const engine::Model& model, const ModelCircuit& circuit,
                                     std::span<const Fp> registered, ThreadPool& pool) {
  IMO_TRY(const Outputs outputs, run(model, circuit.answer(), pool));
  CircuitValues values = WitnessWriter(model.program(), circuit, outputs, registered, pool).write();
  IMO_TRY_VOID(count_lookups(circuit.circuit(), values));
  return values;
}

}  // namespace imo::zkml
