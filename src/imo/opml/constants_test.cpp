// What the contracts compute with is what C++ computes with.

#include "imo/opml/constants.hpp"

#include "imo/base/file.hpp"
#include "imo/opml/shape.hpp"

#include <gtest/gtest.h>

namespace imo::opml {
namespace {

TEST(Constants, TheSolidityFileIsCurrent) {
  const auto file = read_text_file(
      std::filesystem::path(IMO_SOURCE_DIR) / "contracts/src/opml/OpmlConstants.sol", 1U << 20);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file, solidity_constants())
      << "run: build/release/imo-opml-constants > contracts/src/opml/OpmlConstants.sol";
}

// The contract of the game has it as a number of its own.
TEST(Constants, TheGameAllowsTreesOfTheSameHeight) {
  const auto file = read_text_file(
      std::filesystem::path(IMO_SOURCE_DIR) / "contracts/src/DisputeGame.sol", 1U << 20);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_NE(file->find(" MAX_HEIGHT = " + std::to_string(kMaxTreeHeight) + ";"), std::string::npos);
}

}  // namespace
}  // namespace imo::opml
