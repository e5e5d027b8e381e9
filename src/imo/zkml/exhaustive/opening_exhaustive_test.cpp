/// Openings against every prover there is (docs/proof.md, "WHIR"), with rows of two and trees that
/// cannot be broken: what is left is the sum of claims, its folds, and rows against the last
/// vector.
#include "imo/zkml/code.hpp"
#include "imo/zkml/exhaustive/game.hpp"
#include "imo/zkml/whir.hpp"

#include <array>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

constexpr std::uint64_t kP = Fp::kModulus;
static_assert(kP == 5, "the powers of 2 are a domain of four points");

/// The words that digests name: rows of two, one behind the other.
std::vector<std::vector<Fp3>>& words() {
  static std::vector<std::vector<Fp3>> all;
  return all;
}

}  // namespace

Fp code_point(std::uint32_t row) {
  return ((row & 1) != 0 ? Fp(4) : Fp(1)) * ((row & 2) != 0 ? Fp(2) : Fp(1));
}

/// Small elements are the last bytes of their first words.
Digest tree_leaf(BytesView row) {
  Digest leaf;
  leaf.bytes[0] = row[7];
  leaf.bytes[1] = row[row.size() / 2 + 7];
  return leaf;
}

Result<void> check_opening(const Digest& root, unsigned /*height*/,
                           std::span<const std::uint32_t> positions, std::vector<Digest> leaves,
                           ProofReader& proof) {
  const std::vector<Fp3>& word = words().at(root.bytes[0]);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::size_t first = std::size_t{2} * positions[i];
    if (leaves[i].bytes[0] != word.at(first).coefficient(0).value() ||
        leaves[i].bytes[1] != word.at(first + 1).coefficient(0).value()) {
      return proof.refused("");
    }
  }
  return {};
}

namespace {

/// The codeword of a vector: each column's polynomial at each point.
std::vector<Fp3> encode(std::span<const Fp3> vector, unsigned log_inverse_rate) {
  std::vector<Fp3> word;
  const std::size_t rows = (vector.size() / 2) << log_inverse_rate;
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < 2; ++column) {
      Fp3 value;
      for (std::size_t a = vector.size() / 2; a > 0; --a) {
        value = value * code_point(row) + vector[2 * (a - 1) + column];
      }
      word.push_back(value);
    }
  }
  return word;
}

Fp3 univariate(std::span<const Fp3> vector, const Fp3& x) {
  Fp3 value;
  for (std::size_t b = vector.size(); b > 0; --b) value = value * x + vector[b - 1];
  return value;
}

/// One commitment and what is claimed of it: its value at 3, and at a multilinear point.
struct Opening {
  unsigned variables;
  unsigned log_inverse_rate;
  std::vector<Fp3> word;
  std::vector<Fp3> point;
  Fp3 at_three;
  Fp3 at_point;

  /// Claims that are true of `vector`.
  static Opening of(std::vector<Fp3> vector, unsigned log_inverse_rate, std::vector<Fp3> point) {
    const auto variables = static_cast<unsigned>(point.size());
    const Fp3 at_point = multilinear(vector, point);
    return {variables, log_inverse_rate,           encode(vector, log_inverse_rate),
            point,     univariate(vector, Fp3(3)), at_point};
  }

  /// All strings of challenges: gamma, one for each variable, and a position.
  [[nodiscard]] std::uint64_t all() const {
    std::uint64_t strings = word.size() / 2 * kP;
    for (unsigned i = 0; i < variables; ++i) strings *= kP;
    return strings;
  }

  [[nodiscard]] std::uint64_t best() const {
    words() = {word};
    const WhirPart part{{variables, log_inverse_rate}, {variables, 0}, {}, 1};
    const WhirParameters parameters(variables, {part}, {});
    const std::vector<Claim> claims{Claim::at(point, at_point)};
    const std::array<Claimed, 1> claimed{{{Digest(), {Fp3(3), at_three}, claims}}};
    return Game(
               all(),
               [&](ProofReader& proof) {
                 return check_open(parameters, claimed, proof).has_value();
               },
               [&](std::span<const std::uint32_t> script) { return key(script); })
        .best();
  }

 private:
  /// After the first fold.
  [[nodiscard]] std::optional<std::uint64_t> key(std::span<const std::uint32_t> script) const {
    if (script.size() != 4) return std::nullopt;
    const auto at = [&](std::size_t i) { return Fp3(script[i]); };
    const Fp3 sum = at_three + at(0) * at_point;
    const Fp3 r = at(3);
    return key_of(at(0), r, at(1) + r * (sum - at(1) - at(1) - at(2) + r * at(2)));
  }
};

/// Of `all`, what is not left by steps that each let a prover pass with a chance of parts / of.
struct Chance {
  std::uint64_t parts;
  std::uint64_t of;
};
std::uint64_t bound_of(std::uint64_t all, std::initializer_list<Chance> steps) {
  std::uint64_t caught = all;
  for (const Chance& step : steps) caught = caught / step.of * (step.of - step.parts);
  return all - caught;
}

/// Gamma may make two false claims one that is true; a fold has degree 2.
constexpr Chance kGamma{1, kP};
constexpr Chance kFold{2, kP};

TEST(OpeningExhaustive, ATrueClaimCanAlwaysBeProven) {
  const Opening two = Opening::of({Fp3(2), Fp3(4)}, 2, {Fp3(3)});
  EXPECT_EQ(two.best(), two.all());
  const Opening four = Opening::of({Fp3(2), Fp3(4), Fp3(1), Fp3(3)}, 1, {Fp3(3), Fp3(2)});
  EXPECT_EQ(four.best(), four.all());
}

/// Columns of one element, four rows: two codewords have no row in common.
TEST(OpeningExhaustive, NoProverOpensTwoElementsToAFalseValue) {
  const Opening honest = Opening::of({Fp3(2), Fp3(4)}, 2, {Fp3(3)});
  for (std::uint64_t off = 1; off < kP * kP; ++off) {
    Opening lie = honest;
    lie.at_three += Fp3(off % kP);
    lie.at_point += Fp3(off / kP);
    EXPECT_LE(lie.best(), bound_of(lie.all(), {kGamma, kFold})) << off;
  }
}

/// Columns of two elements, four rows: two codewords agree in one of them.
TEST(OpeningExhaustive, NoProverOpensFourElementsToAFalseValue) {
  const Opening honest = Opening::of({Fp3(2), Fp3(4), Fp3(1), Fp3(3)}, 1, {Fp3(3), Fp3(2)});
  for (std::uint64_t off = 1; off < kP; ++off) {
    Opening lie = honest;
    lie.at_point += Fp3(off);
    EXPECT_LE(lie.best(), bound_of(lie.all(), {kGamma, kFold, {1, 4}, kFold})) << off;
    lie.at_three += Fp3(1);
    EXPECT_LE(lie.best(), bound_of(lie.all(), {kGamma, kFold, {1, 4}, kFold})) << off;
  }
}

/// A word with a row of another codeword, for which the claims are true: it is found with the
/// chance that the other rows are asked for.
TEST(OpeningExhaustive, ARowOfAnotherCodewordHelpsAsOftenAsItIsAskedFor) {
  Opening mixed = Opening::of({Fp3(2), Fp3(4)}, 2, {Fp3(3)});
  const Opening other = Opening::of({Fp3(1), Fp3(1)}, 2, {Fp3(3)});
  std::copy_n(other.word.begin(), 2, mixed.word.begin());
  mixed.at_three = other.at_three;
  mixed.at_point = other.at_point;
  EXPECT_GE(mixed.best(), mixed.all() / 4);
  EXPECT_LE(mixed.best(), bound_of(mixed.all(), {kGamma, kFold, {1, 4}}));
}

}  // namespace
}  // namespace imo::zkml
