// The verifier of openings in C++ against the contracts' on a chain: the same verdict on every
// proof, for the same reason at the same byte; and what it costs there. In `node`, because `zkml`
// knows no chain.

#include "imo/base/thread_pool.hpp"
#include "imo/node/proof_chain.hpp"
#include "imo/test/WhirBatch.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace batch = ::imo::test::whir_batch;
using test::below;
using test::must;
using test::ProofChain;
using zkml::Claim;
using zkml::CommittedVector;
using zkml::Fp;
using zkml::Fp3;
using zkml::OutOfDomain;
using zkml::ProofReader;
using zkml::ProofWriter;
using zkml::WhirParameters;

constexpr std::string_view kProtocol = "imo.test.whir";

ProofChain chain_of_batch() {
  return {batch::deploy_data(), batch::error_signatures()};
}

struct Blocks {
  unsigned variables;
  std::uint64_t first;
  std::uint64_t count;
};

/// One to five blocks of every size that a vector of 2^n elements has.
std::vector<Blocks> random_blocks(unsigned n, std::size_t count, std::mt19937_64& random) {
  std::vector<Blocks> blocks;
  for (std::size_t i = 0; i < count; ++i) {
    const auto variables = static_cast<unsigned>(below(random, n + 1));
    const std::uint64_t all = std::uint64_t{1} << (n - variables);
    const std::uint64_t some = 1 + below(random, std::min<std::uint64_t>(all, 5));
    blocks.push_back({variables, below(random, all - some + 1), some});
  }
  return blocks;
}

/// What both sides make claims from: two points, which the claims share in turns; the other one
/// gives the scales of their blocks.
std::vector<Claim> claims_on(std::span<const Blocks> blocks, unsigned n,
                             zkml::Transcript& transcript) {
  std::array<std::vector<Fp3>, 2> points;
  for (auto& point : points) {
    for (unsigned j = 0; j < n; ++j) point.push_back(transcript.challenge());
  }
  std::vector<Claim> claims;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::span<const Fp3> low = std::span(points[i % 2]).first(blocks[i].variables);
    const std::span<const Fp3> scales = std::span(points[1 - i % 2]).first(blocks[i].count);
    claims.push_back(
        {{low.begin(), low.end()}, blocks[i].first, {scales.begin(), scales.end()}, {}});
  }
  return claims;
}

/// What a claim says of a vector.
Fp3 value_of(const Claim& claim, std::span<const Fp> vector, ThreadPool& pool) {
  const std::size_t size = std::size_t{1} << claim.low.size();
  Fp3 value;
  for (std::size_t i = 0; i < claim.scales.size(); ++i) {
    value +=
        claim.scales[i] *
        evaluate_multilinear(vector.subspan((claim.first_block + i) * size, size), claim.low, pool);
  }
  return value;
}

struct Proven {
  WhirParameters parameters;
  std::vector<Blocks> blocks;
  Bytes proof;

  /// As the contract takes it.
  [[nodiscard]] batch::Opening opening() const {
    batch::Opening opening;
    opening.parameters = {U256(parameters.variables()),
                          U256(parameters.parts().front().code.log_inverse_rate),
                          U256(parameters.grinding()), U256(WhirParameters::kMinSecurity)};
    for (const Blocks& some : blocks) {
      opening.claims.push_back({U256(some.variables), U256(some.first), U256(some.count)});
    }
    opening.proof = proof;
    return opening;
  }
};

/// `lie` is added to the first claim's value.
Proven prove(const WhirParameters& parameters, const CommittedVector& vector,
             std::vector<Blocks> blocks, const Fp3& lie, ThreadPool& pool) {
  ProofWriter proof(kProtocol, {});
  proof.write(vector.root());
  const OutOfDomain binding = bind(vector, proof, pool);
  std::vector<Claim> claims = claims_on(blocks, parameters.variables(), proof);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    claims[i].value = value_of(claims[i], vector.values(), pool);
    if (i == 0) claims[i].value += lie;
    proof.write(claims[i].value);
  }
  open(parameters, {vector, binding, claims}, proof, pool);
  return {parameters, std::move(blocks), std::move(proof).take()};
}

/// An honest proof for a random vector.
Proven prove(const WhirParameters& parameters, std::vector<Blocks> blocks, std::uint64_t seed) {
  ThreadPool pool(2);
  std::mt19937_64 random(seed);
  const std::size_t size = std::size_t{1} << parameters.variables();
  const CommittedVector vector(parameters.parts()[0].code, zkml::test::random_values(random, size),
                               pool);
  return prove(parameters, vector, std::move(blocks), Fp3(), pool);
}

Result<void> verify(const WhirParameters& parameters, std::span<const Blocks> blocks,
                    BytesView bytes) {
  ProofReader proof(kProtocol, {}, bytes);
  IMO_TRY(const zkml::Digest root, proof.read_digest());
  IMO_TRY(const OutOfDomain binding, read_binding(proof));
  std::vector<Claim> claims = claims_on(blocks, parameters.variables(), proof);
  for (Claim& claim : claims) {
    IMO_TRY(claim.value, proof.read_fp3());
  }
  IMO_TRY_VOID(check_open(parameters, {root, binding, claims}, proof));
  return proof.finish();
}

batch::Parameters parameters_of(unsigned n, unsigned rate, unsigned grinding, unsigned security) {
  return {U256(n), U256(rate), U256(grinding), U256(security)};
}

/// The rounds as the contract returns them.
Bytes encoded(const WhirParameters& parameters) {
  Bytes data;
  const auto append_word = [&data](std::size_t word) { append(data, U256(word).to_be()); };
  append_word(32);
  append_word(1 + parameters.rounds().size());
  const auto append_round = [&](const zkml::WhirPart& round) {
    append_word(round.code.variables);
    append_word(round.code.log_inverse_rate);
    append_word(round.code.log_rows());
    append_word(round.queries);
  };
  append_round(parameters.parts()[0]);
  for (const zkml::WhirPart& round : parameters.rounds()) append_round(round);
  return data;
}

TEST(WhirEquivalence, ParametersAreCalculatedAlike) {
  ProofChain chain = chain_of_batch();
  std::vector<batch::Parameters> all;
  std::vector<Bytes> expected;
  std::map<std::string_view, std::size_t> seen;
  const auto add = [&](unsigned n, unsigned rate, unsigned grinding, unsigned security) {
    all.push_back(parameters_of(n, rate, grinding, security));
    const auto parameters = WhirParameters::make({n, rate}, grinding, security);
    if (parameters) {
      expected.push_back(encoded(*parameters));
      ++seen["accepted"];
    } else {
      const bool is_weak = parameters.error().message.starts_with("an opening of");
      const std::string_view name = is_weak ? "TooLittleSecurity" : "BadParameters";
      expected.push_back(chain.selector(name));
      ++seen[name];
    }
  };
  for (unsigned n = 7; n <= 29; ++n) {
    for (unsigned rate = 0; rate <= 7; ++rate) {
      for (const unsigned grinding : {0U, 7U, 20U, 24U, 25U}) {
        for (const unsigned security : {99U, 100U, 104U, 113U, 128U, 129U}) {
          add(n, rate, grinding, security);
        }
      }
    }
  }
  const std::vector<Bytes> answers = chain.ask(batch::rounds_of(all));
  ASSERT_EQ(answers.size(), expected.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool is_error = expected[i].size() == 4;
    ASSERT_EQ(is_error ? Bytes(answers[i].begin(), answers[i].begin() + 4) : answers[i],
              expected[i])
        << all[i].variables.to_dec() << ' ' << all[i].rate.to_dec() << ' '
        << all[i].grinding.to_dec() << ' ' << all[i].security.to_dec();
  }
  for (const char* outcome : {"accepted", "TooLittleSecurity", "BadParameters"}) {
    EXPECT_GT(seen[outcome], 400U) << outcome;
  }
}

/// What the contract says of the proof and of changed ones is what C++ says of them; how often it
/// says what.
std::map<std::string, std::size_t> compare(ProofChain& chain, const Proven& proven,
                                           std::span<const batch::Change> changes) {
  constexpr std::size_t kAtOnce = 100;
  std::map<std::string, std::size_t> seen;
  const batch::Opening opening = proven.opening();
  for (; !changes.empty(); changes = changes.subspan(std::min(kAtOnce, changes.size()))) {
    const auto some = changes.first(std::min(kAtOnce, changes.size()));
    const std::vector<Bytes> answers =
        chain.ask(batch::disturb(opening, {some.begin(), some.end()}));
    for (std::size_t i = 0; i < some.size(); ++i) {
      Bytes changed = proven.proof;
      const auto at = static_cast<std::size_t>(some[i].at.to_u64().value());
      for (std::size_t j = 0; j < 8 && at + j < changed.size(); ++j) {
        changed[at + j] ^= some[i].flipped.bytes[j];
      }
      const auto verdict = verify(proven.parameters, proven.blocks, changed);
      const Bytes expected = verdict ? Bytes() : chain.revert_of(verdict.error());
      EXPECT_TRUE(answers[i] == expected) << "byte " << at << ": C++ " << chain.name_of(expected)
                                          << ", contract " << chain.name_of(answers[i]);
      ++seen[chain.name_of(expected)];
    }
  }
  return seen;
}

const std::vector<batch::Change> kUnchanged{batch::Change{}};

TEST(WhirEquivalence, EveryShapeIsAcceptedAlike) {
  ProofChain chain = chain_of_batch();
  std::mt19937_64 random(2);
  for (unsigned n = 8; n <= 15; ++n) {
    for (const unsigned rate : {1U, 3U, 4U, 6U}) {
      for (const std::size_t count : {1U, 2U, 7U, 30U}) {
        const unsigned grinding = count == 2 ? 5 : 0;
        const Proven proven = prove(must(WhirParameters::make({n, rate}, grinding)),
                                    random_blocks(n, count, random), n);
        EXPECT_EQ(compare(chain, proven, kUnchanged)["accepted"], 1U)
            << n << ' ' << rate << ' ' << count;
      }
    }
  }
}

TEST(WhirEquivalence, LiesAreRefusedAlike) {
  ProofChain chain = chain_of_batch();
  ThreadPool pool(1);
  std::mt19937_64 random(3);
  for (const unsigned n : {8U, 12U, 13U}) {
    const WhirParameters parameters = must(WhirParameters::make({n, 4}, 0));
    std::vector<Fp> values = zkml::test::random_values(random, std::size_t{1} << n);
    std::vector<Blocks> blocks = random_blocks(n, 3, random);
    const zkml::WhirCode code = parameters.parts()[0].code;
    const CommittedVector honest(code, values, pool);
    Proven proven = prove(parameters, honest, blocks, Fp3(1), pool);
    EXPECT_EQ(compare(chain, proven, kUnchanged)["ClaimMismatch"], 1U);
    // The code of one vector, everything else of another.
    values[0] += Fp(1);
    std::vector<std::uint32_t> positions(std::size_t{1} << code.log_rows());
    std::iota(positions.begin(), positions.end(), 0U);
    const std::vector<Fp> word = honest.rows(positions, pool);
    const CommittedVector other(code, values, LargeVector<Fp>(word.begin(), word.end()), pool);
    proven = prove(parameters, other, blocks, Fp3(), pool);
    EXPECT_EQ(compare(chain, proven, kUnchanged)[n == 8 ? "LastVectorMismatch" : "ClaimMismatch"],
              1U);
  }
}

/// Every 8 bytes of a proof: its lowest bit, its highest, and all ones, which is no element.
TEST(WhirEquivalence, EveryChangedWordIsRefusedAlike) {
  ProofChain chain = chain_of_batch();
  std::mt19937_64 random(4);
  std::map<std::string, std::size_t> seen;
  for (const unsigned n : {9U, 12U}) {
    const Proven proven =
        prove(must(WhirParameters::make({n, 4}, 4)), random_blocks(n, 2, random), n);
    std::vector<batch::Change> changes;
    for (std::size_t at = 0; at < proven.proof.size(); at += 8) {
      batch::Change change{.at = U256(at)};
      const std::size_t size = std::min<std::size_t>(8, proven.proof.size() - at);
      switch (at / 8 % 3) {
        case 0:
          change.flipped.bytes[size - 1] = 1;
          break;
        case 1:
          change.flipped.bytes[0] = 0x80;
          break;
        default:
          for (std::size_t j = 0; j < size; ++j) {
            change.flipped.bytes[j] = static_cast<std::uint8_t>(~proven.proof[at + j]);
          }
      }
      changes.push_back(change);
    }
    for (const auto& [name, count] : compare(chain, proven, changes)) seen[name] += count;
  }
  EXPECT_EQ(seen["accepted"], 0U);
  for (const char* outcome : {"NotCanonical", "WorkMissing", "RootMismatch", "ClaimMismatch"}) {
    EXPECT_GT(seen[outcome], 2U) << outcome;
  }
}

TEST(WhirEquivalence, EveryPrefixIsRefusedAlike) {
  ProofChain chain = chain_of_batch();
  std::mt19937_64 random(5);
  const Proven proven =
      prove(must(WhirParameters::make({11, 6}, 16)), random_blocks(11, 2, random), 5);
  for (std::size_t size = 1; size < proven.proof.size(); size += 1 + below(random, 200)) {
    Proven cut = proven;
    cut.proof.resize(size);
    EXPECT_EQ(compare(chain, cut, kUnchanged)["ProofTooShort"], 1U) << size;
  }
  Proven longer = proven;
  longer.proof.push_back(0);
  EXPECT_EQ(compare(chain, longer, kUnchanged)["ProofTooLong"], 1U);
}

/// Prints what docs/proof.md has a table of.
TEST(WhirEquivalence, GasOfAnOpening) {
  ProofChain chain = chain_of_batch();
  std::mt19937_64 random(6);
  for (const auto& [n, rate] : {std::pair{20U, 3U}, {21U, 4U}}) {
    const Proven proven =
        prove(must(WhirParameters::make({n, rate})), random_blocks(n, 60, random), n);
    const std::uint64_t gas = chain.ask(batch::verify(proven.opening())).to_u64().value();
    const auto zeros =
        static_cast<std::uint64_t>(std::ranges::count(proven.proof, std::uint8_t{0}));
    const std::uint64_t others = proven.proof.size() - zeros;
    fmt::print("2^{}, rate 2^-{}: {} bytes, calldata {} gas, its floor {} gas, execution {} gas\n",
               n, rate, proven.proof.size(), 4 * zeros + 16 * others, 10 * zeros + 40 * others,
               gas);
    EXPECT_LT(gas, 2'500'000U);
  }
}

}  // namespace
}  // namespace imo::node
