#include "imo/base/file.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace imo {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class File : public testing::Test {
 protected:
  [[nodiscard]] fs::path path(std::string_view name) const { return folder_.path() / name; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777;
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

TEST_F(File, RoundTrips) {
  const Bytes content{0, 1, 2, 255, 0};
  ASSERT_TRUE(write_file_atomic(path("a"), content));
  EXPECT_EQ(read_file(path("a"), 5).value(), content);
  EXPECT_EQ(read_text_file(path("a"), 5).value(), as_text(content));
  ASSERT_TRUE(write_file_atomic(path("a"), {}));
  EXPECT_EQ(read_file(path("a"), 0).value(), Bytes{});
}

TEST_F(File, WrittenInPiecesIsThereWholeOrNotAtAll) {
  {
    auto writer = FileWriter::create(path("a")).value();
    ASSERT_TRUE(writer.append(Bytes{1, 2}));
    EXPECT_FALSE(fs::exists(path("a")));
    ASSERT_TRUE(writer.append(Bytes{3}));
    ASSERT_TRUE(writer.commit());
  }
  EXPECT_EQ(read_file(path("a"), 3).value(), (Bytes{1, 2, 3}));
  {
    auto given_up = FileWriter::create(path("a")).value();
    ASSERT_TRUE(given_up.append(Bytes{9}));
  }
  EXPECT_EQ(read_file(path("a"), 3).value(), (Bytes{1, 2, 3}));
  EXPECT_EQ(files(), 1);
}

TEST_F(File, IsNotReadBeyondTheBound) {
  ASSERT_TRUE(write_file_atomic(path("a"), Bytes(5)));
  const auto result = read_file(path("a"), 4);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(result.error().message, HasSubstr("larger than the 4 bytes allowed"));
}

// Files that state no size, or go on for ever, are bounded while they are read.
TEST_F(File, OfUnstatedSizeIsBoundedToo) {
  EXPECT_THAT(read_text_file("/proc/self/status", 1 << 20).value(), HasSubstr("Pid:"));
  EXPECT_FALSE(read_file("/proc/self/status", 10));
  EXPECT_FALSE(read_file("/dev/zero", 1 << 20));
}

TEST_F(File, SaysWhatIsWrong) {
  const auto missing = read_file(path("none"), 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("none: No such file or directory"));
  EXPECT_THAT(read_file(folder_.path(), 10).error().message, HasSubstr("is a folder"));
  EXPECT_EQ(write_file_atomic(path("no/such/folder"), {}).error().kind, ErrorKind::kNotFound);
}

TEST_F(File, IsReplacedWholeAndLeavesNothingBeside) {
  ASSERT_TRUE(write_file_atomic(path("a"), as_bytes("a long old text")));
  std::ifstream reader(path("a"));  // a reader of the old file keeps the old file
  ASSERT_TRUE(write_file_atomic(path("a"), as_bytes("new")));
  std::string old;
  std::getline(reader, old);
  EXPECT_EQ(old, "a long old text");
  EXPECT_EQ(read_text_file(path("a"), 100).value(), "new");
  EXPECT_EQ(files(), 1U);
}

TEST_F(File, ThatCannotBeReplacedStaysAndLeavesNothingBeside) {
  ASSERT_TRUE(make_directories(path("taken/by/a/folder")));
  EXPECT_FALSE(write_file_atomic(path("taken"), as_bytes("new")));
  EXPECT_EQ(files(), 1U);
}

TEST_F(File, ModesAreWhatWasAskedFor) {
  ASSERT_TRUE(write_file_atomic(path("public"), {}));
  ASSERT_TRUE(write_file_atomic(path("secret"), {}, FileMode::kSecret));
  EXPECT_EQ(mode_of(path("public")), 0644U);
  EXPECT_EQ(mode_of(path("secret")), 0600U);
}

TEST_F(File, NewFilesOverwriteNothing) {
  ASSERT_TRUE(write_new_file(path("key"), as_bytes("first"), FileMode::kSecret));
  const auto second = write_new_file(path("key"), as_bytes("second"), FileMode::kSecret);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("exists and is not overwritten"));
  EXPECT_EQ(read_text_file(path("key"), 10).value(), "first");
  EXPECT_EQ(mode_of(path("key")), 0600U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(File, DirectoriesAreMadeWithTheirParents) {
  ASSERT_TRUE(make_directories(path("a/b/keys"), FileMode::kSecret));
  ASSERT_TRUE(make_directories(path("a/b/keys"), FileMode::kSecret));
  EXPECT_EQ(mode_of(path("a/b/keys")), 0700U);
  EXPECT_EQ(mode_of(path("a/b")), 0755U);
  ASSERT_TRUE(write_file_atomic(path("file"), {}));
  EXPECT_FALSE(make_directories(path("file")));
  EXPECT_FALSE(make_directories(path("file/below")));
}

TEST(TemporaryDirectory, GoesWithAllItHolds) {
  fs::path where;
  {
    auto folder = TemporaryDirectory::create().value();
    where = folder.path();
    EXPECT_TRUE(write_file_atomic(where / "a", {}));
    const TemporaryDirectory moved = std::move(folder);
    EXPECT_TRUE(fs::exists(moved.path()));
  }
  EXPECT_FALSE(fs::exists(where));
}

}  // namespace
}  // namespace imo
