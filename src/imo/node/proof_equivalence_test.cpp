// The verifier of proofs in C++ against the contracts' on a chain: the same numbers, and the same
// error at the same byte. In `node`, because `zkml` knows no chain.

#include "imo/base/thread_pool.hpp"
#include "imo/node/proof_chain.hpp"
#include "imo/test/ProofBatch.hpp"
#include "imo/zkml/fraction_sum.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/transcript.hpp"
#include "imo/zkml/tree.hpp"

#include <map>

#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace batch = ::imo::test::proof_batch;
using test::below;
using test::must;
using test::ProofChain;
using test::word_of;
using zkml::Digest;
using zkml::Fp;
using zkml::Fp3;
using zkml::ProofReader;
using zkml::ProofWriter;

Hash32 padded(const Digest& digest) {
  Hash32 word;
  std::ranges::copy(digest.bytes, word.bytes.begin());
  return word;
}

ProofChain chain_of_batch() {
  return {batch::deploy_data(), batch::error_signatures()};
}

TEST(ProofEquivalence, FieldsCalculateAlike) {
  ProofChain chain = chain_of_batch();
  std::mt19937_64 random(1);
  const std::array<std::uint64_t, 6> edges{
      0, 1, 2, 0xffff'ffff, Fp::kModulus - 1, Fp::kModulus - (1ULL << 32)};
  const auto any = [&] {
    const auto part = [&] {
      return below(random, 3) == 0 ? Fp(edges[below(random, edges.size())])
                                   : zkml::test::random_fp(random);
    };
    const Fp a0 = part();
    const Fp a1 = part();
    return Fp3(a0, a1, part());
  };
  for (int round = 0; round < 8; ++round) {
    std::vector<U256> a;
    std::vector<U256> b;
    std::vector<U256> expected;
    for (int i = 0; i < 1000; ++i) {
      const Fp3 x = any();
      const Fp3 y = any();
      a.push_back(word_of(x));
      b.push_back(word_of(y));
      for (const Fp3& result : {x + y, x - y, x * y, x * y + x, x == Fp3() ? x : x.inverse()}) {
        expected.push_back(word_of(result));
      }
    }
    EXPECT_EQ(chain.ask(batch::calculate(a, b)), expected);
  }
}

// A conversation as a list of words: what is done, and with what. See ProofBatch.Act.
enum Act : std::uint8_t {
  kReadFp,
  kReadFp3,
  kReadDigest,
  kChallenge,
  kIndices,
  kGrinding,
  kOpening,
  kFractions,
  kFinish,
};

constexpr std::string_view kProtocol = "imo.test.proof";

/// Writes an honest proof, and the acts that read it.
class Talk {
 public:
  Talk(Bytes statement, ThreadPool& pool)
      : writer_(kProtocol, statement), statement_(std::move(statement)), pool_(pool) {}

  void act(Act act, std::mt19937_64& random) {
    words_.emplace_back(act);
    switch (act) {
      case kReadFp:
        writer_.write(zkml::test::random_fp(random));
        break;
      case kReadFp3:
        writer_.write(zkml::test::random_fp3(random));
        break;
      case kReadDigest: {
        Digest digest;
        for (std::uint8_t& byte : digest.bytes) byte = static_cast<std::uint8_t>(random());
        writer_.write(digest);
        break;
      }
      case kChallenge:
        (void)writer_.challenge();
        break;
      case kIndices: {
        const std::uint64_t count = below(random, 60);
        const auto bits = static_cast<unsigned>(1 + below(random, 32));
        words_.insert(words_.end(), {U256(count), U256(bits)});
        (void)writer_.challenge_indices(count, bits);
        break;
      }
      case kGrinding: {
        const auto bits = static_cast<unsigned>(below(random, 9));
        words_.emplace_back(bits);
        writer_.grind(bits, pool_);
        break;
      }
      case kOpening:
        words_.pop_back();
        open(static_cast<unsigned>(below(random, 9)), random);
        break;
      case kFractions:
        add_fractions(static_cast<unsigned>(1 + below(random, 6)), random);
        break;
      case kFinish:
        break;
    }
  }

  batch::Conversation take() && {
    return {std::string(kProtocol), statement_, std::move(writer_).take(), std::move(words_)};
  }

 private:
  void open(unsigned height, std::mt19937_64& random) {
    std::vector<Digest> leaves(std::size_t{1} << height);
    for (Digest& leaf : leaves) {
      for (std::uint8_t& byte : leaf.bytes) byte = static_cast<std::uint8_t>(random());
    }
    const zkml::Tree tree({leaves.begin(), leaves.end()}, pool_);
    writer_.write(tree.root());
    words_.emplace_back(kReadDigest);
    std::vector<std::uint32_t> positions;
    const std::uint64_t density = 1 + below(random, leaves.size());
    for (std::uint32_t i = 0; i < leaves.size(); ++i) {
      if (below(random, density) == 0) positions.push_back(i);
    }
    if (positions.empty()) positions.push_back(0);
    tree.open(positions, writer_);
    words_.insert(words_.end(), {U256(kOpening), U256(height), U256(positions.size())});
    for (const std::uint32_t position : positions) {
      words_.emplace_back(position);
      words_.push_back(must(U256::from_be(padded(leaves[position]))));
    }
  }

  void add_fractions(unsigned variables, std::mt19937_64& random) {
    words_.emplace_back(variables);
    const std::size_t count = std::size_t{1} << variables;
    zkml::Fractions fractions(variables, {{0, count}});
    Fp3 sum;
    for (std::size_t i = 0; i < count; ++i) {
      Fp3& numerator = fractions.numerators()[i];
      Fp3& denominator = fractions.denominators()[i];
      denominator = zkml::test::random_fp3(random);
      numerator = i + 1 < count ? zkml::test::random_fp3(random) : -sum * denominator;
      sum += numerator * denominator.inverse();
    }
    (void)zkml::prove_zero_sum(std::move(fractions), writer_, pool_);
  }

  ProofWriter writer_;
  Bytes statement_;
  ThreadPool& pool_;
  std::vector<U256> words_;
};

/// What ProofBatch.listen says, by the C++ reader.
Result<Bytes> heard_in(const batch::Conversation& given) {
  ProofReader reader(given.protocol, given.statement, given.proof);
  Bytes heard;
  Digest digest;
  const auto hear = [&](const U256& word) { append(heard, word.to_be()); };
  for (auto word = given.acts.begin(); word != given.acts.end();) {
    const auto next = [&] { return (word++)->to_u64().value(); };
    switch (static_cast<Act>(next())) {
      case kReadFp: {
        IMO_TRY(const Fp a, reader.read_fp());
        hear(U256(a.value()));
        break;
      }
      case kReadFp3: {
        IMO_TRY(const Fp3 a, reader.read_fp3());
        hear(word_of(a));
        break;
      }
      case kReadDigest: {
        IMO_TRY(digest, reader.read_digest());
        append(heard, padded(digest));
        break;
      }
      case kChallenge:
        hear(word_of(reader.challenge()));
        break;
      case kIndices: {
        const std::uint64_t count = next();
        for (const std::uint32_t index :
             reader.challenge_indices(count, static_cast<unsigned>(next()))) {
          hear(U256(index));
        }
        break;
      }
      case kGrinding:
        IMO_TRY_VOID(reader.check_grinding(static_cast<unsigned>(next())));
        break;
      case kOpening: {
        const auto height = static_cast<unsigned>(next());
        std::vector<std::uint32_t> positions(next());
        std::vector<Digest> leaves(positions.size());
        for (std::size_t i = 0; i < positions.size(); ++i) {
          positions[i] = static_cast<std::uint32_t>(next());
          const Hash32 leaf = (word++)->to_be();
          std::copy_n(leaf.bytes.begin(), Digest::kSize, leaves[i].bytes.begin());
        }
        IMO_TRY_VOID(zkml::check_opening(digest, height, positions, leaves, reader));
        break;
      }
      case kFractions: {
        IMO_TRY(const zkml::FractionClaim claim,
                zkml::check_zero_sum(static_cast<unsigned>(next()), reader));
        hear(word_of(claim.numerator));
        hear(word_of(claim.denominator));
        for (const Fp3& coordinate : claim.point) hear(word_of(coordinate));
        break;
      }
      case kFinish:
        IMO_TRY_VOID(reader.finish());
        break;
    }
  }
  return heard;
}

/// One change of a proof, or none.
void disturb(Bytes& proof, std::mt19937_64& random) {
  if (proof.empty()) return;
  const std::size_t at = below(random, proof.size());
  switch (below(random, 5)) {
    case 0:
      proof[at] ^= static_cast<std::uint8_t>(1 + below(random, 255));
      break;
    case 1:
      proof.resize(at);
      break;
    case 2:
      proof.resize(proof.size() + 1 + below(random, 40));
      break;
    case 3:  // most likely not canonical
      std::fill_n(proof.begin() + static_cast<std::ptrdiff_t>(at),
                  std::min<std::size_t>(8, proof.size() - at), std::uint8_t{0xff});
      break;
    default:
      break;
  }
}

TEST(ProofEquivalence, ReadersHearAlike) {
  ProofChain chain = chain_of_batch();
  ThreadPool pool(1);
  std::mt19937_64 random(2);
  std::map<std::string, std::size_t> seen;
  for (int round = 0; round < 100; ++round) {
    std::vector<batch::Conversation> all;
    std::vector<Bytes> expected;
    for (int i = 0; i < 20; ++i) {
      Talk talk(Bytes(below(random, 100), std::uint8_t{7}), pool);
      for (std::uint64_t left = below(random, 16); left > 0; --left) {
        talk.act(static_cast<Act>(below(random, kFinish)), random);
      }
      talk.act(kFinish, random);
      const batch::Conversation honest = std::move(talk).take();
      ASSERT_TRUE(heard_in(honest));
      for (int variation = 0; variation < 6; ++variation) {
        all.push_back(honest);
        disturb(all.back().proof, random);
        const auto heard = heard_in(all.back());
        expected.push_back(heard ? *heard : chain.revert_of(heard.error()));
        ++seen[heard ? "accepted" : chain.name_of(expected.back())];
      }
    }
    const auto answers = chain.ask(batch::converse(all));
    ASSERT_EQ(answers.size(), expected.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i], expected[i])
          << "C++ " << chain.name_of(expected[i]) << ", contract " << chain.name_of(answers[i]);
    }
  }
  for (const char* outcome : {"accepted", "ProofTooShort", "ProofTooLong", "NotCanonical",
                              "WorkMissing", "RootMismatch", "SumNotZero", "LevelMismatch"}) {
    EXPECT_GT(seen[outcome], 20U) << outcome;
  }
}

}  // namespace
}  // namespace imo::node
