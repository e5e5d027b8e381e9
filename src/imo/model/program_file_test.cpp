#include "imo/model/program_file.hpp"

#include "imo/base/file.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_layout.hpp"
#include "imo/model/program_test_support.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;
using testing::tiny_program;

const Compiled& tiny() {
  static const Compiled compiled = [] {
    testing::TinyShape shape;
    shape.architecture = "qwen2";
    shape.biases = true;
    return tiny_program(shape);
  }();
  return compiled;
}

const Bytes& image() {
  static const Bytes bytes = serialize_program(tiny().program, tiny().root);
  return bytes;
}

// With grouped weights, those of one tensor with offsets.
const Compiled& grouped() {
  static const Compiled compiled = [] {
    Compiled made = tiny_program(testing::grouped_shape(), 4);
    testing::own_offsets(made.program, 2, 1);
    made.root = model_root(made.program);
    return made;
  }();
  return compiled;
}

const Bytes& grouped_image() {
  static const Bytes bytes = serialize_program(grouped().program, grouped().root);
  return bytes;
}

void set_u32(Bytes& bytes, std::size_t offset, std::uint32_t value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

void expect_refused(const Bytes& bytes, const std::string& what, LoadOptions options = {}) {
  const auto loaded = parse_program(bytes, options);
  ASSERT_FALSE(loaded) << "accepted: " << what;
  EXPECT_THAT(loaded.error().message, HasSubstr(what));
}

TEST(ProgramFile, ComesBackAsItWas) {
  const auto loaded = parse_program(image());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Program& program = loaded->program;
  EXPECT_EQ(loaded->root, tiny().root);
  EXPECT_EQ(model_root(program), tiny().root);
  EXPECT_EQ(program.operators, tiny().program.operators);
  EXPECT_EQ(program.vocabulary, tiny().program.vocabulary);
  EXPECT_EQ(program.name, tiny().program.name);
  EXPECT_EQ(program.tensors[1].name, tiny().program.tensors[1].name);
  EXPECT_EQ(serialize_program(program, loaded->root), image()) << "one program, one file";
}

TEST(ProgramFile, GroupsComeBackAsTheyWere) {
  const auto loaded = parse_program(grouped_image());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Program& program = loaded->program;
  EXPECT_EQ(program.operators, grouped().program.operators);
  for (std::size_t i = 0; i < program.tensors.size(); ++i) {
    const GroupedWeights& before = grouped().program.tensors[i].grouped;
    const GroupedWeights& after = program.tensors[i].grouped;
    EXPECT_TRUE(std::ranges::equal(after.bits, before.bits));
    EXPECT_TRUE(std::ranges::equal(after.scales, before.scales));
    EXPECT_TRUE(std::ranges::equal(after.offsets, before.offsets));
  }
  EXPECT_FALSE(program.tensors[2].grouped.offsets.empty());
  EXPECT_EQ(serialize_program(program, loaded->root), grouped_image());
}

// Where the file says what tensor 1 has: behind its rows and columns.
std::size_t parts_of_second_tensor(const Bytes& bytes) {
  const WeightTensor& second = grouped().program.tensors[1];
  Bytes shape(8);
  std::memcpy(shape.data(), &second.rows, 4);
  std::memcpy(shape.data() + 4, &second.columns, 4);
  const auto name = std::search(bytes.begin(), bytes.end(), second.name.begin(), second.name.end());
  const std::size_t at = static_cast<std::size_t>(name - bytes.begin()) - 16;
  EXPECT_TRUE(std::equal(shape.begin(), shape.end(), bytes.begin() + std::ptrdiff_t(at)));
  return at + 8;
}

TEST(ProgramFile, PartsThatThereAreNotAreRefused) {
  const std::size_t at = parts_of_second_tensor(grouped_image());
  for (const std::uint32_t parts : {4U, 5U, 8U, 10U, 0xFFFFFFFFU}) {
    Bytes bytes = grouped_image();
    set_u32(bytes, at, parts);
    expect_refused(bytes, "parts", {.verify = false});
  }
  for (const std::uint32_t parts : {0U, 1U, 3U, 6U, 7U}) {
    Bytes bytes = grouped_image();
    set_u32(bytes, at, parts);
    EXPECT_FALSE(parse_program(bytes, {.verify = false})) << parts << ": the lengths are others";
  }
  Bytes bytes = grouped_image();
  set_u32(bytes, at - 8, 1);
  set_u32(bytes, at - 4, 16);
  expect_refused(bytes, "no whole group", {.verify = false});
}

TEST(ProgramFile, SavesAtomicallyAndMaps) {
  const auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(directory);
  const auto path = directory->path() / "tiny.imo";
  ASSERT_TRUE(save_program(tiny().program, tiny().root, path));
  EXPECT_TRUE(is_program_file(path));
  const auto loaded = load_program(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->root, tiny().root);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory->path()), {}), 1);

  const auto missing = load_program(directory->path() / "none.imo");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("none.imo"));
  EXPECT_FALSE(is_program_file(directory->path() / "none.imo"));
  EXPECT_FALSE(save_program(tiny().program, tiny().root, directory->path() / "no" / "where.imo"));
}

TEST(ProgramFile, NamesTheFieldThatIsWrong) {
  Bytes bytes = image();
  bytes[1] = 'X';
  expect_refused(bytes, "magic at offset 0");
  bytes = image();
  set_u32(bytes, 8, 2);
  expect_refused(bytes, "version at offset 8 is 2");
  bytes = image();
  set_u32(bytes, 12, 1);
  expect_refused(bytes, "flags at offset 12");
  bytes = image();
  set_u32(bytes, 16, 1);
  expect_refused(bytes, "size at offset 16");
  bytes = image();
  bytes[kRootOffset] ^= 1;
  expect_refused(bytes, "root at offset 24");
  bytes = image();
  bytes.push_back(0);
  expect_refused(bytes, "size at offset 16");
  expect_refused({}, "magic at offset 0");
}

TEST(ProgramFile, LyingCountsAllocateNothing) {
  // Offsets of the numbers of operators, tensors, tables, and of the lengths behind them.
  for (const std::size_t offset : {108U, 112U, 116U, 120U, 124U, 128U}) {
    for (const std::uint32_t value : {0xFFFFFFFFU, 0x7FFFFFFFU, 0x00FFFFFFU}) {
      Bytes bytes = image();
      set_u32(bytes, offset, value);
      EXPECT_FALSE(parse_program(bytes, {.verify = false})) << offset;
    }
  }
}

void expect_truncations_refused(const Bytes& whole) {
  // Everything up to the data, then a sample of it.
  for (std::size_t size = 0; size < whole.size(); size += size < 20000 ? 7 : 4093) {
    Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(parse_program(bytes, {.verify = false})) << size;
    if (size >= 24) {
      const std::uint64_t honest = size;
      std::memcpy(bytes.data() + 16, &honest, sizeof honest);
      ASSERT_FALSE(parse_program(bytes, {.verify = false})) << size;
    }
  }
}

TEST(ProgramFile, EveryTruncationIsRefused) {
  expect_truncations_refused(image());
  expect_truncations_refused(grouped_image());
}

// With the root checked, no change gets through but in what the root leaves out.
void expect_changes_noticed(const Program& program, const Bytes& image) {
  const auto harmless = [&](const Program& changed) {
    return changed.name != program.name || changed.licence != program.licence ||
           changed.source_hash != program.source_hash ||
           !std::equal(changed.tensors.begin(), changed.tensors.end(), program.tensors.begin(),
                       [](const auto& a, const auto& b) { return a.name == b.name; });
  };
  std::size_t accepted = 0;
  const auto try_byte = [&](std::size_t offset, std::uint8_t flip) {
    Bytes bytes = image;
    bytes[offset] ^= flip;
    const auto loaded = parse_program(bytes);
    if (!loaded) return;
    ASSERT_TRUE(harmless(loaded->program)) << "offset " << offset;
    ++accepted;
  };
  for (std::size_t offset = 0; offset < 400; offset += 3) try_byte(offset, 0x01);
  for (std::size_t offset = 0; offset < image.size(); offset += 7919) try_byte(offset, 0x80);
  EXPECT_GT(accepted, 0U) << "the name and the source's hash may change";
}

TEST(ProgramFile, EveryChangedByteIsNoticed) {
  expect_changes_noticed(tiny().program, image());
  expect_changes_noticed(grouped().program, grouped_image());
}

// Without it, whatever is accepted must still be a program that check_structure accepts.
TEST(ProgramFile, RandomDamageNeverCrashes) {
  std::mt19937 random(5);
  for (int round = 0; round < 600; ++round) {
    Bytes bytes = round % 2 == 0 ? image() : grouped_image();
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t i = 0; i < changes; ++i) {
      bytes[random() % std::min<std::size_t>(bytes.size(), 16000)] =
          static_cast<std::uint8_t>(random());
    }
    const auto loaded = parse_program(bytes, {.verify = false});
    EXPECT_TRUE(loaded || !loaded.error().message.empty());
  }
}

TEST(ProgramFile, GapsAreZero) {
  Bytes bytes = image();
  // The first gap lies between the names and the operators.
  const std::size_t names = kProgramHeader + tiny().program.name.size();
  ASSERT_NE(names % kProgramAlignment, 0U);
  bytes[names] = 1;
  expect_refused(bytes, "gap that is not zero", {.verify = false});
}

}  // namespace
}  // namespace imo::model
