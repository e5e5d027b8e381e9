#include "imo/zkml/weight.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/test_support.hpp"

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

/// The definition, one b at a time.
Fp3 slow_point_weight(std::span<const Fp3> z, std::size_t b) {
  Fp3 product(1);
  for (std::size_t j = 0; j < z.size(); ++j) {
    product *= (b >> j & 1) != 0 ? z[j] : Fp3(1) - z[j];
  }
  return product;
}

std::vector<Fp3> table_of(const Weight& weight, const Fp3& scale, ThreadPool& pool) {
  std::vector<Fp3> sums(std::size_t{1} << weight.variables());
  weight.add_to(sums, scale, pool);
  return sums;
}

TEST(Weight, TablesAreTheDefinition) {
  std::mt19937_64 random(1);
  ThreadPool pool(3);
  for (const unsigned n : {0U, 1U, 5U, 10U, 12U}) {
    const auto z = test::random_point(random, n);
    const Fp3 x = test::random_fp3(random);
    const Fp3 scale = test::random_fp3(random);
    const auto at_point = table_of(Weight::at_point(z), scale, pool);
    const auto powers = table_of(Weight::powers(x, n), scale, pool);
    const auto plain = point_weights(z);
    for (std::size_t b = 0; b < at_point.size(); ++b) {
      ASSERT_EQ(plain[b], slow_point_weight(z, b));
      ASSERT_EQ(at_point[b], scale * plain[b]);
      ASSERT_EQ(powers[b], scale * x.pow(b));
    }
  }
}

TEST(Weight, ExtensionsAgreeWithTables) {
  std::mt19937_64 random(2);
  ThreadPool pool(1);
  for (unsigned n = 0; n <= 7; ++n) {
    const auto r = test::random_point(random, n);
    const auto z = test::random_point(random, n);
    for (const Weight& weight :
         {Weight::at_point(z), Weight::powers(test::random_fp3(random), n)}) {
      EXPECT_EQ(weight.evaluate(r), evaluate_multilinear(table_of(weight, Fp3(1), pool), r));
    }
  }
}

/// Row by row, with values that end early, a weight is what its table says.
TEST(Weight, RowsAgreeWithTables) {
  std::mt19937_64 random(4);
  ThreadPool pool(2);
  for (const unsigned n : {4U, 6U, 13U}) {
    const auto r = test::random_point(random, kRowVariables);
    const auto z = test::random_point(random, n - 2);
    const auto scales = test::random_point(random, 2);
    std::vector<Weight> weights{Weight::powers(test::random_fp3(random), n),
                                Weight::at_point(test::random_point(random, n)),
                                Weight::in_blocks(z, 1, scales, n)};
    for (const Weight& weight : weights) {
      const auto table = table_of(weight, Fp3(1), pool);
      std::size_t entries = 0;
      for (const auto& [index, value] : weight.entries()) {
        EXPECT_EQ(value, table[index]);
        ++entries;
      }
      for (std::size_t b = 0; b < table.size(); ++b) entries -= table[b].is_zero() ? 0U : 1U;
      EXPECT_EQ(entries, 0U);
      if (!weight.is_over_rows()) continue;
      for (const std::size_t rows :
           {std::size_t{0}, std::size_t{1}, (table.size() / 16 + 1) / 2, table.size() / 16}) {
        const auto values = test::random_values(random, 16 * rows);
        RowValues sums;
        for (std::size_t i = 0; i < values.size(); ++i) {
          // The row's value is a factor of the sum; it is never zero here.
          sums.at[i % 16] += table[i / 16 * 16] * weight.row().at[0].inverse() * values[i];
        }
        EXPECT_EQ(weight.row_sums(values, pool).at, sums.at);
      }
      const auto above = table_of(weight.above(r), Fp3(1), pool);
      for (std::size_t i = 0; i < above.size(); ++i) {
        EXPECT_EQ(above[i],
                  evaluate_multilinear(std::span<const Fp3>(table).subspan(16 * i, 16), r));
      }
    }
  }
}

TEST(Weight, ManyPowersAreTheirSum) {
  std::mt19937_64 random(5);
  ThreadPool pool(2);
  for (const std::size_t size : {1U, 8U, 256U, 1024U}) {
    for (const std::size_t count : {0U, 1U, 5U, 90U}) {
      const auto points = test::random_values(random, count);
      const auto scales = test::random_point(random, count);
      auto expected = test::random_point(random, size);
      auto sums = expected;
      add_powers(sums, points, scales, pool);
      for (std::size_t j = 0; j < count; ++j) {
        for (std::size_t b = 0; b < size; ++b) expected[b] += scales[j] * points[j].pow(b);
      }
      EXPECT_EQ(sums, expected);
    }
  }
}

TEST(Weight, BooleanPointsPickOneValue) {
  ThreadPool pool(2);
  std::vector<Fp3> point;
  for (unsigned j = 0; j < 12; ++j) point.emplace_back(std::uint64_t{0xa53U} >> j & 1U);
  const auto table = table_of(Weight::at_point(point), Fp3(9), pool);
  for (std::size_t b = 0; b < table.size(); ++b) EXPECT_EQ(table[b], Fp3(b == 0xa53 ? 9 : 0));
}

TEST(Evaluation, AgreesWithTheDefinition) {
  std::mt19937_64 random(3);
  for (const std::size_t threads : {1U, 3U}) {
    ThreadPool pool(threads);
    for (const unsigned n : {0U, 3U, 10U, 13U}) {
      const auto values = test::random_values(random, std::size_t{1} << n);
      const auto z = test::random_point(random, n);
      const Fp3 x = test::random_fp3(random);
      Fp3 multilinear;
      Fp3 univariate;
      Fp3 power(1);
      for (std::size_t b = 0; b < values.size(); ++b, power *= x) {
        multilinear += slow_point_weight(z, b) * values[b];
        univariate += power * values[b];
      }
      EXPECT_EQ(evaluate_multilinear(values, z, pool), multilinear);
      EXPECT_EQ(evaluate_univariate(values, x, pool), univariate);
      if (n >= 4) {
        EXPECT_EQ(univariate_value(values, x, pool), univariate);
      }
      const std::vector<Fp3> lifted(values.begin(), values.end());
      EXPECT_EQ(evaluate_multilinear(lifted, z), multilinear);
      EXPECT_EQ(evaluate_univariate(lifted, x), univariate);
      EXPECT_EQ(evaluate_univariate(lifted, x, pool), univariate);
    }
  }
}

}  // namespace
}  // namespace imo::zkml
