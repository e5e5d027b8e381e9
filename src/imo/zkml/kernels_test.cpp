#include "imo/zkml/kernels.hpp"

#include "imo/zkml/test_support.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

/// Words at the edges, where carries happen, and random ones.
Fp edge(std::mt19937_64& random) {
  switch (random() % 6) {
    case 0:
      return Fp(Fp::kModulus - 1 - random() % 3);
    case 1:
      return Fp(random() % 3);
    case 2:
      return Fp((std::uint64_t{1} << 32) - 2 + random() % 4);
    case 3:
      return Fp((std::uint64_t{1} << 52) - 2 + random() % 4);
    case 4:
      return Fp((std::uint64_t{1} << 63) - 2 + random() % 4);
    default:
      return test::random_fp(random);
  }
}

std::vector<Fp> words(std::mt19937_64& random, std::size_t count) {
  std::vector<Fp> values(count);
  for (Fp& value : values) value = edge(random);
  return values;
}

std::vector<Fp3> elements(std::mt19937_64& random, std::size_t count) {
  std::vector<Fp3> values(count);
  for (Fp3& value : values) {
    const Fp a0 = edge(random);
    const Fp a1 = edge(random);
    value = {a0, a1, edge(random)};
  }
  return values;
}

/// Calls body(kernels, count, random) for every version and for counts around multiples of lanes
/// and around what is summed before it is reduced.
void for_counts(
    const std::function<void(const FieldKernels&, std::size_t, std::mt19937_64&)>& body) {
  for (const FieldKernels* kernels : available_field_kernels()) {
    SCOPED_TRACE(kernels->name);
    std::mt19937_64 random(1);
    for (const std::size_t count : {0U, 1U, 2U, 7U, 8U, 9U, 16U, 33U, 257U, 1025U, 2100U, 9000U}) {
      body(*kernels, count, random);
    }
  }
}

TEST(FieldKernels, TheScalarOnesAreAlwaysThere) {
  EXPECT_STREQ(available_field_kernels().back()->name, "scalar");
  EXPECT_EQ(&field_kernels(), available_field_kernels().front());
}

TEST(FieldKernels, Butterflies) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    constexpr std::size_t kWords = 48;
    const auto low = words(random, count * kWords);
    const auto high = words(random, count * kWords);
    const auto twiddles = words(random, count);
    auto a = low;
    auto b = high;
    kernels.butterflies(words_of(a.data()), words_of(b.data()), count, kWords,
                        words_of(twiddles.data()));
    for (std::size_t i = 0; i < low.size(); ++i) {
      ASSERT_EQ(a[i], low[i] + high[i]);
      ASSERT_EQ(b[i], (low[i] - high[i]) * twiddles[i / kWords]);
    }
  });
}

TEST(FieldKernels, Scale) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto source = words(random, 16 * count);
    const Fp factor = edge(random);
    auto target = source;
    kernels.scale(words_of(target.data()), words_of(source.data()), source.size(), factor.value());
    for (std::size_t i = 0; i < source.size(); ++i) ASSERT_EQ(target[i], factor * source[i]);
  });
}

TEST(FieldKernels, AddRows) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    for (const std::size_t width : {16U, 48U}) {
      const auto rows = words(random, count * width);
      const auto factors = words(random, count);
      auto expected = words(random, width);
      auto sums = expected;
      kernels.add_rows(words_of(rows.data()), count, width, words_of(factors.data()),
                       words_of(sums.data()));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        expected[i % width] += factors[i / width] * rows[i];
      }
      EXPECT_EQ(sums, expected);
    }
  });
}

TEST(FieldKernels, AddRowsExtended) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto rows = words(random, count * 16);
    const auto factors = elements(random, count);
    auto expected = elements(random, 16);
    auto sums = expected;
    kernels.add_rows_extended(words_of(rows.data()), count, words_of(factors.data()),
                              words_of(sums.data()));
    for (std::size_t i = 0; i < rows.size(); ++i) expected[i % 16] += factors[i / 16] * rows[i];
    EXPECT_EQ(sums, expected);
  });
}

TEST(FieldKernels, FoldRows) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto rows = words(random, count * 16);
    const auto weights = elements(random, 16);
    std::vector<Fp3> expected(count);
    auto out = expected;
    kernels.fold_rows(words_of(rows.data()), count, words_of(weights.data()), words_of(out.data()));
    for (std::size_t i = 0; i < rows.size(); ++i) expected[i / 16] += weights[i % 16] * rows[i];
    EXPECT_EQ(out, expected);
  });
}

TEST(FieldKernels, AddTables) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    for (const std::size_t size : {0U, 1U, 8U, 13U, 24U}) {
      const std::size_t stride = size + 3;
      const auto tables = words(random, count * stride);
      const auto heads = elements(random, count);
      auto expected = elements(random, size);
      auto target = expected;
      kernels.add_tables(words_of(target.data()), size, words_of(heads.data()),
                         words_of(tables.data()), stride, count);
      for (std::size_t j = 0; j < count; ++j) {
        for (std::size_t b = 0; b < size; ++b) expected[b] += heads[j] * tables[j * stride + b];
      }
      ASSERT_EQ(target, expected);
    }
  });
}

TEST(FieldKernels, AddScaled) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto table = elements(random, count);
    const Fp3 factor = elements(random, 1)[0];
    auto expected = elements(random, count);
    auto target = expected;
    kernels.add_scaled(words_of(target.data()), words_of(table.data()), count, words_of(&factor));
    for (std::size_t b = 0; b < count; ++b) expected[b] += factor * table[b];
    EXPECT_EQ(target, expected);
  });
}

TEST(FieldKernels, Dot) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto values = words(random, count);
    const auto table = elements(random, count);
    Fp3 expected = elements(random, 1)[0];
    Fp3 sum = expected;
    kernels.dot(words_of(values.data()), words_of(table.data()), count, words_of(&sum));
    for (std::size_t b = 0; b < count; ++b) expected += table[b] * values[b];
    EXPECT_EQ(sum, expected);
  });
}

TEST(FieldKernels, PairProducts) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto f = elements(random, 2 * count);
    const auto w = elements(random, 2 * count);
    auto expected = elements(random, 2);
    auto sums = expected;
    kernels.pair_products(words_of(f.data()), words_of(w.data()), count, words_of(sums.data()));
    for (std::size_t i = 0; i < count; ++i) {
      expected[0] += w[2 * i] * f[2 * i];
      expected[1] += (w[2 * i + 1] - w[2 * i]) * (f[2 * i + 1] - f[2 * i]);
    }
    EXPECT_EQ(sums, expected);
  });
}

TEST(FieldKernels, FoldPairs) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto in = elements(random, 2 * count);
    const Fp3 r = elements(random, 1)[0];
    std::vector<Fp3> out(count);
    kernels.fold_pairs(words_of(in.data()), count, words_of(&r), words_of(out.data()));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(out[i], in[2 * i] + r * (in[2 * i + 1] - in[2 * i]));
    }
  });
}

TEST(FieldKernels, FoldHalves) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto low = elements(random, count);
    const auto high = elements(random, count);
    const Fp3 r = elements(random, 1)[0];
    auto out = low;
    kernels.fold_halves(words_of(out.data()), words_of(high.data()), count, words_of(&r));
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(out[i], low[i] + r * (high[i] - low[i]));
  });
}

TEST(FieldKernels, LineProducts) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    for (std::size_t factors = 1; factors <= 4; ++factors) {
      std::vector<std::vector<Fp3>> low;
      std::vector<std::vector<Fp3>> high;
      std::vector<const std::uint64_t*> lows;
      std::vector<const std::uint64_t*> highs;
      for (std::size_t f = 0; f < factors; ++f) {
        low.push_back(elements(random, count));
        high.push_back(elements(random, count));
        lows.push_back(words_of(low.back().data()));
        highs.push_back(words_of(high.back().data()));
      }
      auto expected = elements(random, factors + 1);
      auto sums = expected;
      kernels.line_products(lows.data(), highs.data(), factors, count, words_of(sums.data()));
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = 0; k <= factors; ++k) {
          Fp3 product(1);
          for (std::size_t f = 0; f < factors; ++f) {
            product *= low[f][i] + Fp(k) * (high[f][i] - low[f][i]);
          }
          expected[k] += product;
        }
      }
      ASSERT_EQ(sums, expected);
    }
  });
}

TEST(FieldKernels, AddFractions) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto p = elements(random, 2 * count);
    const auto q = elements(random, 2 * count);
    std::vector<Fp3> p_out(count);
    std::vector<Fp3> q_out(count);
    kernels.add_fractions(words_of(p.data()), words_of(q.data()), count, words_of(p_out.data()),
                          words_of(q_out.data()));
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(p_out[i], p[2 * i] * q[2 * i + 1] + p[2 * i + 1] * q[2 * i]);
      ASSERT_EQ(q_out[i], q[2 * i] * q[2 * i + 1]);
    }
  });
}

TEST(FieldKernels, FractionLines) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto p = elements(random, 4 * count);
    const auto q = elements(random, 4 * count);
    const auto weights = elements(random, count);
    const Fp3 lambda = elements(random, 1)[0];
    auto expected = elements(random, 2);
    auto sums = expected;
    kernels.fraction_lines(words_of(p.data()), words_of(q.data()), words_of(weights.data()), count,
                           words_of(&lambda), words_of(sums.data()));
    for (std::size_t i = 0; i < count; ++i) {
      const auto value_at = [&](const Fp3& x) {
        const auto line = [&](const std::vector<Fp3>& v, std::size_t side) {
          return v[4 * i + side] + x * (v[4 * i + 2 + side] - v[4 * i + side]);
        };
        return line(p, 0) * line(q, 1) + line(p, 1) * line(q, 0) + lambda * line(q, 0) * line(q, 1);
      };
      // Of g0 + g1 X + g2 X^2: g(1) + g(-1) = 2 g0 + 2 g2.
      const Fp3 at_zero = value_at(Fp3());
      const Fp3 at_one = value_at(Fp3(1));
      const Fp3 g2 = (at_one + value_at(-Fp3(1))) * Fp(2).inverse() - at_zero;
      expected[0] += weights[i] * (at_one - at_zero - g2);
      expected[1] += weights[i] * g2;
    }
    EXPECT_EQ(sums, expected);
  });
}

TEST(FieldKernels, FoldFours) {
  for_counts([](const FieldKernels& kernels, std::size_t count, std::mt19937_64& random) {
    const auto in = elements(random, 4 * count);
    const Fp3 r = elements(random, 1)[0];
    std::vector<Fp3> out(2 * count);
    kernels.fold_fours(words_of(in.data()), count, words_of(&r), words_of(out.data()));
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t at = i / 2 * 4 + i % 2;
      ASSERT_EQ(out[i], in[at] + r * (in[at + 2] - in[at]));
    }
  });
}

}  // namespace
}  // namespace imo::zkml
