#include "imo/zkml/whir.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using testing::HasSubstr;

constexpr std::string_view kProtocol = "imo.test.whir";

WhirParameters parameters_of(unsigned variables, unsigned rate, unsigned grinding = 0) {
  auto parameters = WhirParameters::make(variables, rate, grinding);
  EXPECT_TRUE(parameters) << parameters.error().message;
  return *parameters;
}

/// The points of claims: hash-made, as in a real protocol, from what was said so far.
std::vector<std::vector<Fp3>> draw_points(Transcript& transcript, std::size_t count, unsigned n) {
  std::vector<std::vector<Fp3>> points(count);
  for (auto& point : points) {
    for (unsigned j = 0; j < n; ++j) point.push_back(transcript.challenge());
  }
  return points;
}

/// Commits to `vector`, and claims `count` values of `truth`.
Bytes prove(const CommittedVector& vector, std::span<const Fp> truth, std::size_t count,
            ThreadPool& pool) {
  ProofWriter proof(kProtocol, {});
  proof.write(vector.root());
  const OutOfDomain binding = bind(vector, proof, pool);
  std::vector<Claim> claims;
  for (auto& point : draw_points(proof, count, vector.parameters().variables())) {
    const Fp3 value = evaluate_multilinear(truth, point, pool);
    claims.push_back(Claim::at(std::move(point), value));
  }
  for (const Claim& claim : claims) proof.write(claim.value);
  open(vector, binding, claims, proof, pool);
  return std::move(proof).take();
}

Result<void> verify(const WhirParameters& parameters, std::size_t count, BytesView bytes) {
  ProofReader proof(kProtocol, {}, bytes);
  IMO_TRY(const Digest root, proof.read_digest());
  IMO_TRY(const OutOfDomain binding, read_binding(proof));
  std::vector<Claim> claims;
  for (auto& point : draw_points(proof, count, parameters.variables())) {
    claims.push_back(Claim::at(std::move(point), {}));
  }
  for (Claim& claim : claims) {
    IMO_TRY(claim.value, proof.read_fp3());
  }
  IMO_TRY_VOID(check_open(parameters, root, binding, claims, proof));
  return proof.finish();
}

std::vector<Fp> vector_of(unsigned variables, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  return test::random_values(random, std::size_t{1} << variables);
}

TEST(Whir, AcceptsEveryShape) {
  ThreadPool pool(2);
  for (unsigned n = 8; n <= 15; ++n) {
    for (const unsigned rate : {1U, 3U, 4U}) {
      const WhirParameters parameters = parameters_of(n, rate, n % 3 == 0 ? 5 : 0);
      const CommittedVector vector(parameters, vector_of(n, n), pool);
      for (const std::size_t count : {1U, 5U}) {
        const Bytes proof = prove(vector, vector.values(), count, pool);
        const auto verdict = verify(parameters, count, proof);
        EXPECT_TRUE(verdict) << n << ' ' << rate << ' ' << count << ": " << verdict.error().message;
      }
    }
  }
}

TEST(Whir, TheProofDoesNotDependOnThreads) {
  ThreadPool one(1);
  ThreadPool three(3);
  const WhirParameters parameters = parameters_of(12, 2, 6);
  const CommittedVector vector(parameters, vector_of(12, 1), one);
  EXPECT_EQ(prove(vector, vector.values(), 3, one), prove(vector, vector.values(), 3, three));
}

/// A proof of fixed values, so that a change of the format does not pass unseen.
TEST(Whir, GoldenProof) {
  ThreadPool pool(2);
  const WhirParameters parameters = parameters_of(12, 3, 8);
  std::vector<Fp> values(std::size_t{1} << 12);
  for (std::size_t b = 0; b < values.size(); ++b) values[b] = Fp(b * b + 7);
  const CommittedVector vector(parameters, values, pool);
  const Bytes proof = prove(vector, values, 2, pool);
  EXPECT_EQ(proof.size(), 33612U);
  EXPECT_EQ(to_hex(crypto::keccak256(proof)),
            "0x804bec39af88f50093983af7337d69e1c15e0b110bde5c3e6f8e0c4c72624535");
}

/// Every 8 bytes of a proof changed at both ends; every prefix that ends there; one byte more.
TEST(Whir, RefusesEveryChangedWord) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 11U}) {
    const WhirParameters parameters = parameters_of(n, 4, 4);
    const CommittedVector vector(parameters, vector_of(n, 2), pool);
    const Bytes proof = prove(vector, vector.values(), 2, pool);
    ASSERT_TRUE(verify(parameters, 2, proof));
    for (std::size_t i = 0; i < proof.size(); i += 8) {
      Bytes changed = proof;
      changed[i] ^= 0x80;
      EXPECT_FALSE(verify(parameters, 2, changed)) << i;
      changed = proof;
      changed[std::min(i + 7, proof.size() - 1)] ^= 0x01;
      EXPECT_FALSE(verify(parameters, 2, changed)) << i;
      EXPECT_FALSE(verify(parameters, 2, BytesView(proof).first(i))) << i;
    }
    Bytes longer = proof;
    longer.push_back(0);
    const auto verdict = verify(parameters, 2, longer);
    ASSERT_FALSE(verdict);
    EXPECT_THAT(verdict.error().message, HasSubstr("bytes are left"));
  }
}

// The provers below lie in one place and are honest everywhere else, so that one check of the
// verifier stands between them and success; its message says that it was that one.

TEST(WhirLiar, ClaimsAnotherValue) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 12U}) {
    const WhirParameters parameters = parameters_of(n, 4);
    std::vector<Fp> other = vector_of(n, 3);
    const CommittedVector vector(parameters, other, pool);
    other[5] += Fp(1);
    const auto verdict = verify(parameters, 3, prove(vector, other, 3, pool));
    ASSERT_FALSE(verdict);
    EXPECT_THAT(verdict.error().message, HasSubstr("do not belong to the commitment"));
  }
}

TEST(WhirLiar, OpensAnotherTreeThanItCommittedTo) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 12U}) {
    const WhirParameters parameters = parameters_of(n, 4);
    const CommittedVector committed(parameters, vector_of(n, 4), pool);
    const CommittedVector opened(parameters, vector_of(n, 5), pool);
    ProofWriter writer(kProtocol, {});
    const OutOfDomain binding = bind(opened, writer, pool);
    const auto points = draw_points(writer, 1, n);
    const std::vector<Claim> claims{
        Claim::at(points[0], evaluate_multilinear(opened.values(), points[0], pool))};
    open(opened, binding, claims, writer, pool);

    const auto check = [&](const Digest& root) -> Result<void> {
      ProofReader reader(kProtocol, {}, writer.proof());
      IMO_TRY(const OutOfDomain read, read_binding(reader));
      (void)draw_points(reader, 1, n);
      IMO_TRY_VOID(check_open(parameters, root, read, claims, reader));
      return reader.finish();
    };
    EXPECT_TRUE(check(opened.root()));
    const auto verdict = check(committed.root());
    ASSERT_FALSE(verdict);
    EXPECT_THAT(verdict.error().message, HasSubstr("do not lead to the committed root"));
  }
}

/// The codeword is that of one vector, everything else that of another: found by the queries, at
/// the last vector when there is one round, in the sum when there are more.
TEST(WhirLiar, FoldsAnotherVectorThanItEncoded) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 12U}) {
    const WhirParameters parameters = parameters_of(n, 4);
    std::vector<Fp> other = vector_of(n, 6);
    LargeVector<Fp> code = encode(std::span<const Fp>(other), 4, pool);
    other[0] += Fp(1);
    const CommittedVector vector(parameters, other, std::move(code), pool);
    const auto verdict = verify(parameters, 1, prove(vector, other, 1, pool));
    ASSERT_FALSE(verdict);
    EXPECT_THAT(verdict.error().message,
                HasSubstr(n == 8 ? "does not fold to the last vector" : "do not belong"));
  }
}

/// A word halfway between two codewords is close to neither.
TEST(WhirLiar, CommitsToAWordFarFromTheCode) {
  ThreadPool pool(1);
  const WhirParameters parameters = parameters_of(9, 4);
  const std::vector<Fp> values = vector_of(9, 7);
  LargeVector<Fp> code = encode(std::span<const Fp>(values), 4, pool);
  for (std::size_t i = 0; i < code.size(); i += 32) code[i] += Fp(1);  // every second row
  const CommittedVector vector(parameters, values, std::move(code), pool);
  EXPECT_FALSE(verify(parameters, 1, prove(vector, values, 1, pool)));
}

TEST(WhirLiar, DoesLessWorkThanAsked) {
  ThreadPool pool(1);
  const WhirParameters asked = parameters_of(9, 4, 8);
  const WhirParameters more = parameters_of(9, 4, 16);
  const CommittedVector vector(asked, vector_of(9, 8), pool);
  const auto verdict = verify(more, 1, prove(vector, vector.values(), 1, pool));
  ASSERT_FALSE(verdict);
  EXPECT_THAT(verdict.error().message, HasSubstr("does not do the work"));
}

}  // namespace
}  // namespace imo::zkml
