#include "imo/base/mapped_file.hpp"

#include "imo/base/file.hpp"

#include <cstdint>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace imo {
namespace {

using testing::HasSubstr;

class MappedFileTest : public testing::Test {
 protected:
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(MappedFileTest, HoldsTheBytesOfTheFile) {
  Bytes content(10'000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * 7);
  ASSERT_TRUE(write_file_atomic(folder_.path() / "a", content));
  const auto mapped = MappedFile::open(folder_.path() / "a").value();
  EXPECT_TRUE(std::ranges::equal(mapped.bytes(), content));
}

TEST_F(MappedFileTest, KeepsItsPlaceWhenMoved) {
  ASSERT_TRUE(write_file_atomic(folder_.path() / "a", as_bytes("abc")));
  auto first = MappedFile::open(folder_.path() / "a", MappedFile::Access::kSequential).value();
  const BytesView bytes = first.bytes();
  const MappedFile second = std::move(first);
  EXPECT_EQ(second.bytes().data(), bytes.data());
  EXPECT_EQ(as_text(bytes), "abc");
}

// A model stays usable while a new version takes its name.
TEST_F(MappedFileTest, SurvivesTheReplacementOfTheFile) {
  ASSERT_TRUE(write_file_atomic(folder_.path() / "a", as_bytes("old")));
  const auto mapped = MappedFile::open(folder_.path() / "a").value();
  ASSERT_TRUE(write_file_atomic(folder_.path() / "a", as_bytes("newer")));
  EXPECT_EQ(as_text(mapped.bytes()), "old");
}

// Pages of this process, from /proc: what release() is about.
std::size_t resident_pages() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident;
}

TEST_F(MappedFileTest, ReleasedPartsCostNoMemoryAndCanBeReadAgain) {
  constexpr std::size_t kSize = 32U << 20;
  ASSERT_TRUE(write_file_atomic(folder_.path() / "a", Bytes(kSize, 7)));
  const auto mapped = MappedFile::open(folder_.path() / "a").value();
  const auto sum = [&] {
    std::uint64_t total = 0;
    for (const std::uint8_t byte : mapped.bytes()) total += byte;
    return total;
  };
  EXPECT_EQ(sum(), 7 * kSize);
  const std::size_t before = resident_pages();
  mapped.release(mapped.bytes().subspan(1));
  EXPECT_LT(resident_pages() + kSize / 4096 / 2, before);
  mapped.release({});
  EXPECT_EQ(sum(), 7 * kSize);
}

TEST_F(MappedFileTest, EmptyFileIsAnEmptyView) {
  ASSERT_TRUE(write_file_atomic(folder_.path() / "a", {}));
  EXPECT_TRUE(MappedFile::open(folder_.path() / "a").value().bytes().empty());
}

TEST_F(MappedFileTest, OnlyRegularFilesAreMapped) {
  EXPECT_EQ(MappedFile::open(folder_.path() / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(MappedFile::open(folder_.path()).error().message, HasSubstr("not a regular file"));
  EXPECT_THAT(MappedFile::open("/dev/zero").error().message, HasSubstr("not a regular file"));
  const auto pipe = folder_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(MappedFile::open(pipe).error().message, HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace imo
