#include "imo/zkml/product_sum.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/kernels.hpp"
#include "imo/zkml/parallel_sum.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>
#include <array>

namespace imo::zkml {
namespace {

constexpr std::size_t kPoints = kMaxFactors + 1;

/// Values of a round's polynomial at 0, 1, .. kMaxFactors.
struct Samples {
  std::array<Fp3, kPoints> at;

  Samples& operator+=(const Samples& other) {
    for (std::size_t i = 0; i < kPoints; ++i) at[i] += other.at[i];
    return *this;
  }
};

/// A polynomial of this degree has its values at 0 .. degree; sets the others, as its differences
/// go on.
void extend(std::array<Fp3, kPoints>& values, std::size_t degree) {
  std::array<Fp3, kPoints> d = values;
  for (std::size_t order = 1; order <= degree; ++order) {
    for (std::size_t i = degree; i >= order; --i) d.at(i) -= d.at(i - 1);
  }
  // d has the differences of all orders at 0; each step moves them on by one.
  for (std::size_t i = 0; i < kPoints; ++i) {
    values.at(i) = d[0];
    for (std::size_t order = 0; order < degree; ++order) d.at(order) += d.at(order + 1);
  }
}

/// Coefficients from values at 0 .. 4, by forward differences.
std::array<Fp3, kPoints> coefficients_of(const Samples& samples) {
  static_assert(kPoints == 5);
  std::array<Fp3, kPoints> d = samples.at;
  for (std::size_t order = 1; order < kPoints; ++order) {
    for (std::size_t i = kPoints - 1; i >= order; --i) d.at(i) -= d.at(i - 1);
  }
  // sum of d_k C(X, k), multiplied out: C(X, 2) = (X^2 - X) / 2 and so on.
  const Fp half = Fp(2).inverse();
  const Fp sixth = Fp(6).inverse();
  const Fp twenty_fourth = Fp(24).inverse();
  const Fp3 d2 = d[2] * half;
  const Fp3 d3 = d[3] * sixth;
  const Fp3 d4 = d[4] * twenty_fourth;
  return {d[0], d[1] - d2 + d3 * Fp(2) - d4 * Fp(6), d2 - d3 * Fp(3) + d4 * Fp(11), d3 - d4 * Fp(6),
          d4};
}

Fp3 value_at(const std::array<Fp3, kPoints>& coefficients, const Fp3& x) {
  Fp3 value;
  for (std::size_t i = kPoints; i > 0; --i) value = value * x + coefficients[i - 1];
  return value;
}

/// What contract() sums in one piece: rows that lie far apart are read side by side.
constexpr std::size_t kRowsAtOnce = 64;
constexpr std::size_t kCellsAtOnce = 256;

/// [high][k][low] -> [high][low], the middle index summed with weights. `in` has 2^variables
/// elements, of which those that are zero may be missing at the end, in whole pieces of [low].
LargeVector<Fp3> contract(std::span<const Fp> in, std::size_t variables, unsigned low_bits,
                          std::span<const Fp3> weights, ThreadPool& pool) {
  const std::size_t low = std::size_t{1} << low_bits;
  LargeVector<Fp3> out((std::size_t{1} << variables) / weights.size());
  const std::size_t stored = (in.size() + weights.size() * low - 1) / (weights.size() * low);
  if (low == 1) {
    pool.parallel_for(stored, [&](std::size_t i) {
      const std::span<const Fp> row =
          in.subspan(i * weights.size(), std::min(weights.size(), in.size() - i * weights.size()));
      field_kernels().dot(words_of(row.data()), words_of(weights.data()), row.size(),
                          words_of(&out[i]));
    });
    return out;
  }
  const std::size_t cells = std::min(low, kCellsAtOnce);
  pool.parallel_for(stored * low / cells, [&](std::size_t piece) {
    const std::size_t first = piece * cells;  // of out
    const std::size_t begin = (first >> low_bits) * weights.size() * low + (first & (low - 1));
    for (std::size_t k = 0; k < weights.size() && begin + k * low < in.size(); k += kRowsAtOnce) {
      const std::size_t place = begin + k * low;
      const std::size_t rows =
          std::min({kRowsAtOnce, weights.size() - k, (in.size() - place + low - 1) / low});
      field_kernels().add_tables(words_of(&out[first]), cells, words_of(&weights[k]),
                                 words_of(&in[place]), low, rows);
    }
  });
  return out;
}

/// The same of elements of F.
LargeVector<Fp3> contract(std::span<const Fp3> in, std::size_t variables, unsigned low_bits,
                          std::span<const Fp3> weights, ThreadPool& pool) {
  const std::size_t low = std::size_t{1} << low_bits;
  LargeVector<Fp3> out((std::size_t{1} << variables) / weights.size());
  pool.parallel_for(out.size(), [&](std::size_t i) {
    const std::size_t first = (i >> low_bits) * weights.size() * low + (i & (low - 1));
    Fp3 sum;
    for (std::size_t k = 0; k < weights.size() && first + k * low < in.size(); ++k) {
      sum += weights[k] * in[first + k * low];
    }
    out[i] = sum;
  });
  return out;
}

/// Columns that differ in scale, added up: the values of a form at all indices of its columns.
LargeVector<Fp3> combined(const LinearForm& form, const ColumnValues& values, ThreadPool& pool) {
  LargeVector<Fp3> sum(std::size_t{1} << form.coordinates.size());
  if (!form.constant.is_zero()) std::ranges::fill(sum, form.constant);
  for (const LinearForm::Part& part : form.parts) {
    const std::span<const Fp> column = values(part.column);
    pool.parallel_ranges(column.size(), [&](std::size_t begin, std::size_t end) {
      field_kernels().add_tables(words_of(&sum[begin]), end - begin, words_of(&part.scale),
                                 words_of(&column[begin]), 0, 1);
    });
  }
  return sum;
}

/// A run of coordinates of a form that are all fixed.
struct FixedRun {
  unsigned first;
  unsigned count;
};

std::vector<FixedRun> fixed_runs(std::span<const Coordinate> coordinates) {
  std::vector<FixedRun> runs;
  for (unsigned i = 0; i < coordinates.size(); ++i) {
    if (coordinates[i].variable != Coordinate::kFixed) continue;
    if (!runs.empty() && runs.back().first + runs.back().count == i) {
      ++runs.back().count;
    } else {
      runs.push_back({i, 1});
    }
  }
  return runs;
}

/// The form as a table over the variables that it depends on, in the order of its coordinates.
LargeVector<Fp3> reduced(const LinearForm& form, const ColumnValues& values, ThreadPool& pool) {
  const std::vector<FixedRun> runs = fixed_runs(form.coordinates);
  const bool is_one_column = form.parts.size() == 1 && form.constant.is_zero();
  LargeVector<Fp3> table;
  if (!is_one_column || runs.empty()) table = combined(form, values, pool);
  std::size_t variables = form.coordinates.size();
  // From the highest run down, so that the places of those below do not move.
  for (std::size_t i = runs.size(); i > 0; --i) {
    const FixedRun& run = runs[i - 1];
    std::vector<Fp3> point;
    for (unsigned j = 0; j < run.count; ++j) {
      point.push_back(form.coordinates[run.first + j].value);
    }
    std::vector<Fp3> weights = point_weights(point);
    if (table.empty()) {
      for (Fp3& weight : weights) weight *= form.parts.front().scale;
      table = contract(values(form.parts.front().column), variables, run.first, weights, pool);
    } else {
      table = contract(std::span<const Fp3>(table), variables, run.first, weights, pool);
    }
    variables -= run.count;
  }
  return table;
}

/// Spreads a table over some variables to all of the term's.
LargeVector<Fp3> spread(LargeVector<Fp3> table, std::span<const unsigned> variables, unsigned total,
                        ThreadPool& pool) {
  bool is_whole = variables.size() == total;
  for (unsigned i = 0; i < variables.size(); ++i) is_whole = is_whole && variables[i] == i;
  if (is_whole) return table;
  LargeVector<Fp3> all(std::size_t{1} << total);
  pool.parallel_for(all.size(), [&](std::size_t x) {
    std::size_t index = 0;
    for (std::size_t i = 0; i < variables.size(); ++i) index |= (x >> variables[i] & 1) << i;
    all[x] = table[index];
  });
  return all;
}

/// A term on its way through the rounds: one table for every factor.
class RunningTerm {
 public:
  RunningTerm(const Term& term, const ColumnValues& values, ThreadPool& pool)
      : variables_(term.variables), scale_(term.scale) {
    for (const LinearForm& form : term.forms) {
      std::vector<unsigned> used;
      for (const Coordinate& coordinate : form.coordinates) {
        if (coordinate.variable != Coordinate::kFixed) used.push_back(coordinate.variable);
      }
      tables_.push_back(spread(reduced(form, values, pool), used, variables_, pool));
    }
    for (const KnownFactor& known : term.known) {
      std::vector<unsigned> used;
      for (unsigned i = 0; i < known.count(); ++i) used.push_back(known.first() + i);
      tables_.push_back(spread(known.table(), used, variables_, pool));
    }
    IMO_CHECK(!tables_.empty() && tables_.size() <= kMaxFactors, "a term's number of factors");
  }

  [[nodiscard]] unsigned variables() const { return variables_; }

  /// Of a term that has variables, or is one product.
  [[nodiscard]] Fp3 sum(ThreadPool& pool) const {
    if (variables_ > 0) {
      const Samples samples = sample(pool);
      return samples.at[0] + samples.at[1];
    }
    Fp3 product = scale_;
    for (const LargeVector<Fp3>& table : tables_) product *= table[0];
    return product;
  }

  /// The polynomial in the highest variable that is left.
  [[nodiscard]] Samples sample(ThreadPool& pool) const {
    const std::size_t half = tables_[0].size() / 2;
    Samples samples = parallel_sum<Samples>(pool, half, [&](std::size_t begin, std::size_t end) {
      std::array<const std::uint64_t*, kMaxFactors> low{};
      std::array<const std::uint64_t*, kMaxFactors> high{};
      for (std::size_t f = 0; f < tables_.size(); ++f) {
        low.at(f) = words_of(&tables_[f][begin]);
        high.at(f) = words_of(&tables_[f][begin + half]);
      }
      Samples sum;
      field_kernels().line_products(low.data(), high.data(), tables_.size(), end - begin,
                                    words_of(sum.at.data()));
      return sum;
    });
    extend(samples.at, tables_.size());
    for (Fp3& value : samples.at) value *= scale_;
    return samples;
  }

  void bind(const Fp3& r, ThreadPool& pool) {
    const std::size_t half = tables_[0].size() / 2;
    for (LargeVector<Fp3>& table : tables_) {
      pool.parallel_ranges(half, [&](std::size_t begin, std::size_t end) {
        field_kernels().fold_halves(words_of(&table[begin]), words_of(&table[begin + half]),
                                    end - begin, words_of(&r));
      });
      table.resize(half);
    }
  }

 private:
  unsigned variables_;
  Fp3 scale_;
  std::vector<LargeVector<Fp3>> tables_;
};

unsigned most_variables(std::span<const Term> terms) {
  unsigned most = 0;
  for (const Term& term : terms) most = std::max(most, term.variables);
  return most;
}

std::vector<Fp3> point_of(const LinearForm& form, std::span<const Fp3> r) {
  std::vector<Fp3> point;
  for (const Coordinate& coordinate : form.coordinates) {
    point.push_back(coordinate.variable == Coordinate::kFixed ? coordinate.value
                                                              : r[coordinate.variable]);
  }
  return point;
}

/// What the terms come to at the drawn point; says or reads the columns' values there.
Result<Fp3> value_at_point(std::span<const Term> terms, std::span<const Fp3> r,
                           ColumnClaims& claims) {
  const Fp half = Fp(2).inverse();
  Fp3 total;
  for (const Term& term : terms) {
    Fp3 product = term.scale * half.pow(r.size() - term.variables);
    for (const LinearForm& form : term.forms) {
      const std::vector<Fp3> point = point_of(form, r);
      Fp3 value = form.constant;
      for (const LinearForm::Part& part : form.parts) {
        IMO_TRY(const Fp3 column, claims.value(part.column, point));
        value += part.scale * column;
      }
      product *= value;
    }
    for (const KnownFactor& known : term.known) {
      product *= known.evaluate(r.subspan(known.first(), known.count()));
    }
    total += product;
  }
  return total;
}

}  // namespace

void prove_products(std::span<const Term> terms, const ColumnValues& values, SaidClaims& claims,
                    ProofWriter& proof, ThreadPool& pool) {
  const unsigned rounds = most_variables(terms);
  std::vector<RunningTerm> running;
  // What terms that have not begun come to, spread evenly over the variables they do not have.
  std::vector<Fp3> waiting;
  running.reserve(terms.size());
  const Fp half = Fp(2).inverse();
  for (const Term& term : terms) {
    running.emplace_back(term, values, pool);
    waiting.push_back(running.back().sum(pool));
  }
  std::vector<Fp3> r(rounds);
  for (unsigned left = rounds; left > 0; --left) {
    Samples samples;
    Fp3 constant;
    for (std::size_t i = 0; i < running.size(); ++i) {
      if (running[i].variables() >= left) {
        Samples one = running[i].sample(pool);
        const Fp weight = half.pow(rounds - running[i].variables());
        for (Fp3& value : one.at) value *= weight;
        samples += one;
      } else {
        constant += waiting[i];
      }
    }
    constant *= half.pow(rounds - left + 1);
    for (Fp3& value : samples.at) value += constant;
    const auto coefficients = coefficients_of(samples);
    proof.write(coefficients[0]);
    for (std::size_t i = 2; i < kPoints; ++i) proof.write(coefficients.at(i));
    r[left - 1] = proof.challenge();
    for (RunningTerm& term : running) {
      if (term.variables() >= left) term.bind(r[left - 1], pool);
    }
  }
  IMO_CHECK(value_at_point(terms, r, claims), "a prover knows its columns");
}

Result<void> check_products(std::span<const Term> terms, const Fp3& sum, HeardClaims& claims,
                            ProofReader& proof) {
  const unsigned rounds = most_variables(terms);
  std::vector<Fp3> r(rounds);
  Fp3 left_over = sum;
  for (unsigned left = rounds; left > 0; --left) {
    std::array<Fp3, kPoints> coefficients;
    IMO_TRY(coefficients[0], proof.read_fp3());
    Fp3 others = coefficients[0] + coefficients[0];
    for (std::size_t i = 2; i < kPoints; ++i) {
      IMO_TRY(coefficients.at(i), proof.read_fp3());
      others += coefficients.at(i);
    }
    coefficients[1] = left_over - others;
    r[left - 1] = proof.challenge();
    left_over = value_at(coefficients, r[left - 1]);
  }
  IMO_TRY(const Fp3 value, value_at_point(terms, r, claims));
  if (value != left_over) return proof.refused("the sums of products do not hold");
  return {};
}

}  // namespace imo::zkml
