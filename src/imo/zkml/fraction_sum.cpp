#include "imo/zkml/fraction_sum.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/kernels.hpp"
#include "imo/zkml/parallel_sum.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>
#include <array>
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

/// eq(r, x), as the product of a table for the low half of x and one for the high half.
class SplitWeights {
 public:
  explicit SplitWeights(std::span<const Fp3> r)
      : low_bits_(r.size() / 2),
        low_(point_weights(r.first(low_bits_))),
        high_(point_weights(r.subspan(low_bits_))) {}

  /// Calls body(first, last, low, high) over the parts of [begin, end) in which the high half stays
  /// the same: the weight of `first + i` is low[i] times high.
  template <typename Body>
  void for_parts(std::size_t begin, std::size_t end, Body&& body) const {
    while (begin < end) {
      const std::size_t part = begin >> low_bits_;
      const std::size_t last = std::min(end, (part + 1) << low_bits_);
      body(begin, last, &low_[begin - (part << low_bits_)], high_[part]);
      begin = last;
    }
  }

 private:
  std::size_t low_bits_;
  std::vector<Fp3> low_;
  std::vector<Fp3> high_;
};

/// The inner polynomial of a round, summed over `count` nodes from `first` on, whose children begin
/// at p and q.
RoundPolynomial lines_of(const SplitWeights& weights, std::size_t first, std::size_t count,
                         const Fp3* p, const Fp3* q, const Fp3& lambda) {
  RoundPolynomial sum;
  weights.for_parts(first, first + count,
                    [&](std::size_t begin, std::size_t end, const Fp3* low, const Fp3& high) {
                      std::array<Fp3, 2> part;
                      const std::size_t before = 4 * (begin - first);
                      field_kernels().fraction_lines(words_of(p + before), words_of(q + before),
                                                     words_of(low), end - begin, words_of(&lambda),
                                                     words_of(part.data()));
                      sum += {part[0] * high, part[1] * high};
                    });
  return sum;
}

/// The inner polynomial of the next round, summed over all nodes that are there.
RoundPolynomial polynomial_of(const Fractions& children, const SplitWeights& weights,
                              const Fp3& lambda, ThreadPool& pool) {
  return sum_ranges<RoundPolynomial>(
      pool, children.active(), 4, [&](std::size_t begin, std::size_t end) {
        return lines_of(weights, begin / 4, (end - begin) / 4, children.numerators() + begin,
                        children.denominators() + begin, lambda);
      });
}

/// Binds the lowest variable of nodes to c. Children stay beside each other: node y becomes the
/// line through nodes 2y and 2y + 1. The result takes the memory of `scratch`, which is large
/// enough (checked).
Fractions bound(Fractions& children, const Fp3& c, Fractions scratch, ThreadPool& pool) {
  children.align(2);
  Fractions half(children.variables() - 1, halved(children.active()), std::move(scratch));
  for_ranges(pool, half.active(), 2, [&](std::size_t begin, std::size_t end) {
    const std::size_t count = (end - begin) / 2;
    field_kernels().fold_fours(words_of(children.numerators() + 2 * begin), count, words_of(&c),
                               words_of(half.numerators() + begin));
    field_kernels().fold_fours(words_of(children.denominators() + 2 * begin), count, words_of(&c),
                               words_of(half.denominators() + begin));
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

Fractions::Fractions(unsigned variables, std::vector<IndexRange> active, Fractions memory)
    : variables_(variables),
      active_(std::move(active)),
      numerators_(std::move(memory.numerators_)),
      denominators_(std::move(memory.denominators_)) {
  IMO_CHECK(numerators_.size() >= std::size_t{1} << variables, "memory for all fractions");
}

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
    field_kernels().add_fractions(
        words_of(&numerators_[2 * begin]), words_of(&denominators_[2 * begin]), end - begin,
        words_of(&level.numerators_[begin]), words_of(&level.denominators_[begin]));
  });
  return level;
}

namespace {

/// Leaves made at once: they stay in the cache.
constexpr std::size_t kLeavesAtOnce = 1024;

std::vector<IndexRange> aligned(std::span<const IndexRange> ranges, unsigned bits) {
  const std::size_t unit = std::size_t{1} << bits;
  std::vector<IndexRange> aligned;
  for (const IndexRange& range : ranges) {
    const std::size_t begin = range.begin / unit * unit;
    const std::size_t end = (range.end + unit - 1) / unit * unit;
    if (!aligned.empty() && begin <= aligned.back().end) {
      aligned.back().end = std::max(end, aligned.back().end);
    } else {
      aligned.push_back({begin, end});
    }
  }
  return aligned;
}

/// Calls body(first, count, numerators, denominators) for parts of the leaves begin .. end - 1.
template <typename Body>
void for_leaves(const LeafSource& leaves, std::size_t begin, std::size_t end, Body&& body) {
  std::vector<Fp3> numerators(kLeavesAtOnce);
  std::vector<Fp3> denominators(kLeavesAtOnce);
  for (std::size_t first = begin; first < end; first += kLeavesAtOnce) {
    const std::size_t count = std::min(kLeavesAtOnce, end - first);
    leaves.make(first, first + count, numerators.data(), denominators.data());
    body(first, count, numerators.data(), denominators.data());
  }
}

/// The level above the leaves.
Fractions parents_of(const LeafSource& leaves, ThreadPool& pool) {
  const std::vector<IndexRange> ranges = aligned(leaves.active(), 1);
  Fractions level(leaves.variables() - 1, halved(ranges));
  for_ranges(pool, ranges, 2, [&](std::size_t begin, std::size_t end) {
    for_leaves(leaves, begin, end,
               [&](std::size_t first, std::size_t count, const Fp3* p, const Fp3* q) {
                 field_kernels().add_fractions(words_of(p), words_of(q), count / 2,
                                               words_of(level.numerators() + first / 2),
                                               words_of(level.denominators() + first / 2));
               });
  });
  return level;
}

RoundPolynomial polynomial_of(const LeafSource& leaves, std::span<const IndexRange> ranges,
                              const SplitWeights& weights, const Fp3& lambda, ThreadPool& pool) {
  return sum_ranges<RoundPolynomial>(pool, ranges, 4, [&](std::size_t begin, std::size_t end) {
    RoundPolynomial sum;
    for_leaves(leaves, begin, end,
               [&](std::size_t first, std::size_t count, const Fp3* p, const Fp3* q) {
                 sum += lines_of(weights, first / 4, count / 4, p, q, lambda);
               });
    return sum;
  });
}

Fractions bound(const LeafSource& leaves, std::span<const IndexRange> ranges, const Fp3& c,
                Fractions scratch, ThreadPool& pool) {
  Fractions half(leaves.variables() - 1, halved(ranges), std::move(scratch));
  for_ranges(pool, ranges, 4, [&](std::size_t begin, std::size_t end) {
    for_leaves(leaves, begin, end,
               [&](std::size_t first, std::size_t count, const Fp3* p, const Fp3* q) {
                 field_kernels().fold_fours(words_of(p), count / 4, words_of(&c),
                                            words_of(half.numerators() + first / 2));
                 field_kernels().fold_fours(words_of(q), count / 4, words_of(&c),
                                            words_of(half.denominators() + first / 2));
               });
  });
  return half;
}

/// The way down from the root.
class Descent {
 public:
  Descent(ProofWriter& proof, ThreadPool& pool) : proof_(proof), pool_(pool) {}

  void begin(const Children& top) {
    write_children(top, proof_);
    descend(claim_, top, {}, proof_.challenge());
  }

  /// Each level is folded into the memory of the one before, and back: fresh memory is dear.
  void level(Fractions level) {
    lambda_ = proof_.challenge();
    small_ = std::exchange(large_, std::move(level));
    finish(large_, small_);
    if (large_.capacity() < small_.capacity()) std::swap(large_, small_);
  }

  void leaves(const LeafSource& leaves) {
    lambda_ = proof_.challenge();
    const std::vector<IndexRange> ranges = aligned(leaves.active(), 2);
    const Fp3 c = say(polynomial_of(leaves, ranges, weights_after(0), lambda_, pool_));
    Fractions children = bound(leaves, ranges, c, std::move(large_), pool_);
    finish(children, small_);
  }

  FractionClaim claim() && { return std::move(claim_); }

 private:
  [[nodiscard]] SplitWeights weights_after(std::size_t round) const {
    return SplitWeights(std::span(claim_.point).subspan(round + 1));
  }

  Fp3 say(const RoundPolynomial& polynomial) {
    proof_.write(polynomial.g1);
    proof_.write(polynomial.g2);
    node_.push_back(proof_.challenge());
    return node_.back();
  }

  /// The rounds that are left, and the two children that they end in.
  void finish(Fractions& children, Fractions& scratch) {
    while (node_.size() < claim_.point.size()) {
      children.align(2);
      const Fp3 c = say(polynomial_of(children, weights_after(node_.size()), lambda_, pool_));
      Fractions half = bound(children, c, std::move(scratch), pool_);
      scratch = std::exchange(children, std::move(half));
    }
    const Children last = children_of(children);
    write_children(last, proof_);
    descend(claim_, last, std::exchange(node_, {}), proof_.challenge());
  }

  ProofWriter& proof_;
  ThreadPool& pool_;
  FractionClaim claim_;
  Fp3 lambda_;
  std::vector<Fp3> node_;   ///< the challenges of this level so far
  Fractions large_{1, {}};  ///< memory
  Fractions small_{1, {}};
};

/// Leaves that are kept, as a source.
class KeptLeaves final : public LeafSource {
 public:
  explicit KeptLeaves(Fractions leaves) : leaves_(std::move(leaves)) {
    leaves_.align(std::min(2U, leaves_.variables()));
  }

  [[nodiscard]] unsigned variables() const override { return leaves_.variables(); }
  [[nodiscard]] const std::vector<IndexRange>& active() const override { return leaves_.active(); }
  void make(std::size_t begin, std::size_t end, Fp3* numerators, Fp3* denominators) const override {
    std::copy(leaves_.numerators() + begin, leaves_.numerators() + end, numerators);
    std::copy(leaves_.denominators() + begin, leaves_.denominators() + end, denominators);
  }

 private:
  Fractions leaves_;
};

Children two_leaves(const LeafSource& leaves) {
  std::array<Fp3, 2> p;
  std::array<Fp3, 2> q;
  leaves.make(0, 2, p.data(), q.data());
  return {p[0], p[1], q[0], q[1]};
}

}  // namespace

FractionClaim prove_zero_sum(const LeafSource& leaves, ProofWriter& proof, ThreadPool& pool) {
  IMO_CHECK(leaves.variables() >= 1, "a tree has two leaves");
  Descent descent(proof, pool);
  if (leaves.variables() == 1) {
    descent.begin(two_leaves(leaves));
    return std::move(descent).claim();
  }
  std::vector<Fractions> levels;
  levels.push_back(parents_of(leaves, pool));
  while (levels.back().variables() > 1) {
    levels.back().align(1);
    levels.push_back(levels.back().parents(pool));
  }
  descent.begin(children_of(levels.back()));
  levels.pop_back();
  for (; !levels.empty(); levels.pop_back()) descent.level(std::move(levels.back()));
  descent.leaves(leaves);
  return std::move(descent).claim();
}

FractionClaim prove_zero_sum(Fractions leaves, ProofWriter& proof, ThreadPool& pool) {
  return prove_zero_sum(KeptLeaves(std::move(leaves)), proof, pool);
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
