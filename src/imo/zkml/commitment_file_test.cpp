#include "imo/zkml/commitment_file.hpp"

#include "imo/base/file.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/model_party_test_support.hpp"
#include "imo/zkml/word_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using test::tiny;
using testing::HasSubstr;

class CommitmentFileTest : public testing::Test {
 protected:
  Bytes written() {
    EXPECT_TRUE(write_commitment(model_, path_, pool_));
    return read_file(path_, 1U << 30).value();
  }

  /// What opening says of other bytes.
  std::string refused(const Bytes& bytes) {
    EXPECT_TRUE(write_file_atomic(path_, bytes));
    const auto opened = open_commitment(model_, path_, pool_);
    return opened ? "opened" : opened.error().message;
  }

  ThreadPool pool_{2};
  engine::Model model_ = tiny({.seed = 1});
  TemporaryDirectory directory_ = TemporaryDirectory::create().value();
  std::filesystem::path path_ = directory_.path() / "a.commitment";
};

TEST_F(CommitmentFileTest, IsTheKeyThatIsMadeInMemory) {
  const ProvingKey made = ProvingKey::make(model_, pool_).value();
  (void)written();
  const auto opened = open_commitment(model_, path_, pool_);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->verifying_key(), made.verifying_key());

  Statement statement;
  statement.answer.prompt = {1, 70, 80, 90};
  statement.answer.output = model_.generate(statement.answer.prompt, 3)->tokens;
  const auto proof = prove_answer(model_, *opened, statement, pool_);
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->bytes, prove_answer(model_, made, statement, pool_)->bytes);
}

TEST_F(CommitmentFileTest, IsNotFoundWhereThereIsNone) {
  const auto opened = open_commitment(model_, path_, pool_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
}

TEST_F(CommitmentFileTest, RefusesWhatItsEndsShow) {
  const Bytes bytes = written();
  EXPECT_EQ(refused(bytes), "opened");
  EXPECT_THAT(refused({}), HasSubstr("would have"));
  Bytes changed = bytes;
  changed.pop_back();
  EXPECT_THAT(refused(changed), HasSubstr("would have"));
  changed = bytes;
  changed.push_back(0);
  EXPECT_THAT(refused(changed), HasSubstr("would have"));
  for (std::size_t back = 1; back <= 162; ++back) {
    changed = bytes;
    changed[changed.size() - back] ^= 1;
    EXPECT_THAT(refused(changed), HasSubstr("damaged at its end")) << back;
  }
  // The byte before is the last of a subtree's root.
  changed = bytes;
  changed[changed.size() - 163] ^= 1;
  EXPECT_THAT(refused(changed), HasSubstr("another root"));
}

TEST_F(CommitmentFileTest, RefusesOtherValues) {
  const Bytes bytes = written();
  for (const std::size_t at : {std::size_t{0}, std::size_t{1001}, std::size_t{70'000}}) {
    Bytes changed = bytes;
    changed[at] ^= 1;
    EXPECT_THAT(refused(changed), HasSubstr("other values")) << at;
  }
}

/// Damage of the tree's lower levels is not looked for: no proof made with it is accepted.
TEST_F(CommitmentFileTest, DamageOfTheTreeShowsInTheProof) {
  Bytes bytes = written();
  const auto circuit = ModelCircuit::make(*ModelShape::of(model_.program()), {{0}, {0}});
  const WhirCode code = registered_code(circuit->circuit());
  const unsigned height = code.log_rows() - code.log_inverse_rate - group_height(code);
  const std::size_t subtree = Subtree::nodes_over(height) * Digest::kSize;
  // The nodes below each subtree's root, which is its last one.
  std::size_t end = bytes.size() - 162;
  for (std::size_t count = std::size_t{1} << code.log_inverse_rate; count > 0; --count) {
    for (std::size_t i = 0; i < 30 * Digest::kSize; ++i) bytes[end - Digest::kSize - i - 1] ^= 1;
    end -= subtree;
  }
  ASSERT_TRUE(write_file_atomic(path_, bytes));
  const auto opened = open_commitment(model_, path_, pool_);
  ASSERT_TRUE(opened) << opened.error().message;
  Statement statement;
  statement.answer.prompt = {1, 70, 80, 90};
  statement.answer.output = model_.generate(statement.answer.prompt, 3)->tokens;
  const auto proof = prove_answer(model_, *opened, statement, pool_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_FALSE(check_answer(opened->verifying_key(), statement, proof->bytes));
}

TEST_F(CommitmentFileTest, OfAnotherModelIsRefused) {
  const Bytes bytes = written();
  model_ = tiny({.seed = 2});
  EXPECT_THAT(refused(bytes), HasSubstr("of another model"));
}

}  // namespace
}  // namespace imo::zkml
