#include "imo/zkml/whir_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Of one commitment without zeros.
Result<WhirParameters> make(unsigned variables, unsigned rate, unsigned after,
                            unsigned grinding = 20, unsigned security = 100) {
  const WhirCommitment commitment{{variables, rate}, 0};
  return WhirParameters::make({&commitment, 1}, after, grinding, security);
}

TEST(WhirParameters, OfTheDocumentsExample) {
  const std::vector<WhirCommitment> commitments{{{21, 4}, 1'630'208}, {{20, 3}, 997'742}};
  const auto parameters = WhirParameters::make(commitments, 5);
  ASSERT_TRUE(parameters) << parameters.error().message;
  EXPECT_EQ(parameters->variables(), 22U);
  EXPECT_THAT(parameters->parts(),
              ElementsAre(WhirPart{{21, 4}, {21, 0}, {}, 42}, WhirPart{{20, 3}, {20, 2}, {}, 56}));
  EXPECT_THAT(parameters->rounds(),
              ElementsAre(WhirPart{{18, 5}, {18, 0}, {}, 33}, WhirPart{{14, 8}, {14, 0}, {}, 21},
                          WhirPart{{10, 11}, {10, 0}, {}, 15}));
  EXPECT_EQ(parameters->last_variables(), 6U);
  EXPECT_EQ(parameters->grinding(), 20U);
  EXPECT_GE(parameters->security(), 100U);
}

/// Where the smaller of two commitments lies.
TEST(WhirParameters, PlacesTwoCommitments) {
  const auto places = [](unsigned first, std::uint64_t stored, unsigned second,
                         std::uint64_t also_stored) {
    const std::vector<WhirCommitment> commitments{{{first, 4}, stored}, {{second, 4}, also_stored}};
    const auto parameters = *WhirParameters::make(commitments, 4);
    return std::tuple(parameters.variables(), parameters.parts()[0].block.number,
                      parameters.parts()[1].block.number, parameters.parts()[0].hole,
                      parameters.parts()[1].hole);
  };
  const std::optional<WhirBlock> none;
  EXPECT_EQ(places(12, 3000, 9, 1), std::tuple(12U, 0U, 6U, WhirBlock{9, 6}, none));
  EXPECT_EQ(places(12, 3072, 9, 1), std::tuple(12U, 0U, 6U, WhirBlock{9, 6}, none));
  EXPECT_EQ(places(12, 3073, 9, 1), std::tuple(12U, 0U, 7U, WhirBlock{9, 7}, none));
  EXPECT_EQ(places(12, 3584, 9, 1), std::tuple(12U, 0U, 7U, WhirBlock{9, 7}, none));
  EXPECT_EQ(places(12, 3585, 9, 1), std::tuple(13U, 0U, 8U, none, none));
  EXPECT_EQ(places(9, 1, 12, 3000), std::tuple(12U, 6U, 0U, none, WhirBlock{9, 6}));
  EXPECT_EQ(places(9, 512, 9, 512), std::tuple(10U, 0U, 1U, none, none));
  EXPECT_EQ(places(9, 0, 9, 512), std::tuple(9U, 0U, 0U, WhirBlock{9, 0}, none));
  EXPECT_EQ(places(12, 0, 9, 512), std::tuple(12U, 0U, 0U, WhirBlock{9, 0}, none));
}

/// The table of docs/proof.md in floating point.
double entries(double variables, double rate, double list) {
  const double own = std::log2(10.0) + rate;
  return std::min({191 - 7 * std::log2(10.0) - 3.5 * rate - 2 * (variables - 4),
                   191 - variables - 2 * own + 1, 191 - list - 16});
}

double each_query(double rate) {
  return -std::log2(1.05 * std::sqrt(std::exp2(-rate)));
}

void expect_queries(const WhirPart& part, double bits) {
  const double each = each_query(part.code.log_inverse_rate);
  EXPECT_GE(static_cast<double>(part.queries) * each, bits);
  EXPECT_LT(static_cast<double>(part.queries - 1) * each, bits + 0.01);
}

/// For all parameters of two commitments that there are, but for what is stored.
TEST(WhirParameters, HoldsWhatItPromises) {
  int made = 0;
  int refused = 0;
  for (unsigned n = 8; n <= 28; ++n) {
    for (unsigned small = 8; small <= n; small += 4) {
      for (unsigned rate = 1; rate <= 7; ++rate) {
        for (const auto& [grinding, security] : {std::pair{0U, 128U}, {20U, 100U}, {24U, 110U}}) {
          const std::vector<WhirCommitment> commitments{{{n, rate}, std::uint64_t{1} << n},
                                                        {{small, 8 - rate}, 1}};
          const auto parameters = WhirParameters::make(commitments, rate, grinding, security);
          const double list = 2 * std::log2(10.0) + 8;
          double least = std::min(entries(n, rate, list), entries(small, 8.0 - rate, list)) - 1;
          double log_rate = rate;
          std::size_t round = 0;
          for (unsigned left = n + 1 - 4; left > 6; left -= 4, ++round) {
            least = std::min(least, entries(left, log_rate, std::log2(10.0) + log_rate));
            if (parameters) {
              const WhirPart& part = parameters->rounds().at(round);
              EXPECT_EQ(part.code, (WhirCode{left, static_cast<unsigned>(log_rate)}));
              EXPECT_EQ(part.block, (WhirBlock{left, 0}));
              expect_queries(part, security - grinding);
            }
            log_rate = std::min(log_rate + (left + log_rate > 24 ? 2 : 3), 12.0);
          }
          // Within a hundredth of a bit the integers may refuse what the formula would allow.
          if (least < security) {
            EXPECT_FALSE(parameters) << n << ' ' << rate;
          }
          if (least > security + 0.01) {
            EXPECT_TRUE(parameters) << n << ' ' << rate;
          }
          refused += parameters ? 0 : 1;
          if (!parameters) continue;
          ++made;
          EXPECT_EQ(parameters->variables(), n + 1);
          EXPECT_EQ(parameters->rounds().size(), round);
          EXPECT_GE(parameters->security(), security);
          for (const WhirPart& part : parameters->parts()) {
            expect_queries(part, security - grinding);
          }
        }
      }
    }
  }
  EXPECT_GT(made, 700);
  EXPECT_GT(refused, 50);
}

/// The registered weights of a model of GPT-2's size.
TEST(WhirParameters, AllowsLargeModels) {
  const std::vector<WhirCommitment> commitments{{{28, 3}, 1U << 28}, {{28, 3}, 1U << 28}};
  EXPECT_TRUE(WhirParameters::make(commitments, 4));
  EXPECT_TRUE(make(28, 4, 4));
}

TEST(WhirParameters, RefusesLess) {
  const auto message = [](unsigned n, unsigned rate, unsigned after, unsigned grinding,
                          unsigned security) {
    const auto parameters = make(n, rate, after, grinding, security);
    return parameters ? std::string("accepted") : parameters.error().message;
  };
  EXPECT_EQ(message(8, 1, 1, 24, 100), "accepted");
  EXPECT_EQ(message(7, 1, 1, 20, 100), "variables of a commitment must be 8 to 28, not 7");
  EXPECT_EQ(message(29, 1, 1, 20, 100), "variables of a commitment must be 8 to 28, not 29");
  EXPECT_EQ(message(20, 0, 1, 20, 100), "log2 of the inverse rate must be 1 to 7, not 0");
  EXPECT_EQ(message(20, 8, 1, 20, 100), "log2 of the inverse rate must be 1 to 7, not 8");
  EXPECT_EQ(message(20, 1, 0, 20, 100), "log2 of the inverse rate must be 1 to 12, not 0");
  EXPECT_EQ(message(20, 1, 13, 20, 100), "log2 of the inverse rate must be 1 to 12, not 13");
  EXPECT_EQ(message(20, 4, 4, 25, 100), "bits of grinding must be 0 to 24, not 25");
  EXPECT_EQ(message(20, 4, 4, 20, 99), "bits of security must be 100 to 128, not 99");
  EXPECT_EQ(message(20, 4, 4, 20, 129), "bits of security must be 100 to 128, not 129");
  EXPECT_THAT(message(28, 6, 4, 20, 100), HasSubstr("98 bits of security, less than 100"));
}

}  // namespace
}  // namespace imo::zkml
