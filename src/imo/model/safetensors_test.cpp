#include "imo/model/safetensors.hpp"

#include "imo/model/checkpoint_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::safetensors_bytes;

std::string error_of(const Bytes& bytes) {
  const auto file = SafetensorsFile::parse(bytes);
  return file ? "none" : file.error().message;
}

/// A file whose header is this text and whose data is so many zeros.
std::string error_of(const std::string& header, std::size_t data) {
  return error_of(safetensors_bytes(header, Bytes(data)));
}

TEST(Safetensors, FindsTensorsByName) {
  const Bytes bytes = safetensors_bytes({{"b", {2, 3}, Bytes(24, 1)},
                                         {"a", {4}, Bytes(8, 2), "BF16"},
                                         {"mask", {5}, Bytes(5), "U8"}});
  const auto file = SafetensorsFile::parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_THAT(file->names(), ElementsAre("a", "b", "mask"));
  const auto b = file->tensor("b");
  ASSERT_TRUE(b) << b.error().message;
  EXPECT_EQ(b->name, "b");
  EXPECT_EQ(b->rows(), 2U);
  EXPECT_EQ(b->columns(), 3U);
  EXPECT_EQ(b->rank, 2U);
  EXPECT_EQ(b->type, TensorType::kF32);
  EXPECT_THAT(b->bytes, ::testing::Each(1));
  EXPECT_EQ(b->bytes.data(), bytes.data() + b->offset);
  EXPECT_EQ(file->tensor("a")->type, TensorType::kBF16);
  EXPECT_TRUE(file->has("a"));
  EXPECT_FALSE(file->has("c"));
  EXPECT_THAT(file->tensor("c").error().message, HasSubstr("'c' is missing"));
  EXPECT_THAT(file->tensor("mask").error().message, HasSubstr("'mask' is of dtype U8"));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const Bytes bytes = safetensors_bytes({{"a", {2, 2}, Bytes(16)}, {"b", {1}, Bytes(4)}});
  ASSERT_EQ(error_of(bytes), "none");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(error_of(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))),
              "none")
        << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_THAT(error_of(longer), HasSubstr("the tensors end at offset"));
}

TEST(Safetensors, HeadersThatLieAreRefused) {
  EXPECT_THAT(error_of(Bytes(8, 0xFF)), HasSubstr("length at offset 0 is 18446744073709551615"));
  EXPECT_THAT(error_of("nothing", 0), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of("[1]", 0), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of(R"({"a": 1})", 0), HasSubstr("described by no JSON object"));
  const auto header = [](const std::string& shape, const std::string& place,
                         const std::string& type = "F32") {
    return R"({"a": {"dtype": ")" + type + R"(", "shape": )" + shape + R"(, "data_offsets": )" +
           place + "}}";
  };
  EXPECT_EQ(error_of(header("[2]", "[0, 8]"), 8), "none");
  EXPECT_THAT(error_of(header("[2]", "[0, 8]", "F99"), 8), HasSubstr("unknown dtype"));
  EXPECT_THAT(error_of(header("[2]", "[0, 7]"), 8), HasSubstr("needs 8 bytes"));
  EXPECT_THAT(error_of(header("[2]", "[0, 8]"), 7), HasSubstr("holds 7 bytes of data"));
  EXPECT_THAT(error_of(header("[2]", "[8, 0]"), 8), HasSubstr("data_offsets 8 to 0"));
  EXPECT_THAT(error_of(header("[2]", "[-8, 0]"), 8), HasSubstr("no two data_offsets"));
  EXPECT_THAT(error_of(header("[2]", "[0]"), 8), HasSubstr("no two data_offsets"));
  EXPECT_THAT(error_of(header("[2.0]", "[0, 8]"), 8), HasSubstr("no shape"));
  EXPECT_THAT(error_of(header("[1,1,1,1,2]", "[0, 8]"), 8), HasSubstr("no shape"));
  EXPECT_THAT(error_of(header("[0]", "[0, 0]"), 0), HasSubstr("dimension of zero"));
  EXPECT_THAT(error_of(header("[4294967296, 4294967296, 4]", "[0, 0]"), 0),
              HasSubstr("more values than any file holds"));
  EXPECT_THAT(error_of(header("[2]", "[4, 12]"), 12), HasSubstr("or there is a hole"));
}

TEST(Safetensors, TensorsThatOverlapAreRefused) {
  const auto two = [](const std::string& place) {
    return R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
               "b": {"dtype": "F32", "shape": [2], "data_offsets": )" +
           place + "}}";
  };
  EXPECT_EQ(error_of(two("[8, 16]"), 16), "none");
  EXPECT_THAT(error_of(two("[4, 12]"), 12), HasSubstr("they overlap"));
  EXPECT_THAT(error_of(two("[0, 8]"), 8), HasSubstr("they overlap"));
  EXPECT_THAT(error_of(two("[12, 20]"), 20), HasSubstr("there is a hole"));
}

TEST(Safetensors, ANameStandsOnce) {
  const std::string entry = R"("a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]})";
  EXPECT_THAT(error_of("{" + entry + "," + entry + "}", 8), HasSubstr("twice"));
  const std::string inside =
      R"({"a": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})";
  EXPECT_THAT(error_of(inside, 8), HasSubstr("twice"));
}

}  // namespace
}  // namespace imo::model
