// The verifier of models' proofs in C++ against the contracts' on a chain: the same verdict on
// every proof, for the same reason at the same byte; and what it costs there.

#include "imo/base/thread_pool.hpp"
#include "imo/market/abi/EquationVerifier.hpp"
#include "imo/market/abi/LookupVerifier.hpp"
#include "imo/market/abi/ModelVerifier.hpp"
#include "imo/market/abi/StepVerifier.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/key_words.hpp"
#include "imo/node/proof_chain.hpp"
#include "imo/opml/step_test_support.hpp"
#include "imo/zkml/model_party_test_support.hpp"
#include "imo/zkml/model_proof.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace abi = market::abi;
using model::testing::TinyShape;
using test::must;
using test::ProofChain;
using zkml::ProvingKey;
using zkml::Statement;
using zkml::TokenId;
using zkml::test::compiled;
using zkml::test::tiny;

/// A chain with the three contracts.
class Verifiers {
 public:
  Verifiers()
      : chain_(abi::equation_verifier::deploy_data(), abi::model_verifier::error_signatures()) {
    const Address equations = chain_.contract();
    const Address lookups = chain_.deploy(abi::lookup_verifier::deploy_data(equations));
    chain_.deploy(abi::model_verifier::deploy_data(lookups));
  }

  /// Nothing when the proof is accepted, else the error.
  Bytes check(const zkml::VerifyingKey& key, const Statement& statement, const Bytes& proof) {
    return chain_.revert_data(call(key, statement, proof).data);
  }

  /// The same with any bytes for a shape.
  Bytes check(BytesView shape, const Statement& statement) {
    return check(shape, market::pack_tokens(statement.answer.prompt),
                 market::pack_tokens(statement.answer.output));
  }
  /// And any for tokens.
  Bytes check(BytesView shape, const Bytes& prompt, const Bytes& output) {
    const Bytes any(64, 1);
    return chain_.revert_data(
        abi::model_verifier::verify({{}, {}, {}, Bytes(shape.begin(), shape.end())}, {}, prompt,
                                    output, any)
            .data);
  }
  [[nodiscard]] Bytes selector(std::string_view error) const { return chain_.selector(error); }

  std::uint64_t gas(const zkml::VerifyingKey& key, const Statement& statement, const Bytes& proof) {
    return chain_.gas_of(call(key, statement, proof).data);
  }

  /// What the contract returns when C++ says this.
  Bytes expected(const Result<void>& verdict) {
    return verdict ? Bytes() : chain_.revert_of(verdict.error());
  }
  std::string name_of(BytesView data) { return chain_.name_of(data); }

 private:
  static eth::Call<void> call(const zkml::VerifyingKey& key, const Statement& statement,
                              const Bytes& proof) {
    return abi::model_verifier::verify(key_words<abi::model_verifier::VerifyingKey>(key),
                                       statement.context,
                                       market::pack_tokens(statement.answer.prompt),
                                       market::pack_tokens(statement.answer.output), proof);
  }

  ProofChain chain_;
};

struct Proven {
  zkml::VerifyingKey key;
  Statement statement;
  Bytes proof;
};

Proven prove(const engine::Model& model, std::vector<TokenId> prompt, std::uint32_t tokens) {
  ThreadPool pool(2);
  const ProvingKey key = must(ProvingKey::make(model, pool));
  Proven proven{key.verifying_key(), {}, {}};
  proven.statement.context.bytes[0] = 9;
  proven.statement.answer.prompt = prompt;
  proven.statement.answer.output = must(model.generate(prompt, tokens)).tokens;
  proven.proof = must(prove_answer(model, key, proven.statement, pool)).bytes;
  return proven;
}

TEST(ModelProofEquivalence, ProofsOfAllShapesAreAccepted) {
  Verifiers verifiers;
  std::vector<TinyShape> shapes = zkml::test::provable_shapes();
  for (std::uint32_t i = 0; i < shapes.size(); ++i) {
    shapes[i].seed = i + 1;
    const Proven proven = prove(tiny(shapes[i]), {1, 70, 80, 90, 100}, 1 + 3 * i);
    const Bytes verdict = verifiers.check(proven.key, proven.statement, proven.proof);
    EXPECT_EQ(verdict, Bytes()) << i << ": " << verifiers.name_of(verdict);
  }
}

/// The contract of the fraud proof, asked about elements of a true trace.
class Steps {
 public:
  explicit Steps(const opml::testing::Referee& referee, ProofChain& chain)
      : referee_(referee), chain_(chain) {}

  /// Any element of any operator.
  [[nodiscard]] opml::Place place(std::mt19937_64& random) const {
    const auto& shape = referee_.trace->shape();
    const auto op = static_cast<std::uint32_t>(test::below(random, shape.operators));
    const opml::TensorLayout& layout = referee_.trace->layout(op);
    const std::uint64_t leaf = test::below(random, layout.leaves());
    return {shape.leaf_index(op, leaf),
            static_cast<std::uint32_t>(test::below(random, layout.elements_in(leaf)))};
  }

  /// What C++ says, which the contract has to say too.
  bool is_right(const opml::testing::StepCase& given) {
    namespace step = abi::step_verifier;
    const opml::StepClaim& claim = referee_.claim;
    const step::Claim words{claim.model.root(),
                            claim.trace_root,
                            claim.prompt_hash,
                            claim.output_hash,
                            std::uint64_t{claim.prompt_count},
                            std::uint64_t{claim.output_count},
                            std::uint64_t{claim.output_position}};
    const step::Place place{given.place.leaf_index, given.hash, std::uint64_t{given.place.element}};
    const auto verdict = referee_.judge(given);
    EXPECT_TRUE(verdict);
    EXPECT_EQ(chain_.ask(step::step(opening_words<step::ModelOpening>(claim.model), words, place,
                                    given.leaf, given.witness)),
              *verdict);
    return *verdict;
  }

 private:
  const opml::testing::Referee& referee_;
  ProofChain& chain_;
};

/// What the executor writes for a random program is what its proof shows, and every element that
/// the step of the fraud proof is asked about.
TEST(ModelProofEquivalence, ExecutorProofAndStepAgreeOnRandomPrograms) {
  Verifiers verifiers;
  ProofChain chain(abi::step_verifier::deploy_data(), abi::step_verifier::error_signatures());
  std::mt19937_64 random(3);
  const std::vector<TinyShape> shapes = zkml::test::provable_shapes();
  for (std::uint32_t i = 0; i < 8; ++i) {
    TinyShape shape = shapes[test::below(random, shapes.size())];
    shape.layers = static_cast<std::uint32_t>(1 + test::below(random, 3));
    shape.hidden = static_cast<std::uint32_t>(8 + 4 * test::below(random, 12));
    shape.seed = 100 + i;
    const engine::Model model = tiny(shape);
    std::vector<TokenId> prompt{1};
    for (std::uint64_t more = test::below(random, 6); more > 0; --more) {
      prompt.push_back(static_cast<TokenId>(test::below(random, model.vocabulary_size())));
    }
    const Proven proven =
        prove(model, prompt, static_cast<std::uint32_t>(1 + test::below(random, 5)));
    const Bytes verdict = verifiers.check(proven.key, proven.statement, proven.proof);
    EXPECT_EQ(verdict, Bytes()) << i << ": " << verifiers.name_of(verdict);

    const std::vector<TokenId>& output = proven.statement.answer.output;
    const opml::testing::Referee referee(
        model.program(), {prompt, output, static_cast<std::uint32_t>(output.size() - 1)});
    Steps steps(referee, chain);
    for (int asked = 0; asked < 40; ++asked) {
      const auto given = referee.honest(steps.place(random));
      ASSERT_TRUE(given) << i;
      EXPECT_TRUE(steps.is_right(*given)) << i << ", leaf " << given->place.leaf_index;
      opml::testing::StepCase other = *given;
      const std::uint64_t number = referee.trace->shape().leaf_of(given->place.leaf_index);
      const auto op =
          static_cast<std::uint32_t>(referee.trace->shape().operator_of(given->place.leaf_index));
      other.leaf[given->place.element * referee.trace->layout(op).element_bytes(number)] ^= 1;
      other.rehash();
      EXPECT_FALSE(steps.is_right(other)) << i << ", leaf " << given->place.leaf_index;
    }
  }
}

/// Every kind of change: one word in `step` of a proof, cut off anywhere, another statement.
TEST(ModelProofEquivalence, ChangedProofsAreRefusedAlike) {
  Verifiers verifiers;
  Proven proven = prove(tiny({.seed = 7}), {1, 70, 80}, 3);
  ASSERT_EQ(verifiers.check(proven.key, proven.statement, proven.proof), Bytes());
  std::map<std::string, std::size_t> seen;
  const auto compare = [&](const std::string& what) {
    const auto verdict = check_answer(proven.key, proven.statement, proven.proof);
    EXPECT_FALSE(verdict) << what;
    const Bytes expected = verifiers.expected(verdict);
    const Bytes found = verifiers.check(proven.key, proven.statement, proven.proof);
    EXPECT_EQ(found, expected) << what << ": C++ " << verifiers.name_of(expected) << ", contract "
                               << verifiers.name_of(found);
    ++seen[verifiers.name_of(found)];
  };
  // Behind the circuit's part come openings, which whir_equivalence_test.cpp changes word by word.
  const Bytes honest = proven.proof;
  for (std::size_t at = 0; at < honest.size(); at += at < 14'000 ? 72 : 1960) {
    if (at % 144 == 0) {
      proven.proof[at] ^= 0x01;
    } else {
      std::fill_n(proven.proof.begin() + static_cast<std::ptrdiff_t>(at), 8, 0xFF);
    }
    compare("byte " + std::to_string(at));
    proven.proof = honest;
  }
  for (std::size_t size = 0; size < honest.size(); size += 3001) {
    proven.proof.resize(size);
    compare("size " + std::to_string(size));
    proven.proof = honest;
  }
  proven.proof.push_back(0);
  compare("a byte more");
  proven.proof = honest;
  const Statement statement = proven.statement;
  for (std::size_t i = 0; i < 3; ++i) {
    proven.statement.answer.prompt[i] ^= 1;
    compare("prompt");
    proven.statement = statement;
    proven.statement.answer.output[i] ^= 1;
    compare("answer");
    proven.statement = statement;
  }
  proven.statement.context.bytes[31] ^= 1;
  compare("context");
  proven.statement = statement;
  proven.key.binding_value += zkml::Fp3(1);
  compare("value of the weights");
  proven.key.binding_value -= zkml::Fp3(1);
  proven.key.model_root.bytes[0] ^= 1;
  compare("model");
  for (const char* outcome : {"ProofTooShort", "ProofTooLong", "NotCanonical", "LevelMismatch",
                              "LookupMismatch", "ProductMismatch", "RootMismatch"}) {
    EXPECT_GT(seen[outcome], 0U) << outcome;
  }
}

/// Bytes that are no shape, and answers that no run gives.
TEST(ModelProofEquivalence, OtherShapesAndAnswersAreRefusedAlike) {
  Verifiers verifiers;
  const Proven proven = prove(tiny({.layers = 3, .seed = 8}), {1, 70, 80}, 2);
  const Bytes shape = proven.key.shape.encode();
  std::mt19937_64 random(3);
  std::size_t refused = 0;
  std::size_t accepted = 0;
  const auto compare = [&](BytesView bytes, std::size_t at) {
    const auto decoded = zkml::ModelShape::decode(bytes);
    const bool is_refused =
        verifiers.check(bytes, proven.statement) == verifiers.selector("BadShape");
    EXPECT_EQ(is_refused, !decoded) << at;
    ++(is_refused ? refused : accepted);
  };
  for (std::size_t at = 0; at < shape.size(); ++at) {
    for (const int change : {0x01, 0x80, static_cast<int>(1 + random() % 255)}) {
      Bytes changed = shape;
      changed[at] ^= static_cast<std::uint8_t>(change);
      compare(changed, at);
    }
  }
  for (std::size_t size = 0; size < shape.size(); size += 7)
    compare(BytesView(shape).first(size), size);
  EXPECT_GT(refused, 100U);
  EXPECT_GT(accepted, 100U);

  Statement statement = proven.statement;
  const auto bad = [&](const std::vector<TokenId>& prompt, const std::vector<TokenId>& output) {
    statement.answer = {prompt, output};
    EXPECT_FALSE(check_answer_form(proven.key.shape, statement.answer));
    EXPECT_EQ(verifiers.check(shape, statement), verifiers.selector("BadAnswer"));
  };
  const TokenId end = proven.key.shape.end_token;
  bad({}, {5});
  bad({1}, {});
  bad({1, 5}, {end, 5});
  bad({1, proven.key.shape.vocabulary}, {5});
  bad({1}, {proven.key.shape.vocabulary});
  bad(std::vector<TokenId>(proven.key.shape.context, 5), {5});
  // Tokens have four bytes, all of them.
  const Bytes token{0, 0, 0, 5};
  const Bytes more{0, 0, 0, 5, 0};
  EXPECT_NE(verifiers.check(shape, token, token), verifiers.selector("BadAnswer"));
  EXPECT_EQ(verifiers.check(shape, more, token), verifiers.selector("BadAnswer"));
  EXPECT_EQ(verifiers.check(shape, token, more), verifiers.selector("BadAnswer"));
}

/// The gas that is promised before a proof is made is enough, and at most so many percent too much.
void expect_near_estimate(std::uint64_t gas, const Proven& proven, std::uint64_t percent) {
  const zkml::Answer& answer = proven.statement.answer;
  const auto estimate =
      must(estimate_proof(proven.key.shape, static_cast<std::uint32_t>(answer.prompt.size()),
                          static_cast<std::uint32_t>(answer.output.size())));
  const std::string figures =
      fmt::format("{} + {} tokens: {} gas, {} estimated\n", answer.prompt.size(),
                  answer.output.size(), gas, estimate.gas);
  fmt::print("{}", figures);
  const char* const remedy = "; fit the constants in zkml/proof_cost.cpp again";
  EXPECT_LE(gas, estimate.gas) << figures << remedy;
  EXPECT_LT(estimate.gas, gas + gas * percent / 100) << figures << remedy;
}

/// Toy models, whose bounds and openings are less than those of models; the demo model is below.
TEST(ProofCost, GasIsNearWhatIsMeasured) {
  Verifiers verifiers;
  std::vector<TinyShape> shapes = zkml::test::provable_shapes();
  for (std::uint32_t i = 0; i < shapes.size(); ++i) {
    shapes[i].seed = i + 1;
    const Proven proven = prove(tiny(shapes[i]), {1, 70, 80, 90, 100}, 1 + 3 * i);
    expect_near_estimate(verifiers.gas(proven.key, proven.statement, proven.proof), proven, 30);
  }
}

/// Prints what docs/proof.md has a table of.
TEST(ModelProofEquivalence, GasOfTheDemoModel) {
  Verifiers verifiers;
  const engine::Model model =
      compiled(std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf");
  for (const std::uint32_t tokens : {8U, 28U}) {
    const Proven proven = prove(model, {1, 300, 301, 302}, tokens);
    ASSERT_EQ(verifiers.check(proven.key, proven.statement, proven.proof), Bytes());
    const std::uint64_t gas = verifiers.gas(proven.key, proven.statement, proven.proof);
    const auto zeros =
        static_cast<std::uint64_t>(std::ranges::count(proven.proof, std::uint8_t{0}));
    const std::uint64_t others = proven.proof.size() - zeros;
    fmt::print("{} tokens: proof of {} bytes, {} gas in all; its calldata {}, at the floor {}\n",
               4 + proven.statement.answer.output.size(), proven.proof.size(), gas,
               4 * zeros + 16 * others, 10 * zeros + 40 * others);
    EXPECT_LT(gas, std::uint64_t{1} << 24);  // the most of a transaction, EIP-7825
    expect_near_estimate(gas, proven, 15);
  }
}

}  // namespace
}  // namespace imo::node
