#include "imo/model/tables.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/portable_math.hpp"

#include <bit>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

template <typename T>
std::string hash_of(const std::vector<T>& table) {
  Bytes bytes;
  for (const T value : table) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }
  return to_hex(crypto::keccak256(bytes));
}

TEST(PortableMath, IsAsGoodAsTheLibrary) {
  std::mt19937_64 random(1);
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * std::ldexp(static_cast<double>(random() >> 11), -53);
  };
  for (int i = 0; i < 100000; ++i) {
    const double x = uniform(-30, 30);
    ASSERT_NEAR(portable_exp(x) / std::exp(x), 1.0, 1e-15) << x;
    const double y = std::exp(uniform(-20, 20));
    ASSERT_NEAR(portable_log(y), std::log(y), 1e-15 * std::max(1.0, std::fabs(std::log(y)))) << y;
    const double angle = uniform(0, 131072);
    const SineCosine turn = portable_sincos(angle);
    ASSERT_NEAR(turn.sine, std::sin(angle), 1e-15) << angle;
    ASSERT_NEAR(turn.cosine, std::cos(angle), 1e-15) << angle;
  }
  EXPECT_EQ(portable_exp(0), 1.0);
  EXPECT_EQ(portable_exp(-1000), 0.0);
  EXPECT_EQ(portable_log(1), 0.0);
  EXPECT_EQ(portable_sincos(0).cosine, 1.0);
}

// The same bits on any machine: these were computed once and may never change.
TEST(PortableMath, HasTheseBits) {
  EXPECT_EQ(std::bit_cast<std::uint64_t>(portable_exp(1.0)), 0x4005bf0a8b14576aU);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(portable_log(10.0)), 0x40026bb1bbb55516U);
}

TEST(Tables, ExpIsTheNearestInteger) {
  const auto table = make_exp_table();
  ASSERT_EQ(table.size(), kExpEntries);
  EXPECT_EQ(table.front(), 1 << 20);
  EXPECT_EQ(table.back(), 0);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const long double exact = std::exp(-static_cast<long double>(i) / 4096) * (1 << 20);
    ASSERT_LE(std::fabs(static_cast<long double>(table[i]) - exact), 0.5000001L) << i;
    ASSERT_LE(table[i], table[i == 0 ? 0 : i - 1]);
  }
}

TEST(Tables, GeluIsTheNearestInteger) {
  for (const int fraction : {-3, 4, 9, 11, 15}) {
    const auto table = make_gelu_table(fraction);
    ASSERT_EQ(table.size(), kActivationEntries);
    for (std::int32_t x = -32767; x <= 32767; ++x) {
      const long double v = std::ldexp(static_cast<long double>(x), -fraction);
      const long double z = std::sqrt(2 / std::acos(-1.0L)) * (v + 0.044715L * v * v * v);
      const long double exact = std::ldexp(v / (1 + std::exp(-2 * z)), fraction);
      ASSERT_LE(std::fabs(static_cast<long double>(table[std::size_t(x + 32768)]) - exact),
                0.5000001L)
          << x;
    }
    EXPECT_EQ(table[0], table[1]);
    EXPECT_EQ(table[32768], 0);
  }
}

TEST(Tables, SiluIsTheNearestInteger) {
  for (const int fraction : {-3, 4, 9, 11, 15}) {
    const auto table = make_silu_table(fraction);
    ASSERT_EQ(table.size(), kActivationEntries);
    for (std::int32_t x = -32767; x <= 32767; ++x) {
      const long double v = std::ldexp(static_cast<long double>(x), -fraction);
      const long double exact = std::ldexp(v / (1 + std::exp(-v)), fraction);
      ASSERT_LE(std::fabs(static_cast<long double>(table[std::size_t(x + 32768)]) - exact),
                0.5000001L)
          << x;
    }
    EXPECT_EQ(table[0], table[1]);
    EXPECT_EQ(table[32768], 0);
  }
}

TEST(Tables, RopeRowsLieOnTheCircle) {
  const std::vector<double> angles{1.0, 0.1, 0.01};
  const auto table = make_rope_table(300, angles);
  ASSERT_EQ(table.size(), 300U * 6);
  EXPECT_EQ(table[0], 16384);
  EXPECT_EQ(table[1], 0);
  for (std::size_t p = 0; p < 300; ++p) {
    for (std::size_t i = 0; i < 3; ++i) {
      const double angle = static_cast<double>(p) * angles[i];
      ASSERT_NEAR(table[p * 6 + 2 * i], std::cos(angle) * 16384, 0.5000001);
      ASSERT_NEAR(table[p * 6 + 2 * i + 1], std::sin(angle) * 16384, 0.5000001);
    }
  }
}

// What every root holds; they may never change.
TEST(Tables, HaveTheseHashes) {
  EXPECT_EQ(hash_of(make_exp_table()),
            "0xdeb44ff3ccfbb7e867e9882cdb6f701e1c9127406853d67fa7b9afd61a6a8ec9");
  EXPECT_EQ(hash_of(make_silu_table(11)),
            "0x584eb5ee50b31830dcdb536fdab214dce54ab0f8db58424c7fa06874f4a376fe");
  const std::vector<double> angles{1.0, portable_pow(10000.0, -0.25), 1e-4};
  EXPECT_EQ(hash_of(make_rope_table(4096, angles)),
            "0x3730b5650ea5e4c7763d0a43c82e60d05d8528e6f1dae20f981ab2ce480fb3f3");
}

}  // namespace
}  // namespace imo::model
