// Files that lie: every one of them gets an error or a sound result, and no large allocation.

#include "imo/model/float_reference.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/test_support.hpp"
#include "imo/model/tokenizer.hpp"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

// All that is ever done with a file; the result does not matter, only that it is one.
void use(BytesView bytes) {
  const auto file = GgufFile::parse(bytes);
  if (!file) {
    EXPECT_FALSE(file.error().message.empty());
    return;
  }
  for (const GgufValue& value : file->metadata()) {
    (void)file->unsigned_value(value.key);
    (void)file->real_value(value.key);
    (void)file->bool_value(value.key);
    (void)file->string_value(value.key);
    (void)file->string_array(value.key);
    (void)file->float_array(value.key);
    (void)file->integer_array(value.key);
  }
  if (const auto tokenizer = Tokenizer::from_gguf(*file)) {
    if (const auto ids = tokenizer->encode("a<s> ab \u00e9", {.parse_special = true})) {
      EXPECT_TRUE(tokenizer->decode(*ids).has_value());
    }
  }
  const auto source = ModelSource::from_gguf(*file);
  if (!source) return;
  const auto model = FloatModel::load(*source);
  if (!model) return;
  FloatSession session(*model);
  (void)session.step(1);
}

// Small enough to try a change at every byte.
Bytes small_file() {
  testing::TinyShape shape;
  shape.width = 4;
  shape.hidden = 4;
  shape.layers = 1;
  shape.heads = 2;
  shape.kv_heads = 1;
  shape.context = 4;
  shape.vocabulary = 5;
  GgufWriter writer;
  testing::add_tiny_config(writer, shape);
  const std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "<0x61>", "a"};
  const std::vector<std::int32_t> types = {2, 3, 3, 6, 1};
  const std::vector<float> scores = {0, 0, 0, 0, -1};
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_floats("tokenizer.ggml.scores", scores);
  writer.add_int32s("tokenizer.ggml.token_type", types);
  writer.add_uint32("tokenizer.ggml.bos_token_id", 1);
  writer.add_bool("tokenizer.ggml.add_bos_token", true);
  testing::add_tiny_tensors(writer, shape);
  return writer.finish();
}

TEST(HostileGguf, TheSmallFileIsGood) {
  const Bytes bytes = small_file();
  const auto file = GgufFile::parse(bytes);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_TRUE(Tokenizer::from_gguf(*file).has_value());
  const auto source = ModelSource::from_gguf(*file);
  ASSERT_TRUE(source.has_value()) << source.error().message;
}

TEST(HostileGguf, EveryTruncationIsAnError) {
  const Bytes bytes = small_file();
  // The last tensor's padding is not part of any tensor.
  const auto whole = GgufFile::parse(bytes);
  ASSERT_TRUE(whole.has_value());
  const SourceTensor& last = whole->tensors().back();
  const std::size_t needed = last.offset + last.bytes.size();
  for (std::size_t size = 0; size < needed; ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const auto file = GgufFile::parse(cut);
    ASSERT_FALSE(file.has_value()) << size;
    ASSERT_FALSE(file.error().message.empty());
  }
}

// Overwrites each position in turn, at every width, with the values that break arithmetic.
TEST(HostileGguf, EveryFieldMayLie) {
  const Bytes bytes = small_file();
  const auto whole = GgufFile::parse(bytes);
  ASSERT_TRUE(whole.has_value());
  const std::size_t head = whole->tensors().front().offset;
  const std::uint64_t lies[] = {0,
                                1,
                                0x7F,
                                0x80,
                                0xFF,
                                0x7FFF,
                                0xFFFF,
                                0x7FFFFFFF,
                                0x80000000,
                                0xFFFFFFFF,
                                0x100000000,
                                0x7FFFFFFFFFFFFFFF,
                                0x8000000000000000,
                                0xFFFFFFFFFFFFFFFF,
                                0xFFFFFFFFFFFFFFE0,
                                0x2000000000000001};
  for (std::size_t at = 0; at < head; ++at) {
    for (const std::size_t width : {std::size_t{1}, std::size_t{4}, std::size_t{8}}) {
      if (at + width > bytes.size()) continue;
      for (const std::uint64_t lie : lies) {
        if (width < 8 && (lie >> (8 * width)) != 0) continue;
        Bytes copy = bytes;
        std::memcpy(copy.data() + at, &lie, width);
        use(copy);
      }
    }
  }
}

TEST(HostileGguf, RandomDamage) {
  const Bytes bytes = small_file();
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes copy = bytes;
    const std::size_t hits = 1 + random() % 4;
    for (std::size_t i = 0; i < hits; ++i) {
      copy[random() % copy.size()] = static_cast<std::uint8_t>(random());
    }
    use(copy);
  }
}

// A claim of 2^61 elements must fail by arithmetic, not by asking for the memory.
TEST(HostileGguf, CountsBeyondTheFileNameTheirOffset) {
  Bytes bytes = GgufWriter().finish();
  bytes[16] = 1;
  bytes[23] = 0x20;
  EXPECT_EQ(GgufFile::parse(bytes).error().message,
            "offset 16: metadata count 2305843009213693953 is more than the file can hold");
  bytes[16] = bytes[23] = 0;
  bytes[15] = 0x20;
  EXPECT_EQ(GgufFile::parse(bytes).error().message,
            "offset 8: tensor count 2305843009213693952 is more than the file can hold");
}

TEST(HostileGguf, OverlappingTensors) {
  GgufWriter writer;
  const std::uint64_t sixteen[] = {16};
  const std::vector<float> values(16);
  writer.add_tensor_f32("first", sixteen, values);
  writer.add_tensor_f32("second", sixteen, values);
  Bytes bytes = writer.finish();
  const auto good = GgufFile::parse(bytes);
  ASSERT_TRUE(good.has_value());
  // The offset is the last field of the second entry, right before the padding of the head.
  const std::size_t field = 24 + (8 + 5 + 4 + 8 + 4 + 8) + (8 + 6 + 4 + 8 + 4);
  ASSERT_EQ(bytes[field], 64);
  bytes[field] = 32;
  EXPECT_EQ(GgufFile::parse(bytes).error().message,
            "offset 160: tensors 'first' and 'second' overlap");
}

}  // namespace
}  // namespace imo::model
