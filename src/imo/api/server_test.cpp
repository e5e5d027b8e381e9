/// The doors of a real node, over real HTTP: chain, contracts and model are real as well.
#include "imo/api/server.hpp"

#include "imo/api/rest.hpp"
#include "imo/api/test_client.hpp"
#include "imo/base/hex.hpp"
#include "imo/engine/verify.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/prompt.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace imo::api {
namespace {

namespace operators = market::abi::operator_registry;
using namespace std::chrono_literals;
using nlohmann::json;
using node::test::must;
using node::test::TestWorld;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    model_id_ = world_.register_model(model().model);
    auto config = world_.config(world_.directory.path() / "data");
    config.queue_limit = 16;
    config.default_max_tokens = 6;
    node_ = must(node::Node::start(config, eth::anvil_key(1)));
    server_ = must(Server::start(*node_));
    ASSERT_TRUE(node::test::eventually([&] {
      return !must(node_->requests().models_of(model().root())).empty() && node_->status().ready;
    }));
  }

  static const node::ServedModel& model() { return *node::test::test_models().find("tales"); }
  static std::vector<std::uint32_t> prompt() {
    return must(node::completion_prompt(model(), kPrompt));
  }

  test::Reply get(const std::string& path) {
    return test::get(server_->url() + path).value_or(test::Reply{});
  }
  test::Reply post(const std::string& path, const json& body) {
    return test::post(server_->url() + path, body.dump()).value_or(test::Reply{});
  }
  json complete(const json& body) {
    const auto reply = post("/v1/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body);
  }

  static constexpr const char* kPrompt = "Once upon a time";
  TestWorld world_;
  U256 model_id_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Server> server_;
};

operators::Receipt wire(const json& receipt) {
  const auto hash = [&](const char* name) {
    return must(fixed_from_hex<32>(receipt.at(name).get<std::string>()));
  };
  const auto address = [&](const char* name) {
    return must(eth::parse_address(receipt.at(name).get<std::string>()));
  };
  const auto number = [&](const char* name) {
    return must(U256::parse(receipt.at(name).get<std::string>()));
  };
  return {number("modelId"),  hash("modelRoot"),   hash("promptHash"),
          hash("outputHash"), hash("textHash"),    receipt.at("maxTokens").get<std::uint32_t>(),
          hash("sampling"),   address("operator"), address("payer"),
          address("asset"),   number("payment"),   *number("issuedAt").to_u64(),
          hash("nonce")};
}

TEST_F(ServerTest, CompletesWithAReceiptThatTheChainAccepts) {
  const auto answer =
      complete({{"model", "tales"}, {"prompt", kPrompt}, {"max_tokens", 12}, {"temperature", 0}});
  EXPECT_THAT(answer["id"].get<std::string>(), StartsWith("cmpl-"));
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["model"], "tales");
  const auto& proof = answer["imo"];
  const auto tokens = proof["output_tokens"].get<std::vector<std::uint32_t>>();
  EXPECT_EQ(proof["prompt_tokens"].get<std::vector<std::uint32_t>>(), prompt());
  EXPECT_TRUE(must(engine::verify(model().model, prompt(), tokens, 12)).matches);
  EXPECT_EQ(proof["model_root"], to_hex(model().root()));
  EXPECT_EQ(proof["model_id"], to_hex(model_id_.to_be()));
  EXPECT_EQ(proof["max_tokens"], 12);
  EXPECT_EQ(proof["trust"], "signed");
  EXPECT_EQ(answer["usage"]["prompt_tokens"], prompt().size());
  EXPECT_EQ(answer["usage"]["completion_tokens"], tokens.size());
  EXPECT_EQ(answer["usage"]["total_tokens"], prompt().size() + tokens.size());
  const auto& choice = answer["choices"][0];
  EXPECT_EQ(choice["text"], must(node::answer_text(model().tokenizer(), tokens)));
  const bool ended = tokens.back() == model().model.end_token();
  EXPECT_EQ(choice["finish_reason"], ended ? "stop" : "length");

  const auto receipt = wire(proof["receipt"]);
  EXPECT_EQ(receipt.prompt_hash, market::hash_tokens(prompt()));
  EXPECT_EQ(receipt.output_hash, market::hash_tokens(tokens));
  EXPECT_EQ(receipt.text_hash, crypto::keccak256(as_bytes(choice["text"].get<std::string>())));
  const auto signature = must(from_hex(proof["receipt"]["signature"].get<std::string>()));
  EXPECT_EQ(must(world_.client.call(world_.deployment.operator_registry,
                                    operators::recover_operator(receipt, signature))),
            world_.operator_wallet.address());
}

TEST_F(ServerTest, AnswersAlikeWhateverTheFormOfTheQuestion) {
  const auto first = complete({{"model", "tales"}, {"prompt", kPrompt}});
  EXPECT_EQ(first["usage"]["completion_tokens"], 6) << "the configured default";
  const auto& tokens = first["imo"]["output_tokens"];
  for (const json& body :
       {json{{"prompt", kPrompt}}, json{{"model", "tales"}, {"prompt", prompt()}},
        json{{"model", to_hex(model().root())}, {"prompt", {kPrompt}}},
        json{{"model", to_hex(model_id_.to_be())}, {"prompt", kPrompt}, {"seed", 5}},
        json{{"model", "tales"}, {"prompt", kPrompt}, {"max_completion_tokens", 6}}}) {
    EXPECT_EQ(complete(body)["imo"]["output_tokens"], tokens) << body.dump();
  }
}

TEST_F(ServerTest, ManyAtOnceGetTheSame) {
  const auto expected = complete({{"prompt", kPrompt}, {"max_tokens", 10}})["imo"]["output_tokens"];
  std::atomic<int> equal = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 6; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 3; ++i) {
        const auto reply = post("/v1/completions", {{"prompt", kPrompt}, {"max_tokens", 10}});
        const auto answer = json::parse(reply.body, nullptr, false);
        equal += reply.status == 200 && answer["imo"]["output_tokens"] == expected ? 1 : 0;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(equal, 18);
}

TEST_F(ServerTest, Chats) {
  const json body{{"model", "tales"},
                  {"messages", {{{"role", "user"}, {"content", "Who is Lily?"}}}},
                  {"max_tokens", 8}};
  const auto reply = post("/v1/chat/completions", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto answer = json::parse(reply.body);
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_THAT(answer["id"].get<std::string>(), StartsWith("chatcmpl-"));
  const auto& message = answer["choices"][0]["message"];
  EXPECT_EQ(message["role"], "assistant");
  const std::vector<model::ChatMessage> messages{{"user", "Who is Lily?"}};
  const auto expected = must(node_->answers().answer(
      {node_->models().find("tales"), must(node::chat_prompt(model(), messages)), 8}));
  EXPECT_EQ(message["content"], expected.text);
  EXPECT_EQ(answer["imo"]["output_tokens"].get<std::vector<std::uint32_t>>(), expected.tokens);
}

std::vector<json> events_of(const std::string& body) {
  std::vector<json> events;
  std::size_t at = 0;
  while (at < body.size()) {
    const auto end = body.find("\n\n", at);
    if (end == std::string::npos) ADD_FAILURE() << "an event without its blank line";
    const auto event = body.substr(at, end - at);
    EXPECT_THAT(event, StartsWith("data: "));
    if (event != "data: [DONE]") events.push_back(json::parse(event.substr(6)));
    at = end == std::string::npos ? body.size() : end + 2;
  }
  return events;
}

TEST_F(ServerTest, StreamsCompletionsAndChats) {
  const json body{{"prompt", kPrompt}, {"max_tokens", 12}};
  const auto whole = complete(body);
  auto streamed = body;
  streamed["stream"] = true;
  const auto reply = post("/v1/completions", streamed);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.headers.at("content-type"), StartsWith("text/event-stream"));
  EXPECT_THAT(reply.body, EndsWith("data: [DONE]\n\n"));
  const auto events = events_of(reply.body);
  ASSERT_GT(events.size(), 2U);
  std::string text;
  for (const auto& event : events) {
    text += event["choices"][0]["text"].get<std::string>();
    EXPECT_FALSE(event.contains("usage"));
  }
  EXPECT_EQ(text, whole["choices"][0]["text"]);
  EXPECT_EQ(events.back()["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"]);
  EXPECT_EQ(events.back()["imo"]["output_tokens"], whole["imo"]["output_tokens"]);

  const json chat{{"messages", {{{"role", "user"}, {"content", "Hello"}}}},
                  {"stream", true},
                  {"stream_options", {{"include_usage", true}}}};
  const auto chat_events = events_of(post("/v1/chat/completions", chat).body);
  ASSERT_GT(chat_events.size(), 3U);
  EXPECT_EQ(chat_events.front()["choices"][0]["delta"],
            (json{{"role", "assistant"}, {"content", ""}}));
  EXPECT_EQ(chat_events.back()["choices"], json::array());
  EXPECT_GT(chat_events.back()["usage"]["total_tokens"], 0);
  EXPECT_EQ(chat_events.front()["usage"], nullptr);
}

TEST_F(ServerTest, RefusesClearly) {
  const auto error_of = [&](const json& body, int status) {
    const auto reply = post("/v1/completions", body);
    EXPECT_EQ(reply.status, status) << reply.body;
    return json::parse(reply.body)["error"];
  };
  const auto unknown = error_of({{"model", "gpt"}, {"prompt", "x"}}, 404);
  EXPECT_EQ(unknown["code"], "model_not_found");
  EXPECT_THAT(unknown["message"].get<std::string>(), HasSubstr("tales"));
  EXPECT_EQ(error_of({{"prompt", "x"}, {"temperature", 0.7}}, 400)["param"], "temperature");
  const auto context = model().model.context_length();
  EXPECT_EQ(error_of({{"prompt", std::vector<int>(context, 1)}}, 400)["code"],
            "context_length_exceeded");
  EXPECT_EQ(error_of({{"prompt", "x"}, {"max_tokens", context}}, 400)["code"],
            "context_length_exceeded");
  const auto outside = error_of({{"prompt", {model().model.vocabulary_size()}}}, 400);
  EXPECT_THAT(outside["message"].get<std::string>(), HasSubstr("vocabulary"));
  EXPECT_EQ(error_of({{"prompt", json::array()}}, 400)["type"], "invalid_request_error");
  EXPECT_EQ(test::post(server_->url() + "/v1/completions", "{nonsense")->status, 400);
  EXPECT_EQ(test::post(server_->url() + "/v1/completions", std::string(2 << 20, ' '))->status, 413);
  EXPECT_EQ(get("/v1/completions").status, 405);
  EXPECT_EQ(post("/v1/models", {}).status, 405);
  EXPECT_EQ(get("/v1/nothing").status, 404);
  const auto foreign = test::fetch({"POST",
                                    server_->url() + "/v1/completions",
                                    R"({"prompt":"x"})",
                                    {"Origin: http://evil.example"}});
  EXPECT_EQ(foreign->status, 403);
}

TEST_F(ServerTest, ACancelledAnswerFreesTheQueue) {
  const auto context = model().model.context_length();
  const json body{{"prompt", kPrompt}, {"max_tokens", context - prompt().size()}, {"stream", true}};
  const auto text = body.dump();
  {
    test::RawClient client(server_->port());
    client.send("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                std::to_string(text.size()) + "\r\n\r\n" + text);
    EXPECT_THAT(client.read_until("data: ", 30s), HasSubstr("200 OK"));
  }
  EXPECT_TRUE(node::test::eventually([&] { return node_->answers().running() == 0; }, 20s));
}

TEST_F(ServerTest, ListsModels) {
  const auto list = json::parse(get("/v1/models").body);
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 1U);
  EXPECT_EQ(list["data"][0]["id"], "tales");
  EXPECT_EQ(list["data"][0]["imo"]["model_id"], to_hex(model_id_.to_be()));
  EXPECT_EQ(list["data"][0]["imo"]["context_length"], model().model.context_length());
  EXPECT_EQ(json::parse(get("/v1/models/tales").body), list["data"][0]);
  EXPECT_EQ(json::parse(get("/v1/models/").body), list);
  EXPECT_EQ(get("/v1/models/other").status, 404);
}

TEST_F(ServerTest, TellsHowItIs) {
  EXPECT_EQ(get("/health").body, R"({"status":"ok"})");
  EXPECT_EQ(get("/ready").status, 200);
  complete({{"prompt", kPrompt}, {"max_tokens", 3}});
  const auto metrics = get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("imo_ready 1\n"));
  EXPECT_THAT(metrics, HasSubstr("imo_answers_total 1\n"));
  EXPECT_THAT(metrics, HasSubstr("imo_receipts 1\n"));
  const auto chain = get("/v1/chain");
  EXPECT_EQ(chain.headers.at("access-control-allow-origin"), "*");
  const auto facts = json::parse(chain.body);
  EXPECT_EQ(facts["chain_id"], world_.deployment.chain_id);
  EXPECT_EQ(facts["rpc_url"], world_.anvil.url());
  EXPECT_EQ(facts["contracts"]["oracle"], eth::to_checksum(world_.deployment.oracle));

  world_.anvil.stop();
  EXPECT_TRUE(node::test::eventually([&] { return get("/ready").status == 503; }));
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(get("/v1/offerings").status, 503);
}

TEST_F(ServerTest, ShowsRequests) {
  world_.join(model_id_, 1'000);
  const auto id = world_.ask(model_id_, {prompt(), 5, U256(5'000), {}});
  const auto path = "/v1/requests/" + std::to_string(id);
  ASSERT_TRUE(node::test::eventually([&] {
    const auto reply = get(path);
    return reply.status == 200 && json::parse(reply.body)["status"] == "answered";
  }));
  const auto request = json::parse(get(path).body);
  EXPECT_EQ(request["trust"], "bonded");
  EXPECT_EQ(request["prompt_tokens"].get<std::vector<std::uint32_t>>(), prompt());
  EXPECT_EQ(request["fee_wei"], "5000");
  EXPECT_EQ(request["operator"], eth::to_checksum(world_.operator_wallet.address()));
  const auto http = complete({{"prompt", prompt()}, {"max_tokens", 5}});
  EXPECT_EQ(http["imo"]["output_tokens"], request["output_tokens"]) << "one model, two doors";
  EXPECT_EQ(http["choices"][0]["text"], request["text"]);
  EXPECT_EQ(json::parse(get("/v1/requests").body)["data"].size(), 1U);
  EXPECT_EQ(get("/v1/requests/99").status, 404);
  EXPECT_EQ(get("/v1/requests/x").status, 404);
  EXPECT_EQ(json::parse(get("/v1/offerings").body)["data"], json::array());
  const auto missing = get("/v1/offerings/7");
  EXPECT_EQ(missing.status, 404) << missing.body;
}

TEST_F(ServerTest, ServesThePage) {
  const auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.body, HasSubstr("<title>imo</title>"));
  EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("script-src 'self'"));
  EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr(world_.anvil.url()));
  const auto again =
      test::fetch({"GET", server_->url() + "/", {}, {"If-None-Match: " + page.headers.at("etag")}});
  EXPECT_EQ(again->status, 304);
  EXPECT_EQ(again->body, "");
  EXPECT_EQ(get("/../etc/passwd").status, 404);
}

TEST_F(ServerTest, DrainsTheAnswersThatAreOpen) {
  // Answers take milliseconds: some may be over before anybody looks.
  std::array<std::optional<test::Reply>, 16> replies;
  std::vector<std::jthread> clients;
  for (auto& reply : replies) {
    clients.emplace_back([&] {
      reply = test::post(server_->url() + "/v1/completions",
                         json{{"prompt", kPrompt}, {"max_tokens", 100}}.dump());
    });
  }
  ASSERT_TRUE(node::test::eventually(
      [&] { return node_->answers().running() + node_->answers().answers_given() != 0; }));
  EXPECT_TRUE(server_->drain(60s));
  clients.clear();
  EXPECT_TRUE(std::any_of(replies.begin(), replies.end(),
                          [](const auto& reply) { return reply && reply->status == 200; }));
  EXPECT_FALSE(test::get(server_->url() + "/health"));
}

TEST(ServeUntilSignal, EndsOnSigterm) {
  TestWorld world;
  const auto config = world.config(world.directory.path() / "data");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto served =
        serve_until_signal(config, eth::anvil_key(1), [&](node::Node&, Server& server) {
          const auto port = server.port();
          if (::write(ready[1], &port, sizeof port) < 0) ::_exit(3);
        });
    ::_exit(served ? 0 : 1);
  }
  std::uint16_t port = 0;
  ASSERT_EQ(::read(ready[0], &port, sizeof port), static_cast<ssize_t>(sizeof port));
  EXPECT_EQ(test::get("http://127.0.0.1:" + std::to_string(port) + "/health")->status, 200);
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PublicRpcUrl, TellsNoSecret) {
  node::NodeConfig config;
  const auto told = [&](std::string url) {
    config.rpc_url = std::move(url);
    return public_rpc_url(config);
  };
  EXPECT_EQ(told("http://127.0.0.1:8545"), "http://127.0.0.1:8545");
  EXPECT_EQ(told("http://127.0.0.1:8545/"), "http://127.0.0.1:8545");
  EXPECT_EQ(told("https://user:word@host"), "");
  EXPECT_EQ(told("https://host/v2/key"), "");
  EXPECT_EQ(told("https://host?key=1"), "");
  config.public_rpc_url = "https://open.example";
  EXPECT_EQ(told("https://host/v2/key"), "https://open.example");
}

}  // namespace
}  // namespace imo::api
