#include "imo/base/scratch_file.hpp"

#include "imo/base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo {
namespace {

TEST(ScratchFile, HoldsItsPiecesAligned) {
  const auto folder = TemporaryDirectory::create().value();
  auto scratch = ScratchFile::create(folder.path());
  ASSERT_TRUE(scratch) << scratch.error().message;
  EXPECT_EQ(scratch->append(as_bytes("one")).value(), 0U);
  EXPECT_EQ(scratch->append({}).value(), 64U);
  EXPECT_EQ(scratch->append(as_bytes("two")).value(), 64U);
  const auto mapped = scratch->map();
  ASSERT_TRUE(mapped) << mapped.error().message;
  ASSERT_EQ(mapped->bytes().size(), 67U);
  EXPECT_EQ(as_text(mapped->bytes().first(3)), "one");
  EXPECT_EQ(as_text(mapped->bytes().subspan(64)), "two");
  EXPECT_THAT(mapped->bytes().subspan(3, 61), testing::Each(0));
}

TEST(ScratchFile, LeavesNothingInItsFolder) {
  const auto folder = TemporaryDirectory::create().value();
  auto scratch = ScratchFile::create(folder.path());
  ASSERT_TRUE(scratch);
  ASSERT_TRUE(scratch->append(as_bytes("x")));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ScratchFile, NamesTheFolderThatIsMissing) {
  const auto scratch = ScratchFile::create("/nowhere/at/all");
  ASSERT_FALSE(scratch);
  EXPECT_THAT(scratch.error().message, testing::HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace imo
