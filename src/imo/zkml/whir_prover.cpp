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

/// The prover between two messages: the vector, the weight, and what is left to be opened. The sum
/// itself is never needed: the prover's polynomials say it.
class Opening {
 public:
  Opening(const CommittedVector& vector, ProofWriter& proof, ThreadPool& pool)
      : vector_(vector), proof_(proof), pool_(pool) {}

  /// The four folds of round 0.
  void fold_first(FirstFolds folds) {
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) folds.fold(say(folds.polynomial()));
    f_ = folds.vector();
    w_ = folds.weights();
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
  void commit(const WhirRound& next) {
    next_tree_.emplace(tree_over_code_of(std::span<const Fp3>(f_), next, pool_));
    proof_.write(next_tree_->root());
    const Fp3 x = proof_.challenge();
    out_of_domain_ = Weight::powers(x, next.variables);
    proof_.write(evaluate_univariate(f_, x, pool_));
  }

  void write_last() {
    for (const Fp3& value : f_) proof_.write(value);
  }

  /// Opens the positions that are drawn in the tree of this round.
  std::vector<std::uint32_t> answer(const WhirRound& round) {
    proof_.grind(vector_.parameters().grinding(), pool_);
    const std::vector<std::uint32_t> positions = draw_positions(round, proof_);
    if (tree_) {
      for (const Fp3& element : code_rows(message_, positions, pool_)) proof_.write(element);
      tree_->open(positions, proof_);
    } else {
      for (const Fp& element : vector_.rows(positions, pool_)) proof_.write(element);
      vector_.tree().open(positions, proof_);
    }
    return positions;
  }

  /// Takes what the answers say about the folded vector into the sum, and goes on to its tree.
  void combine(std::span<const std::uint32_t> positions) {
    const Fp3 gamma = proof_.challenge();
    out_of_domain_.add_to(w_, gamma, pool_);
    std::vector<Fp> points;
    std::vector<Fp3> scales;
    for (const std::uint32_t position : positions) {
      points.push_back(code_point(position));
      scales.push_back((scales.empty() ? gamma : scales.back()) * gamma);
    }
    add_powers(w_, points, scales, pool_);
    message_ = std::move(f_);
    f_ = {};
    tree_ = std::move(next_tree_);
  }

 private:
  Fp3 say(const RoundPolynomial& h) {
    proof_.write(h.at_zero);
    proof_.write(h.leading);
    return proof_.challenge();
  }

  const CommittedVector& vector_;
  ProofWriter& proof_;
  ThreadPool& pool_;
  LargeVector<Fp3> message_;  ///< of the code of this round; empty in round 0: the commitment's own
  std::optional<Tree> tree_;  ///< over that code
  LargeVector<Fp3> f_;        ///< folded from the message; empty where that is not folded yet
  LargeVector<Fp3> w_;
  LargeVector<Fp3> spare_;
  std::optional<Tree> next_tree_;
  Weight out_of_domain_;
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

CommittedVector::CommittedVector(const WhirParameters& parameters, std::vector<Fp> values,
                                 LargeVector<Fp> code, ThreadPool& pool)
    : parameters_(parameters), code_(std::move(code)), tree_(tree_over(code_, pool)) {
  IMO_CHECK(code_.size() == values.size() << parameters.rounds().front().log_inverse_rate,
            "a codeword of another size");
  keep(std::move(values));
}

CommittedVector::CommittedVector(const WhirParameters& parameters, std::vector<Fp> values,
                                 ThreadPool& pool)
    : parameters_(parameters),
      tree_(tree_over_code_of(whole_rows(values), parameters.rounds().front(), pool)) {
  keep(std::move(values));
}

CommittedVector::CommittedVector(const WhirParameters& parameters, std::span<const Fp> values,
                                 Tree tree, std::shared_ptr<const void> keeper)
    : parameters_(parameters),
      keeper_(std::move(keeper)),
      values_(values),
      stored_(whole_rows(values).size()),
      tree_(std::move(tree)) {}

void CommittedVector::keep(std::vector<Fp> values) {
  IMO_CHECK(values.size() == std::size_t{1} << parameters_.variables(),
            "a vector of another size than its parameters");
  const auto kept = std::make_shared<const std::vector<Fp>>(std::move(values));
  keeper_ = kept;
  values_ = *kept;
  stored_ = whole_rows(values_).size();
}

std::vector<Fp> CommittedVector::rows(std::span<const std::uint32_t> positions,
                                      ThreadPool& pool) const {
  if (code_.empty()) return code_rows(stored(), positions, pool);
  std::vector<Fp> rows;
  for (const std::uint32_t position : positions) {
    const Row<Fp> row = row_of(std::span<const Fp>(code_), position);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

OutOfDomain binding_at(const CommittedVector& vector, const Fp3& point, ThreadPool& pool) {
  return {point, univariate_value(vector.stored(), point, pool)};
}

OutOfDomain bind(const CommittedVector& vector, ProofWriter& proof, ThreadPool& pool) {
  const OutOfDomain binding = binding_at(vector, proof.challenge(), pool);
  proof.write(binding.value);
  return binding;
}

void open(const CommittedVector& vector, const OutOfDomain& binding, std::span<const Claim> claims,
          ProofWriter& proof, ThreadPool& pool) {
  IMO_CHECK(!claims.empty() && claims.size() <= WhirParameters::kMaxClaims, "number of claims");
  const WhirParameters& parameters = vector.parameters();
  const std::vector<WhirRound>& rounds = parameters.rounds();
  const Fp3 gamma = proof.challenge();
  FirstFolds folds(vector.stored(), parameters.variables(), pool);
  folds.add(Weight::powers(binding.point, parameters.variables()), Fp3(1));
  Fp3 scale(1);
  for (const Claim& claim : claims) {
    scale *= gamma;
    folds.add(weight_of(claim, parameters), scale);
  }
  Opening opening(vector, proof, pool);
  opening.fold_first(std::move(folds));
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const bool last = i + 1 == rounds.size();
    if (last) {
      opening.write_last();
    } else {
      opening.commit(rounds[i + 1]);
    }
    const auto positions = opening.answer(rounds[i]);
    if (last) break;
    opening.combine(positions);
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) opening.fold();
  }
  for (unsigned j = 0; j < parameters.last_variables(); ++j) opening.fold();
}

}  // namespace imo::zkml
