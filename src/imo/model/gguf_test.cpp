#include "imo/model/gguf.hpp"

#include "imo/base/file.hpp"
#include "imo/model/gguf_writer.hpp"
#include "imo/model/test_support.hpp"

#include <algorithm>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kThreeByTwo[] = {3, 2};
constexpr float kSix[] = {1, 2, 3, 4, 5, 6};

std::string error_of(const GgufWriter& writer) {
  const auto file = GgufFile::parse(writer.finish());
  return file ? "no error" : file.error().message;
}

TEST(Gguf, ReadsWhatTheWriterWrites) {
  GgufWriter writer;
  writer.add_uint32("a.number", 7);
  writer.add_float32("a.real", 0.5F);
  writer.add_bool("a.truth", true);
  writer.add_string("a.text", "hello");
  const std::vector<std::string> words = {"x", "", "yz"};
  writer.add_strings("a.words", words);
  const std::vector<float> reals = {1.5F, -2};
  writer.add_floats("a.reals", reals);
  const std::vector<std::int32_t> numbers = {-1, 2};
  writer.add_int32s("a.numbers", numbers);
  writer.add_tensor_f32("t", kThreeByTwo, kSix);
  const Bytes bytes = writer.finish();
  const auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().message;

  EXPECT_EQ(file->version(), 3U);
  EXPECT_EQ(*file->unsigned_value("a.number"), 7U);
  EXPECT_EQ(*file->real_value("a.real"), 0.5);
  EXPECT_EQ(*file->bool_value("a.truth"), true);
  EXPECT_EQ(*file->string_value("a.text"), "hello");
  EXPECT_EQ(*file->string_array("a.words"), (std::vector<std::string_view>{"x", "", "yz"}));
  EXPECT_EQ(*file->float_array("a.reals"), reals);
  EXPECT_EQ(*file->integer_array("a.numbers"), (std::vector<std::int64_t>{-1, 2}));

  const SourceTensor* tensor = file->find_tensor("t");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->columns(), 3U);
  EXPECT_EQ(tensor->rows(), 2U);
  EXPECT_EQ(tensor->offset % 32, 0U);
  std::vector<float> row(3);
  dequantize_row(tensor->type, tensor->row(1), row);
  EXPECT_EQ(row, (std::vector<float>{4, 5, 6}));
}

TEST(Gguf, ValuesOfAnotherKindAreErrorsNamingKeyAndKind) {
  GgufWriter writer;
  writer.add_string("text", "hello");
  writer.add_floats("reals", kSix);
  const Bytes bytes = writer.finish();
  const auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.has_value());
  EXPECT_THAT(file->unsigned_value("text").error().message, HasSubstr("'text' (offset 40)"));
  EXPECT_THAT(file->unsigned_value("text").error().message, HasSubstr("is not an integer"));
  EXPECT_THAT(file->real_value("reals").error().message, HasSubstr("an array of float32"));
  EXPECT_THAT(file->string_value("nothing").error().message, HasSubstr("'nothing' is missing"));
  EXPECT_FALSE(file->bool_value("text").has_value());
  EXPECT_FALSE(file->string_array("text").has_value());
  EXPECT_FALSE(file->float_array("text").has_value());
  EXPECT_FALSE(file->integer_array("reals").has_value());
  EXPECT_FALSE(file->unsigned_or("text", 1).has_value()) << "a default must not hide a wrong kind";
  EXPECT_EQ(*file->unsigned_or("nothing", 1), 1U);
}

TEST(Gguf, RefusesNamesThatAppearTwice) {
  GgufWriter keys;
  keys.add_uint32("twice", 1);
  keys.add_uint32("twice", 2);
  EXPECT_THAT(error_of(keys), HasSubstr("metadata 'twice' is there twice"));

  GgufWriter tensors;
  tensors.add_tensor_f32("twice", kThreeByTwo, kSix);
  tensors.add_tensor_f32("twice", kThreeByTwo, kSix);
  EXPECT_THAT(error_of(tensors), HasSubstr("tensor 'twice' is there twice"));
}

TEST(Gguf, RefusesAWrongAlignment) {
  for (const std::uint32_t alignment : {0U, 1U, 4U, 33U, 48U, 131072U, 0xFFFFFFFFU}) {
    GgufWriter writer;
    writer.add_uint32("general.alignment", alignment);
    writer.add_tensor_f32("t", kThreeByTwo, kSix);
    EXPECT_THAT(error_of(writer), HasSubstr("general.alignment")) << alignment;
  }
}

TEST(Gguf, RefusesOtherFilesInClearWords) {
  EXPECT_THAT(GgufFile::parse(Bytes{}).error().message, HasSubstr("needs 4 bytes"));
  EXPECT_THAT(GgufFile::parse(as_bytes("PK\x03\x04 more bytes follow")).error().message,
              HasSubstr("not a GGUF file"));
  Bytes bytes = GgufWriter().finish();
  bytes[4] = 1;
  EXPECT_THAT(GgufFile::parse(bytes).error().message, HasSubstr("version 1 is not supported"));
  bytes[4] = 0;
  bytes[7] = 3;
  EXPECT_THAT(GgufFile::parse(bytes).error().message, HasSubstr("big-endian"));
}

// A published file of stories260K is like this: rows of 172 in blocks of 32.
TEST(Gguf, RowsThatAreNoWholeBlocksAreRefused) {
  const std::uint64_t dimensions[] = {172, 1};
  GgufWriter writer;
  writer.add_tensor_f32("rows", dimensions, std::vector<float>(172));
  const Bytes good = writer.finish();
  ASSERT_TRUE(GgufFile::parse(good));
  const Bytes described{172, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  const auto type = std::search(good.begin(), good.end(), described.begin(), described.end()) -
                    good.begin() + static_cast<std::ptrdiff_t>(described.size());
  for (const auto& [number, name] : {std::pair<std::uint8_t, const char*>{8, "32 of Q8_0"},
                                     {2, "32 of Q4_0"},
                                     {12, "256 of Q4_K"},
                                     {14, "256 of Q6_K"}}) {
    Bytes bytes = good;
    bytes[static_cast<std::size_t>(type)] = number;
    EXPECT_THAT(
        GgufFile::parse(bytes).error().message,
        HasSubstr(std::string("'rows' has rows of 172 values, not a multiple of the ") + name));
  }
}

TEST(Gguf, VersionTwoIsReadAsVersionThree) {
  Bytes bytes = testing::tiny_model();
  bytes[4] = 2;
  const auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->version(), 2U);
}

TEST(Gguf, OpenNamesTheFile) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder.has_value());
  const auto path = folder->path() / "broken.gguf";
  ASSERT_TRUE(write_file_atomic(path, as_bytes("GGUF")).has_value());
  EXPECT_THAT(GgufFile::open(path).error().message, HasSubstr("broken.gguf: offset 4: version"));
  EXPECT_FALSE(GgufFile::open(folder->path() / "absent.gguf").has_value());
  EXPECT_FALSE(GgufFile::open(folder->path()).has_value()) << "a folder is not a model";
}

TEST(Gguf, CopiesShareTheMapping) {
  const auto folder = TemporaryDirectory::create();
  ASSERT_TRUE(folder.has_value());
  const auto path = folder->path() / "model.gguf";
  ASSERT_TRUE(write_file_atomic(path, testing::tiny_model()).has_value());
  GgufFile copy;
  {
    auto file = GgufFile::open(path);
    ASSERT_TRUE(file.has_value());
    copy = *file;
  }
  EXPECT_EQ(*copy.string_value("general.architecture"), "llama");
}

}  // namespace
}  // namespace imo::model
