#include "imo/zkml/weight.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/known.hpp"
#include "imo/zkml/parallel_sum.hpp"

#include <algorithm>

namespace imo::zkml {
namespace {

/// Products over the low variables are tabulated, those over the high ones made block by block.
constexpr unsigned kLowVariables = 10;

/// What Horner's rule handles in one piece before it is scaled to its place.
constexpr std::size_t kHornerBlock = 1024;

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
  Weight weight;
  weight.variables_ = variables;
  Fp3 power = x;
  for (unsigned j = 0; j < variables; ++j, power *= power) {
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
    product *= factors_[j].zero + r[j] * (factors_[j].one - factors_[j].zero);
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

void Weight::add_block(std::span<Fp3> block, const Fp3& scale, ThreadPool& pool) const {
  const std::size_t low = std::min<std::size_t>(kLowVariables, factors_.size());
  std::vector<Fp3> table{Fp3(1)};
  for (std::size_t j = 0; j < low; ++j) {
    const std::size_t half = table.size();
    table.resize(2 * half);
    for (std::size_t b = 0; b < half; ++b) {
      table[half + b] = table[b] * factors_[j].one;
      table[b] *= factors_[j].zero;
    }
  }
  pool.parallel_for(block.size() >> low, [&](std::size_t part) {
    Fp3 high = scale;
    for (std::size_t j = low; j < factors_.size(); ++j) {
      high *= (part >> (j - low) & 1) != 0 ? factors_[j].one : factors_[j].zero;
    }
    const std::span<Fp3> target = block.subspan(part << low, table.size());
    for (std::size_t b = 0; b < table.size(); ++b) target[b] += high * table[b];
  });
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
      for (std::size_t b = 0; b < part.size(); ++b) inner += table[b] * part[b];
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

Fp3 evaluate_univariate(std::span<const Fp3> coefficients, const Fp3& x) {
  Fp3 value;
  for (std::size_t b = coefficients.size(); b > 0; --b) value = value * x + coefficients[b - 1];
  return value;
}

Fp3 evaluate_univariate(std::span<const Fp> coefficients, const Fp3& x, ThreadPool& pool) {
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

}  // namespace imo::zkml
