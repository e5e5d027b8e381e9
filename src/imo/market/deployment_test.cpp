#include "imo/market/deployment.hpp"

#include "imo/base/file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::market {
namespace {

using testing::HasSubstr;

Deployment example() {
  Deployment deployment;
  deployment.chain_id = 31337;
  deployment.deploy_block = 7;
  std::uint8_t next = 1;
  for (auto* address :
       {&deployment.model_registry, &deployment.offering_factory, &deployment.splitter_factory,
        &deployment.operator_registry, &deployment.oracle, &deployment.content_token,
        &deployment.step_verifier, &deployment.dispute_game, &deployment.model_verifier,
        &deployment.proof_registry}) {
    address->bytes.back() = next++;
  }
  return deployment;
}

TEST(Deployment, SurvivesItsFile) {
  const auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(directory);
  const auto file = directory->path() / "deployment.json";
  ASSERT_TRUE(example().save(file));
  const auto loaded = Deployment::load(file);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, example());
}

TEST(Deployment, NamesWhatIsWrong) {
  const auto text = example().to_json();
  const auto damaged = [&](std::string_view from, std::string_view to) {
    auto copy = text;
    copy.replace(copy.find(from), from.size(), to);
    const auto parsed = Deployment::parse(copy);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_THAT(damaged("31337", "-1"), HasSubstr("'chain_id'"));
  EXPECT_THAT(damaged("31337", "\"x\""), HasSubstr("'chain_id'"));
  EXPECT_THAT(damaged("\"oracle\"", "\"orakel\""), HasSubstr("'oracle'"));
  EXPECT_THAT(damaged("0x0000000000000000000000000000000000000005", "0x05"), HasSubstr("oracle"));
  EXPECT_THAT(damaged("0x0000000000000000000000000000000000000005",
                      "0x0000000000000000000000000000000000000000"),
              HasSubstr("zero address"));
  EXPECT_THAT(damaged("{", "["), HasSubstr("JSON"));
  EXPECT_FALSE(Deployment::parse(""));
  EXPECT_FALSE(Deployment::load("/nonexistent/deployment.json"));
}

}  // namespace
}  // namespace imo::market
