#include "imo/zkml/field.hpp"

#include "imo/zkml/test_support.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

constexpr std::uint64_t kP = Fp::kModulus;

/// Where carries, borrows and the final subtraction change their mind.
std::vector<std::uint64_t> edges() {
  std::vector<std::uint64_t> words;
  for (const std::uint64_t middle :
       {std::uint64_t{0}, std::uint64_t{1} << 31, std::uint64_t{1} << 32, std::uint64_t{1} << 63,
        kP / 2, kP, ~std::uint64_t{0}}) {
    for (std::uint64_t offset = 0; offset <= 4; ++offset) words.push_back(middle + offset - 2);
  }
  return words;
}

std::uint64_t slow(Wide value) {
  return static_cast<std::uint64_t>(value % kP);
}

void compare_with_division(std::uint64_t x, std::uint64_t y) {
  const Fp a(x);
  const Fp b(y);
  const std::uint64_t u = slow(x);
  const std::uint64_t v = slow(y);
  ASSERT_EQ(a.value(), u);
  ASSERT_EQ((a + b).value(), slow(static_cast<Wide>(u) + v)) << x << ' ' << y;
  ASSERT_EQ((a - b).value(), slow(static_cast<Wide>(u) + kP - v)) << x << ' ' << y;
  ASSERT_EQ((a * b).value(), slow(static_cast<Wide>(u) * v)) << x << ' ' << y;
  const Wide wide = static_cast<Wide>(x) << 64 | y;
  ASSERT_EQ(Fp::from_wide(wide).value(), slow(wide)) << x << ' ' << y;
}

TEST(Fp, AgreesWithDivisionOnEdges) {
  for (const std::uint64_t x : edges()) {
    for (const std::uint64_t y : edges()) compare_with_division(x, y);
  }
}

TEST(Fp, AgreesWithDivisionOnRandomWords) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) compare_with_division(random(), random());
}

TEST(Fp, TakesSignedNumbers) {
  EXPECT_EQ(Fp::from_signed(-1) + Fp(1), Fp());
  EXPECT_EQ(Fp::from_signed(-128).value(), kP - 128);
  EXPECT_EQ(Fp::from_signed(127).value(), 127U);
  EXPECT_EQ(Fp::from_signed(INT64_MIN) + Fp(std::uint64_t{1} << 63), Fp());
  EXPECT_EQ(Fp::from_signed(INT64_MAX).value(), std::uint64_t{INT64_MAX});
}

TEST(Fp, InversesAndPowers) {
  for (const std::uint64_t x : edges()) {
    if (Fp(x) == Fp()) continue;
    EXPECT_EQ(Fp(x) * Fp(x).inverse(), Fp(1));
  }
  EXPECT_EQ(Fp(3).pow(0), Fp(1));
  EXPECT_EQ(Fp(3).pow(40), Fp(12157665459056928801U));
  EXPECT_DEATH((void)Fp().inverse(), "inverse of zero");
}

TEST(Fp, RootsOfUnityHaveTheirOrders) {
  EXPECT_EQ(Fp::root_of_unity(0), Fp(1));
  EXPECT_EQ(Fp::root_of_unity(1), -Fp(1));
  EXPECT_EQ(Fp::root_of_unity(32).value(), 1753635133440165772U);
  for (unsigned k = 1; k <= Fp::kTwoAdicity; ++k) {
    EXPECT_EQ(Fp::root_of_unity(k).pow(std::uint64_t{1} << (k - 1)), -Fp(1)) << k;
    EXPECT_EQ(Fp::root_of_unity(k) * Fp::root_of_unity(k), Fp::root_of_unity(k - 1)) << k;
  }
}

/// Schoolbook multiplication with single products, reduced by X^3 = 2 at the end.
Fp3 slow_product(const Fp3& a, const Fp3& b) {
  std::array<Fp, 5> c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) c.at(i + j) += a.coefficient(i) * b.coefficient(j);
  }
  return {c[0] + Fp(2) * c[3], c[1] + Fp(2) * c[4], c[2]};
}

TEST(Fp3, AgreesWithSchoolbook) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 50'000; ++i) {
    const Fp3 a = test::random_fp3(random);
    const Fp3 b = test::random_fp3(random);
    ASSERT_EQ(a * b, slow_product(a, b));
    ASSERT_EQ(a * b.coefficient(1), slow_product(a, b.coefficient(1)));
  }
  // The largest sums: all carries at once.
  const Fp top(kP - 1);
  const Fp near(kP / 2);  // doubling it does not wrap
  for (const Fp3& a : {Fp3(top, top, top), Fp3(near, near, near), Fp3(top, near, Fp(1))}) {
    for (const Fp3& b : {Fp3(top, top, top), Fp3(near, near, near), Fp3(top, near, near)}) {
      EXPECT_EQ(a * b, slow_product(a, b));
    }
  }
}

TEST(Fp3, IsAFieldBecauseTwoIsNoCube) {
  ASSERT_EQ((kP - 1) % 3, 0U);
  EXPECT_NE(Fp(2).pow((kP - 1) / 3), Fp(1));
  std::mt19937_64 random(4);
  for (int i = 0; i < 1000; ++i) {
    const Fp3 a = test::random_fp3(random);
    EXPECT_EQ(a * a.inverse(), Fp3(1));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const Fp3 power = Fp3(Fp(), Fp(1), Fp()).pow(i);
    EXPECT_EQ(power * power.inverse(), Fp3(1));
  }
  EXPECT_EQ(Fp3(Fp(), Fp(1), Fp()).pow(3), Fp3(2));
  EXPECT_DEATH((void)Fp3().inverse(), "inverse of zero");
}

TEST(Field, WritesBigEndianAndRefusesWhatIsNotCanonical) {
  const Fp3 a(Fp(0x0102030405060708), Fp(kP - 1), Fp(0));
  std::array<std::uint8_t, 24> bytes{};
  write_field(a, bytes);
  const std::array<std::uint8_t, 24> expected{1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff,
                                              0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,    0};
  EXPECT_EQ(bytes, expected);
  EXPECT_EQ(read_fp3(bytes), a);
  for (std::size_t word = 0; word < 3; ++word) {
    auto changed = bytes;
    const std::array<std::uint8_t, 8> modulus{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1};
    std::copy(modulus.begin(), modulus.end(),
              changed.begin() + static_cast<std::ptrdiff_t>(8 * word));
    EXPECT_FALSE(read_fp3(changed)) << word;
    changed.at(8 * word + 7) = 0;  // p - 1
    EXPECT_TRUE(read_fp3(changed)) << word;
  }
}

}  // namespace
}  // namespace imo::zkml
