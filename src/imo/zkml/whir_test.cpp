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

WhirParameters parameters_of(std::vector<WhirCommitment> commitments, unsigned rate,
                             unsigned grinding = 0) {
  auto parameters = WhirParameters::make(commitments, rate, grinding);
  EXPECT_TRUE(parameters) << parameters.error().message;
  return *parameters;
}

/// Of one commitment.
WhirParameters parameters_of(unsigned variables, unsigned rate, unsigned grinding = 0) {
  return parameters_of({{{variables, rate}, 0}}, rate + 2, grinding);
}

std::vector<Fp3> draw_point(Transcript& transcript, unsigned n) {
  std::vector<Fp3> point;
  for (unsigned j = 0; j < n; ++j) point.push_back(transcript.challenge());
  return point;
}

/// What is claimed of a commitment, but for the values: claims take turns between the whole vector
/// and blocks, some of them smaller than a row. Hash-made, as in a real protocol, from what was
/// said so far.
std::vector<Claim> draw_claims(Transcript& transcript, std::size_t count, const WhirPart& part) {
  const std::uint64_t end = part.hole ? part.hole->offset() : part.block.size();
  std::vector<Claim> claims;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned variables = i % 3 == 0 && !part.hole ? part.code.variables : i % 2 == 0 ? 3 : 7;
    Claim claim{draw_point(transcript, variables), 0, {}, {}};
    const Fp3 scale = transcript.challenge();
    for (std::uint64_t block = 0; block < end >> variables; ++block) {
      claim.scales.push_back(scale.pow(block));
    }
    claims.push_back(std::move(claim));
  }
  return claims;
}

Fp3 value_of(const Claim& claim, std::span<const Fp> vector, ThreadPool& pool) {
  const std::size_t size = std::size_t{1} << claim.low.size();
  Fp3 value;
  for (std::size_t i = 0; i < claim.scales.size(); ++i) {
    value +=
        claim.scales[i] * evaluate_multilinear(vector.subspan(i * size, size), claim.low, pool);
  }
  return value;
}

/// A vector that is committed to, and what is claimed about it.
struct Lie {
  const CommittedVector& vector;
  std::span<const Fp> truth;
};

/// Commits to vectors, and claims `count` values of the truth of each.
Bytes prove(const WhirParameters& parameters, std::span<const Lie> lies, std::size_t count,
            ThreadPool& pool) {
  ProofWriter proof(kProtocol, {});
  std::vector<OutOfDomain> bindings;
  std::vector<std::vector<Claim>> claims(lies.size());
  for (const Lie& lie : lies) {
    proof.write(lie.vector.root());
    bindings.push_back(bind(lie.vector, proof, pool));
  }
  std::vector<Opened> opened;
  for (std::size_t p = 0; p < lies.size(); ++p) {
    claims[p] = draw_claims(proof, count, parameters.parts()[p]);
    for (Claim& claim : claims[p]) {
      claim.value = value_of(claim, lies[p].truth, pool);
      proof.write(claim.value);
    }
    opened.push_back({lies[p].vector, bindings[p], claims[p]});
  }
  open(parameters, opened, proof, pool);
  return std::move(proof).take();
}

Bytes prove(const WhirParameters& parameters, const CommittedVector& vector,
            std::span<const Fp> truth, std::size_t count, ThreadPool& pool) {
  const Lie lie{vector, truth};
  return prove(parameters, {&lie, 1}, count, pool);
}

Result<void> verify(const WhirParameters& parameters, std::size_t count, BytesView bytes) {
  ProofReader proof(kProtocol, {}, bytes);
  std::vector<Claimed> all;
  std::vector<std::vector<Claim>> claims(parameters.parts().size());
  for (std::size_t p = 0; p < claims.size(); ++p) {
    IMO_TRY(const Digest root, proof.read_digest());
    IMO_TRY(const OutOfDomain binding, read_binding(proof));
    all.push_back({root, binding, {}});
  }
  for (std::size_t p = 0; p < claims.size(); ++p) {
    claims[p] = draw_claims(proof, count, parameters.parts()[p]);
    for (Claim& claim : claims[p]) {
      IMO_TRY(claim.value, proof.read_fp3());
    }
    all[p].claims = claims[p];
  }
  IMO_TRY_VOID(check_open(parameters, all, proof));
  return proof.finish();
}

/// Random elements, of which those from `stored` on are zero.
std::vector<Fp> vector_of(unsigned variables, std::uint64_t seed, std::size_t stored = SIZE_MAX) {
  std::mt19937_64 random(seed);
  std::vector<Fp> values = test::random_values(random, std::size_t{1} << variables);
  for (std::size_t i = stored; i < values.size(); ++i) values[i] = Fp();
  return values;
}

TEST(Whir, AcceptsEveryShape) {
  ThreadPool pool(2);
  for (unsigned n = 8; n <= 15; ++n) {
    for (const unsigned rate : {1U, 3U, 4U}) {
      const WhirParameters parameters = parameters_of(n, rate, n % 3 == 0 ? 5 : 0);
      const CommittedVector vector({n, rate}, vector_of(n, n), pool);
      for (const std::size_t count : {0U, 1U, 5U}) {
        const Bytes proof = prove(parameters, vector, vector.values(), count, pool);
        const auto verdict = verify(parameters, count, proof);
        EXPECT_TRUE(verdict) << n << ' ' << rate << ' ' << count << ": " << verdict.error().message;
      }
    }
  }
}

/// Of two commitments: equal, one within the other's zeros, one behind the other, so large that one
/// is most of the whole; and all in the clear at once.
TEST(Whir, AcceptsTwoCommitmentsAtOnce) {
  ThreadPool pool(2);
  struct Case {
    WhirCommitment first;
    WhirCommitment second;
    unsigned variables;
    bool has_hole;
  };
  const std::vector<Case> cases = {
      {{{10, 3}, 1000}, {{10, 2}, 1024}, 11, false}, {{{11, 4}, 1500}, {{9, 3}, 512}, 11, true},
      {{{11, 4}, 1537}, {{9, 3}, 512}, 12, false},   {{{8, 3}, 200}, {{12, 2}, 2049}, 12, true},
      {{{8, 3}, 256}, {{12, 2}, 4096}, 13, false},   {{{9, 4}, 0}, {{9, 4}, 512}, 9, true},
      {{{10, 4}, 700}, {{8, 3}, 100}, 10, true},     {{{13, 2}, 8000}, {{13, 2}, 8000}, 14, false},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [first, second, variables, has_hole] = cases[i];
    const WhirParameters parameters = parameters_of({first, second}, 4, i % 2 == 0 ? 3 : 0);
    EXPECT_EQ(parameters.variables(), variables) << i;
    EXPECT_EQ(parameters.parts()[0].hole || parameters.parts()[1].hole, has_hole) << i;
    const CommittedVector a(first.code, vector_of(first.code.variables, i, first.stored), pool);
    const CommittedVector b(second.code, vector_of(second.code.variables, i + 50, second.stored),
                            pool);
    const std::vector<Lie> honest{{a, a.values()}, {b, b.values()}};
    for (const std::size_t count : {0U, 3U}) {
      const auto verdict = verify(parameters, count, prove(parameters, honest, count, pool));
      EXPECT_TRUE(verdict) << i << ": " << verdict.error().message;
    }
  }
}

TEST(Whir, TheProofDoesNotDependOnThreads) {
  ThreadPool one(1);
  ThreadPool three(3);
  const WhirParameters parameters = parameters_of(12, 2, 6);
  const CommittedVector vector({12, 2}, vector_of(12, 1), one);
  EXPECT_EQ(prove(parameters, vector, vector.values(), 3, one),
            prove(parameters, vector, vector.values(), 3, three));
}

/// A proof of fixed values, so that a change of the format does not pass unseen.
TEST(Whir, GoldenProof) {
  ThreadPool pool(2);
  const WhirParameters parameters = parameters_of(12, 3, 8);
  std::vector<Fp> values(std::size_t{1} << 12);
  for (std::size_t b = 0; b < values.size(); ++b) values[b] = Fp(b * b + 7);
  const CommittedVector vector({12, 3}, values, pool);
  const Bytes proof = prove(parameters, vector, values, 2, pool);
  EXPECT_EQ(proof.size(), 34204U);
  EXPECT_EQ(to_hex(crypto::keccak256(proof)),
            "0x4ef9c3bcf94e54623508226e5423f68e576114dc33e152e3d53079673635aded");
}

/// Every 8 bytes of a proof changed at both ends; every prefix that ends there; one byte more.
TEST(Whir, RefusesEveryChangedWord) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 11U}) {
    const WhirParameters parameters = parameters_of(n, 4, 4);
    const CommittedVector vector({n, 4}, vector_of(n, 2), pool);
    const Bytes proof = prove(parameters, vector, vector.values(), 2, pool);
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

/// A large commitment and a small one, whose place is in the large one's zeros.
struct Two {
  ThreadPool pool{1};
  WhirCommitment large{{12, 4}, 3000};
  WhirCommitment small{{9, 4}, 512};
  WhirParameters parameters = parameters_of({large, small}, 4);
  std::vector<Fp> in_large = vector_of(12, 20, 3000);
  std::vector<Fp> in_small = vector_of(9, 21);

  /// Words in place of codewords, where there are any; true values of `truth_of_*`.
  std::string refusal(LargeVector<Fp> large_word, LargeVector<Fp> small_word,
                      std::span<const Fp> truth_of_large, std::span<const Fp> truth_of_small) {
    const auto commit = [&](const WhirCode& code, std::vector<Fp> values, LargeVector<Fp> word) {
      return word.empty() ? CommittedVector(code, std::move(values), pool)
                          : CommittedVector(code, std::move(values), std::move(word), pool);
    };
    const CommittedVector a = commit(large.code, in_large, std::move(large_word));
    const CommittedVector b = commit(small.code, in_small, std::move(small_word));
    const std::vector<Lie> lies{{a, truth_of_large}, {b, truth_of_small}};
    const auto verdict = verify(parameters, 2, prove(parameters, lies, 2, pool));
    return verdict ? "accepted" : verdict.error().message;
  }
};

TEST(WhirLiar, ClaimsAnotherValueOfEitherOfTwo) {
  Two two;
  EXPECT_EQ(two.refusal({}, {}, two.in_large, two.in_small), "accepted");
  std::vector<Fp> other = two.in_large;
  other[2999] += Fp(1);
  EXPECT_THAT(two.refusal({}, {}, other, two.in_small), HasSubstr("do not belong"));
  other = two.in_small;
  other[511] += Fp(1);
  EXPECT_THAT(two.refusal({}, {}, two.in_large, other), HasSubstr("do not belong"));
}

/// One of two codewords is that of another vector; rows of both are asked for.
TEST(WhirLiar, EncodesAnotherVectorAsEitherOfTwo) {
  Two two;
  LargeVector<Fp> word = encode(std::span<const Fp>(two.in_large), 4, two.pool);
  two.in_large[7] += Fp(1);
  EXPECT_THAT(two.refusal(std::move(word), {}, two.in_large, two.in_small),
              HasSubstr("do not belong"));
  word = encode(std::span<const Fp>(two.in_small), 4, two.pool);
  two.in_small[7] += Fp(1);
  EXPECT_THAT(two.refusal({}, std::move(word), two.in_large, two.in_small),
              HasSubstr("do not belong"));
}

/// What the large one has where the small one lies is in no sum: such a vector is refused although
/// everything that is claimed of it is true.
TEST(WhirLiar, HidesElementsInTheHole) {
  Two two;
  const std::size_t hole = two.parameters.parts()[0].hole.value().offset();
  ASSERT_EQ(hole, 3072U);
  two.in_large[hole + 5] = Fp(1);
  EXPECT_THAT(two.refusal({}, {}, two.in_large, two.in_small), HasSubstr("do not belong"));
}

/// The two in each other's place: each is honest, but is not what was committed to there.
TEST(WhirLiar, SwapsTwoCommitments) {
  ThreadPool pool(1);
  const WhirCommitment each{{9, 4}, 512};
  const WhirParameters parameters = parameters_of({each, each}, 4);
  const CommittedVector a(each.code, vector_of(9, 30), pool);
  const CommittedVector b(each.code, vector_of(9, 31), pool);
  ProofWriter writer(kProtocol, {});
  const std::vector<Opened> opened{{a, binding_at(a, Fp3(3), pool), {}},
                                   {b, binding_at(b, Fp3(3), pool), {}}};
  open(parameters, opened, writer, pool);
  const auto check = [&](const CommittedVector& first, const CommittedVector& second) {
    ProofReader reader(kProtocol, {}, writer.proof());
    const std::vector<Claimed> claimed{{first.root(), opened[0].binding, {}},
                                       {second.root(), opened[1].binding, {}}};
    return check_open(parameters, claimed, reader);
  };
  EXPECT_TRUE(check(a, b));
  EXPECT_FALSE(check(b, a));
  EXPECT_FALSE(check(a, a));
  EXPECT_FALSE(check(b, b));
}

TEST(WhirLiar, ClaimsAnotherValue) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 12U}) {
    const WhirParameters parameters = parameters_of(n, 4);
    std::vector<Fp> other = vector_of(n, 3);
    const CommittedVector vector({n, 4}, other, pool);
    other[5] += Fp(1);
    const auto verdict = verify(parameters, 3, prove(parameters, vector, other, 3, pool));
    ASSERT_FALSE(verdict);
    EXPECT_THAT(verdict.error().message, HasSubstr("do not belong to the commitment"));
  }
}

TEST(WhirLiar, OpensAnotherTreeThanItCommittedTo) {
  ThreadPool pool(1);
  for (const unsigned n : {8U, 12U}) {
    const WhirParameters parameters = parameters_of(n, 4);
    const CommittedVector committed({n, 4}, vector_of(n, 4), pool);
    const CommittedVector opened({n, 4}, vector_of(n, 5), pool);
    ProofWriter writer(kProtocol, {});
    const OutOfDomain binding = bind(opened, writer, pool);
    const std::vector<Fp3> point = draw_point(writer, n);
    const std::vector<Claim> claims{
        Claim::at(point, evaluate_multilinear(opened.values(), point, pool))};
    const Opened all{opened, binding, claims};
    open(parameters, {&all, 1}, writer, pool);

    const auto check = [&](const Digest& root) -> Result<void> {
      ProofReader reader(kProtocol, {}, writer.proof());
      IMO_TRY(const OutOfDomain read, read_binding(reader));
      (void)draw_point(reader, n);
      const Claimed claimed{root, read, claims};
      IMO_TRY_VOID(check_open(parameters, {&claimed, 1}, reader));
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
    const CommittedVector vector({n, 4}, other, std::move(code), pool);
    const auto verdict = verify(parameters, 1, prove(parameters, vector, other, 1, pool));
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
  const CommittedVector vector({9, 4}, values, std::move(code), pool);
  EXPECT_FALSE(verify(parameters, 1, prove(parameters, vector, values, 1, pool)));
}

TEST(WhirLiar, DoesLessWorkThanAsked) {
  ThreadPool pool(1);
  const WhirParameters asked = parameters_of(9, 4, 8);
  const WhirParameters more = parameters_of(9, 4, 16);
  const CommittedVector vector({9, 4}, vector_of(9, 8), pool);
  const auto verdict = verify(more, 1, prove(asked, vector, vector.values(), 1, pool));
  ASSERT_FALSE(verdict);
  EXPECT_THAT(verdict.error().message, HasSubstr("does not do the work"));
}

}  // namespace
}  // namespace imo::zkml
