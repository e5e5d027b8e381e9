// Rope, Scores, RowMax, Exp, RowSum, Mix and the reciprocal of a model's circuit.

#include "imo/zkml/model_circuit.hpp"
#include "imo/zkml/model_circuit_parts.hpp"
#include "imo/zkml/weight.hpp"

namespace imo::zkml {
namespace {

constexpr unsigned kMaximumBits = 23;  ///< with the sign: half of what Scores may give
constexpr unsigned kMixReciprocalBits = 25;
constexpr unsigned kSumBits = model::kExpFraction;  ///< of RowSum, and the positions' bits

constexpr std::uint32_t kExpTag = CircuitBuilder::kFirstTag;
constexpr unsigned kExpTableBits = 16;
constexpr unsigned kBeyondTableBits = 24;  ///< as many as scores have

/// The sum of a column over its lowest 2^bits indices is 2^bits times its value at 1/2 in those.
void add_row_sum(Sum& sum, ColumnId column, unsigned bits, std::span<const Fp3> row) {
  std::vector<Fp3> point(bits, Fp3(Fp(2).inverse()));
  point.insert(point.end(), row.begin(), row.end());
  sum.direct.push_back({column, std::move(point), power_of_two(bits)});
}

}  // namespace

void ModelCircuit::add_rope(const std::string& name, const ActivationColumns& from,
                            ActivationColumns& out) {
  out.common = {model::kRopeFraction, std::vector<Fp>(layers(), Fp(1))};
  out.values = builder_.activation(name, out.box);
  out.rest = builder_.remainder(
      name + " remainder", out.box, out.common.shift, [this, &from, &out](Point point) {
        const unsigned pair_bits = bits_.head - 1;
        const unsigned head_bits = out.box.axes[1].bits;
        PointReader axes(point);
        const Fp3 second = axes.take(1)[0];  // which element of the pair
        const Point pair = axes.take(pair_bits);
        const Point heads = axes.take(head_bits);
        const Point position = axes.take(bits_.position);
        const Point layer = axes.take(bits_.layer);
        const Fp3 first = Fp3(1) - second;
        const auto turn = [&](const Fp3& cosine, const Fp3& sine) {
          return LinearForm{{{registered.cosines, cosine}, {registered.sines, sine}},
                            Coordinates()
                                .variables(0, pair_bits)
                                .variables(pair_bits, bits_.position)
                                .bits(0, bits_.context - bits_.position),
                            {}};
        };
        const auto element = [&](std::uint64_t which) {
          Coordinates coordinates;
          coordinates.bits(which, 1)
              .variables(0, pair_bits)
              .fixed(heads)
              .variables(pair_bits, bits_.position)
              .fixed(layer);
          return form_of(from.values, coordinates);
        };
        const KnownFactor here = KnownFactor(0).equal(pair).equal(position);
        const unsigned variables = pair_bits + bits_.position;
        Sum sum;
        sum.terms.push_back({variables, Fp3(1), {turn(first, second), element(0)}, {here}});
        sum.terms.push_back({variables, Fp3(1), {turn(second, -first), element(1)}, {here}});
        add_rounding(sum, out.box, out.common.shift, out.values, point);
        return sum;
      });
}

void ModelCircuit::add_scores() {
  const AxisBits& b = bits_;
  const std::uint32_t positions = answer_.positions();
  attention.cells = {{{b.position, positions},
                      {b.position, positions},
                      {b.heads, shape_.heads},
                      {b.layer, layers()}},
                     true,
                     true};
  attention.rows = {{attention.cells.axes.begin() + 1, attention.cells.axes.end()}, false, true};
  attention.common = common([](const LayerShape& l) { return l.score_shift; });
  for (std::size_t l = 0; l < layers(); ++l) {
    attention.common.factors[l] *= Fp(shape_.layers[l].score_multiplier);
  }
  attention.maximum = builder_.limbs("greatest score", attention.rows, kMaximumBits, true);
  attention.exp_row = builder_.witness("score below greatest", attention.cells);
  attention.beyond_table =
      builder_.limbs("score far below greatest", attention.cells, kBeyondTableBits);
  attention.exp = builder_.witness("exp", attention.cells);
  const std::uint32_t table =
      builder_.table("exp", kExpTag, kExpTableBits, Table::Inputs::kIndex, registered.exp);
  builder_.lookup("exp", table, attention.exp_row, attention.exp, attention.cells);
  attention.rest = builder_.remainder(
      "score remainder", attention.cells, attention.common.shift, [this](Point point) {
        PointReader axes(point);
        const Point key_position = axes.take(bits_.position);
        const Point position = axes.take(bits_.position);
        const Point heads = axes.take(bits_.heads);
        const Point layer = axes.take(bits_.layer);
        const unsigned key_heads = bits_.heads - bits_.group;
        const unsigned layer_variable = bits_.head + bits_.heads;
        const Fp3 unit = power_of_two(attention.common.shift);
        Sum sum;
        sum.terms.push_back(
            {layer_variable + bits_.layer,
             Fp3(1),
             {form_of(turned_query.values, Coordinates()
                                               .variables(0, layer_variable)
                                               .fixed(position)
                                               .variables(layer_variable, bits_.layer)),
              form_of(turned_key.values, Coordinates()
                                             .variables(0, bits_.head)
                                             .variables(bits_.head + bits_.group, key_heads)
                                             .fixed(key_position)
                                             .variables(layer_variable, bits_.layer))},
             // What cells behind a head's last element hold has no say.
             {KnownFactor(0)
                  .below(bits_.head, shape_.head)
                  .equal(heads)
                  .sparse(bits_.layer, layer_entries(layer, attention.common.factors))}});
        sum.constant =
            power_of_two(attention.common.shift - 1) * attention.cells.evaluate_bounds(point);
        add_direct(sum, attention.maximum, point.subspan(bits_.position),
                   -unit * evaluate_below(answer_.positions(), key_position));
        add_direct(sum, attention.exp_row, point, unit);
        add_direct(sum, attention.beyond_table, point, unit);
        return sum;
      });
}

// No difference m - z is negative, as its two parts are not. That one is zero is shown by a column
// that is zero wherever the difference is not, and adds up to one over the keys of every row. A
// difference goes beyond the table only where exp is zero, and there it has been zero long since.
void ModelCircuit::add_maximum() {
  const unsigned variables = attention.cells.variables();
  attention.is_maximum = builder_.witness("is greatest score", attention.cells);
  builder_.check("greatest score is reached", variables, [this](Point point) {
    const unsigned all = attention.cells.variables();
    const LinearForm is_maximum = form_of(attention.is_maximum, Coordinates().variables(0, all));
    LinearForm difference = form_of(attention.beyond_table, Coordinates().variables(0, all));
    difference.parts.push_back({attention.exp_row, Fp3(1)});
    const KnownFactor here = KnownFactor(0).equal(point);
    Sum sum;
    sum.terms.push_back(
        {all, Fp3(1), {is_maximum, difference}, {here, KnownFactor(0).causal(bits_.position)}});
    sum.terms.push_back(
        {all, Fp3(1), {is_maximum}, {here, KnownFactor(0).acausal(bits_.position)}});
    return sum;
  });
  builder_.check("one greatest score", attention.rows.variables(), [this](Point point) {
    Sum sum;
    sum.constant = -attention.rows.evaluate(point);
    add_row_sum(sum, attention.is_maximum, bits_.position, point);
    return sum;
  });
  builder_.check("beyond the exp table", variables, [this](Point point) {
    const unsigned all = attention.cells.variables();
    Sum sum;
    sum.terms.push_back({all,
                         Fp3(1),
                         {form_of(attention.exp, Coordinates().variables(0, all)),
                          form_of(attention.beyond_table, Coordinates().variables(0, all))},
                         {KnownFactor(0).equal(point), KnownFactor(0).causal(bits_.position)}});
    return sum;
  });
  builder_.check("no exp of a later key", variables, [this](Point point) {
    const unsigned all = attention.cells.variables();
    Sum sum;
    sum.terms.push_back({all,
                         Fp3(1),
                         {form_of(attention.exp, Coordinates().variables(0, all))},
                         {KnownFactor(0).equal(point), KnownFactor(0).acausal(bits_.position)}});
    return sum;
  });
}

void ModelCircuit::add_mix_reciprocal() {
  const unsigned sum_bits = kSumBits + bits_.position;
  attention.reciprocal = builder_.limbs("mix reciprocal", attention.rows, kMixReciprocalBits);
  // 2^44 - r Z >= 0
  attention.above_product =
      builder_.remainder("mix one above product", attention.rows, sum_bits, [this](Point point) {
        PointReader axes(point);
        const Point position = axes.take(bits_.position);
        const Point heads = axes.take(bits_.heads);
        const Point layer = axes.take(bits_.layer);
        const unsigned rows = attention.rows.variables();
        Sum sum;
        sum.constant = power_of_two(model::kSoftmaxReciprocal) * attention.rows.evaluate(point);
        sum.terms.push_back(
            {bits_.position + rows,
             -Fp3(1),
             {form_of(attention.reciprocal, Coordinates().variables(bits_.position, rows)),
              form_of(attention.exp, Coordinates().variables(0, bits_.position + rows))},
             {KnownFactor(bits_.position)
                  .equal(position)
                  .equal(heads)
                  .sparse(bits_.layer, layer_entries(layer))}});
        return sum;
      });
  // Z - 1 - (2^44 - r Z) >= 0
  attention.below_sum = builder_.remainder("mix one below next product", attention.rows, sum_bits,
                                           [this](Point point) {
                                             Sum sum;
                                             sum.constant = -attention.rows.evaluate(point);
                                             add_row_sum(sum, attention.exp, bits_.position, point);
                                             subtract(sum, attention.above_product, point);
                                             return sum;
                                           });
}

void ModelCircuit::add_mix() {
  mixed.common = common([](const LayerShape& l) { return l.mix_shift; });
  mixed.values = builder_.activation("mixed", mixed.box);
  mixed.rest =
      builder_.remainder("mixed remainder", mixed.box, mixed.common.shift, [this](Point point) {
        PointReader axes(point);
        const Point element = axes.take(bits_.head);
        const Point heads = axes.take(bits_.heads);
        const Point position = axes.take(bits_.position);
        const Point layer = axes.take(bits_.layer);
        // Variables: key, query, head, layer.
        const unsigned rows = attention.rows.variables();
        const unsigned head_variable = 2 * bits_.position;
        const unsigned layer_variable = head_variable + bits_.heads;
        Sum sum;
        sum.terms.push_back(
            {bits_.position + rows,
             Fp3(1),
             {form_of(attention.reciprocal, Coordinates().variables(bits_.position, rows)),
              form_of(attention.exp, Coordinates().variables(0, bits_.position + rows)),
              form_of(value.values,
                      Coordinates()
                          .fixed(element)
                          .variables(head_variable + bits_.group, bits_.heads - bits_.group)
                          .variables(0, bits_.position)
                          .variables(layer_variable, bits_.layer))},
             {KnownFactor(bits_.position)
                  .equal(position)
                  .equal(heads)
                  .sparse(bits_.layer, layer_entries(layer, mixed.common.factors))}});
        add_rounding(sum, mixed.box, mixed.common.shift, mixed.values, point);
        return sum;
      });
}

}  // namespace imo::zkml
