#include "imo/crypto/keccak.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak_avx2.hpp"
#include "imo/crypto/keccak_avx512.hpp"
#include "imo/crypto/keccak_permutation.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace imo::crypto {
namespace {

std::string hex_digest(BytesView message) {
  return to_hex(keccak256(message)).substr(2);
}
std::string hex_digest(std::string_view text) {
  return hex_digest(as_bytes(text));
}

struct KnownAnswer {
  std::string message;  ///< hexadecimal
  std::string digest;
};

// The Keccak team's known answers (KeccakKAT-3, ShortMsgKAT_256.txt).
TEST(Keccak, KnownAnswersOfItsAuthors) {
  const std::vector<KnownAnswer> answers = {
      {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
      {"cc", "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a"},
      {"41fb", "a8eaceda4d47b3281a795ad9e1ea2122b407baf9aabcb9e18b5717b7873537d2"},
      {"52a608ab21ccdd8a4457a57ede782176",
       "0e32defa2071f0b5ac0e6a108b842ed0f1d3249712f58ee0ddf956fe332a5f95"},
      {"433c5303131624c0021d868a30825475e8d0bd3052a022180398f4ca4423b982"
       "14b6beaac21c8807a2c33f8c93bd42b092cc1b06cedf3224d5ed1ec29784444f"
       "22e08a55aa58542b524b02cd3d5d5f6907afe71c5d7462224a3f9d9e53e7e084"
       "6dcbb4ce",
       "ce87a5173bffd92399221658f801d45c294d9006ee9f3f9d419c8d427748dc41"},
  };
  for (const auto& answer : answers) {
    EXPECT_EQ(hex_digest(from_hex(answer.message).value()), answer.digest) << answer.message;
  }
}

TEST(Keccak, DigestsThatEthereumIsMadeOf) {
  EXPECT_EQ(hex_digest("abc"), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  // The empty list and the empty string in RLP: no ommers, the empty trie (Yellow Paper, 4.3).
  EXPECT_EQ(hex_digest(Bytes{0xc0}),
            "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
  EXPECT_EQ(hex_digest(Bytes{0x80}),
            "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
  // ERC-20's transfer selector and Transfer topic.
  EXPECT_EQ(hex_digest("transfer(address,uint256)").substr(0, 8), "a9059cbb");
  EXPECT_EQ(hex_digest("Transfer(address,address,uint256)"),
            "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
}

// Where the padding fits the block by one byte, fills it, or needs another; answers from `cast`.
TEST(Keccak, LengthsAroundTheBlock) {
  const std::vector<std::pair<std::size_t, const char*>> answers = {
      {135, "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446"},
      {136, "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e"},
      {137, "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39"},
      {271, "132f47effd6c8b1b299efa53fe68aece77ec8ae4eb2e294f668eec94f76001e1"},
      {272, "cf7fcd4f705ee749930d19ca84561a9bf62516bd90a471545fa2f49fdc7e63c8"},
      {273, "5a7b8187d2778e614097fac3097573de1fee4d972304d3360796a857029bb176"},
  };
  for (const auto& [size, digest] : answers) EXPECT_EQ(hex_digest(Bytes(size, 'a')), digest);
}

TEST(Keccak, PairIsTheConcatenation) {
  Hash32 a;
  Hash32 b;
  a.bytes[0] = 1;
  b.bytes[31] = 2;
  Bytes both;
  append(both, a);
  append(both, b);
  EXPECT_EQ(keccak256_pair(a, b), keccak256(both));
  EXPECT_NE(keccak256_pair(a, b), keccak256_pair(b, a));
}

TEST(KeccakDeathTest, ManyAtOnceAreOfOneLength) {
  const Bytes a(3);
  const Bytes b(4);
  const std::array<BytesView, 4> messages{a, a, b, a};
  std::array<Hash32, 4> digests;
  EXPECT_DEATH(keccak256_many(messages, digests), "differ in length");
  EXPECT_DEATH(keccak256_many(std::span(messages).first(3), digests), "a digest for each");
}

RC_GTEST_PROP(KeccakProperty, PiecesMakeNoDifference, (const std::vector<Bytes>& some)) {
  Keccak256 hasher;
  Bytes whole;
  for (std::size_t i = 0; i < some.size(); ++i) {
    // Pieces of very different sizes, so that blocks begin and end everywhere.
    Bytes piece = some[i];
    piece.resize(piece.size() * (i % 7), 0x5a);
    hasher.update(piece);
    append(whole, piece);
  }
  RC_ASSERT(hasher.finish() == keccak256(whole));
}

RC_GTEST_PROP(KeccakProperty, ManyAtOnceAreAsManyDigests, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(0, 600);
  const auto count = *rc::gen::inRange<std::size_t>(0, 3 * kHashesAtOnce);
  const auto messages = *rc::gen::container<std::vector<Bytes>>(
      count, rc::gen::container<Bytes>(size, rc::gen::arbitrary<std::uint8_t>()));
  const std::vector<BytesView> views(messages.begin(), messages.end());
  std::vector<Hash32> digests(count);
  keccak256_many(views, digests);
  for (std::size_t i = 0; i < count; ++i) RC_ASSERT(digests[i] == keccak256(messages[i]));
}

RC_GTEST_PROP(KeccakProperty, RowsAreTheirWordsHighestByteFirst, ()) {
  const auto row_words = *rc::gen::inRange<std::size_t>(1, 60);
  const auto count = *rc::gen::inRange<std::size_t>(0, 3 * kHashesAtOnce);
  const auto words = *rc::gen::container<std::vector<std::uint64_t>>(
      row_words * count, rc::gen::arbitrary<std::uint64_t>());
  std::vector<Hash32> digests(count);
  keccak256_rows(words, row_words, digests);
  for (std::size_t i = 0; i < count; ++i) {
    Bytes row;
    for (std::size_t j = 0; j < 8 * row_words; ++j) {
      row.push_back(static_cast<std::uint8_t>(words[i * row_words + j / 8] >> (56 - 8 * (j % 8))));
    }
    RC_ASSERT(digests[i] == keccak256(row));
  }
}

/// A fast twin against the slow one, state for state.
template <std::size_t kLanes>
void permutes_as_scalar_code_does(void (*permute)(unsigned long*)) {
  using State = std::array<std::uint64_t, 25>;
  auto states = *rc::gen::container<std::array<State, kLanes>>(
      rc::gen::container<State>(rc::gen::arbitrary<std::uint64_t>()));
  alignas(8 * kLanes) std::array<std::uint64_t, 25 * kLanes> interleaved{};
  for (std::size_t i = 0; i < interleaved.size(); ++i) {
    interleaved[i] = states[i % kLanes][i / kLanes];
  }
  permute(interleaved.data());
  for (State& state : states) keccak_f1600(state.data());
  for (std::size_t i = 0; i < interleaved.size(); ++i) {
    RC_ASSERT(interleaved[i] == states[i % kLanes][i / kLanes]);
  }
}

RC_GTEST_PROP(KeccakProperty, Avx2PermutesAsScalarCodeDoes, ()) {
  if (__builtin_cpu_supports("avx2") == 0) RC_SUCCEED("this machine has no AVX2");
  permutes_as_scalar_code_does<4>(keccak_f1600_x4_avx2);
}

RC_GTEST_PROP(KeccakProperty, Avx512PermutesAsScalarCodeDoes, ()) {
  if (__builtin_cpu_supports("avx512f") == 0) RC_SUCCEED("this machine has no AVX-512");
  permutes_as_scalar_code_does<8>(keccak_f1600_x8_avx512);
}

}  // namespace
}  // namespace imo::crypto
