#include "imo/zkml/model_proof.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/model_party_test_support.hpp"
#include "imo/zkml/proof_file.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using test::tiny;
using testing::HasSubstr;

/// A proven answer of a small model, made once.
class ModelProofTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ThreadPool pool(2);
    const engine::Model model = tiny({.seed = 1});
    const ProvingKey key = ProvingKey::make(model, pool).value();
    file_.key = key.verifying_key();
    file_.statement.answer.prompt = {1, 70, 80, 90};
    file_.statement.answer.output = model.generate(file_.statement.answer.prompt, 3)->tokens;
    file_.statement.context.bytes[31] = 7;
    file_.proof = prove_answer(model, key, file_.statement, pool).value().bytes;
  }

  static Result<void> check(const ProofFile& file) {
    return check_answer(file.key, file.statement, file.proof);
  }

  static ProofFile file_;
};
ProofFile ModelProofTest::file_;

TEST_F(ModelProofTest, IsAccepted) {
  const auto checked = check(file_);
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_F(ModelProofTest, OfAnotherStatementIsRefused) {
  const auto refused = [](const std::function<void(ProofFile&)>& alter) {
    ProofFile file = file_;
    alter(file);
    const auto checked = check(file);
    return checked ? std::string("accepted") : checked.error().message;
  };
  const auto of_proof = HasSubstr("proof, byte");
  EXPECT_THAT(refused([](ProofFile& f) { f.statement.context.bytes[0] ^= 1; }), of_proof);
  EXPECT_THAT(refused([](ProofFile& f) { f.key.model_root.bytes[5] ^= 1; }), of_proof);
  EXPECT_THAT(refused([](ProofFile& f) { f.key.registered_root.bytes[5] ^= 1; }), of_proof);
  EXPECT_THAT(refused([](ProofFile& f) { f.key.binding_value += Fp3(1); }), of_proof);
  EXPECT_THAT(refused([](ProofFile& f) { f.key.shape.layers[0].mix_shift ^= 1; }), of_proof);
  EXPECT_THAT(refused([](ProofFile& f) { f.key.shape.end_token = 3; }), of_proof);
  for (std::size_t i = 0; i < file_.statement.answer.prompt.size(); ++i) {
    EXPECT_THAT(refused([i](ProofFile& f) { f.statement.answer.prompt[i] ^= 1; }), of_proof) << i;
  }
  for (std::size_t i = 0; i < file_.statement.answer.output.size(); ++i) {
    EXPECT_THAT(refused([i](ProofFile& f) { f.statement.answer.output[i] ^= 1; }), of_proof) << i;
  }
  EXPECT_THAT(refused([](ProofFile& f) { f.statement.answer.output.pop_back(); }), of_proof);
  EXPECT_THAT(refused([](ProofFile& f) { f.proof.push_back(0); }), HasSubstr("bytes are left"));
  EXPECT_THAT(refused([](ProofFile& f) { f.statement.answer.output.clear(); }),
              HasSubstr("no token"));
  EXPECT_THAT(refused([](ProofFile& f) { f.statement.answer.prompt[0] = 1 << 20; }),
              HasSubstr("vocabulary"));
}

/// Nothing that a verifier takes from elsewhere is missing, and no two statements are the same
/// bytes.
TEST_F(ModelProofTest, StatementsHaveAllThatTheyAreOf) {
  const auto encoded = [](const std::function<void(ProofFile&)>& alter) {
    ProofFile file = file_;
    alter(file);
    return file.statement.encode(file.key);
  };
  const Bytes honest = encoded([](ProofFile&) {});
  const Answer& answer = file_.statement.answer;
  EXPECT_EQ(honest.size(),
            32 + 26 + 24 + 32 + 32 + 4 + 4 * (answer.prompt.size() + answer.output.size()));
  EXPECT_NE(encoded([](ProofFile& f) { f.key.model_root.bytes[5] ^= 1; }), honest);
  EXPECT_NE(encoded([](ProofFile& f) { f.key.registered_root.bytes[5] ^= 1; }), honest);
  EXPECT_NE(encoded([](ProofFile& f) { f.key.binding_value += Fp3(1); }), honest);
  EXPECT_NE(encoded([](ProofFile& f) { f.key.shape.end_token = 3; }), honest);
  EXPECT_NE(encoded([](ProofFile& f) { f.statement.context.bytes[0] ^= 1; }), honest);
  EXPECT_NE(encoded([](ProofFile& f) { f.statement.answer.prompt[3] ^= 1; }), honest);
  EXPECT_NE(encoded([](ProofFile& f) { f.statement.answer.output[2] ^= 1; }), honest);
  EXPECT_NE(encoded([](ProofFile& f) {
              Answer& moved = f.statement.answer;
              moved.prompt.push_back(moved.output.front());
              moved.output.erase(moved.output.begin());
            }),
            honest)
      << "where the answer begins";
}

/// Every 257th byte of the proof changed; every 4,999th prefix.
TEST_F(ModelProofTest, WithAnyByteChangedIsRefused) {
  ProofFile file = file_;
  for (std::size_t i = 0; i < file.proof.size(); i += 257) {
    file.proof[i] ^= 0x40;
    EXPECT_FALSE(check(file)) << i;
    file.proof[i] ^= 0x40;
  }
  for (std::size_t size = 0; size < file_.proof.size(); size += 4999) {
    file.proof.assign(file_.proof.begin(), file_.proof.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(check(file)) << size;
  }
}

TEST_F(ModelProofTest, AnswersThatTheModelDoesNotGiveAreNotProven) {
  ThreadPool pool(2);
  const engine::Model model = tiny({.seed = 1});
  const ProvingKey key = ProvingKey::make(model, pool).value();
  Statement statement = file_.statement;
  statement.answer.output[1] ^= 1;
  const auto proof = prove_answer(model, key, statement, pool);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().kind, ErrorKind::kVerification);
  EXPECT_THAT(proof.error().message, HasSubstr("token 1 of the answer"));
}

TEST_F(ModelProofTest, FilesAreReadBack) {
  const Bytes bytes = file_.encode();
  const auto read = ProofFile::decode(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->key, file_.key);
  EXPECT_EQ(read->proof, file_.proof);
  EXPECT_EQ(read->encode(), bytes);
  EXPECT_TRUE(check(*read));
}

TEST_F(ModelProofTest, OtherFilesAreRefused) {
  const Bytes bytes = file_.encode();
  const std::size_t before_proof = bytes.size() - file_.proof.size();
  for (std::size_t size = 0; size < before_proof; ++size) {
    EXPECT_FALSE(ProofFile::decode(BytesView(bytes).first(size))) << size;
  }
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < before_proof; ++i) {
    Bytes changed = bytes;
    changed[i] ^= static_cast<std::uint8_t>(1 + random() % 255);
    const auto read = ProofFile::decode(changed);
    if (read) {
      EXPECT_FALSE(check(*read)) << i;
    }
  }
}

TEST_F(ModelProofTest, EstimatesAreNearWhatIsMade) {
  const Answer& answer = file_.statement.answer;
  const auto estimate =
      estimate_proof(file_.key.shape, static_cast<std::uint32_t>(answer.prompt.size()),
                     static_cast<std::uint32_t>(answer.output.size()));
  ASSERT_TRUE(estimate);
  EXPECT_LT(file_.proof.size(), estimate->proof_bytes * 5 / 4);
  EXPECT_GT(file_.proof.size(), estimate->proof_bytes * 3 / 4);
}

}  // namespace
}  // namespace imo::zkml
