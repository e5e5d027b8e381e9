/// The whole node on a real chain with real contracts and a real model.
#include "imo/node/node.hpp"

#include "imo/engine/verify.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/model/test_support.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/prompt.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace imo::node {
namespace {

namespace operators = market::abi::operator_registry;
namespace oracle = market::abi::oracle;
namespace splitter = market::abi::splitter;
using test::must;
using test::TestWorld;
using testing::HasSubstr;

class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    model_id_ = world_.register_model(model().model);
    world_.join(model_id_, 1'000);
  }

  static const ServedModel& model() { return *test::test_models().find("tales"); }
  static std::vector<std::uint32_t> prompt(std::string_view text = "Once upon a time") {
    return must(completion_prompt(model(), text));
  }

  std::unique_ptr<Node> start() { return must(Node::start(config(), eth::anvil_key(1))); }
  NodeConfig config() { return world_.config(world_.directory.path() / "data"); }

  std::uint64_t ask(const TestWorld::Question& question) { return world_.ask(model_id_, question); }
  oracle::Request on_chain(std::uint64_t id) {
    return must(world_.client.call(world_.deployment.oracle, oracle::request_of(U256(id))));
  }
  bool reached(std::uint64_t id, RequestStatus status) {
    return test::eventually(
        [&] { return on_chain(id).status == static_cast<std::uint8_t>(status); });
  }
  static std::optional<ChainRequest> seen(Node& node, std::uint64_t id, RequestStatus status) {
    std::optional<ChainRequest> found;
    test::eventually([&] {
      found = must(node.requests().find(id));
      return found && found->status == status;
    });
    return found;
  }

  TestWorld world_;
  U256 model_id_;
};

TEST_F(NodeTest, AnswersFinalisesAndSplits) {
  const auto node = start();
  const auto id = ask({prompt(), 10, eth::kEther / U256(20), {}, 3600});
  const auto answered = seen(*node, id, RequestStatus::kAnswered);
  ASSERT_TRUE(answered) << node->status().problem;
  EXPECT_EQ(answered->operator_address, world_.operator_wallet.address());
  const auto output = must(market::unpack_tokens(answered->output));
  const auto verdict = must(engine::verify(model().model, prompt(), output, 10));
  EXPECT_TRUE(verdict.matches) << verdict.reason;
  EXPECT_EQ(as_text(answered->text), must(answer_text(model().tokenizer(), output)));
  const auto bond = must(world_.client.call(
      world_.deployment.operator_registry,
      operators::locked_by(world_.deployment.oracle, world_.operator_wallet.address())));
  EXPECT_EQ(bond, eth::kEther / U256(2)) << "ten times the fee";

  must(world_.control.pass_time(std::chrono::seconds(TestWorld::kWindow)));
  const auto finalised = seen(*node, id, RequestStatus::kFinal);
  ASSERT_TRUE(finalised);
  ASSERT_EQ(finalised->status, RequestStatus::kFinal);
  // Without a token the holders' share goes to the author; the splitter ends empty.
  ASSERT_TRUE(test::eventually([&] {
    return !must(world_.client.code(finalised->splitter)).empty() &&
           must(world_.client.balance(finalised->splitter)).is_zero();
  })) << node->status().problem;
  EXPECT_EQ(node->status().requests.at("final"), 1U);
}

TEST_F(NodeTest, AnswersTextWithTheModelsOwnTokens) {
  const auto node = start();
  const auto id = world_.ask_text(model_id_, "Once upon a time");
  const auto answered = seen(*node, id, RequestStatus::kAnswered);
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->prompt, market::pack_tokens(prompt()));
  const auto output = must(market::unpack_tokens(answered->output));
  EXPECT_TRUE(must(engine::verify(model().model, prompt(), output, answered->max_tokens)).matches);
}

TEST_F(NodeTest, LeavesAloneWhatIsNotItsOwn) {
  const auto node = start();
  const auto cheap = ask({prompt(), 4, U256(999), {}, 3600});
  const auto for_another =
      world_.register_root(crypto::keccak256(as_bytes("a model that is not served")));
  const auto unknown = world_.ask(for_another, {{1, 2}, 2, U256(5'000), {}, 3600});
  const auto good = ask({prompt(), 4, U256(1'000), {}, 3600});
  ASSERT_TRUE(reached(good, RequestStatus::kAnswered)) << node->status().problem;
  EXPECT_EQ(on_chain(cheap).status, static_cast<std::uint8_t>(RequestStatus::kOpen));
  EXPECT_EQ(on_chain(unknown).status, static_cast<std::uint8_t>(RequestStatus::kOpen));
}

// The scores of 130 heads at 512 positions have no room in the tree of a trace: docs/dispute.md.
TEST_F(NodeTest, DeclinesWhatItCouldNotDefend) {
  const model::testing::TinyShape shape{
      .width = 260, .layers = 1, .heads = 130, .kv_heads = 130, .context = 520};
  auto config = this->config();
  config.models.push_back({world_.directory.path() / "wide.gguf", "wide"});
  must(write_file_atomic(config.models.back().path, model::testing::tiny_model(shape)));
  const auto shelf = must(ModelShelf::load(config.models));
  model_id_ = world_.register_model(shelf.find("wide")->model);
  must(world_.operator_wallet.transact(world_.deployment.operator_registry,
                                       operators::set_price(model_id_, {1'000, 0, 0, 0})));
  const auto node = must(Node::start(config, eth::anvil_key(1)));
  const auto long_one = ask({{1, 2, 3}, 510, U256(5'000), {}, 3600});
  const auto short_one = ask({{1, 2, 3}, 5, U256(5'000), {}, 3600});
  ASSERT_TRUE(reached(short_one, RequestStatus::kAnswered)) << node->status().problem;
  EXPECT_TRUE(node->drain(std::chrono::seconds(60)));
  EXPECT_EQ(on_chain(long_one).status, static_cast<std::uint8_t>(RequestStatus::kOpen));
}

TEST_F(NodeTest, AnswersManyOnceEachThroughReorganisations) {
  const auto node = start();
  std::vector<std::uint64_t> asked;
  for (std::uint32_t i = 0; i < 5; ++i) asked.push_back(ask({prompt(), 3 + i, U256(5'000), {}}));
  for (const auto id : asked) ASSERT_TRUE(reached(id, RequestStatus::kAnswered));
  // The last answers leave the chain, and come back.
  world_.reorg(2);
  EXPECT_TRUE(test::eventually([&] {
    must(world_.control.mine());
    return std::all_of(asked.begin(), asked.end(), [&](std::uint64_t id) {
      return on_chain(id).status == static_cast<std::uint8_t>(RequestStatus::kAnswered);
    });
  })) << node->status().problem;
  for (const auto id : asked) {
    EXPECT_EQ(seen(*node, id, RequestStatus::kAnswered)->status, RequestStatus::kAnswered);
  }
}

// The node as a process of its own, for kill -9. The child never returns.
pid_t spawn_node(const NodeConfig& config) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const auto node = Node::start(config, eth::anvil_key(1));
  if (!node) ::_exit(1);
  while (true) ::pause();
}

void kill_hard(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(NodeTest, GoesOnAfterKill) {
  std::vector<std::uint64_t> asked;
  for (std::uint32_t i = 0; i < 6; ++i) asked.push_back(ask({prompt(), 20, U256(5'000), {}}));
  const auto before = must(world_.client.nonce(world_.operator_wallet.address()));
  for (int round = 0; round < 4; ++round) {
    const auto child = spawn_node(config());
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + 120 * round));
    kill_hard(child);
  }
  const auto node = start();
  for (const auto id : asked) EXPECT_TRUE(reached(id, RequestStatus::kAnswered)) << id;
  EXPECT_TRUE(node->drain(std::chrono::seconds(30)));
  EXPECT_EQ(must(world_.client.nonce(world_.operator_wallet.address())), before + asked.size())
      << "an answer was sent twice";
}

TEST_F(NodeTest, DrainsWhatItHasBegun) {
  const auto node = start();
  const auto id = ask({prompt(), 30, U256(5'000), {}});
  ASSERT_TRUE(test::eventually([&] {
    return node->status().answers_waiting > 0 || must(node->requests().find(id)).has_value();
  }));
  EXPECT_TRUE(node->drain(std::chrono::seconds(60)));
  EXPECT_TRUE(node->status().draining);
}

TEST_F(NodeTest, RefusesAWrongStart) {
  const auto fault = [&](const std::function<void(NodeConfig&)>& change) {
    auto wrong = config();
    change(wrong);
    const auto node = Node::start(wrong, eth::anvil_key(1));
    return node ? std::string("started") : node.error().message;
  };
  EXPECT_THAT(fault([](NodeConfig& c) { c.data_directory.clear(); }), HasSubstr("data directory"));
  EXPECT_THAT(fault([](NodeConfig& c) { c.deployment.chain_id = 5; }), HasSubstr("chain 5"));
  EXPECT_THAT(fault([](NodeConfig& c) { c.deployment.oracle.bytes[0] ^= 1; }),
              HasSubstr("no contract"));
  EXPECT_THAT(fault([](NodeConfig& c) { c.models[0].path = "missing.gguf"; }),
              HasSubstr("missing.gguf"));
  EXPECT_THAT(fault([](NodeConfig& c) { c.models.push_back(c.models[0]); }),
              HasSubstr("another model is called"));
  EXPECT_THAT(fault([](NodeConfig& c) { c.rpc_url = "http://127.0.0.1:1"; }),
              HasSubstr("127.0.0.1:1"));
  const auto running = start();
  EXPECT_THAT(fault([](NodeConfig&) {}), HasSubstr("another node uses"));
}

}  // namespace
}  // namespace imo::node
