#include "imo/zkml/whir_parameters.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(WhirParameters, OfTheDocumentsExample) {
  const auto parameters = WhirParameters::make(22, 4);
  ASSERT_TRUE(parameters) << parameters.error().message;
  EXPECT_THAT(parameters->rounds(),
              ElementsAre(WhirRound{22, 4, 22, 42}, WhirRound{18, 6, 20, 28},
                          WhirRound{14, 9, 19, 19}, WhirRound{10, 12, 18, 14}));
  EXPECT_EQ(parameters->last_variables(), 6U);
  EXPECT_EQ(parameters->grinding(), 20U);
  EXPECT_GE(parameters->security(), 100U);
}

/// The table of docs/proof.md in floating point, for all parameters there are.
TEST(WhirParameters, HoldsWhatItPromises) {
  int made = 0;
  for (unsigned n = 8; n <= 28; ++n) {
    for (unsigned rate = 1; rate <= 6; ++rate) {
      for (const unsigned grinding : {0U, 7U, 20U, 24U}) {
        for (const unsigned security : {100U, 110U, 128U}) {
          double least = 1000;
          unsigned left = n;
          double log_rate = rate;
          const auto parameters = WhirParameters::make(n, rate, grinding, security);
          const double target = security;
          std::size_t round = 0;
          do {
            const double list = std::log2(10.0) + log_rate;
            const double d = left - 4.0;
            least = std::min({least, 191 - 7 * std::log2(10.0) - 3.5 * log_rate - 2 * d,
                              191 - left - 2 * list + 1, 191 - list - 16});
            if (parameters) {
              const double each = -std::log2(1.05 * std::sqrt(std::exp2(-log_rate)));
              const auto& made_round = parameters->rounds().at(round);
              const auto asked = static_cast<double>(made_round.queries);
              EXPECT_GE(asked * each + grinding, target);
              EXPECT_LT((asked - 1) * each + grinding, target + 0.01);
              EXPECT_EQ(made_round.variables, left);
              EXPECT_EQ(made_round.log_rows + 4, left + static_cast<unsigned>(log_rate));
            }
            left -= 4;
            log_rate = std::min(log_rate + (round == 0 ? 2 : 3), 12.0);
            ++round;
          } while (left > 6);
          // Within a hundredth of a bit the integers may refuse what the formula would allow.
          if (least < target) {
            EXPECT_FALSE(parameters) << n << ' ' << rate;
          }
          if (least > target + 0.01) {
            EXPECT_TRUE(parameters) << n << ' ' << rate;
          }
          if (!parameters) continue;
          ++made;
          EXPECT_EQ(parameters->rounds().size(), round);
          EXPECT_EQ(parameters->last_variables(), left);
          EXPECT_GE(parameters->security(), security);
        }
      }
    }
  }
  EXPECT_GT(made, 900);
}

/// The registered weights of a model of GPT-2's size.
TEST(WhirParameters, AllowsLargeModels) {
  EXPECT_TRUE(WhirParameters::make(27, 4));
  EXPECT_TRUE(WhirParameters::make(28, 4));
}

TEST(WhirParameters, RefusesLess) {
  const auto message = [](unsigned n, unsigned rate, unsigned grinding, unsigned security) {
    const auto parameters = WhirParameters::make(n, rate, grinding, security);
    return parameters ? std::string("accepted") : parameters.error().message;
  };
  EXPECT_EQ(message(8, 1, 24, 100), "accepted");
  EXPECT_EQ(message(7, 1, 20, 100), "variables of a commitment must be 8 to 28, not 7");
  EXPECT_EQ(message(29, 1, 20, 100), "variables of a commitment must be 8 to 28, not 29");
  EXPECT_EQ(message(20, 0, 20, 100), "log2 of the inverse rate must be 1 to 6, not 0");
  EXPECT_EQ(message(20, 7, 20, 100), "log2 of the inverse rate must be 1 to 6, not 7");
  EXPECT_EQ(message(20, 4, 25, 100), "bits of grinding must be 0 to 24, not 25");
  EXPECT_EQ(message(20, 4, 20, 99), "bits of security must be 100 to 128, not 99");
  EXPECT_EQ(message(20, 4, 20, 129), "bits of security must be 100 to 128, not 129");
  EXPECT_THAT(message(28, 6, 20, 100), HasSubstr("97 bits of security, less than 100"));
}

}  // namespace
}  // namespace imo::zkml
