#include "imo/zkml/weight.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/kernels.hpp"
#include "imo/zkml/known.hpp"
#include "imo/zkml/parallel_sum.hpp"

#include <algorithm>
#include <bit>

namespace imo::zkml {
namespace {

/// Products over the low variables are tabulated, those over the high ones made block by block.
constexpr unsigned kLowVariables = 10;

/// What Horner's rule handles in one piece before it is scaled to its place.
constexpr std::size_t kHornerBlock = 1024;

/// Powers of each of many points that are tabulated, so that all tables fit the cache.
constexpr std::size_t kPowersAtOnce = 256;

}  // namespace

Weight Weight::at_point(std::span<const Fp3> z) {
  const Fp3 one(1);
  return in_blocks(z, 0, {&one, 1}, static_cast<unsigned>(z.size()));
}

Weight Weight::in_blocks(std::span<const Fp3> z, std::uint64_t first, std::span<const Fp3> scales,
                         unsigned variables) {
  IMO_CHECK(
      z.size() <= variables && first + scales.size() <= std::uint64_t{1} << (variables - z.size()),
      "blocks outside of the vector");
  Weight weight;
  weight.variables_ = variables;
  for (const Fp3& coordinate : z) weight.factors_.push_back({Fp3(1) - coordinate, coordinate});
  weight.first_ = first;
  weight.scales_.assign(scales.begin(), scales.end());
  return weight;
}

Weight Weight::powers(const Fp3& x, unsigned variables) {
  return powers_in_block(x, variables, 0, variables);
}

Weight Weight::powers_in_block(const Fp3& x, unsigned block_variables, std::uint64_t number,
                               unsigned variables) {
  IMO_CHECK(
      block_variables <= variables && number < std::uint64_t{1} << (variables - block_variables),
      "a block outside of the vector");
  Weight weight;
  weight.variables_ = variables;
  weight.first_ = number;
  Fp3 power = x;
  for (unsigned j = 0; j < block_variables; ++j, power *= power) {
    weight.factors_.push_back({Fp3(1), power});
  }
  return weight;
}

Fp3 Weight::blocks_at(std::span<const Fp3> high) const {
  Fp3 sum;
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    sum += scales_[i] * evaluate_index(first_ + i, high);
  }
  return sum;
}

Fp3 Weight::evaluate(std::span<const Fp3> r) const {
  IMO_CHECK(r.size() == variables_, "a point of another dimension");
  Fp3 product = blocks_at(r.subspan(factors_.size()));
  for (std::size_t j = 0; j < factors_.size(); ++j) {
    product *= factors_[j].at(r[j]);
  }
  return product;
}

void Weight::add_to(std::span<Fp3> sums, const Fp3& scale, ThreadPool& pool) const {
  IMO_CHECK(sums.size() == std::size_t{1} << variables_, "sums of another dimension");
  const std::size_t size = std::size_t{1} << factors_.size();
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    add_block(sums.subspan((first_ + i) * size, size), scale * scales_[i], pool);
  }
}

RowValues Weight::row() const {
  IMO_CHECK(is_over_rows(), "a weight of blocks smaller than a row");
  RowValues row;
  std::ranges::copy(table_of(std::span(factors_).first(kRowVariables)), row.at.begin());
  return row;
}

RowValues Weight::row_sums(std::span<const Fp> values, ThreadPool& pool) const {
  IMO_CHECK(is_over_rows() && values.size() % kRowElements == 0, "sums over whole rows");
  const std::span<const Factor> high = std::span(factors_).subspan(kRowVariables);
  const std::size_t low = std::min<std::size_t>(kLowVariables, high.size());
  const std::vector<Fp3> table = table_of(high.first(low));
  // Parts of table.size() rows; those of a block, and of block after block, follow each other.
  const std::size_t parts = std::size_t{1} << (high.size() - low);
  const std::size_t rows = values.size() / kRowElements;
  const std::size_t stored = (rows + table.size() - 1) >> low;
  const std::size_t first_part = std::min<std::size_t>(first_ * parts, stored);
  const std::size_t count = std::min(scales_.size() * parts, stored - first_part);
  return parallel_sum<RowValues>(pool, count, [&](std::size_t begin, std::size_t end) {
    RowValues sums;
    for (std::size_t part = begin; part < end; ++part) {
      const std::size_t first = (first_part + part) << low;
      RowValues inner;
      field_kernels().add_rows_extended(words_of(&values[first * kRowElements]),
                                        std::min(table.size(), rows - first),
                                        words_of(table.data()), words_of(inner.at.data()));
      const Fp3 head = scales_[part / parts] * product_at(high.subspan(low), part % parts);
      for (std::size_t c = 0; c < kRowElements; ++c) sums.at[c] += head * inner.at[c];
    }
    return sums;
  });
}

Weight Weight::above(std::span<const Fp3> r) const {
  IMO_CHECK(is_over_rows() && r.size() == kRowVariables, "the variables of a row");
  Fp3 at_row(1);
  for (std::size_t j = 0; j < r.size(); ++j) at_row *= factors_[j].at(r[j]);
  Weight weight;
  weight.variables_ = variables_ - kRowVariables;
  weight.factors_.assign(factors_.begin() + kRowVariables, factors_.end());
  weight.first_ = first_;
  weight.scales_ = scales_;
  for (Fp3& scale : weight.scales_) scale *= at_row;
  return weight;
}

std::vector<std::pair<std::uint64_t, Fp3>> Weight::entries() const {
  const std::vector<Fp3> table = table_of(factors_);
  std::vector<std::pair<std::uint64_t, Fp3>> entries;
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    for (std::size_t b = 0; b < table.size(); ++b) {
      entries.emplace_back((first_ + i) * table.size() + b, scales_[i] * table[b]);
    }
  }
  return entries;
}

void Weight::add_block(std::span<Fp3> block, const Fp3& scale, ThreadPool& pool) const {
  const std::span<const Factor> factors(factors_);
  const std::size_t low = std::min<std::size_t>(kLowVariables, factors.size());
  const std::vector<Fp3> table = table_of(factors.first(low));
  pool.parallel_for(block.size() >> low, [&](std::size_t part) {
    const Fp3 high = scale * product_at(factors.subspan(low), part);
    field_kernels().add_scaled(words_of(&block[part << low]), words_of(table.data()), table.size(),
                               words_of(&high));
  });
}

std::vector<Fp3> Weight::table_of(std::span<const Factor> factors) {
  std::vector<Fp3> table{Fp3(1)};
  for (const Factor& factor : factors) {
    const std::size_t half = table.size();
    table.resize(2 * half);
    for (std::size_t b = 0; b < half; ++b) {
      table[half + b] = table[b] * factor.one;
      table[b] *= factor.zero;
    }
  }
  return table;
}

Fp3 Weight::product_at(std::span<const Factor> factors, std::size_t index) {
  Fp3 product(1);
  for (std::size_t j = 0; j < factors.size(); ++j) {
    product *= (index >> j & 1) != 0 ? factors[j].one : factors[j].zero;
  }
  return product;
}

std::vector<Fp3> point_weights(std::span<const Fp3> z) {
  std::vector<Fp3> table{Fp3(1)};
  for (const Fp3& coordinate : z) {
    const std::size_t half = table.size();
    table.resize(2 * half);
    for (std::size_t b = 0; b < half; ++b) {
      table[half + b] = table[b] * coordinate;
      table[b] -= table[half + b];
    }
  }
  return table;
}

Fp3 evaluate_multilinear(std::span<const Fp> values, std::span<const Fp3> z, ThreadPool& pool) {
  IMO_CHECK(values.size() <= std::size_t{1} << z.size(), "values of another dimension");
  const std::size_t low = std::min<std::size_t>(kLowVariables, z.size());
  const std::vector<Fp3> table = point_weights(z.first(low));
  const std::vector<Fp3> blocks = point_weights(z.subspan(low));
  const std::size_t stored = (values.size() + table.size() - 1) >> low;
  return parallel_sum<Fp3>(pool, stored, [&](std::size_t begin, std::size_t end) {
    Fp3 sum;
    for (std::size_t block = begin; block < end; ++block) {
      const std::span<const Fp> part =
          values.subspan(block << low, std::min(table.size(), values.size() - (block << low)));
      Fp3 inner;
      field_kernels().dot(words_of(part.data()), words_of(table.data()), part.size(),
                          words_of(&inner));
      sum += inner * blocks[block];
    }
    return sum;
  });
}

Fp3 evaluate_multilinear(std::span<const Fp3> values, std::span<const Fp3> z) {
  IMO_CHECK(values.size() == std::size_t{1} << z.size(), "values of another dimension");
  const std::vector<Fp3> weights = point_weights(z);
  Fp3 sum;
  for (std::size_t b = 0; b < values.size(); ++b) sum += weights[b] * values[b];
  return sum;
}

Fp3 univariate_value(std::span<const Fp> values, const Fp3& x, ThreadPool& pool) {
  const auto rows = std::max<std::size_t>(1, values.size() / kRowElements);
  const auto variables = kRowVariables + static_cast<unsigned>(std::bit_width(rows - 1));
  const Weight weight = Weight::powers(x, variables);
  const RowValues row = weight.row();
  const RowValues sums = weight.row_sums(values, pool);
  Fp3 value;
  for (std::size_t c = 0; c < kRowElements; ++c) value += row.at[c] * sums.at[c];
  return value;
}

Fp3 evaluate_univariate(std::span<const Fp3> coefficients, const Fp3& x) {
  Fp3 value;
  for (std::size_t b = coefficients.size(); b > 0; --b) value = value * x + coefficients[b - 1];
  return value;
}

namespace {

template <typename Element>
Fp3 evaluate_on_every_thread(std::span<const Element> coefficients, const Fp3& x,
                             ThreadPool& pool) {
  const std::size_t blocks = (coefficients.size() + kHornerBlock - 1) / kHornerBlock;
  const Fp3 step = x.pow(kHornerBlock);
  return parallel_sum<Fp3>(pool, blocks, [&](std::size_t begin, std::size_t end) {
    Fp3 sum;
    for (std::size_t block = end; block > begin; --block) {
      const std::size_t first = (block - 1) * kHornerBlock;
      const std::size_t last = std::min(first + kHornerBlock, coefficients.size());
      Fp3 inner;
      for (std::size_t b = last; b > first; --b) inner = inner * x + coefficients[b - 1];
      sum = sum * step + inner;
    }
    return sum * x.pow(begin * kHornerBlock);
  });
}

}  // namespace

Fp3 evaluate_univariate(std::span<const Fp3> coefficients, const Fp3& x, ThreadPool& pool) {
  return evaluate_on_every_thread(coefficients, x, pool);
}

Fp3 evaluate_univariate(std::span<const Fp> coefficients, const Fp3& x, ThreadPool& pool) {
  return evaluate_on_every_thread(coefficients, x, pool);
}

void add_powers(std::span<Fp3> sums, std::span<const Fp> points, std::span<const Fp3> scales,
                ThreadPool& pool) {
  IMO_CHECK(points.size() == scales.size(), "a scale for each point");
  const std::size_t size = std::min(kPowersAtOnce, sums.size());
  std::vector<Fp> tables;
  std::vector<Fp> steps;  // from part to part
  for (const Fp& point : points) {
    Fp power(1);
    for (std::size_t b = 0; b < size; ++b, power *= point) tables.push_back(power);
    steps.push_back(power);
  }
  pool.parallel_ranges((sums.size() + size - 1) / size, [&](std::size_t begin, std::size_t end) {
    std::vector<Fp3> heads;
    for (std::size_t j = 0; j < points.size(); ++j)
      heads.push_back(scales[j] * steps[j].pow(begin));
    for (std::size_t part = begin; part < end; ++part) {
      const std::span<Fp3> target =
          sums.subspan(part * size, std::min(size, sums.size() - part * size));
      field_kernels().add_tables(words_of(target.data()), target.size(), words_of(heads.data()),
                                 words_of(tables.data()), size, points.size());
      for (std::size_t j = 0; j < points.size(); ++j) heads[j] *= steps[j];
    }
  });
}

}  // namespace imo::zkml
