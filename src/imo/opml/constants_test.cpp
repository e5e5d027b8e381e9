// What the contracts compute with is what C++ computes with.

#include "imo/opml/constants.hpp"

#include "imo/base/file.hpp"

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

}  // namespace
}  // namespace imo::opml
