#include "imo/zkml/fraction_sum.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/parallel_sum.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>
#include <utility>

namespace imo::zkml {
namespace {

/// The inner polynomial of one round, without the factor of eq: g0 + g1 X + g2 X^2.
struct RoundPolynomial {
  Fp3 g1;
  Fp3 g2;

  RoundPolynomial& operator+=(const RoundPolynomial& other) {
    g1 += other.g1;
    g2 += other.g2;
    return *this;
  }
};

/// What follows from four children, left and right of two neighbouring nodes: the coefficients of X
/// and X^2 in pL qR + pR qL + lambda qL qR.
RoundPolynomial polynomial_of(const Fp3* p, const Fp3* q, const Fp3& lambda) {
  const Fp3 dq_right = q[3] - q[1];
  const Fp3 dp_right = p[3] - p[1];
  const Fp3 dq_left = q[2] - q[0];
  const Fp3 left = p[0] + lambda * q[0];
  const Fp3 left_after = p[2] + lambda * q[2];
  const Fp3 d_left = left_after - left;
  const Fp3 g2 = d_left * dq_right + dp_right * dq_left;
  // g(1) - g(0) = g1 + g2
  const Fp3 difference = left_after * q[3] + p[3] * q[2] - (left * q[1] + p[1] * q[0]);
  return {difference - g2, g2};
}

/// Calls body(begin, end) over parts of all ranges, on every thread: `unit` indices belong together
/// and ranges are aligned to it.
template <typename Body>
void for_ranges(ThreadPool& pool, std::span<const IndexRange> ranges, std::size_t unit,
                Body&& body) {
  std::size_t total = 0;
  for (const IndexRange& range : ranges) total += (range.end - range.begin) / unit;
  pool.parallel_ranges(total, [&](std::size_t first, std::size_t last) {
    std::size_t before = 0;
    for (const IndexRange& range : ranges) {
      const std::size_t count = (range.end - range.begin) / unit;
      const std::size_t from = std::max(first, before);
      const std::size_t to = std::min(last, before + count);
      if (from < to) {
        body(range.begin + (from - before) * unit, range.begin + (to - before) * unit);
      }
      before += count;
    }
  });
}

/// The same, with the sum of what body gives.
template <typename T, typename Body>
T sum_ranges(ThreadPool& pool, std::span<const IndexRange> ranges, std::size_t unit, Body&& body) {
  std::size_t total = 0;
  for (const IndexRange& range : ranges) total += (range.end - range.begin) / unit;
  return parallel_sum<T>(pool, total, [&](std::size_t first, std::size_t last) {
    T sum{};
    std::size_t before = 0;
    for (const IndexRange& range : ranges) {
      const std::size_t count = (range.end - range.begin) / unit;
      const std::size_t from = std::max(first, before);
      const std::size_t to = std::min(last, before + count);
      if (from < to) {
        sum += body(range.begin + (from - before) * unit, range.begin + (to - before) * unit);
      }
      before += count;
    }
    return sum;
  });
}

/// Ranges of a level above: aligned by the caller, halved here.
std::vector<IndexRange> halved(std::span<const IndexRange> ranges) {
  std::vector<IndexRange> half;
  half.reserve(ranges.size());
  for (const IndexRange& range : ranges) half.push_back({range.begin / 2, range.end / 2});
  return half;
}

/// eq(r_i .. r_(k-1), x) for a running i: one variable less each time.
class SuffixWeights {
 public:
  SuffixWeights(std::span<const Fp3> r, ThreadPool& pool)
      : pool_(pool), weights_(point_weights(r)) {}

  void drop_lowest() {
    std::vector<Fp3> half(weights_.size() / 2);
    pool_.parallel_for(half.size(),
                       [&](std::size_t i) { half[i] = weights_[2 * i] + weights_[2 * i + 1]; });
    weights_ = std::move(half);
  }

  const Fp3& operator[](std::size_t i) const { return weights_[i]; }

 private:
  ThreadPool& pool_;
  std::vector<Fp3> weights_;
};

/// Binds the lowest variable of nodes to c. Children stay beside each other: node y becomes the
/// line through nodes 2y and 2y + 1.
Fractions bound(Fractions children, const Fp3& c, ThreadPool& pool) {
  children.align(2);
  Fractions half(children.variables() - 1, halved(children.active()));
  for_ranges(pool, half.active(), 2, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; i += 2) {
      for (std::size_t side = 0; side < 2; ++side) {
        const Fp3& p0 = children.numerators()[2 * i + side];
        const Fp3& p1 = children.numerators()[2 * i + 2 + side];
        half.numerators()[i + side] = p0 + c * (p1 - p0);
        const Fp3& q0 = children.denominators()[2 * i + side];
        const Fp3& q1 = children.denominators()[2 * i + 2 + side];
        half.denominators()[i + side] = q0 + c * (q1 - q0);
      }
    }
  });
  return half;
}

struct Children {
  Fp3 p0, p1, q0, q1;
};

void write_children(const Children& children, ProofWriter& proof) {
  proof.write(children.p0);
  proof.write(children.p1);
  proof.write(children.q0);
  proof.write(children.q1);
}

Result<Children> read_children(ProofReader& proof) {
  Children children;
  IMO_TRY(children.p0, proof.read_fp3());
  IMO_TRY(children.p1, proof.read_fp3());
  IMO_TRY(children.q0, proof.read_fp3());
  IMO_TRY(children.q1, proof.read_fp3());
  return children;
}

/// The two nodes of a level of one variable.
Children children_of(Fractions& level) {
  level.align(1);
  const bool any = !level.active().empty();
  const Fp3* p = level.numerators();
  const Fp3* q = level.denominators();
  return any ? Children{p[0], p[1], q[0], q[1]} : Children{Fp3(), Fp3(), Fp3(1), Fp3(1)};
}

/// Moves the claim from a node to a point between its children.
void descend(FractionClaim& claim, const Children& children, std::vector<Fp3> node,
             const Fp3& between) {
  claim.numerator = children.p0 + between * (children.p1 - children.p0);
  claim.denominator = children.q0 + between * (children.q1 - children.q0);
  claim.point = std::move(node);
  claim.point.insert(claim.point.begin(), between);
}

}  // namespace

Fractions::Fractions(unsigned variables, std::vector<IndexRange> active)
    : variables_(variables),
      active_(std::move(active)),
      numerators_(std::size_t{1} << variables),
      denominators_(std::size_t{1} << variables) {}

void Fractions::align(unsigned bits) {
  const std::size_t unit = std::size_t{1} << bits;
  const auto fill = [this](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      numerators_[i] = Fp3();
      denominators_[i] = Fp3(1);
    }
  };
  std::vector<IndexRange> aligned;
  std::size_t known = 0;  // everything before it that is in a range has its values
  for (std::size_t i = 0; i < active_.size(); ++i) {
    const IndexRange range = active_[i];
    const std::size_t begin = std::max(known, range.begin / unit * unit);
    const std::size_t end = (range.end + unit - 1) / unit * unit;
    known = i + 1 < active_.size() ? std::min(end, active_[i + 1].begin) : end;
    fill(begin, range.begin);
    fill(range.end, known);
    if (!aligned.empty() && range.begin / unit * unit <= aligned.back().end) {
      aligned.back().end = end;
    } else {
      aligned.push_back({range.begin / unit * unit, end});
    }
  }
  active_ = std::move(aligned);
}

Fractions Fractions::parents(ThreadPool& pool) const {
  Fractions level(variables_ - 1, halved(active_));
  for_ranges(pool, level.active_, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Fp3* p = &numerators_[2 * i];
      const Fp3* q = &denominators_[2 * i];
      level.numerators_[i] = p[0] * q[1] + p[1] * q[0];
      level.denominators_[i] = q[0] * q[1];
    }
  });
  return level;
}

FractionClaim prove_zero_sum(Fractions leaves, ProofWriter& proof, ThreadPool& pool) {
  IMO_CHECK(leaves.variables() >= 1, "a tree has two leaves");
  std::vector<Fractions> levels;
  leaves.align(1);
  levels.push_back(std::move(leaves));
  while (levels.back().variables() > 1) {
    levels.push_back(levels.back().parents(pool));
    levels.back().align(1);
  }

  FractionClaim claim;
  const Children top = children_of(levels.back());
  levels.pop_back();
  write_children(top, proof);
  descend(claim, top, {}, proof.challenge());

  while (!levels.empty()) {
    Fractions children = std::move(levels.back());
    levels.pop_back();
    const Fp3 lambda = proof.challenge();
    SuffixWeights weights(claim.point, pool);
    std::vector<Fp3> node;
    for (std::size_t i = 0; i < claim.point.size(); ++i) {
      weights.drop_lowest();
      children.align(2);
      const Fractions& now = children;
      const auto polynomial = sum_ranges<RoundPolynomial>(
          pool, now.active(), 4, [&](std::size_t begin, std::size_t end) {
            RoundPolynomial sum;
            for (std::size_t j = begin; j < end; j += 4) {
              const RoundPolynomial one =
                  polynomial_of(&now.numerators()[j], &now.denominators()[j], lambda);
              sum.g1 += weights[j / 4] * one.g1;
              sum.g2 += weights[j / 4] * one.g2;
            }
            return sum;
          });
      proof.write(polynomial.g1);
      proof.write(polynomial.g2);
      node.push_back(proof.challenge());
      children = bound(std::move(children), node.back(), pool);
    }
    const Children last = children_of(children);
    write_children(last, proof);
    descend(claim, last, std::move(node), proof.challenge());
  }
  return claim;
}

Result<FractionClaim> check_zero_sum(unsigned variables, ProofReader& proof) {
  IMO_CHECK(variables >= 1, "a tree has two leaves");
  FractionClaim claim;
  IMO_TRY(const Children top, read_children(proof));
  if (!(top.p0 * top.q1 + top.p1 * top.q0).is_zero() || (top.q0 * top.q1).is_zero()) {
    return proof.refused("the sum of the lookups is not zero: a value is in no table");
  }
  descend(claim, top, {}, proof.challenge());
  while (claim.point.size() < variables) {
    const Fp3 lambda = proof.challenge();
    Fp3 sum = claim.numerator + lambda * claim.denominator;
    std::vector<Fp3> node;
    for (const Fp3& r : claim.point) {
      IMO_TRY(const Fp3 g1, proof.read_fp3());
      IMO_TRY(const Fp3 g2, proof.read_fp3());
      const Fp3 g0 = sum - r * (g1 + g2);
      const Fp3 c = proof.challenge();
      sum = g0 + c * (g1 + c * g2);
      node.push_back(c);
    }
    IMO_TRY(const Children last, read_children(proof));
    if (last.p0 * last.q1 + last.p1 * last.q0 + lambda * last.q0 * last.q1 != sum) {
      return proof.refused("a level of the sum of lookups does not follow from the one below");
    }
    descend(claim, last, std::move(node), proof.challenge());
  }
  return claim;
}

}  // namespace imo::zkml
