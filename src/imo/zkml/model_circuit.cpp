#include "imo/zkml/model_circuit.hpp"

#include "imo/base/check.hpp"
#include "imo/zkml/model_circuit_parts.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

// Widths in bits, with the sign where there is one. Each keeps its equation under 2^63.
constexpr unsigned kNarrowedBits = 19;
constexpr unsigned kRootBits = 27;
constexpr unsigned kAboveRootBits = 28;
constexpr unsigned kNormReciprocalBits = 36;
constexpr unsigned kEquationBits = 62;  ///< of 2^S times a quotient
constexpr unsigned kBestBits = 31;
constexpr unsigned kBelowBestBits = 30;

constexpr std::uint32_t kGateTag = CircuitBuilder::kFirstTag + 1;  ///< exp has the first
constexpr unsigned kTableBits = 16;

}  // namespace

Result<void> check_answer_form(const ModelShape& shape, const Answer& answer) {
  if (answer.prompt.empty()) return invalid("the prompt has no token");
  if (answer.output.empty()) return invalid("the answer has no token");
  const std::size_t total = answer.prompt.size() + answer.output.size();
  if (total > shape.context) {
    return invalid(fmt::format("prompt and answer have {} tokens, the model's context {}", total,
                               shape.context));
  }
  for (std::size_t i = 0; i < total; ++i) {
    if (answer.token(i) >= shape.vocabulary) {
      return invalid(fmt::format("token {} is {}, the vocabulary has {}", i, answer.token(i),
                                 shape.vocabulary));
    }
  }
  const auto end = std::ranges::find(answer.output, shape.end_token);
  if (end != answer.output.end() && end + 1 != answer.output.end()) {
    return invalid("the answer goes on behind its end token");
  }
  return {};
}

CommonShift CommonShift::of(std::span<const std::uint8_t> shifts) {
  CommonShift common{*std::ranges::max_element(shifts), {}};
  for (const std::uint8_t shift : shifts) {
    common.factors.emplace_back(std::uint64_t{1} << (common.shift - shift));
  }
  return common;
}

AxisBits AxisBits::of(const ModelShape& shape, std::uint32_t positions, std::uint32_t choices) {
  return {.feature = bits_for(shape.embedding),
          .feed_forward = bits_for(shape.feed_forward),
          .head = bits_for(shape.head),
          .heads = bits_for(shape.heads),
          .group = bits_for(shape.heads / shape.kv_heads),
          .position = std::max(1U, bits_for(positions)),
          .choice = bits_for(choices),
          .layer = bits_for(shape.layers.size()),
          .token = bits_for(shape.vocabulary),
          .context = bits_for(shape.context)};
}

std::unique_ptr<const ModelCircuit> ModelCircuit::make(ModelShape shape, Answer answer) {
  return std::unique_ptr<const ModelCircuit>(new ModelCircuit(std::move(shape), std::move(answer)));
}

ModelCircuit::ModelCircuit(ModelShape shape, Answer answer)
    : shape_(std::move(shape)),
      answer_(std::move(answer)),
      bits_(AxisBits::of(shape_, answer_.positions(), choices())) {
  declare_registered();
  add_layers();
  add_tail();
  circuit_ = std::move(builder_).finish();
}

CommonShift ModelCircuit::common(
    const std::function<std::uint8_t(const LayerShape&)>& field) const {
  std::vector<std::uint8_t> shifts;
  for (const LayerShape& layer : shape_.layers) shifts.push_back(field(layer));
  return CommonShift::of(shifts);
}

Box ModelCircuit::cells(unsigned bits, std::uint32_t bound) const {
  return {
      {{bits, bound}, {bits_.position, answer_.positions()}, {bits_.layer, layers()}}, false, true};
}

Box ModelCircuit::head_cells(std::uint32_t heads, unsigned bits) const {
  return {{{bits_.head, shape_.head},
           {bits, heads},
           {bits_.position, answer_.positions()},
           {bits_.layer, layers()}},
          false,
          true};
}

ModelCircuit::Entries ModelCircuit::layer_entries(Point point, std::span<const Fp> factors) const {
  const std::vector<Fp3> weights = point_weights(point);
  Entries entries;
  for (std::size_t l = 0; l < factors.size(); ++l) entries.push_back({l, weights[l] * factors[l]});
  return entries;
}

ModelCircuit::Entries ModelCircuit::layer_entries(Point point) const {
  return layer_entries(point, std::vector<Fp>(layers(), Fp(1)));
}

ModelCircuit::Entries ModelCircuit::choice_positions(Point choice) const {
  const std::vector<Fp3> weights = point_weights(choice);
  Entries entries;
  for (std::size_t i = 0; i < choices(); ++i) {
    entries.push_back({answer_.prompt.size() - 1 + i, weights[i]});
  }
  return entries;
}

void ModelCircuit::declare_registered() {
  const AxisBits& b = bits_;
  const Box::Axis layer_axis{b.layer, layers()};
  registered.embedding = builder_.registered("embedding", b.feature + b.token);
  const unsigned query_bits = b.head + b.heads;
  const unsigned key_bits = query_bits - b.group;
  const auto matrix = [&](Matrix which, std::string name, unsigned columns, unsigned rows) {
    registered.matrices.at(static_cast<std::size_t>(which)) =
        builder_.registered(std::move(name), columns + rows, layer_axis);
  };
  matrix(Matrix::kQuery, "queries", b.feature, query_bits);
  matrix(Matrix::kKey, "keys", b.feature, key_bits);
  matrix(Matrix::kValue, "values", b.feature, key_bits);
  matrix(Matrix::kOutput, "attention output", query_bits, b.feature);
  matrix(Matrix::kGate, "gate", b.feature, b.feed_forward);
  matrix(Matrix::kUp, "up", b.feature, b.feed_forward);
  matrix(Matrix::kDown, "down", b.feed_forward, b.feature);
  if (shape_.has_biases) {
    registered.biases = {builder_.registered("bias of queries", query_bits, layer_axis),
                         builder_.registered("bias of keys", key_bits, layer_axis),
                         builder_.registered("bias of values", key_bits, layer_axis)};
  }
  registered.logits = builder_.registered("logits", b.feature + b.token);
  registered.cosines = builder_.registered("cosines", b.head - 1 + b.context);
  registered.sines = builder_.registered("sines", b.head - 1 + b.context);
  registered.exp = builder_.registered("exp", kTableBits);
  registered.gate = builder_.registered("activation", kTableBits);
}

// x at a layer's first norm is the embedding and all that earlier layers added; at the second also
// what this layer's attention did.
Sum ModelCircuit::residual_before(Point feature, Point position, std::span<const Fp3> weights,
                                  bool is_behind_attention) const {
  Fp3 total;
  std::vector<Fp3> later(layers());  // the weights of all layers behind
  for (std::size_t l = layers(); l > 0; --l) {
    later[l - 1] = total;
    total += weights[l - 1];
  }
  Entries attention_entries;
  Entries feed_forward_entries;
  for (std::size_t l = 0; l < layers(); ++l) {
    attention_entries.push_back({l, is_behind_attention ? later[l] + weights[l] : later[l]});
    feed_forward_entries.push_back({l, later[l]});
  }
  Entries tokens;
  const std::vector<Fp3> position_weights = point_weights(position);
  for (std::size_t p = 0; p < answer_.positions(); ++p) {
    tokens.push_back({answer_.token(p), position_weights[p] * total});
  }
  Sum sum;
  sum.terms.push_back(
      {bits_.token,
       Fp3(1),
       {form_of(registered.embedding, Coordinates().fixed(feature).variables(0, bits_.token))},
       {KnownFactor(0).sparse(bits_.token, std::move(tokens))}});
  const auto added = [&](const ResidualColumns& columns, Entries entries) {
    return Term{bits_.layer,
                Fp3(1),
                {form_of(columns.values,
                         Coordinates().fixed(feature).fixed(position).variables(0, bits_.layer))},
                {KnownFactor(0).sparse(bits_.layer, std::move(entries))}};
  };
  sum.terms.push_back(added(output, std::move(attention_entries)));
  sum.terms.push_back(added(down, std::move(feed_forward_entries)));
  return sum;
}

Sum ModelCircuit::residual_at_choices(Point feature, Point choice) const {
  const Entries positions = choice_positions(choice);
  Entries tokens;
  for (const KnownFactor::Entry& entry : positions) {
    tokens.push_back({answer_.token(entry.index), entry.value});
  }
  Sum sum;
  sum.terms.push_back(
      {bits_.token,
       Fp3(1),
       {form_of(registered.embedding, Coordinates().fixed(feature).variables(0, bits_.token))},
       {KnownFactor(0).sparse(bits_.token, std::move(tokens))}});
  for (const ResidualColumns* columns : {&output, &down}) {
    const unsigned variables = bits_.position + bits_.layer;
    sum.terms.push_back(
        {variables,
         Fp3(1),
         {form_of(columns->values, Coordinates().fixed(feature).variables(0, variables))},
         {KnownFactor(0).sparse(bits_.position, positions).below(bits_.layer, layers())}});
  }
  return sum;
}

void ModelCircuit::add_norm(const std::string& name, NormColumns& norm,
                            std::span<const NormShape> shapes, const SumAtPoint& input) {
  std::vector<std::uint8_t> narrow;
  std::vector<std::uint8_t> scale;
  for (const NormShape& shape : shapes) {
    narrow.push_back(shape.narrow_shift);
    scale.push_back(shape.scale_shift);
  }
  norm.narrow = CommonShift::of(narrow);
  norm.scale = CommonShift::of(scale);
  norm.rows = {{norm.cells.axes.begin() + 1, norm.cells.axes.end()}, false, norm.cells.is_layered};
  norm.narrowed = builder_.limbs(name + " input", norm.cells, kNarrowedBits, true);
  norm.narrow_rest = builder_.remainder(
      name + " input's remainder", norm.cells, norm.narrow.shift, [&norm, input](Point point) {
        Sum sum = input(point);
        add_rounding(sum, norm.cells, norm.narrow.shift, norm.narrowed, point);
        return sum;
      });
  add_root(name, norm, shapes);
  add_reciprocal(name, norm);
  add_scale(name, norm);
}

void ModelCircuit::add_root(const std::string& name, NormColumns& norm,
                            std::span<const NormShape> shapes) {
  norm.root = builder_.limbs(name + " root", norm.rows, kRootBits);
  std::vector<Fp> epsilons;
  for (const NormShape& shape : shapes) epsilons.emplace_back(shape.epsilon);
  // v - t^2 >= 0
  norm.above_root = builder_.remainder(
      name + " square above root", norm.rows, kAboveRootBits, [this, &norm, epsilons](Point point) {
        const Box::Axis feature = norm.cells.axes[0];
        const Box::Axis rows = norm.rows.axes[0];
        const unsigned layer_bits = norm.rows.axes[1].bits;
        PointReader axes(point);
        const Point row = axes.take(rows.bits);
        const Point layer = axes.take(layer_bits);
        const Entries present = layer_entries(layer, std::vector<Fp>(epsilons.size(), Fp(1)));
        Sum sum;
        for (const auto& entry : layer_entries(layer, epsilons)) sum.constant += entry.value;
        sum.constant *= evaluate_below(rows.bound, row);
        const unsigned row_variables = rows.bits + layer_bits;
        const unsigned cell_variables = feature.bits + row_variables;
        const LinearForm u = form_of(norm.narrowed, Coordinates().variables(0, cell_variables));
        sum.terms.push_back({cell_variables,
                             Fp3(1),
                             {u, u},
                             {KnownFactor(0)
                                  .below(feature.bits, feature.bound)
                                  .equal(row)
                                  .sparse(layer_bits, present)}});
        const LinearForm t = form_of(norm.root, Coordinates().variables(0, row_variables));
        sum.terms.push_back({row_variables,
                             -Fp3(1),
                             {t, t},
                             {KnownFactor(0).equal(row).sparse(layer_bits, present)}});
        return sum;
      });
  // (t + 1)^2 - v - 1 = 2t - (v - t^2) >= 0
  norm.below_next = builder_.remainder(name + " square below next root", norm.rows, kAboveRootBits,
                                       [&norm](Point point) {
                                         Sum sum;
                                         add_direct(sum, norm.root, point, Fp3(2));
                                         subtract(sum, norm.above_root, point);
                                         return sum;
                                       });
}

void ModelCircuit::add_reciprocal(const std::string& name, NormColumns& norm) {
  norm.reciprocal = builder_.limbs(name + " reciprocal", norm.rows, kNormReciprocalBits);
  // 2^40 - r t >= 0
  norm.above_product = builder_.remainder(
      name + " one above product", norm.rows, kRootBits, [this, &norm](Point point) {
        const unsigned row_bits = norm.rows.axes[0].bits;
        const unsigned layer_bits = norm.rows.axes[1].bits;
        PointReader axes(point);
        const Point row = axes.take(row_bits);
        const Point layer = axes.take(layer_bits);
        const std::vector<Fp> ones(norm.narrow.factors.size(), Fp(1));
        const unsigned variables = row_bits + layer_bits;
        Sum sum;
        sum.constant = power_of_two(model::kNormReciprocal) * norm.rows.evaluate(point);
        sum.terms.push_back(
            {variables,
             -Fp3(1),
             {form_of(norm.reciprocal, Coordinates().variables(0, variables)),
              form_of(norm.root, Coordinates().variables(0, variables))},
             {KnownFactor(0).equal(row).sparse(layer_bits, layer_entries(layer, ones))}});
        return sum;
      });
  // (r + 1) t - 2^40 - 1 = t - 1 - (2^40 - r t) >= 0
  norm.below_root = builder_.remainder(name + " one below next product", norm.rows, kRootBits,
                                       [&norm](Point point) {
                                         Sum sum;
                                         sum.constant = -norm.rows.evaluate(point);
                                         add_direct(sum, norm.root, point, Fp3(1));
                                         subtract(sum, norm.above_product, point);
                                         return sum;
                                       });
}

void ModelCircuit::add_scale(const std::string& name, NormColumns& norm) {
  norm.scaled = builder_.activation(name, norm.cells);
  norm.scale_rest = builder_.remainder(
      name + " remainder", norm.cells, norm.scale.shift, [this, &norm](Point point) {
        const unsigned row_bits = norm.rows.axes[0].bits;
        const unsigned layer_bits = norm.rows.axes[1].bits;
        PointReader axes(point);
        const Point feature = axes.take(norm.cells.axes[0].bits);
        const Point row = axes.take(row_bits);
        const Point layer = axes.take(layer_bits);
        const unsigned variables = row_bits + layer_bits;
        Sum sum;
        sum.terms.push_back(
            {variables,
             Fp3(1),
             {form_of(norm.narrowed, Coordinates().fixed(feature).variables(0, variables)),
              form_of(norm.reciprocal, Coordinates().variables(0, variables))},
             {KnownFactor(0).equal(row).sparse(layer_bits,
                                               layer_entries(layer, norm.scale.factors))}});
        add_rounding(sum, norm.cells, norm.scale.shift, norm.scaled, point);
        return sum;
      });
}

Sum ModelCircuit::matrix_sum(Matrix matrix, ColumnId input, unsigned input_bits, Point row,
                             Point position, Point layer) const {
  const auto index = static_cast<std::size_t>(matrix);
  Sum sum;
  sum.terms.push_back(
      {input_bits + bits_.layer,
       Fp3(1),
       {form_of(
            registered.matrices.at(index),
            Coordinates().variables(0, input_bits).fixed(row).variables(input_bits, bits_.layer)),
        form_of(input, Coordinates()
                           .variables(0, input_bits)
                           .fixed(position)
                           .variables(input_bits, bits_.layer))},
       {KnownFactor(input_bits).sparse(bits_.layer, layer_entries(layer))}});
  if (shape_.has_biases && index < registered.biases.size()) {
    std::vector<Fp3> point(row.begin(), row.end());
    point.insert(point.end(), layer.begin(), layer.end());
    add_direct(sum, registered.biases.at(index), point,
               evaluate_below(answer_.positions(), position));
  }
  return sum;
}

void ModelCircuit::add_matrix(const std::string& name, Matrix matrix, ColumnId input,
                              unsigned input_bits, ActivationColumns& out) {
  out.common = common(
      [&](const LayerShape& l) { return l.matrix_shifts.at(static_cast<std::size_t>(matrix)); });
  out.values = builder_.activation(name, out.box);
  out.rest = builder_.remainder(
      name + " remainder", out.box, out.common.shift,
      [this, &out, matrix, input, input_bits](Point point) {
        const unsigned row_bits = out.box.variables() - bits_.position - bits_.layer;
        PointReader axes(point);
        const Point row = axes.take(row_bits);
        const Point position = axes.take(bits_.position);
        Sum sum = matrix_sum(matrix, input, input_bits, row, position, axes.take(bits_.layer));
        add_rounding(sum, out.box, out.common.shift, out.values, point);
        return sum;
      });
}

void ModelCircuit::add_to_residual(const std::string& name, Matrix matrix, ColumnId input,
                                   unsigned input_bits, ResidualColumns& out) {
  out.rest = builder_.remainder(name + " remainder", out.box, out.common.shift,
                                [this, &out, matrix, input, input_bits](Point point) {
                                  PointReader axes(point);
                                  const Point row = axes.take(bits_.feature);
                                  const Point position = axes.take(bits_.position);
                                  Sum sum = matrix_sum(matrix, input, input_bits, row, position,
                                                       axes.take(bits_.layer));
                                  add_rounding(sum, out.box, out.common.shift, out.values, point);
                                  return sum;
                                });
}

void ModelCircuit::add_product() {
  product.box = cells(bits_.feed_forward, shape_.feed_forward);
  product.common = common([](const LayerShape& l) { return l.multiply_shift; });
  product.values = builder_.activation("product", product.box);
  product.rest = builder_.remainder(
      "product remainder", product.box, product.common.shift, [this](Point point) {
        PointReader axes(point);
        const Point feature = axes.take(bits_.feed_forward);
        const Point position = axes.take(bits_.position);
        const Point layer = axes.take(bits_.layer);
        const unsigned variables = product.box.variables();
        Sum sum;
        sum.terms.push_back({variables,
                             Fp3(1),
                             {form_of(activated, Coordinates().variables(0, variables)),
                              form_of(up.values, Coordinates().variables(0, variables))},
                             {KnownFactor(0).equal(feature).equal(position).sparse(
                                 bits_.layer, layer_entries(layer, product.common.factors))}});
        add_rounding(sum, product.box, product.common.shift, product.values, point);
        return sum;
      });
}

void ModelCircuit::add_layers() {
  const AxisBits& b = bits_;
  const unsigned query_bits = b.head + b.heads;
  // The residual stream's columns come first: norms refer to them.
  const auto residual = [&](const std::string& name, Matrix matrix, ResidualColumns& out) {
    out.box = cells(b.feature, shape_.embedding);
    out.common = common(
        [&](const LayerShape& l) { return l.matrix_shifts.at(static_cast<std::size_t>(matrix)); });
    out.values =
        builder_.limbs(name, out.box, std::min(32U, kEquationBits - out.common.shift), true);
  };
  residual("attention output", Matrix::kOutput, output);
  residual("down", Matrix::kDown, down);

  const auto layer_norm = [&](const std::string& name, NormColumns& norm,
                              NormShape LayerShape::* of, bool is_behind_attention) {
    norm.cells = cells(b.feature, shape_.embedding);
    std::vector<NormShape> shapes;
    for (const LayerShape& layer : shape_.layers) shapes.push_back(layer.*of);
    add_norm(name, norm, shapes, [this, &norm, is_behind_attention](Point point) {
      PointReader axes(point);
      const Point feature = axes.take(bits_.feature);
      const Point position = axes.take(bits_.position);
      std::vector<Fp3> weights = point_weights(axes.take(bits_.layer));
      weights.resize(layers());
      for (std::size_t l = 0; l < weights.size(); ++l) weights[l] *= norm.narrow.factors[l];
      return residual_before(feature, position, weights, is_behind_attention);
    });
  };
  layer_norm("attention norm", attention_norm, &LayerShape::attention_norm, false);
  query.box = turned_query.box = mixed.box = head_cells(shape_.heads, b.heads);
  key.box = turned_key.box = value.box = head_cells(shape_.kv_heads, b.heads - b.group);
  add_matrix("query", Matrix::kQuery, attention_norm.scaled, b.feature, query);
  add_matrix("key", Matrix::kKey, attention_norm.scaled, b.feature, key);
  add_matrix("value", Matrix::kValue, attention_norm.scaled, b.feature, value);
  add_rope("turned query", query, turned_query);
  add_rope("turned key", key, turned_key);
  add_scores();
  add_maximum();
  add_mix_reciprocal();
  add_mix();
  add_to_residual("attention output", Matrix::kOutput, mixed.values, query_bits, output);

  layer_norm("feed-forward norm", feed_forward_norm, &LayerShape::feed_forward_norm, true);
  gate.box = up.box = cells(b.feed_forward, shape_.feed_forward);
  add_matrix("gate", Matrix::kGate, feed_forward_norm.scaled, b.feature, gate);
  add_matrix("up", Matrix::kUp, feed_forward_norm.scaled, b.feature, up);
  activated = builder_.witness("activation", gate.box);
  const std::uint32_t table =
      builder_.table("activation", kGateTag, kTableBits, Table::Inputs::kSigned, registered.gate);
  builder_.lookup("activation", table, gate.values, activated, gate.box);
  add_product();
  add_to_residual("down", Matrix::kDown, product.values, b.feed_forward, down);
}

void ModelCircuit::add_tail() {
  tail_norm.cells = {{{bits_.feature, shape_.embedding}, {bits_.choice, choices()}, {0, 1}}, false};
  const std::vector<NormShape> shapes{shape_.tail_norm};
  add_norm("last norm", tail_norm, shapes, [this](Point point) {
    PointReader axes(point);
    const Point feature = axes.take(bits_.feature);
    return residual_at_choices(feature, axes.take(bits_.choice));
  });
  add_logits();
}

void ModelCircuit::add_logits() {
  const AxisBits& b = bits_;
  logits.shift = shape_.logits_shift;
  logits.cells = {{{b.token, shape_.vocabulary}, {b.choice, choices()}}, false};
  logits.rows = {{{b.choice, choices()}}, false};
  logits.best = builder_.limbs("greatest logit", logits.rows, kBestBits, true);
  logits.below_best = builder_.limbs("logit below greatest", logits.cells, kBelowBestBits);
  // logit = best - below - [token < chosen]: equal logits are only allowed from the chosen id on.
  logits.rest =
      builder_.remainder("logit remainder", logits.cells, logits.shift, [this](Point point) {
        PointReader axes(point);
        const Point token = axes.take(bits_.token);
        const Point choice = axes.take(bits_.choice);
        const std::vector<Fp3> weights = point_weights(choice);
        Fp3 is_before;
        for (std::size_t i = 0; i < choices(); ++i) {
          is_before += weights[i] * evaluate_below(answer_.output[i], token);
        }
        const Fp3 unit = power_of_two(logits.shift);
        Sum sum;
        sum.constant =
            power_of_two(logits.shift - 1) * logits.cells.evaluate(point) + unit * is_before;
        add_direct(sum, logits.best, choice, -unit * evaluate_below(shape_.vocabulary, token));
        add_direct(sum, logits.below_best, point, unit);
        sum.terms.push_back(
            {bits_.feature,
             Fp3(1),
             {form_of(registered.logits, Coordinates().variables(0, bits_.feature).fixed(token)),
              form_of(tail_norm.scaled, Coordinates().variables(0, bits_.feature).fixed(choice))},
             {}});
        return sum;
      });
  // The chosen token's logit is the greatest.
  builder_.check("chosen token", logits.cells.variables(), [this](Point point) {
    const std::vector<Fp3> weights = point_weights(point.subspan(bits_.token, bits_.choice));
    Entries chosen;
    for (std::size_t i = 0; i < choices(); ++i) {
      chosen.push_back({answer_.output[i] | i << bits_.token, weights[i]});
    }
    const unsigned variables = logits.cells.variables();
    Sum sum;
    sum.terms.push_back({variables,
                         Fp3(1),
                         {form_of(logits.below_best, Coordinates().variables(0, variables))},
                         {KnownFactor(0).sparse(variables, std::move(chosen))}});
    return sum;
  });
}

}  // namespace imo::zkml
