#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/parallel_sum.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"
#include "imo/zkml/whir_rows.hpp"

#include <optional>

namespace imo::zkml {
namespace {

/// h(X) = sum_b w(X, b) f(X, b) for the lowest variable X, as the proof has it.
struct RoundPolynomial {
  Fp3 at_zero;
  Fp3 leading;

  RoundPolynomial& operator+=(const RoundPolynomial& other) {
    at_zero += other.at_zero;
    leading += other.leading;
    return *this;
  }
};

template <typename Element>
RoundPolynomial round_polynomial(std::span<const Element> f, std::span<const Fp3> w,
                                 ThreadPool& pool) {
  return parallel_sum<RoundPolynomial>(pool, f.size() / 2, [&](std::size_t begin, std::size_t end) {
    RoundPolynomial sum;
    for (std::size_t i = begin; i < end; ++i) {
      sum.at_zero += w[2 * i] * f[2 * i];
      sum.leading += (w[2 * i + 1] - w[2 * i]) * (f[2 * i + 1] - f[2 * i]);
    }
    return sum;
  });
}

/// The vector at r in its lowest variable: half as long.
template <typename Element>
LargeVector<Fp3> folded(std::span<const Element> f, const Fp3& r, ThreadPool& pool) {
  LargeVector<Fp3> half(f.size() / 2);
  pool.parallel_for(half.size(),
                    [&](std::size_t i) { half[i] = f[2 * i] + r * (f[2 * i + 1] - f[2 * i]); });
  return half;
}

/// The prover between two messages: the vector, the weight, and what is left to be opened. The sum
/// itself is never needed: the prover's polynomials say it.
class Opening {
 public:
  Opening(const CommittedVector& vector, ProofWriter& proof, ThreadPool& pool)
      : vector_(vector),
        proof_(proof),
        pool_(pool),
        w_(std::size_t{1} << vector.parameters().variables()) {}

  void add(const Weight& weight, const Fp3& scale) { weight.add_to(w_, scale, pool_); }

  /// Folds the lowest variable; gives the challenge.
  Fp3 fold() {
    if (f_.empty()) return fold_of(vector_.values());
    return fold_of(std::span<const Fp3>(f_));
  }

  /// Commits to the folded vector, for the round that comes next.
  void commit(const WhirRound& next) {
    next_code_ = encode(f_, next.log_inverse_rate, pool_);
    next_tree_.emplace(tree_over(next_code_, pool_));
    proof_.write(next_tree_->root());
    const Fp3 x = proof_.challenge();
    out_of_domain_ = Weight::powers(x, next.variables);
    proof_.write(evaluate_univariate(f_, x));
  }

  void write_last() {
    for (const Fp3& value : f_) proof_.write(value);
  }

  /// Opens the positions that are drawn in the tree of this round.
  std::vector<std::uint32_t> answer(const WhirRound& round) {
    proof_.grind(vector_.parameters().grinding(), pool_);
    const std::vector<std::uint32_t> positions = draw_positions(round, proof_);
    if (tree_) {
      write_rows(std::span<const Fp3>(code_), positions);
      tree_->open(positions, proof_);
    } else {
      write_rows(vector_.code(), positions);
      vector_.tree().open(positions, proof_);
    }
    return positions;
  }

  /// Takes what the answers say about the folded vector into the sum, and goes on to its tree.
  void combine(const WhirRound& next, std::span<const std::uint32_t> positions) {
    const Fp3 gamma = proof_.challenge();
    add(out_of_domain_, gamma);
    Fp3 scale = gamma;
    for (const std::uint32_t position : positions) {
      scale *= gamma;
      add(Weight::powers(code_point(position), next.variables), scale);
    }
    code_ = std::move(next_code_);
    tree_ = std::move(next_tree_);
  }

 private:
  template <typename Element>
  Fp3 fold_of(std::span<const Element> f) {
    const RoundPolynomial h = round_polynomial(f, w_, pool_);
    proof_.write(h.at_zero);
    proof_.write(h.leading);
    const Fp3 r = proof_.challenge();
    f_ = folded(f, r, pool_);
    w_ = folded(std::span<const Fp3>(w_), r, pool_);
    return r;
  }

  template <typename Element>
  void write_rows(std::span<const Element> code, std::span<const std::uint32_t> positions) {
    for (const std::uint32_t position : positions) {
      for (const Element& element : row_of(code, position)) proof_.write(element);
    }
  }

  const CommittedVector& vector_;
  ProofWriter& proof_;
  ThreadPool& pool_;
  LargeVector<Fp3> f_;  ///< empty before the first fold: the committed vector itself
  LargeVector<Fp3> w_;
  LargeVector<Fp3> code_;
  std::optional<Tree> tree_;  ///< nothing in round 0: the commitment's own
  LargeVector<Fp3> next_code_;
  std::optional<Tree> next_tree_;
  Weight out_of_domain_;
};

}  // namespace

CommittedVector::CommittedVector(const WhirParameters& parameters, std::vector<Fp> values,
                                 LargeVector<Fp> code, ThreadPool& pool)
    : parameters_(parameters),
      values_(std::move(values)),
      code_(std::move(code)),
      tree_(tree_over(code_, pool)) {
  const unsigned log_inverse_rate = parameters.rounds().front().log_inverse_rate;
  IMO_CHECK(values_.size() == std::size_t{1} << parameters.variables(),
            "a vector of another size than its parameters");
  IMO_CHECK(code_.size() == values_.size() << log_inverse_rate, "a codeword of another size");
}

CommittedVector::CommittedVector(const WhirParameters& parameters, std::vector<Fp> values,
                                 ThreadPool& pool)
    : parameters_(parameters),
      values_(std::move(values)),
      code_(encode(values_, parameters.rounds().front().log_inverse_rate, pool)),
      tree_(tree_over(code_, pool)) {
  IMO_CHECK(values_.size() == std::size_t{1} << parameters.variables(),
            "a vector of another size than its parameters");
}

OutOfDomain binding_at(const CommittedVector& vector, const Fp3& point, ThreadPool& pool) {
  return {point, evaluate_univariate(vector.values(), point, pool)};
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
  Opening opening(vector, proof, pool);
  opening.add(Weight::powers(binding.point, parameters.variables()), Fp3(1));
  Fp3 scale(1);
  for (const Claim& claim : claims) {
    scale *= gamma;
    opening.add(weight_of(claim, parameters), scale);
  }
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) opening.fold();
    const bool last = i + 1 == rounds.size();
    if (last) {
      opening.write_last();
    } else {
      opening.commit(rounds[i + 1]);
    }
    const auto positions = opening.answer(rounds[i]);
    if (!last) opening.combine(rounds[i + 1], positions);
  }
  for (unsigned j = 0; j < parameters.last_variables(); ++j) opening.fold();
}

}  // namespace imo::zkml
