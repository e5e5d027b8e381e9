#include "imo/zkml/code.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/test_support.hpp"

#include <set>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

TEST(Code, PointsArePowersOfTheRootInBitReversedOrder) {
  for (const unsigned m : {1U, 4U, 9U}) {
    std::set<std::uint64_t> seen;
    for (std::uint32_t row = 0; row < 1U << m; ++row) {
      std::uint64_t reversed = 0;
      for (unsigned j = 0; j < m; ++j) reversed |= std::uint64_t{row >> j & 1U} << (m - 1 - j);
      EXPECT_EQ(code_point(row), Fp::root_of_unity(m).pow(reversed));
      seen.insert(code_point(row).value());
    }
    EXPECT_EQ(seen.size(), std::size_t{1} << m);
  }
}

/// Every element of the codeword by Horner's rule.
template <typename Element, typename Random>
void compare_with_horner(unsigned log_rows, unsigned rate, ThreadPool& pool, Random&& draw) {
  const std::size_t rows = std::size_t{1} << log_rows;
  std::vector<Element> message(rows * 16);
  for (Element& element : message) element = draw();
  const auto code = encode(std::span<const Element>(message), rate, pool);
  ASSERT_EQ(code.size(), message.size() << rate);
  for (std::size_t q = 0; q < rows << rate; ++q) {
    const Fp x = code_point(static_cast<std::uint32_t>(q));
    for (std::size_t c = 0; c < 16; ++c) {
      Element value;
      for (std::size_t a = rows; a > 0; --a) value = value * x + message[(a - 1) * 16 + c];
      ASSERT_EQ(code[q * 16 + c], value) << q << ' ' << c;
    }
  }
}

TEST(Code, AgreesWithHorner) {
  std::mt19937_64 random(1);
  for (const std::size_t threads : {1U, 3U}) {
    ThreadPool pool(threads);
    for (unsigned log_rows = 0; log_rows <= 6; ++log_rows) {
      for (unsigned rate = 1; rate <= 4; ++rate) {
        compare_with_horner<Fp>(log_rows, rate, pool, [&] { return test::random_fp(random); });
        compare_with_horner<Fp3>(log_rows, rate, pool, [&] { return test::random_fp3(random); });
      }
    }
  }
}

/// Sums, differences and products of words at the edges, where carries happen, and of random ones.
TEST(Code, KernelsAgreeBitForBit) {
  std::mt19937_64 random(2);
  ThreadPool pool(2);
  const std::uint64_t p = Fp::kModulus;
  for (int round = 0; round < 40; ++round) {
    std::vector<Fp3> message(16U << (round % 9));
    std::vector<Fp> base(message.size());
    const auto draw = [&]() -> Fp {
      switch (random() % 6) {
        case 0:
          return Fp(p - 1 - random() % 3);
        case 1:
          return Fp(random() % 3);
        case 2:
          return Fp((std::uint64_t{1} << 32) - 2 + random() % 4);
        case 3:
          return Fp((std::uint64_t{1} << 63) - 2 + random() % 4);
        default:
          return Fp(random());
      }
    };
    for (Fp& element : base) element = draw();
    for (Fp3& element : message) element = Fp3(draw(), draw(), draw());
    for (const FieldKernels* kernels : available_field_kernels()) {
      EXPECT_EQ(encode(std::span<const Fp>(base), 2, pool, *kernels),
                encode(std::span<const Fp>(base), 2, pool, scalar_field_kernels()))
          << kernels->name;
      EXPECT_EQ(encode(std::span<const Fp3>(message), 2, pool, *kernels),
                encode(std::span<const Fp3>(message), 2, pool, scalar_field_kernels()))
          << kernels->name;
    }
  }
}

/// Rows computed one by one, and blocks of a message that ends early, are those of the whole code.
template <typename Element, typename Random>
void compare_parts(unsigned log_rows, std::size_t stored, ThreadPool& pool, Random&& draw) {
  constexpr unsigned kRate = 2;
  std::vector<Element> message(16U << log_rows);
  for (std::size_t i = 0; i < 16 * stored; ++i) message[i] = draw();
  const auto code = encode(std::span<const Element>(message), kRate, pool);
  const std::span<const Element> begun = std::span<const Element>(message).first(16 * stored);

  std::vector<Element> blocks;
  encode_blocks(begun, log_rows, kRate, pool,
                [&](std::size_t first, std::span<const Element> rows) {
                  EXPECT_EQ(first * 16, blocks.size());
                  blocks.insert(blocks.end(), rows.begin(), rows.end());
                });
  EXPECT_TRUE(std::ranges::equal(blocks, code));

  const std::vector<std::uint32_t> some{0, 1, 3U << log_rows, (4U << log_rows) - 1};
  for (const FieldKernels* kernels : available_field_kernels()) {
    for (const unsigned height : {0U, 1U, 4U}) {
      std::vector<std::uint32_t> groups;
      for (const std::uint32_t row : some) groups.push_back(row >> height);
      if ((code.size() / 16) >> height == 0) continue;
      const std::size_t size = std::size_t{16} << height;
      const auto rows = code_groups(begun, groups, height, pool, *kernels);
      ASSERT_EQ(rows.size(), size * groups.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(rows[i], code[size * groups[i / size] + i % size]) << kernels->name;
      }
    }
  }
}

TEST(Code, PartsAreThoseOfTheWhole) {
  std::mt19937_64 random(3);
  for (const std::size_t threads : {1U, 3U}) {
    ThreadPool pool(threads);
    for (const unsigned log_rows : {0U, 3U, 10U}) {
      for (const std::size_t stored : {std::size_t{1}, (std::size_t{5} << log_rows) / 7 + 1}) {
        if (stored > std::size_t{1} << log_rows) continue;
        compare_parts<Fp>(log_rows, stored, pool, [&] { return test::random_fp(random); });
        compare_parts<Fp3>(log_rows, stored, pool, [&] { return test::random_fp3(random); });
      }
    }
  }
}

TEST(Code, RefusesOurOwnMistakes) {
  ThreadPool pool(1);
  const std::vector<Fp> odd(48);
  EXPECT_DEATH((void)encode(std::span<const Fp>(odd), 1, pool), "power of two");
}

}  // namespace
}  // namespace imo::zkml
