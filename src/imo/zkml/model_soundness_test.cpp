// Provers that run the honest protocol on a false trace. Each is as consistent as it can be: what
// follows from the lie is adapted and the lookups are counted again, so that what refuses it is the
// rule that it breaks.

#include "imo/model/program_test_support.hpp"
#include "imo/zkml/model_party_test_support.hpp"

#include <algorithm>
#include <random>
#include <ranges>

#include <gmock/gmock.h>

namespace imo::zkml {
namespace {

using test::answer_of;
using test::compiled;
using test::Party;
using test::tiny;
using testing::HasSubstr;

constexpr const char* kInNoTable = "a value is in no table";
constexpr const char* kNoSum = "sums of products do not hold";

/// Changes values of a run.
class Liar {
 public:
  Liar(const ModelCircuit& circuit, CircuitValues& values) : circuit_(circuit), values_(values) {}

  Fp& at(ColumnId column, std::size_t cell) {
    return values_.witness[circuit_.circuit().columns[column].offset + cell];
  }
  Fp& low(const Remainder& rest, std::size_t cell) { return values_.virtuals[rest.low][cell]; }

  /// The whole of a committed number.
  [[nodiscard]] std::int64_t number(const Limbs& limbs, std::size_t cell) {
    Fp value;
    for (std::size_t i = limbs.columns.size(); i > 0; --i) {
      value = value * Fp(65536) + at(limbs.columns[i - 1], cell);
    }
    return signed_value(value);
  }
  void set(const Limbs& limbs, std::size_t cell, std::int64_t number) {
    for (std::size_t i = 0; i < limbs.columns.size(); ++i) {
      const bool last = i + 1 == limbs.columns.size();
      at(limbs.columns[i], cell) = Fp::from_signed(last ? number : number & 0xFFFF);
      number >>= 16;
    }
  }
  /// Adds to the number that a remainder is, in its limbs.
  void add(const Remainder& rest, std::size_t cell, std::int64_t amount) {
    Fp value;
    for (std::size_t i = rest.high.size(); i > 0; --i) {
      value = (value + at(rest.high[i - 1], cell)) * Fp(65536);
    }
    std::int64_t number = signed_value(value + low(rest, cell)) + amount;
    low(rest, cell) = Fp::from_signed(rest.high.empty() ? number : number & 0xFFFF);
    for (std::size_t i = 0; i < rest.high.size(); ++i) {
      number >>= 16;
      const bool last = i + 1 == rest.high.size();
      at(rest.high[i], cell) = Fp::from_signed(last ? number : number & 0xFFFF);
    }
  }

 private:
  static std::int64_t signed_value(Fp value) {
    const std::uint64_t word = value.value();
    return word > Fp::kModulus / 2 ? -static_cast<std::int64_t>(Fp::kModulus - word)
                                   : static_cast<std::int64_t>(word);
  }

  const ModelCircuit& circuit_;
  CircuitValues& values_;
};

class ModelSoundness : public testing::Test {
 protected:
  ModelSoundness() : party_(tiny({.seed = 11})) {
    answer_ = answer_of(party_.model, {1, 70, 80, 90}, 3);
  }

  /// Why the proof of an altered run is refused.
  std::string verdict(const std::function<void(const ModelCircuit&, Liar&)>& lie,
                      bool is_counted_again = true) {
    const auto alter = [&](const ModelCircuit& circuit, CircuitValues& values) {
      Liar liar(circuit, values);
      lie(circuit, liar);
      // A value in no table cannot be counted; the liar then says what was true.
      if (is_counted_again) (void)count_lookups(circuit.circuit(), values);
    };
    const auto proven = party_.prove(answer_, alter);
    EXPECT_TRUE(proven) << proven.error().message;
    const auto checked = Party::check(*proven);
    return checked ? "accepted" : checked.error().message;
  }

  Party party_;
  Answer answer_;
};

TEST_F(ModelSoundness, AnHonestRunIsAccepted) {
  EXPECT_EQ(verdict([](const ModelCircuit&, Liar&) {}), "accepted");
}

TEST_F(ModelSoundness, AQuotientIsOneTooGreat) {
  const auto one_more = [](const ModelCircuit& c, Liar& liar) {
    liar.at(c.query.values, 5) += Fp(1);
  };
  EXPECT_THAT(verdict(one_more), HasSubstr(kNoSum));
  EXPECT_THAT(verdict([&](const ModelCircuit& c, Liar& liar) {
                one_more(c, liar);
                liar.add(c.query.rest, 5, -(std::int64_t{1} << c.query.common.shift));
              }),
              HasSubstr(kInNoTable));
}

TEST_F(ModelSoundness, ARemainderIsOneTooGreat) {
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) { liar.add(c.up.rest, 9, 1); }),
              HasSubstr(kNoSum));
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) { liar.add(c.down.rest, 9, -1); }),
              HasSubstr(kNoSum));
}

TEST_F(ModelSoundness, ALimbIsBeyondItsRange) {
  // The same number in other limbs: 2^16 more in the lowest, 1 less in the next.
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                liar.at(c.output.values.columns[0], 3) += Fp(65536);
                liar.at(c.output.values.columns[1], 3) -= Fp(1);
              }),
              HasSubstr(kInNoTable));
  // A number that is p more.
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                liar.at(c.query.rest.high.back(), 3) += Fp(Fp::kModulus >> 16);
              }),
              HasSubstr(kInNoTable));
}

TEST_F(ModelSoundness, ARootIsNotTheGreatest) {
  for (const std::int64_t step : {-1, 1}) {
    EXPECT_THAT(verdict([&](const ModelCircuit& c, Liar& liar) {
                  const NormColumns& norm = c.attention_norm;
                  const std::int64_t t = liar.number(norm.root, 1);
                  const std::int64_t less = (t + step) * (t + step) - t * t;
                  liar.set(norm.root, 1, t + step);
                  liar.add(norm.above_root, 1, -less);
                  liar.add(norm.below_next, 1, 2 * step + less);
                }),
                HasSubstr(kInNoTable))
        << step;
  }
}

TEST_F(ModelSoundness, AReciprocalIsNotTheGreatest) {
  for (const std::int64_t step : {-1, 1}) {
    EXPECT_THAT(verdict([&](const ModelCircuit& c, Liar& liar) {
                  const NormColumns& norm = c.feed_forward_norm;
                  const std::int64_t t = liar.number(norm.root, 1);
                  liar.set(norm.reciprocal, 1, liar.number(norm.reciprocal, 1) + step);
                  liar.add(norm.above_product, 1, -step * t);
                  liar.add(norm.below_root, 1, step * t);
                }),
                HasSubstr(kInNoTable))
        << step;
  }
}

TEST_F(ModelSoundness, AMaximumIsNotReached) {
  // One more than the greatest score of a query with two keys: all differences grow.
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                const unsigned bits = c.bits().position;
                liar.set(c.attention.maximum, 1, liar.number(c.attention.maximum, 1) + 1);
                for (std::size_t key = 0; key <= 1; ++key) {
                  liar.at(c.attention.exp_row, key + (std::size_t{1} << bits)) += Fp(1);
                }
              }),
              HasSubstr("the sum"));
}

TEST_F(ModelSoundness, AMaximumIsReachedElsewhere) {
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                const std::size_t row = std::size_t{2} << c.bits().position;
                std::size_t key = 0;
                while (liar.at(c.attention.is_maximum, row + key) == Fp()) ++key;
                liar.at(c.attention.is_maximum, row + key) = Fp();
                liar.at(c.attention.is_maximum, row + (key + 1) % 3) = Fp(1);
              }),
              HasSubstr(kNoSum));
  // Twice half a maximum.
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                const std::size_t row = std::size_t{2} << c.bits().position;
                for (std::size_t key = 0; key < 2; ++key) {
                  liar.at(c.attention.is_maximum, row + key) = Fp(2).inverse();
                }
              }),
              HasSubstr(kNoSum));
}

TEST_F(ModelSoundness, ALaterTokenIsAttendedTo) {
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                const std::size_t row = std::size_t{1} << c.bits().position;
                liar.at(c.attention.exp, row + 2) = Fp(1000);
              }),
              HasSubstr(kNoSum));
}

TEST_F(ModelSoundness, AnExpIsThatOfAnotherRow) {
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                const std::size_t row = std::size_t{1} << c.bits().position;
                liar.at(c.attention.exp, row) -= Fp(1);
              }),
              HasSubstr(kInNoTable));
}

TEST_F(ModelSoundness, AnActivationIsThatOfAnotherInput) {
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) { liar.at(c.activated, 4) += Fp(1); }),
              HasSubstr(kInNoTable));
}

TEST_F(ModelSoundness, CountsAreShifted) {
  EXPECT_THAT(verdict(
                  [](const ModelCircuit& c, Liar& liar) {
                    const ColumnId counts = c.circuit().tables[0].counts;
                    liar.at(counts, 0) += Fp(1);
                    liar.at(counts, 1) -= Fp(1);
                  },
                  false),
              HasSubstr(kInNoTable));
}

TEST_F(ModelSoundness, AnotherLayersOutputsAreUsed) {
  EXPECT_THAT(verdict([](const ModelCircuit& c, Liar& liar) {
                const unsigned layer = c.query.box.variables() - c.bits().layer;
                for (std::size_t i = 0; i < std::size_t{1} << c.bits().head; ++i) {
                  std::swap(liar.at(c.query.values, i),
                            liar.at(c.query.values, i + (std::size_t{1} << layer)));
                }
              }),
              HasSubstr(kNoSum));
}

TEST_F(ModelSoundness, AnotherTokenIsTheGreatest) {
  // Token 3 of the vocabulary pretends to be as far below as the chosen one: not at all.
  EXPECT_THAT(verdict([&](const ModelCircuit& c, Liar& liar) {
                liar.set(c.logits.below_best, answer_.output[0] == 3 ? 4 : 3, 0);
              }),
              HasSubstr(kNoSum));
  // The greatest logit is said to be one less: then the chosen token's is above it.
  EXPECT_THAT(verdict([&](const ModelCircuit& c, Liar& liar) {
                liar.set(c.logits.best, 0, liar.number(c.logits.best, 0) - 1);
                for (std::size_t token = 0; token < c.shape().vocabulary; ++token) {
                  liar.set(c.logits.below_best, token, liar.number(c.logits.below_best, token) - 1);
                }
              }),
              HasSubstr(kInNoTable));
}

/// Two tokens whose logits are equal wherever one of them is the greatest: rows of the same
/// weights.
class ModelTies : public testing::TestWithParam<bool> {
 protected:
  static constexpr model::testing::TinyShape kShape{.tied = false, .seed = 13};
  static engine::Model model_of(model::Compiled compiled) {
    return engine::Model::from_program(std::move(compiled.program), compiled.root).value();
  }
};

TEST_P(ModelTies, TheFirstOfEqualTokensIsTheAnswer) {
  const std::vector<TokenId> prompt{1, 70, 80, 90};
  const TokenId alone =
      answer_of(model_of(model::testing::tiny_program(kShape)), prompt, 1).output.back();
  const TokenId twin = GetParam() ? alone + 1 : alone - 1;
  model::Compiled compiled = model::testing::tiny_program(kShape);
  const auto has_tensor = [](const model::Operator& op) { return op.tensor != model::kNone; };
  const std::uint32_t head =
      std::ranges::find_if(std::views::reverse(compiled.program.operators), has_tensor)->tensor;
  const auto weights = model::testing::own_tensor(compiled.program, head);
  const std::size_t columns = compiled.program.tensors[head].columns;
  std::copy_n(weights->weights.begin() + static_cast<std::ptrdiff_t>(alone * columns), columns,
              weights->weights.begin() + static_cast<std::ptrdiff_t>(twin * columns));
  ASSERT_TRUE(weights->biases.empty());
  if (!weights->multipliers.empty()) weights->multipliers[twin] = weights->multipliers[alone];

  Party party(model_of(std::move(compiled)));
  const Answer answer = answer_of(party.model, prompt, 1);
  ASSERT_EQ(answer.output.back(), std::min(alone, twin));
  const auto honest = party.prove(answer);
  ASSERT_TRUE(honest) << honest.error().message;
  EXPECT_TRUE(Party::check(*honest));

  const Answer second{prompt, {std::max(alone, twin)}};
  const auto lie = party.prove(answer, second, [&](const ModelCircuit& c, CircuitValues& values) {
    Liar liar(c, values);
    const TokenId first = answer.output.back();
    liar.set(c.logits.below_best, first, liar.number(c.logits.below_best, first) - 1);
    (void)count_lookups(c.circuit(), values);
  });
  ASSERT_TRUE(lie) << lie.error().message;
  const auto checked = Party::check(*lie);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr(kInNoTable));
}

INSTANTIATE_TEST_SUITE_P(Both, ModelTies, testing::Bool());

/// Cells behind the last element of a head are looked up nowhere, so a prover may put anything
/// there: they must have no say in scores, the only sum over elements of two columns of the
/// witness.
TEST(ModelPadding, BehindHeadsHasNoSayInScores) {
  Party party(tiny({.width = 18, .heads = 3, .kv_heads = 3, .seed = 12}));
  const auto circuit = ModelCircuit::make(party.shape, {{1, 70, 80}, {5, 6}});
  ASSERT_EQ(party.shape.head, 6U);
  const Virtual& score = circuit->circuit().virtuals[circuit->attention.rest.low];
  std::vector<Fp3> point;
  for (unsigned j = 0; j < score.variables; ++j) point.emplace_back(std::uint64_t{j} + 2);
  const Sum sum = score.at(point);
  ASSERT_EQ(sum.terms.size(), 1U);
  ASSERT_EQ(sum.terms[0].known.size(), 1U);
  ASSERT_EQ(sum.terms[0].known[0].first(), 0U);
  const auto table = sum.terms[0].known[0].table();
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_TRUE(i % 8 < 6 || table[i].is_zero()) << i;
  }
  EXPECT_FALSE(table[5].is_zero());
}

/// Whether a factor that both sides know is zero at these values of a term's variables.
bool is_left_out(const Term& term, std::size_t index) {
  return std::ranges::any_of(term.known, [&](const auto& known) {
    const auto table = known.table();
    return table[(index >> known.first()) & (table.size() - 1)].is_zero();
  });
}

/// What whole columns hold behind a model's last layer is looked up nowhere either: it must have no
/// say in the residual stream, the only sum over layers of what they add.
TEST(ModelPadding, BehindTheLastLayerHasNoSayInTheResidualStream) {
  Party party(tiny({.layers = 3, .seed = 17}));
  const auto circuit = ModelCircuit::make(party.shape, {{1, 70, 80}, {5, 6}});
  const ColumnId added = circuit->output.values.columns[0];
  ASSERT_EQ(circuit->circuit().columns[added].blocks, 1U) << "the column is whole";
  int terms = 0;
  for (const NormColumns* norm :
       {&circuit->attention_norm, &circuit->feed_forward_norm, &circuit->tail_norm}) {
    const Virtual& input = circuit->circuit().virtuals[norm->narrow_rest.low];
    std::vector<Fp3> point;
    for (unsigned j = 0; j < input.variables; ++j) point.emplace_back(std::uint64_t{j} + 2);
    for (const Term& term : input.at(point).terms) {
      if (std::ranges::find(term.forms[0].parts, added, &LinearForm::Part::column) ==
          term.forms[0].parts.end()) {
        continue;
      }
      ++terms;
      const unsigned low = term.variables - circuit->bits().layer;
      bool has_a_say = false;
      for (std::size_t i = 0; i < std::size_t{1} << term.variables; ++i) {
        if (i >> low >= 3) {
          EXPECT_TRUE(is_left_out(term, i)) << norm->cells.variables() << ", " << i;
        } else {
          has_a_say |= !is_left_out(term, i);
        }
      }
      EXPECT_TRUE(has_a_say);
    }
  }
  EXPECT_EQ(terms, 3);
}

/// Every looked-up column and every virtual vector, in some cells of each: off by one.
TEST_F(ModelSoundness, NoColumnCanBeOffByOne) {
  const auto circuit = ModelCircuit::make(party_.shape, answer_);
  std::mt19937_64 random(1);
  for (const Lookup& lookup : circuit->circuit().lookups) {
    std::size_t cell = 0;
    do {
      cell = random() & ((std::size_t{1} << lookup.box.variables()) - 1);
    } while (!lookup.box.contains(cell));
    const auto alter = [&](const ModelCircuit& c, CircuitValues& values) {
      if (lookup.input.is_virtual) {
        values.virtuals[lookup.input.id][cell] += Fp(1);
      } else {
        values.witness[c.circuit().columns[lookup.input.id].offset + cell] += Fp(1);
      }
      (void)count_lookups(c.circuit(), values);
    };
    const auto proven = party_.prove(answer_, alter);
    ASSERT_TRUE(proven);
    EXPECT_FALSE(Party::check(*proven)) << lookup.name << ", cell " << cell;
  }
}

/// Random prompts of the demo model: all of its answers have a witness that fits the circuit's
/// lookups, whatever the lengths.
TEST(ModelCompleteness, RandomPromptsOfTheDemoModelCanBeProven) {
  Party party(compiled(std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf"));
  std::mt19937_64 random(5);
  std::vector<Fp> registered;
  for (int i = 0; i < 200; ++i) {
    std::vector<TokenId> prompt{1};
    while (prompt.size() < 1 + random() % 24) {
      prompt.push_back(static_cast<TokenId>(random() % party.shape.vocabulary));
    }
    const Answer answer =
        answer_of(party.model, prompt, static_cast<std::uint32_t>(1 + random() % 12));
    const auto circuit = ModelCircuit::make(party.shape, answer);
    if (registered.empty()) {
      registered = *registered_values(party.model.program(), *circuit);
    }
    const auto witness = witness_values(party.model, *circuit, registered, party.pool);
    EXPECT_TRUE(witness) << i << ": " << witness.error().message;
  }
}

/// The shortest request there is, and those that leave no position free: after a prompt of almost
/// the whole context, and by an answer, where the model does not end it before.
TEST(ModelCompleteness, OneTokenAndTheWholeContextCanBeProven) {
  for (const model::testing::TinyShape& shape : test::provable_shapes()) {
    Party party(tiny(shape));
    std::vector<TokenId> prompt{1};
    while (prompt.size() < shape.context - 1) {
      prompt.push_back(static_cast<TokenId>(3 + prompt.size() * 7));
    }
    for (const Answer& answer : {answer_of(party.model, {1}, 1), answer_of(party.model, prompt, 1),
                                 answer_of(party.model, {1, 70}, shape.context - 2)}) {
      const auto proven = party.prove(answer);
      ASSERT_TRUE(proven) << proven.error().message;
      const auto checked = Party::check(*proven);
      EXPECT_TRUE(checked) << answer.prompt.size() << " + " << answer.output.size() << ": "
                           << checked.error().message;
    }
  }
}

}  // namespace
}  // namespace imo::zkml
