// Operators that lie about the demo model in every way there is, each against a watcher that is
// killed and started again after every move of theirs.
#include "imo/engine/model.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/program_test_support.hpp"
#include "imo/node/dispute_test_support.hpp"

#include <array>

#include <gtest/gtest.h>

namespace imo::node {
namespace {

using opml::Phase;
using test::DisputeTest;
using test::kWatcherKey;
using test::must;

/// The demo model, compiled once so that a watcher starts quickly.
struct Demo {
  Demo() {
    const ModelFile source{std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf",
                           "demo"};
    shelf = must(ModelShelf::load(std::array{source}));
    must(model::save_program(served().model.program(), served().root(), file));
  }
  [[nodiscard]] const ServedModel& served() const { return *shelf.find("demo"); }

  TemporaryDirectory directory = must(TemporaryDirectory::create());
  std::filesystem::path file = directory.path() / "demo.imo";
  ModelShelf shelf;
};

const Demo& demo() {
  static const Demo kDemo;
  return kDemo;
}

class LiarTest : public DisputeTest {
 protected:
  static constexpr std::uint32_t kMaxTokens = 24;

  LiarTest() : DisputeTest(demo().served(), {demo().file, "demo"}) {
    honest_ = must(this->model().model.generate(question_, kMaxTokens)).tokens;
  }

  [[nodiscard]] std::uint32_t end_token() const { return model().model.end_token(); }
  /// Neither `token` nor the end.
  [[nodiscard]] std::uint32_t another(std::uint32_t token) const {
    return token + 1 == end_token() || token + 1 == model().model.vocabulary_size() ? token - 1
                                                                                    : token + 1;
  }

  /// The answer is disputed at `position`, falls, and leaves everybody with what is theirs.
  void expect_struck_down(const Tokens& output, std::uint32_t position,
                          const MakeTrace& make_trace) {
    ASSERT_NE(output, honest_);
    const auto id = answer(question_, output, kMaxTokens);
    const U256 before = deposit();
    const Address watcher_address = eth::anvil_key(kWatcherKey).address();
    test::WatcherProcess watcher(watcher_config());
    ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
    EXPECT_EQ(must(read_dispute(world_.client, world_.deployment, 1)).view.tokens.output_position,
              position);
    unsigned kills = 0;
    play_liar(1, make_trace, [&](Phase) {
      watcher.kill_and_restart();
      ++kills;
    });
    EXPECT_GE(kills, 5U) << "commit, reveals, leaf";
    EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
    EXPECT_EQ(disputes(), 1U) << "opened once, however often the watcher began again";
    EXPECT_EQ(request_status(id), RequestStatus::kOpen) << "it can be answered again";
    EXPECT_EQ(owed_by_oracle(world_.asker.address()), kFee) << "the whole fee";
    EXPECT_EQ(deposit(), before - bond()) << "the whole bond";
    EXPECT_TRUE(test::eventually([&] {
      return owed_by_oracle(watcher_address).is_zero() && owed_by_game(watcher_address).is_zero();
    })) << "reward and bond are fetched";
  }

  /// Ten times the fee.
  static U256 bond() { return kFee * U256(10); }

  Tokens question_ = prompt("Question: Where does Mara keep the lamp?\nAnswer:");
  Tokens honest_;
};

TEST_F(LiarTest, AWrongToken) {
  Tokens output = honest_;
  output[2] = another(output[2]);
  expect_struck_down(output, 2, lying());
}

TEST_F(LiarTest, AnAnswerThatIsTooLong) {
  ASSERT_EQ(honest_.back(), end_token());
  ASSERT_LT(honest_.size(), kMaxTokens);
  Tokens output = honest_;
  output.back() = another(honest_.front());
  output.resize(kMaxTokens, output.back());
  expect_struck_down(output, static_cast<std::uint32_t>(honest_.size() - 1), lying());
}

TEST_F(LiarTest, AnAnswerThatEndsTooEarly) {
  ASSERT_GT(honest_.size(), 3U);
  Tokens output(honest_.begin(), honest_.begin() + 2);
  output.push_back(end_token());
  expect_struck_down(output, 2, lying());
}

// He does all that he should, with weights of his own: his trace is true from its first to its last
// element, about a model that nobody asked.
TEST_F(LiarTest, TheRightTokensOfTheWrongModel) {
  model::Program other = model().model.program();
  for (std::size_t i = 0; i < other.tensors.size(); ++i) {
    for (std::int8_t& weight : model::testing::own_tensor(other, i)->weights) {
      if (weight % 4 == 0) weight = static_cast<std::int8_t>(-weight);
    }
  }
  const auto wrong = must(engine::Model::from_program(other, {}));
  const Tokens output = must(wrong.generate(question_, kMaxTokens)).tokens;
  const auto differs = std::mismatch(output.begin(), output.end(), honest_.begin(), honest_.end());
  ASSERT_NE(differs.first, output.end());
  expect_struck_down(output, static_cast<std::uint32_t>(differs.first - output.begin()),
                     [&other](const ChainDispute& dispute) {
                       return opml::plain_trace(other, dispute.view.tokens.prefix());
                     });
}

}  // namespace
}  // namespace imo::node
