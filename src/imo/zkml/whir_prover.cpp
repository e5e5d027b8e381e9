#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/kernels.hpp"
#include "imo/zkml/parallel_sum.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"
#include "imo/zkml/whir_first_folds.hpp"
#include "imo/zkml/whir_rows.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace imo::zkml {
namespace {

struct PairProducts {
  std::array<Fp3, 2> at;

  PairProducts& operator+=(const PairProducts& other) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i] += other.at[i];
    return *this;
  }
};

RoundPolynomial round_polynomial(std::span<const Fp3> f, std::span<const Fp3> w, ThreadPool& pool) {
  const auto sums =
      parallel_sum<PairProducts>(pool, f.size() / 2, [&](std::size_t begin, std::size_t end) {
        PairProducts sum;
        field_kernels().pair_products(words_of(&f[2 * begin]), words_of(&w[2 * begin]), end - begin,
                                      words_of(sum.at.data()));
        return sum;
      });
  return {sums.at[0], sums.at[1]};
}

/// The vector at r in its lowest variable: half as long, in `memory` where that is enough.
LargeVector<Fp3> folded(std::span<const Fp3> f, const Fp3& r, LargeVector<Fp3> memory,
                        ThreadPool& pool) {
  const std::size_t size = f.size() / 2;
  LargeVector<Fp3> half = memory.size() >= size ? std::move(memory) : LargeVector<Fp3>(size);
  half.resize(size);
  pool.parallel_ranges(size, [&](std::size_t begin, std::size_t end) {
    field_kernels().fold_pairs(words_of(&f[2 * begin]), end - begin, words_of(&r),
                               words_of(&half[begin]));
  });
  return half;
}

/// A weight of the univariate polynomial at x of a part of the vector, on that part alone: what
/// lies in its hole is another's.
void add_at(FirstFolds& folds, const WhirPart& part, const Fp3& x, const Fp3& scale) {
  const unsigned variables = part.code.variables;
  folds.add(Weight::powers(x, variables), scale);
  if (!part.hole) return;
  folds.add(Weight::powers_in_block(x, part.hole->variables, part.hole->number, variables),
            -scale * x.pow(part.hole->offset()));
}

/// The block of a vector that is folded from `block` of another.
std::span<Fp3> folded_block(std::span<Fp3> folded, const WhirBlock& block) {
  constexpr unsigned kFolding = WhirParameters::kFolding;
  return folded.subspan(block.offset() >> kFolding, block.size() >> kFolding);
}

/// The prover between two messages: the vector, the weight, and what is left to be opened. The sum
/// itself is never needed: the prover's polynomials say it.
class Opening {
 public:
  Opening(const WhirParameters& parameters, ProofWriter& proof, ThreadPool& pool)
      : parameters_(parameters), proof_(proof), pool_(pool) {}

  /// The four folds of round 0, of all parts at once.
  void fold_first(std::vector<FirstFolds> folds) {
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) {
      RoundPolynomial sum;
      for (const FirstFolds& part : folds) sum += part.polynomial();
      const Fp3 r = say(sum);
      for (FirstFolds& part : folds) part.fold(r);
    }
    const std::vector<WhirPart>& parts = parameters_.parts();
    const std::size_t size = std::size_t{1} << (parameters_.variables() - WhirParameters::kFolding);
    f_ = LargeVector<Fp3>(size);
    w_ = LargeVector<Fp3>(size);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      folds[p].write_vector(folded_block(f_, parts[p].block));
      folds[p].add_weights(folded_block(w_, parts[p].block));
    }
  }

  /// Folds the lowest variable.
  void fold() {
    const std::span<const Fp3> f = f_.empty() ? std::span<const Fp3>(message_) : f_;
    const Fp3 r = say(round_polynomial(f, w_, pool_));
    // What was folded gives its memory to what is folded next: fresh memory is dear.
    LargeVector<Fp3> half = folded(f, r, std::move(spare_), pool_);
    spare_ = std::exchange(f_, std::move(half));
    half = folded(w_, r, std::move(spare_), pool_);
    spare_ = std::exchange(w_, std::move(half));
  }

  /// Commits to the folded vector, for the round that comes next.
  void commit(const WhirPart& next) {
    next_tree_.emplace(tree_over_code_of(std::span<const Fp3>(f_), next.code, pool_));
    proof_.write(next_tree_->root());
    const Fp3 x = proof_.challenge();
    out_of_domain_ = Weight::powers(x, next.code.variables);
    proof_.write(evaluate_univariate(f_, x, pool_));
  }

  void write_last() {
    for (const Fp3& value : f_) proof_.write(value);
  }

  void grind() { proof_.grind(parameters_.grinding(), pool_); }

  /// Opens the positions that are drawn of a commitment.
  void answer(const WhirPart& part, const CommittedVector& vector) {
    const std::vector<std::uint32_t> positions = draw_positions(part.code, part.queries, proof_);
    vector.open_rows(positions, proof_, pool_);
    remember(part, positions);
  }

  /// The same of this round's own vector.
  void answer(const WhirPart& part) {
    const std::vector<std::uint32_t> positions = draw_positions(part.code, part.queries, proof_);
    const WordTree::RowsOf<Fp3> rows_of = [&](std::span<const std::uint32_t> groups) {
      return code_groups(message_, groups, group_height(part.code), pool_);
    };
    tree_->open(positions, rows_of, proof_, pool_);
    remember(part, positions);
  }

  /// Takes what the answers say about the folded vector into the sum, and goes on to its tree.
  void combine() {
    const Fp3 gamma = proof_.challenge();
    out_of_domain_.add_to(w_, gamma, pool_);
    Fp3 scale = gamma;
    for (const auto& [part, points] : answers_) {
      std::vector<Fp3> scales;
      for (std::size_t j = 0; j < points.size(); ++j) scales.push_back(scale *= gamma);
      add_powers(folded_block(w_, part.block), points, scales, pool_);
      if (!part.hole) continue;
      const std::uint64_t first = part.hole->offset() >> WhirParameters::kFolding;
      for (std::size_t j = 0; j < points.size(); ++j) scales[j] *= -points[j].pow(first);
      add_powers(folded_block(w_, *part.hole), points, scales, pool_);
    }
    answers_.clear();
    message_ = std::move(f_);
    f_ = {};
    tree_ = std::move(next_tree_);
  }

 private:
  /// Where the rows lie that a round opened.
  struct Answers {
    const WhirPart& part;
    std::vector<Fp> points;
  };

  void remember(const WhirPart& part, std::span<const std::uint32_t> positions) {
    Answers answers{part, {}};
    for (const std::uint32_t position : positions) answers.points.push_back(code_point(position));
    answers_.push_back(std::move(answers));
  }

  Fp3 say(const RoundPolynomial& h) {
    proof_.write(h.at_zero);
    proof_.write(h.leading);
    return proof_.challenge();
  }

  const WhirParameters& parameters_;
  ProofWriter& proof_;
  ThreadPool& pool_;
  LargeVector<Fp3> message_;      ///< of the code of this round; empty in round 0
  std::optional<WordTree> tree_;  ///< over its codeword
  LargeVector<Fp3> f_;            ///< folded from the message; empty where that is not folded yet
  LargeVector<Fp3> w_;
  LargeVector<Fp3> spare_;
  std::optional<WordTree> next_tree_;
  Weight out_of_domain_;
  std::vector<Answers> answers_;  ///< of this round
};

/// The values but for rows of zeros at their end.
std::span<const Fp> whole_rows(std::span<const Fp> values) {
  std::size_t rows = values.size() / kRowElements;
  const auto is_zero = [](const Fp& value) { return value == Fp(); };
  while (rows > 0 &&
         std::ranges::all_of(values.subspan((rows - 1) * kRowElements, kRowElements), is_zero)) {
    --rows;
  }
  return values.first(rows * kRowElements);
}

}  // namespace

CommittedVector::CommittedVector(const WhirCode& code, std::vector<Fp> values, LargeVector<Fp> word,
                                 ThreadPool& pool)
    : code_(code), word_(std::move(word)), tree_(tree_over(word_, code, pool)) {
  IMO_CHECK(word_.size() == values.size() << code.log_inverse_rate, "a word of another size");
  keep(std::move(values));
}

CommittedVector::CommittedVector(const WhirCode& code, std::vector<Fp> values, ThreadPool& pool)
    : code_(code), tree_(tree_over_code_of(whole_rows(values), code, pool)) {
  keep(std::move(values));
}

CommittedVector::CommittedVector(const WhirCode& code, std::span<const Fp> values, WordTree tree,
                                 std::shared_ptr<const void> keeper)
    : code_(code),
      keeper_(std::move(keeper)),
      values_(values),
      stored_(whole_rows(values).size()),
      tree_(std::move(tree)) {}

void CommittedVector::keep(std::vector<Fp> values) {
  IMO_CHECK(values.size() == std::size_t{1} << code_.variables,
            "a vector of another size than its code is for");
  const auto kept = std::make_shared<const std::vector<Fp>>(std::move(values));
  keeper_ = kept;
  values_ = *kept;
  stored_ = whole_rows(values_).size();
}

void CommittedVector::open_rows(std::span<const std::uint32_t> positions, ProofWriter& proof,
                                ThreadPool& pool) const {
  const unsigned height = group_height(code_);
  const WordTree::RowsOf<Fp> rows_of = [&](std::span<const std::uint32_t> groups) {
    if (word_.empty()) return code_groups(stored(), groups, height, pool);
    std::vector<Fp> rows;
    const std::size_t size = WhirParameters::kRowSize << height;
    for (const std::uint32_t group : groups) {
      const auto first = word_.begin() + static_cast<std::ptrdiff_t>(group * size);
      rows.insert(rows.end(), first, first + static_cast<std::ptrdiff_t>(size));
    }
    return rows;
  };
  tree_.open(positions, rows_of, proof, pool);
}

OutOfDomain binding_at(const CommittedVector& vector, const Fp3& point, ThreadPool& pool) {
  return {point, univariate_value(vector.stored(), point, pool)};
}

OutOfDomain bind(const CommittedVector& vector, ProofWriter& proof, ThreadPool& pool) {
  const OutOfDomain binding = binding_at(vector, proof.challenge(), pool);
  proof.write(binding.value);
  return binding;
}

void open(const WhirParameters& parameters, std::span<const Opened> all, ProofWriter& proof,
          ThreadPool& pool) {
  const std::vector<WhirPart>& parts = parameters.parts();
  const std::vector<WhirPart>& rounds = parameters.rounds();
  IMO_CHECK(all.size() == parts.size(), "commitments that the parameters are not for");
  const Fp3 gamma = proof.challenge();
  std::vector<FirstFolds> folds;
  Fp3 scale(1);
  std::size_t claims = 0;
  for (std::size_t p = 0; p < parts.size(); ++p, scale *= gamma) {
    IMO_CHECK(all[p].vector.code() == parts[p].code, "a code that the parameters are not for");
    folds.emplace_back(all[p].vector.stored(), parts[p].code.variables, pool);
    add_at(folds[p], parts[p], all[p].binding.point, scale);
    claims += all[p].claims.size();
  }
  IMO_CHECK(claims <= WhirParameters::kMaxClaims, "number of claims");
  for (std::size_t p = 0; p < parts.size(); ++p) {
    for (const Claim& claim : all[p].claims) {
      folds[p].add(
          Weight::in_blocks(claim.low, claim.first_block, claim.scales, parts[p].code.variables),
          scale);
      scale *= gamma;
    }
  }
  Opening opening(parameters, proof, pool);
  opening.fold_first(std::move(folds));
  for (std::size_t i = 0; i <= rounds.size(); ++i) {
    const bool last = i == rounds.size();
    if (last) {
      opening.write_last();
    } else {
      opening.commit(rounds[i]);
    }
    opening.grind();
    if (i > 0) {
      opening.answer(rounds[i - 1]);
    } else {
      for (std::size_t p = 0; p < parts.size(); ++p) opening.answer(parts[p], all[p].vector);
    }
    if (last) break;
    opening.combine();
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) opening.fold();
  }
  for (unsigned j = 0; j < parameters.last_variables(); ++j) opening.fold();
}

}  // namespace imo::zkml
