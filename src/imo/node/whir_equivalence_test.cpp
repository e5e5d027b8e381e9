// The verifier of openings in C++ against the contracts' on a chain: the same verdict on every
// proof, for the same reason at the same byte; and what it costs there. In `node`, because `zkml`
// knows no chain.

#include "imo/base/thread_pool.hpp"
#include "imo/node/proof_chain.hpp"
#include "imo/test/ProofBatch.hpp"
#include "imo/test/WhirBatch.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace batch = ::imo::test::whir_batch;
namespace parts = ::imo::test::proof_batch;
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
using zkml::WhirCommitment;
using zkml::WhirParameters;
using zkml::WhirPart;

constexpr std::string_view kProtocol = "imo.test.whir";

ProofChain chain_of_batch() {
  return {batch::deploy_data(), batch::error_signatures()};
}

struct Blocks {
  unsigned variables;
  std::uint64_t first;
  std::uint64_t count;
};

/// Where the elements end that claims on a part may speak of.
std::uint64_t end_of(const WhirPart& part) {
  return part.hole ? part.hole->offset() : part.block.size();
}

/// One to five blocks of every size that a part has; with more than one, the first element alone is
/// among them, whose number and size are zero.
std::vector<Blocks> random_blocks(const WhirPart& part, std::size_t count,
                                  std::mt19937_64& random) {
  std::vector<Blocks> blocks;
  if (count > 1) blocks.push_back({0, 0, 1});
  while (blocks.size() < count) {
    const auto variables = static_cast<unsigned>(below(random, part.code.variables + 1));
    const std::uint64_t all = end_of(part) >> variables;
    if (all == 0) continue;
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

using Commitments = std::vector<WhirCommitment>;

/// A proof with what both verifiers are told.
struct Proven {
  Commitments commitments;
  unsigned rate;  ///< of the code after the first folds
  WhirParameters parameters;
  std::vector<std::vector<Blocks>> blocks;  ///< of each commitment
  Bytes proof;

  /// As the contract takes it.
  [[nodiscard]] batch::Opening opening() const;
};

/// In either contract's bindings.
template <typename Parameters>
Parameters as_contract_takes(const Commitments& commitments, unsigned rate, unsigned grinding,
                             unsigned security) {
  Parameters parameters;
  for (const auto& [code, stored] : commitments) {
    parameters.commitments.push_back(
        {U256(code.variables), U256(code.log_inverse_rate), U256(stored)});
  }
  parameters.rate = U256(rate);
  parameters.grinding = U256(grinding);
  parameters.security = U256(security);
  return parameters;
}

batch::Opening Proven::opening() const {
  batch::Opening opening;
  opening.parameters = as_contract_takes<batch::Parameters>(
      commitments, rate, parameters.grinding(), WhirParameters::kMinSecurity);
  for (std::size_t p = 0; p < blocks.size(); ++p) {
    for (const Blocks& some : blocks[p]) {
      opening.claims.push_back({U256(p), U256(some.variables), U256(some.first), U256(some.count)});
    }
  }
  opening.proof = proof;
  return opening;
}

/// What is to be proven: sizes, and claims of random blocks of every commitment.
Proven to_prove(const Commitments& commitments, unsigned rate, unsigned grinding,
                std::size_t claims, std::mt19937_64& random) {
  Proven proven{commitments, rate, must(WhirParameters::make(commitments, rate, grinding)), {}, {}};
  for (const WhirPart& part : proven.parameters.parts()) {
    proven.blocks.push_back(random_blocks(part, claims, random));
  }
  return proven;
}

/// `lie` is added to the first claim's value.
void prove(Proven& proven, std::span<const CommittedVector> vectors, const Fp3& lie,
           ThreadPool& pool) {
  ProofWriter proof(kProtocol, {});
  std::vector<OutOfDomain> bindings;
  for (const CommittedVector& vector : vectors) {
    proof.write(vector.root());
    bindings.push_back(bind(vector, proof, pool));
  }
  std::vector<std::vector<Claim>> claims;
  std::vector<zkml::Opened> opened;
  for (std::size_t p = 0; p < vectors.size(); ++p) {
    claims.push_back(claims_on(proven.blocks[p], vectors[p].code().variables, proof));
    for (std::size_t i = 0; i < claims[p].size(); ++i) {
      claims[p][i].value = value_of(claims[p][i], vectors[p].values(), pool);
      if (p == 0 && i == 0) claims[p][i].value += lie;
      proof.write(claims[p][i].value);
    }
  }
  for (std::size_t p = 0; p < vectors.size(); ++p) {
    opened.push_back({vectors[p], bindings[p], claims[p]});
  }
  open(proven.parameters, opened, proof, pool);
  proven.proof = std::move(proof).take();
}

std::vector<Fp> random_vector(const WhirCommitment& commitment, std::mt19937_64& random) {
  std::vector<Fp> values =
      zkml::test::random_values(random, std::size_t{1} << commitment.code.variables);
  for (std::size_t i = commitment.stored; i < values.size(); ++i) values[i] = Fp();
  return values;
}

/// An honest proof for random vectors.
Proven prove(const Commitments& commitments, unsigned rate, unsigned grinding, std::size_t claims,
             std::mt19937_64& random) {
  ThreadPool pool(2);
  Proven proven = to_prove(commitments, rate, grinding, claims, random);
  std::vector<CommittedVector> vectors;
  for (const WhirCommitment& commitment : commitments) {
    vectors.emplace_back(commitment.code, random_vector(commitment, random), pool);
  }
  prove(proven, vectors, Fp3(), pool);
  return proven;
}

/// One commitment, without zeros.
Commitments one(unsigned variables, unsigned rate) {
  return {{{variables, rate}, std::uint64_t{1} << variables}};
}

/// Two of each kind: of equal size, one in the other's zeros, one behind the other.
std::vector<Commitments> pairs() {
  return {
      {{{10, 3}, 1000}, {{10, 2}, 1024}}, {{{12, 4}, 3000}, {{9, 3}, 512}},
      {{{11, 4}, 1537}, {{9, 3}, 512}},   {{{8, 3}, 200}, {{13, 2}, 5000}},
      {{{9, 4}, 300}, {{8, 3}, 100}},     {{{8, 4}, 256}, {{8, 3}, 100}},
  };
}

Result<void> verify(const WhirParameters& parameters, std::span<const std::vector<Blocks>> blocks,
                    BytesView bytes) {
  ProofReader proof(kProtocol, {}, bytes);
  std::vector<zkml::Claimed> claimed;
  for (std::size_t p = 0; p < blocks.size(); ++p) {
    IMO_TRY(const zkml::Digest root, proof.read_digest());
    IMO_TRY(const OutOfDomain binding, read_binding(proof));
    claimed.push_back({root, binding, {}});
  }
  std::vector<std::vector<Claim>> claims;
  for (std::size_t p = 0; p < blocks.size(); ++p) {
    claims.push_back(claims_on(blocks[p], parameters.parts()[p].code.variables, proof));
    for (Claim& claim : claims[p]) {
      IMO_TRY(claim.value, proof.read_fp3());
    }
  }
  for (std::size_t p = 0; p < blocks.size(); ++p) claimed[p].claims = claims[p];
  IMO_TRY_VOID(check_open(parameters, claimed, proof));
  return proof.finish();
}

/// The plan as the contract returns it.
Bytes encoded(const WhirParameters& parameters) {
  Bytes data;
  const auto append_word = [&data](std::size_t word) { append(data, U256(word).to_be()); };
  const std::size_t parts = parameters.parts().size();
  append_word(32);
  append_word(2 + 6 * (parts + parameters.rounds().size()));
  append_word(parameters.variables());
  append_word(parts);
  const auto append_part = [&](const WhirPart& part) {
    append_word(part.code.variables);
    append_word(part.code.log_rows());
    append_word(part.queries);
    append_word(part.block.number);
    append_word(part.hole ? part.hole->variables : 0);
    append_word(part.hole ? part.hole->number : 0);
  };
  for (const WhirPart& part : parameters.parts()) append_part(part);
  for (const WhirPart& part : parameters.rounds()) append_part(part);
  return data;
}

TEST(WhirEquivalence, ParametersAreCalculatedAlike) {
  ProofChain chain(parts::deploy_data(), parts::error_signatures());
  std::vector<parts::Parameters> all;
  std::vector<Bytes> expected;
  std::map<std::string_view, std::size_t> seen;
  const auto add = [&](const Commitments& commitments, unsigned rate, unsigned grinding,
                       unsigned security) {
    all.push_back(as_contract_takes<parts::Parameters>(commitments, rate, grinding, security));
    const auto parameters = WhirParameters::make(commitments, rate, grinding, security);
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
  std::mt19937_64 random(1);
  for (unsigned n = 7; n <= 29; ++n) {
    for (unsigned rate = 0; rate <= 8; ++rate) {
      for (const unsigned grinding : {0U, 20U, 25U}) {
        for (const unsigned security : {99U, 100U, 104U, 128U, 129U}) {
          const std::uint64_t stored = below(random, (std::uint64_t{1} << n) + 1);
          add({{{n, rate}, stored}}, 1 + static_cast<unsigned>(below(random, 13)), grinding,
              security);
          const unsigned other = 7 + static_cast<unsigned>(below(random, 23));
          const WhirCommitment second{{other, 1 + static_cast<unsigned>(below(random, 6))},
                                      below(random, (std::uint64_t{1} << other) + 1)};
          add({{{n, rate}, stored}, second}, static_cast<unsigned>(below(random, 13)), grinding,
              security);
        }
      }
    }
  }
  const std::vector<Bytes> answers = chain.ask(parts::plans_of(all));
  ASSERT_EQ(answers.size(), expected.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool is_error = expected[i].size() == 4;
    ASSERT_EQ(is_error ? Bytes(answers[i].begin(), answers[i].begin() + 4) : answers[i],
              expected[i])
        << i << ": " << all[i].commitments[0].variables.to_dec();
  }
  for (const char* outcome : {"accepted", "TooLittleSecurity", "BadParameters"}) {
    EXPECT_GT(seen[outcome], 100U) << outcome;
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
  std::vector<Commitments> shapes = pairs();
  for (unsigned n = 8; n <= 15; ++n) {
    for (const unsigned rate : {1U, 3U, 4U, 7U}) shapes.push_back(one(n, rate));
  }
  for (const Commitments& shape : shapes) {
    for (const std::size_t count : {1U, 2U, 7U, 30U}) {
      const unsigned grinding = count == 2 ? 5 : 0;
      const Proven proven = prove(shape, 4, grinding, count, random);
      EXPECT_EQ(compare(chain, proven, kUnchanged)["accepted"], 1U)
          << shape.size() << ' ' << shape[0].code.variables << ' ' << count;
    }
  }
}

TEST(WhirEquivalence, LiesAreRefusedAlike) {
  ProofChain chain = chain_of_batch();
  ThreadPool pool(1);
  std::mt19937_64 random(3);
  std::vector<Commitments> shapes = pairs();
  for (const unsigned n : {8U, 12U, 13U}) shapes.push_back(one(n, 4));
  for (const Commitments& shape : shapes) {
    Proven proven = to_prove(shape, 4, 0, 3, random);
    std::vector<CommittedVector> honest;
    for (const WhirCommitment& commitment : shape) {
      honest.emplace_back(commitment.code, random_vector(commitment, random), pool);
    }
    prove(proven, honest, Fp3(1), pool);
    EXPECT_EQ(compare(chain, proven, kUnchanged)["ClaimMismatch"], 1U);
    for (std::size_t p = 0; p < shape.size(); ++p) {
      // The code of one vector, everything else of another.
      const LargeVector<Fp> word =
          zkml::encode(honest[p].values(), shape[p].code.log_inverse_rate, pool);
      std::vector<CommittedVector> vectors;
      for (std::size_t q = 0; q < shape.size(); ++q) {
        const std::span<const Fp> own = honest[q].values();
        std::vector<Fp> values(own.begin(), own.end());
        if (q != p) {
          vectors.emplace_back(shape[q].code, std::move(values), pool);
          continue;
        }
        values[0] += Fp(1);
        vectors.emplace_back(shape[p].code, std::move(values), word, pool);
      }
      prove(proven, vectors, Fp3(), pool);
      const bool is_clear = proven.parameters.rounds().empty();
      EXPECT_EQ(
          compare(chain, proven, kUnchanged)[is_clear ? "LastVectorMismatch" : "ClaimMismatch"],
          1U);
    }
  }
}

/// What a larger commitment has where the smaller one lies is in no sum.
TEST(WhirEquivalence, ElementsInAHoleAreRefusedAlike) {
  ProofChain chain = chain_of_batch();
  ThreadPool pool(1);
  std::mt19937_64 random(7);
  for (const Commitments& shape : pairs()) {
    Proven proven = to_prove(shape, 4, 0, 2, random);
    std::vector<CommittedVector> vectors;
    bool has_hole = false;
    for (std::size_t p = 0; p < shape.size(); ++p) {
      std::vector<Fp> values = random_vector(shape[p], random);
      if (const auto& hole = proven.parameters.parts()[p].hole) {
        values[hole->offset() + hole->size() - 1] = Fp(1);
        has_hole = true;
      }
      vectors.emplace_back(shape[p].code, std::move(values), pool);
    }
    prove(proven, vectors, Fp3(), pool);
    EXPECT_EQ(compare(chain, proven, kUnchanged)["accepted"], has_hole ? 0U : 1U);
  }
}

/// Every 8 bytes of a proof: its lowest bit, its highest, and all ones, which is no element.
TEST(WhirEquivalence, EveryChangedWordIsRefusedAlike) {
  ProofChain chain = chain_of_batch();
  std::mt19937_64 random(4);
  std::map<std::string, std::size_t> seen;
  for (const Commitments& shape : {one(9, 4), one(12, 4), pairs()[1]}) {
    const Proven proven = prove(shape, 6, 4, 2, random);
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
  const Proven proven = prove({{{11, 6}, 1500}, {{9, 6}, 512}}, 6, 16, 2, random);
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
  for (const Commitments& shape :
       {one(20, 3), one(21, 4), Commitments{{{21, 4}, 1'630'208}, {{20, 3}, 997'742}}}) {
    const Proven proven = prove(shape, 5, 20, shape.size() == 1 ? 60 : 90, random);
    const std::uint64_t gas = chain.ask(batch::verify(proven.opening())).to_u64().value();
    const auto zeros =
        static_cast<std::uint64_t>(std::ranges::count(proven.proof, std::uint8_t{0}));
    const std::uint64_t others = proven.proof.size() - zeros;
    fmt::print("2^{}, {} of it: {} bytes, calldata {} gas, its floor {} gas, execution {} gas\n",
               proven.parameters.variables(), shape.size(), proven.proof.size(),
               4 * zeros + 16 * others, 10 * zeros + 40 * others, gas);
    EXPECT_LT(gas, 4'500'000U);
  }
}

}  // namespace
}  // namespace imo::node
