#include "imo/node/proof_store.hpp"

#include "imo/base/file.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using test::must;
using testing::HasSubstr;

class ProofStoreTest : public testing::Test {
 protected:
  static ProofJob job(std::uint8_t name) {
    ProofJob job;
    job.model_root.bytes[0] = 1;
    job.context.bytes[0] = name;
    job.request = name;
    job.claim_hash.bytes[1] = name;
    job.prompt = {0, 0, 0, 1};
    job.output = {0, 0, 0, name};
    job.proving = std::chrono::milliseconds(1500);
    job.memory_bytes = 1;
    job.proof_bytes = 2;
    job.gas = 3;
    job.id = job.make_id();
    return job;
  }
  void add(std::uint8_t name, std::size_t limit = 9, std::size_t kept = 9) {
    must(proofs_.add(job(name), limit, kept));
  }
  ProofState state(std::uint8_t name) { return must(proofs_.find(job(name).id))->state; }

  TemporaryDirectory directory_ = must(TemporaryDirectory::create());
  std::unique_ptr<Store> store_ = must(Store::open(directory_.path()));
  ProofStore proofs_{*store_};
};

TEST_F(ProofStoreTest, GivesBackWhatItWasGiven) {
  EXPECT_FALSE(must(proofs_.find(job(1).id)));
  add(1);
  const auto found = must(proofs_.find(job(1).id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, ProofState::kQueued);
  EXPECT_EQ(found->model_root, job(1).model_root);
  EXPECT_EQ(found->context, job(1).context);
  EXPECT_EQ(found->request, 1U);
  EXPECT_EQ(found->claim_hash, job(1).claim_hash);
  EXPECT_EQ(found->prompt, job(1).prompt);
  EXPECT_EQ(found->output, job(1).output);
  EXPECT_EQ(found->proving, job(1).proving);
  EXPECT_EQ(found->memory_bytes, 1U);
  EXPECT_EQ(found->proof_bytes, 2U);
  EXPECT_EQ(found->gas, 3U);
  EXPECT_FALSE(found->post);
}

TEST_F(ProofStoreTest, TakesTheOldestFirst) {
  add(2);
  add(1);
  EXPECT_EQ(must(proofs_.take())->id, job(2).id);
  EXPECT_EQ(state(2), ProofState::kProving);
  EXPECT_EQ(must(proofs_.take())->id, job(1).id);
  EXPECT_FALSE(must(proofs_.take()));
  must(proofs_.finish(job(1).id, Bytes{7}));
  EXPECT_EQ(state(1), ProofState::kReady);
  EXPECT_EQ(must(proofs_.find(job(1).id))->file, Bytes{7});
  must(proofs_.fail_job(job(2).id, "too hot"));
  EXPECT_EQ(must(proofs_.find(job(2).id))->reason, "too hot");
  const std::map<std::string, std::uint64_t> counts{
      {"paying", 0}, {"queued", 0}, {"proving", 0}, {"ready", 1}, {"failed", 1}};
  EXPECT_EQ(must(proofs_.counts()), counts);
}

TEST_F(ProofStoreTest, OneThatANodeEndedWithIsBegunAgainButNotForEver) {
  add(1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(must(proofs_.take()));
    must(proofs_.recover(3));
    EXPECT_EQ(state(1), ProofState::kQueued);
  }
  ASSERT_TRUE(must(proofs_.take()));
  must(proofs_.recover(3));
  EXPECT_EQ(state(1), ProofState::kFailed);
  EXPECT_THAT(must(proofs_.find(job(1).id))->reason, HasSubstr("the node ended each time"));
  must(proofs_.restart(job(1).id, 1));
  EXPECT_EQ(must(proofs_.take())->attempts, 1U);
}

TEST_F(ProofStoreTest, RefusesWhatIsTooMany) {
  add(1, 2);
  add(2, 2);
  const auto third = proofs_.add(job(3), 2, 9);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::kRejected);
  ASSERT_TRUE(must(proofs_.take()));
  EXPECT_FALSE(proofs_.add(job(3), 2, 9)) << "what is being proven counts";
  must(proofs_.finish(job(1).id, Bytes{7}));
  add(3, 2);
}

TEST_F(ProofStoreTest, ForgetsTheOldestThatAreDone) {
  for (std::uint8_t i = 1; i <= 4; ++i) {
    add(i, 9, 2);
    ASSERT_TRUE(must(proofs_.take()));
    must(proofs_.finish(job(i).id, Bytes{i}));
  }
  add(5, 9, 2);
  EXPECT_FALSE(must(proofs_.find(job(1).id)));
  EXPECT_FALSE(must(proofs_.find(job(2).id)));
  EXPECT_EQ(state(3), ProofState::kReady);
  EXPECT_EQ(state(5), ProofState::kQueued);
}

TEST_F(ProofStoreTest, NeverForgetsWhatIsOwed) {
  ProofJob bought = job(1);
  bought.paid_by = "payment 1";
  must(proofs_.add(bought, 9, 0));
  must(proofs_.paid(bought.id));
  must(proofs_.fail_job(must(proofs_.take())->id, "no memory"));
  add(2, 9, 0);
  must(proofs_.fail_job(must(proofs_.take())->id, "no memory"));
  add(3, 9, 0);
  EXPECT_EQ(state(1), ProofState::kFailed);
  EXPECT_FALSE(must(proofs_.find(job(2).id)));
}

TEST_F(ProofStoreTest, PostsWhatIsReadyAndWasMeantTo) {
  add(1);
  add(2);
  must(proofs_.want_posted(job(2).id));
  EXPECT_TRUE(must(proofs_.to_post()).empty());
  for (int i = 0; i < 2; ++i) {
    must(proofs_.finish(must(proofs_.take())->id, Bytes{7}));
  }
  const auto ready = must(proofs_.to_post());
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_EQ(ready[0].id, job(2).id);
  must(proofs_.posted(job(2).id));
  EXPECT_TRUE(must(proofs_.to_post()).empty());
}

TEST_F(ProofStoreTest, ProvesWhatIsPaidAndPaysOneProofWithOnePayment) {
  ProofJob bought = job(1);
  bought.paid_by = "payment 1";
  bought.payment = {1, 2};
  must(proofs_.add(bought, 1, 9));
  EXPECT_EQ(state(1), ProofState::kPaying);
  EXPECT_FALSE(must(proofs_.take())) << "nothing is proven before the money is there";
  EXPECT_FALSE(proofs_.add(job(3), 1, 9)) << "what is to be paid has its place";
  ASSERT_EQ(must(proofs_.to_pay()).size(), 1U);
  EXPECT_EQ(must(proofs_.to_pay())[0].payment, bought.payment);

  ProofJob again = job(2);
  again.paid_by = "payment 1";
  const auto refused = proofs_.add(again, 9, 9);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("pays for something else"));

  must(proofs_.payment_failed(bought.id, "no money"));
  EXPECT_EQ(state(1), ProofState::kFailed);
  EXPECT_EQ(must(proofs_.find(bought.id))->paid_by, "");
  bought.paid_by = "payment 2";
  must(proofs_.pay_again(bought, 1));
  EXPECT_EQ(state(1), ProofState::kPaying);
  must(proofs_.paid(bought.id));
  EXPECT_EQ(must(proofs_.take())->id, bought.id);
  EXPECT_TRUE(must(proofs_.to_pay()).empty());
}

}  // namespace
}  // namespace imo::node
