#include "imo/zkml/transcript.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/zkml/test_support.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using testing::HasSubstr;

constexpr std::string_view kProtocol = "imo.test.v1";

Bytes statement() {
  return {1, 2, 3};
}

/// One short conversation that uses every kind of message.
Bytes converse(ThreadPool& pool, std::vector<Fp3>* challenges = nullptr) {
  ProofWriter writer(kProtocol, statement());
  std::vector<Fp3> heard;
  writer.write(Fp(5));
  writer.write(Fp3(Fp(1), Fp(2), Fp(3)));
  heard.push_back(writer.challenge());
  heard.push_back(writer.challenge());
  Digest digest;
  digest.bytes.fill(0xab);
  writer.write(digest);
  writer.grind(8, pool);
  heard.push_back(Fp3(Fp(writer.challenge_indices(40, 13).back())));
  writer.write(Fp(7));
  heard.push_back(writer.challenge());
  if (challenges != nullptr) *challenges = heard;
  return std::move(writer).take();
}

Result<std::vector<Fp3>> listen(BytesView proof, std::string_view protocol = kProtocol,
                                BytesView said = Bytes{1, 2, 3}) {
  ProofReader reader(protocol, said, proof);
  std::vector<Fp3> heard;
  IMO_TRY(const Fp first, reader.read_fp());
  IMO_TRY(const Fp3 second, reader.read_fp3());
  (void)first, (void)second;
  heard.push_back(reader.challenge());
  heard.push_back(reader.challenge());
  IMO_TRY(const Digest digest, reader.read_digest());
  (void)digest;
  IMO_TRY_VOID(reader.check_grinding(8));
  heard.push_back(Fp3(Fp(reader.challenge_indices(40, 13).back())));
  IMO_TRY(const Fp last, reader.read_fp());
  (void)last;
  heard.push_back(reader.challenge());
  IMO_TRY_VOID(reader.finish());
  return heard;
}

TEST(Transcript, ReaderHearsWhatTheWriterHeard) {
  ThreadPool pool(2);
  std::vector<Fp3> challenges;
  const Bytes proof = converse(pool, &challenges);
  EXPECT_EQ(proof.size(), 8U + 24 + 26 + 8 + 8);
  const auto heard = listen(proof);
  ASSERT_TRUE(heard) << heard.error().message;
  EXPECT_EQ(*heard, challenges);
}

TEST(Transcript, TheProofDoesNotDependOnThreads) {
  ThreadPool one(1);
  ThreadPool three(3);
  EXPECT_EQ(converse(one), converse(three));
}

/// The document's formulas, written out again by hand.
TEST(Transcript, FollowsTheDocument) {
  const auto hash = [](std::initializer_list<BytesView> parts) {
    crypto::Keccak256 hasher;
    for (const BytesView part : parts) hasher.update(part);
    return hasher.finish();
  };
  ProofWriter writer(kProtocol, statement());
  writer.write(Fp(5));
  Hash32 state = hash({hash({as_bytes(kProtocol)}), hash({statement()})});
  state = hash({state, Bytes{0, 0, 0, 0, 0, 0, 0, 5}});

  // The state as a number, cut into 86, 85 and 85 bits, each mod p, by double-and-add.
  const auto part = [&state](unsigned from, unsigned to) {  // bits counted from the top
    Fp value;
    for (unsigned i = from; i < to; ++i) {
      value = value + value + Fp(state.bytes.at(i / 8) >> (7 - i % 8) & 1U);
    }
    return value;
  };
  EXPECT_EQ(writer.challenge(), Fp3(part(0, 86), part(86, 171), part(171, 256)));
  state = hash({state});
  EXPECT_EQ(writer.challenge(), Fp3(part(0, 86), part(86, 171), part(171, 256)));

  state = hash({state});
  const auto indices = writer.challenge_indices(13, 20);  // 12 of 20 bits fit one state
  for (unsigned i = 0; i < 12; ++i) {
    EXPECT_EQ(indices.at(i), part(20 * i, 20 * i + 20).value()) << i;
  }
  state = hash({state});
  EXPECT_EQ(indices.at(12), part(0, 20).value());

  ThreadPool pool(1);
  writer.grind(10, pool);
  state = hash({state});
  const Bytes nonce(writer.proof().end() - 8, writer.proof().end());
  state = hash({state, nonce});
  EXPECT_EQ(state.bytes[0], 0);
  EXPECT_EQ(state.bytes[1] & 0xc0, 0);
  state = hash({state});
  EXPECT_EQ(writer.challenge(), Fp3(part(0, 86), part(86, 171), part(171, 256)));
}

/// Computed with `cast keccak` and Python.
TEST(Transcript, GoldenChallenge) {
  Transcript transcript("imo.test.v1", {});
  const Fp3 a = transcript.challenge();
  std::array<std::uint8_t, 24> bytes{};
  write_field(a, bytes);
  EXPECT_EQ(to_hex(bytes), "0x733fc6c084e9345796cf5b49314b85bb78c02c9286a71716");
}

TEST(Transcript, EveryByteChangesEveryLaterChallenge) {
  ThreadPool pool(1);
  const Bytes proof = converse(pool);
  const auto honest = listen(proof);
  ASSERT_TRUE(honest);
  // Challenge 0 and 1 come after 32 bytes, 2 after 66 and 3 after all.
  const std::array<std::size_t, 4> said{32, 32, 66, 74};
  for (std::size_t i = 0; i < proof.size(); ++i) {
    Bytes changed = proof;
    changed[i] ^= 1;
    ProofReader reader(kProtocol, statement(), changed);
    std::vector<Fp3> heard;
    ASSERT_TRUE(reader.read_fp() && reader.read_fp3());
    heard.push_back(reader.challenge());
    heard.push_back(reader.challenge());
    ASSERT_TRUE(reader.read_digest());
    (void)reader.check_grinding(8);  // fails where the nonce's work is undone: goes on all the same
    heard.push_back(Fp3(Fp(reader.challenge_indices(40, 13).back())));
    ASSERT_TRUE(reader.read_fp());
    heard.push_back(reader.challenge());
    for (std::size_t j = 0; j < heard.size(); ++j) {
      EXPECT_EQ(heard[j] == honest->at(j), i >= said.at(j)) << "byte " << i << " challenge " << j;
    }
  }
}

TEST(Transcript, ProtocolAndStatementChangeEveryChallenge) {
  ProofReader reader(kProtocol, statement(), {});
  const Fp3 challenge = reader.challenge();
  EXPECT_NE(ProofReader("imo.test.v2", statement(), {}).challenge(), challenge);
  for (std::size_t i = 0; i < 3; ++i) {
    Bytes other = statement();
    other[i] ^= 0x80;
    EXPECT_NE(ProofReader(kProtocol, other, {}).challenge(), challenge);
  }
  EXPECT_NE(ProofReader(kProtocol, Bytes{1, 2}, {}).challenge(), challenge);
}

TEST(ProofReader, RefusesShortAndLongProofs) {
  ThreadPool pool(1);
  const Bytes proof = converse(pool);
  for (std::size_t size = 0; size < proof.size(); ++size) {
    const auto heard = listen(BytesView(proof).first(size));
    ASSERT_FALSE(heard) << size;
    EXPECT_EQ(heard.error().kind, ErrorKind::kVerification);
    EXPECT_THAT(heard.error().message, HasSubstr("ends too early"));
  }
  Bytes longer = proof;
  longer.push_back(0);
  const auto heard = listen(longer);
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().message, "proof, byte 74: bytes are left after the proof");
}

TEST(ProofReader, RefusesWordsThatAreNotCanonical) {
  ThreadPool pool(1);
  const Bytes proof = converse(pool);
  for (const std::size_t word : {0U, 8U, 16U, 24U, 66U}) {
    Bytes changed = proof;
    std::fill_n(changed.begin() + static_cast<std::ptrdiff_t>(word), 8, std::uint8_t{0xff});
    const auto heard = listen(changed);
    ASSERT_FALSE(heard) << word;
    // The reader got to this element: the grinding of a changed beginning fails before word 66.
    EXPECT_THAT(heard.error().message, HasSubstr("not below the modulus")) << word;
  }
}

TEST(ProofReader, RefusesANonceThatDoesNoWork) {
  ThreadPool pool(1);
  ProofWriter writer(kProtocol, statement());
  writer.grind(12, pool);
  const Bytes proof = std::move(writer).take();
  ProofReader honest(kProtocol, statement(), proof);
  EXPECT_TRUE(honest.check_grinding(12));
  int accepted = 0;
  for (unsigned other = 0; other < 200; ++other) {
    Bytes changed = proof;
    changed[0] = static_cast<std::uint8_t>(other + 1);
    ProofReader reader(kProtocol, statement(), changed);
    if (reader.check_grinding(12)) ++accepted;
  }
  EXPECT_LE(accepted, 1);
}

TEST(Grinding, CountsBitsFromTheTop) {
  Hash32 digest;
  EXPECT_TRUE(has_leading_zeros(digest, 64));
  digest.bytes[2] = 0x10;  // 19 zeros, then a one
  EXPECT_TRUE(has_leading_zeros(digest, 0));
  EXPECT_TRUE(has_leading_zeros(digest, 19));
  EXPECT_FALSE(has_leading_zeros(digest, 20));
}

}  // namespace
}  // namespace imo::zkml
