#include "imo/model/model_root.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/model/program_test_support.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

using testing::own_tensor;
using testing::tiny_program;

const Compiled& tiny() {
  static const Compiled compiled = tiny_program();
  return compiled;
}

TEST(ModelRoot, IsTheSameForAnyNumberOfThreads) {
  for (const std::size_t threads : {1U, 2U, 3U}) {
    ThreadPool pool(threads);
    EXPECT_EQ(model_root(tiny().program, &pool), tiny().root);
  }
  EXPECT_EQ(tiny_program().root, tiny().root) << "compiling is deterministic";
}

TEST(ModelRoot, OpensAtOneRowOfWeights) {
  const Program& program = tiny().program;
  const WeightTensor& tensor = program.tensors[2];
  std::vector<Hash32> leaves;
  for (std::uint32_t row = 0; row < tensor.rows; ++row) {
    leaves.push_back(crypto::merkle_leaf(row_payload(tensor, row)));
  }
  const crypto::MerkleTree tree(leaves);
  EXPECT_EQ(tree.root(), tensor_root(tensor));
  const auto proof = tree.proof(3);
  const auto payload = row_payload(tensor, 3);
  ASSERT_EQ(payload.size(), 12U + tensor.columns);
  EXPECT_TRUE(crypto::merkle_verify(tensor_root(tensor), tensor.rows, 3,
                                    crypto::merkle_leaf(payload), proof));
  Bytes other = payload;
  other.back() ^= 1;
  EXPECT_FALSE(crypto::merkle_verify(tensor_root(tensor), tensor.rows, 3,
                                     crypto::merkle_leaf(other), proof));
}

TEST(ModelRoot, OpensAtOnePieceOfATable) {
  const Table& table = tiny().program.tables[0];
  Bytes bytes;
  for (const std::int32_t value : table.wide) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }
  const crypto::MerkleTree tree(crypto::merkle_leaves(bytes, 256));
  EXPECT_EQ(tree.root(), table_root(table));
  EXPECT_EQ(tree.height(), 10U);
}

// The documented layout, written out once more by hand.
TEST(ModelRoot, IsWhatTheHeaderSays) {
  const Program& program = tiny().program;
  const RootParts parts = root_parts(program);
  Bytes bytes;
  const auto add_hash = [&](const Hash32& hash) { append(bytes, hash); };
  const auto add_number = [&](std::uint64_t value) {
    bytes.insert(bytes.end(), 24, 0);
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  };
  add_hash(crypto::keccak256(as_bytes("imo.model.1")));
  add_number(program.operators.size());
  add_hash(parts.operators);
  add_number(program.tensors.size());
  add_hash(parts.tensors);
  add_number(3);
  add_hash(parts.tables);
  add_number(program.vocabulary_size);
  add_hash(parts.vocabulary);
  add_hash(parts.tokenizer);
  add_number(program.context_length);
  add_number(program.end_token);
  add_number(std::uint64_t{program.layers} << 32 | program.tail);
  EXPECT_EQ(bytes.size(), 13U * 32);
  EXPECT_EQ(crypto::keccak256(bytes), tiny().root);

  std::vector<Hash32> leaves;
  for (const VocabularyEntry& entry : program.vocabulary.entries) {
    Bytes payload{static_cast<std::uint8_t>(entry.type)};
    if (entry.type != TokenType::kControl) append(payload, as_bytes(entry.bytes));
    leaves.push_back(crypto::merkle_leaf(payload));
  }
  EXPECT_EQ(crypto::MerkleTree(leaves).root(), parts.vocabulary);
}

// A row of two groups, by hand.
TEST(ModelRoot, RowsOfGroupsAreWhatTheHeaderSays) {
  const std::vector<std::int8_t> scales{1, -2, 3, -4};
  const std::vector<std::int16_t> offsets{0x0102, -2, 0x0304, -3};
  std::vector<std::uint8_t> bits(64);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint8_t>(i);
  const std::vector<std::uint32_t> multipliers{5, 0x060708};
  WeightTensor tensor{"w", 2, 64, {}, multipliers, {}, {bits, scales, offsets}};
  Bytes expected{0, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0xFC, 3, 4, 0xFF, 0xFD};
  expected.insert(expected.end(), bits.begin() + 32, bits.end());
  EXPECT_EQ(row_payload(tensor, 1), expected);
  tensor.grouped.offsets = {};
  expected.erase(expected.begin() + 14, expected.begin() + 18);
  EXPECT_EQ(row_payload(tensor, 1), expected);
}

TEST(ModelRoot, EveryPartOfAGroupCounts) {
  Program program = tiny_program(testing::grouped_shape(), 4).program;
  const Hash32 before = model_root(program);
  const std::size_t index = 1;
  ASSERT_TRUE(program.tensors[index].is_grouped());
  const auto owned = testing::own_offsets(program, index, 0);
  const Hash32 root = model_root(program);
  EXPECT_NE(root, before) << "offsets of zero are offsets";
  const auto expect_other = [&](const char* what, auto& value) {
    value ^= 1;
    EXPECT_NE(model_root(program), root) << what;
    value ^= 1;
    EXPECT_EQ(model_root(program), root) << what;
  };
  expect_other("first scale", owned->scales.front());
  expect_other("last scale", owned->scales.back());
  expect_other("first offset", owned->offsets.front());
  expect_other("last offset", owned->offsets.back());
  expect_other("first bits", owned->bits.front());
  expect_other("last bits", owned->bits.back());
  ThreadPool pool(3);
  EXPECT_EQ(model_root(program, &pool), root);
}

TEST(ModelRoot, EveryPartCounts) {
  const auto expect_other = [](const char* what, const std::function<void(Program&)>& change) {
    Program program = tiny().program;
    change(program);
    EXPECT_NE(model_root(program), tiny().root) << what;
  };
  expect_other("context", [](Program& p) { ++p.context_length; });
  expect_other("end", [](Program& p) { ++p.end_token; });
  expect_other("layers", [](Program& p) { ++p.layers; });
  expect_other("tail", [](Program& p) { ++p.tail; });
  expect_other("operator", [](Program& p) { p.operators[9].constant ^= 1; });
  expect_other("order", [](Program& p) { std::swap(p.operators[1], p.operators[2]); });
  expect_other("fewer operators", [](Program& p) { p.operators.pop_back(); });
  expect_other("weight", [](Program& p) { own_tensor(p, 1)->weights[7] ^= 1; });
  expect_other("multiplier", [](Program& p) { own_tensor(p, 1)->multipliers[0] ^= 1; });
  expect_other("shape", [](Program& p) { std::swap(p.tensors[0].rows, p.tensors[0].columns); });
  expect_other("table", [](Program& p) { p.tables[2].fraction ^= 1; });
  expect_other("piece", [](Program& p) { p.vocabulary.entries.back().bytes += "x"; });
  expect_other("type", [](Program& p) { p.vocabulary.entries.back().type = TokenType::kUnused; });
  expect_other("rank", [](Program& p) { ++p.vocabulary.entries.back().rank; });
  Program program = tiny().program;
  program.name = "another";
  program.licence = "mit";
  program.source_hash.bytes[0] ^= 1;
  EXPECT_EQ(model_root(program), tiny().root) << "names are not the function";
}

}  // namespace
}  // namespace imo::model
