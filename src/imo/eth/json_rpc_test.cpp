/// JSON-RPC: the reading of replies by itself, and the transport against a real socket that says
/// whatever a test wants.
#include "imo/eth/json_rpc.hpp"

#include "imo/base/file_descriptor.hpp"
#include "imo/eth/client.hpp"

#include <atomic>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace imo::eth {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

/// Answers each HTTP request with the next reply of a list; the last one again and again. An empty
/// reply closes the connection without a word.
class Server {
 public:
  explicit Server(std::vector<std::string> replies)
      : replies_(std::move(replies)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 8);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  ~Server() {
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int requests() const { return requests_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void serve() {
    while (!stopping_) {
      const FileDescriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) return;
      ++connections_;
      timeval patience{.tv_sec = 2, .tv_usec = 0};
      ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      while (answer(peer.get())) {
      }
    }
  }

  bool answer(int peer) {
    std::string request;
    char buffer[4096];
    while (!is_whole(request)) {
      const ssize_t got = ::recv(peer, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    const auto index = static_cast<std::size_t>(requests_++);
    const std::string& reply = replies_[std::min(index, replies_.size() - 1)];
    if (reply.empty()) return false;
    return ::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(reply.size());
  }

  static bool is_whole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    const std::size_t length = request.find("Content-Length: ");
    if (end == std::string::npos || length == std::string::npos) return false;
    return request.size() >= end + 4 + std::stoul(request.substr(length + 16));
  }

  std::vector<std::string> replies_;
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> requests_{0};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

std::string http(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string result(int id, const std::string& value) {
  return http(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":)" + value + "}");
}

JsonRpc rpc_to(const Server& server, HttpOptions options = {}) {
  return JsonRpc(make_http_transport(server.url(), options).value(),
                 {.attempts = 4, .first_pause = milliseconds(1)});
}

const RpcRequest kRead{"eth_chainId"};
const RpcRequest kWrite{"evm_mine"};

TEST(RpcReplies, InTheOrderOfTheRequests) {
  const auto outcomes = read_replies(
      R"([{"id":6,"result":"b"},{"id":5,"result":null},{"id":7,"error":{"code":3,"message":"no",
          "data":"0x08c379a0"}}])",
      5, 3);
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  EXPECT_TRUE(outcomes->at(0)->is_null());
  EXPECT_EQ(*outcomes->at(1), "b");
  ASSERT_FALSE(outcomes->at(2));
  EXPECT_EQ(outcomes->at(2).error().code, 3);
  EXPECT_EQ(outcomes->at(2).error().data, (Bytes{0x08, 0xC3, 0x79, 0xA0}));
}

TEST(RpcReplies, RefuseNonsense) {
  struct Case {
    const char* text;
    std::size_t count;
    const char* why;
  };
  for (const Case& bad : {
           Case{"", 1, "not JSON"},
           Case{"<html>", 1, "not JSON but '<html>'"},
           Case{"{\"id\":1,\"result\":\"\xff\"}", 1, "not JSON"},
           Case{R"({"id":1,"result":1} x)", 1, "not JSON"},
           Case{"[]", 1, "no object"},
           Case{"5", 1, "no object"},
           Case{"{}", 1, "id is missing"},
           Case{R"({"id":"1","result":1})", 1, "id is missing"},
           Case{R"({"id":-1,"result":1})", 1, "id is missing"},
           Case{R"({"id":2,"result":1})", 1, "id 2 was never asked"},
           Case{R"({"id":0,"result":1})", 1, "id 0 was never asked"},
           Case{R"({"id":1})", 1, "neither a result nor an error"},
           Case{R"({"id":1,"result":1,"error":{"code":1}})", 1, "both a result and an error"},
           Case{R"({"id":1,"error":"no"})", 1, "error is no object"},
           Case{R"({"id":1,"result":1})", 2, "no array"},
           Case{R"([{"id":1,"result":1}])", 2, "not answered"},
           Case{R"([{"id":1,"result":1},{"id":1,"result":2}])", 2, "answered twice"},
           Case{R"([{"id":1,"result":1},{"id":3,"result":2}])", 2, "never asked"},
           Case{R"({"id":null,"error":{"code":-32600,"message":"too big"}})", 2,
                "batch was refused: too big"},
       }) {
    const auto outcomes = read_replies(bad.text, 1, bad.count);
    ASSERT_FALSE(outcomes) << bad.text;
    EXPECT_EQ(outcomes.error().kind, ErrorKind::kNetwork) << bad.text;
    EXPECT_THAT(outcomes.error().message, HasSubstr(bad.why)) << bad.text;
  }
}

TEST(RpcReplies, SurviveDepth) {
  const std::string deep(1'000'000, '[');
  EXPECT_FALSE(read_replies(deep, 1, 1));
  const std::string closed = R"({"id":1,"result":)" + deep + std::string(1'000'000, ']') + "}";
  EXPECT_TRUE(read_replies(closed, 1, 1));
}

TEST(RpcReplies, TextOfThePeerCannotDriveATerminal) {
  const auto outcomes = read_replies(
      R"({"id":1,"error":{"code":1,"message":"bad\u001b[2J\n)" + std::string(5000, 'x') + R"("}})",
      1, 1);
  const std::string& message = outcomes->at(0).error().message;
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 400U);
}

TEST(JsonRpc, KeepsItsConnection) {
  const Server server({result(1, "1"), result(2, "2"), result(3, "3")});
  JsonRpc rpc = rpc_to(server);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(rpc.result(kRead).value(), i);
  EXPECT_EQ(server.connections(), 1);
}

TEST(JsonRpc, AsksAgainWhenThePeerIsBusyOrGone) {
  const Server server({http("busy", "503 Service Unavailable"), "",
                       http("slow down", "429 Too Many Requests"), result(1, "7")});
  EXPECT_EQ(rpc_to(server).result(kRead).value(), 7);
  EXPECT_EQ(server.requests(), 4);
}

TEST(JsonRpc, DoesNotRepeatWhatMayHaveHappened) {
  const Server silent({""});
  EXPECT_EQ(rpc_to(silent).result(kWrite).error().kind, ErrorKind::kNetwork);
  EXPECT_EQ(silent.requests(), 1);
  const Server busy({http("", "503 Service Unavailable")});
  EXPECT_THAT(rpc_to(busy).result(kWrite).error().message, HasSubstr("HTTP status 503"));
  EXPECT_EQ(busy.requests(), 1);
}

TEST(JsonRpc, GivesUpAtLast) {
  const Server server({http("", "503 Service Unavailable")});
  const auto answer = rpc_to(server).result(kRead);
  EXPECT_EQ(answer.error().message, server.url() +
                                        " eth_chainId: answered with HTTP status 503; check the "
                                        "address and its key");
  EXPECT_EQ(server.requests(), 4);
}

TEST(JsonRpc, TimesOutWithoutRepeating) {
  const Server server({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"});
  const auto answer = rpc_to(server, {.timeout = milliseconds(100)}).result(kRead);
  EXPECT_EQ(answer.error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(server.requests(), 1);
}

TEST(JsonRpc, RefusesRepliesWithoutEnd) {
  const Server server({result(1, '"' + std::string(10'000, 'x') + '"')});
  HttpOptions options;
  options.max_reply_bytes = 1'000;
  JsonRpc rpc(make_http_transport(server.url(), options).value(), {.attempts = 1});
  EXPECT_THAT(rpc.result(kRead).error().message, HasSubstr("longer than 1000 bytes"));
}

TEST(JsonRpc, PassesOnErrorsBehindABadStatus) {
  const Server server({http(R"({"id":1,"error":{"code":-32000,"message":"no"}})", "400 Bad")});
  const auto outcome = rpc_to(server).request(kRead);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().message, "no");
}

TEST(JsonRpc, FollowsNoRedirects) {
  const Server server(
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
       "Content-Length: 0\r\n\r\n"});
  EXPECT_THAT(rpc_to(server).result(kRead).error().message, HasSubstr("HTTP status 302"));
}

TEST(JsonRpc, BatchesInPieces) {
  std::vector<std::string> replies;
  for (int first : {1, 101}) {
    const int last = first == 1 ? 100 : 150;
    std::string body;
    for (int id = last; id >= first; --id) {
      body += (body.empty() ? "[" : ",") + (R"({"id":)" + std::to_string(id)) + R"(,"result":)" +
              std::to_string(10 * id) + "}";
    }
    replies.push_back(http(body + "]"));
  }
  const Server server(replies);
  const auto outcomes = rpc_to(server).batch(std::vector<RpcRequest>(150, kRead));
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  ASSERT_EQ(outcomes->size(), 150U);
  for (int i = 0; i < 150; ++i) {
    EXPECT_EQ(*outcomes->at(static_cast<std::size_t>(i)), 10 * (i + 1));
  }
  EXPECT_EQ(server.requests(), 2);
}

TEST(JsonRpc, NamesThePeerWithoutItsSecrets) {
  const auto transport = make_http_transport("https://user:pass@node.example/v3/key?x=1");
  EXPECT_EQ(transport.value()->peer(), "https://node.example");
  for (const char* bad : {"", "ftp://127.0.0.1", "file:///etc/passwd", "http://"}) {
    EXPECT_FALSE(make_http_transport(bad)) << bad;
  }
}

/// Answers that are JSON-RPC but not what an Ethereum node says.
TEST(Client, RefusesLies) {
  const auto asked = [](const std::string& value, auto question) {
    const Server server({result(1, value)});
    Client client(std::make_unique<JsonRpc>(rpc_to(server)));
    const auto answer = question(client);
    EXPECT_FALSE(answer) << value;
    return answer ? "" : answer.error().message;
  };
  const auto chain_id = [](Client& client) { return client.chain_id(); };
  for (const char* value : {"5", "null", "\"\"", "\"0x\"", "\"7a69\"", "\"-0x1\"", "\"0xg\"", "{}",
                            "\"0x10000000000000000\"", "true", "1e3", "[]"}) {
    EXPECT_THAT(asked(value, chain_id), HasSubstr("eth_chainId: the reply has")) << value;
  }
  const auto code = [](Client& client) { return client.code({}); };
  for (const char* value : {"\"0x1\"", "\"00\"", "\"0xzz\"", "7"}) asked(value, code);
  const auto block = [](Client& client) { return client.block(); };
  EXPECT_THAT(asked("{}", block), HasSubstr("the block has no number"));
  EXPECT_THAT(asked("[]", block), HasSubstr("the reply is no block"));
  const auto receipt = [](Client& client) { return client.receipt({}); };
  EXPECT_THAT(asked("\"\"", receipt), HasSubstr("the reply is no receipt"));
  const std::string zero = R"("0x)" + std::string(64, '0') + '"';
  const auto logs = [](Client& client) { return client.logs({5, 9, {}, {}}); };
  asked("{}", logs);
  EXPECT_THAT(asked(R"([{"address":"0x)" + std::string(40, '0') + R"(","topics":[],"data":"0x",
             "blockNumber":"0x4","blockHash":)" +
                        zero + R"(,"transactionHash":)" + zero +
                        R"(,"transactionIndex":"0x0","logIndex":"0x0"}])",
                    logs),
              HasSubstr("logs never asked for"));
  const auto send = [](Client& client) { return client.send_raw(Bytes{1}); };
  EXPECT_THAT(asked(zero, send), HasSubstr("names another hash"));
  const auto gas = [](Client& client) { return client.estimate_gas({}); };
  EXPECT_THAT(asked("\"0xffffffffffffffff\"", gas), HasSubstr("more gas than blocks have"));
}

TEST(Client, SendingWhatThePeerHasIsNoFailure) {
  const std::string refused = http(R"({"id":1,"error":{"code":-32003,"message":"nonce too low"}})");
  const std::string known = R"({"hash":"0x)" + std::string(64, '1') + R"(","from":"0x)" +
                            std::string(40, '2') +
                            R"(","value":"0x0","input":"0x","nonce":"0x0","gas":"0x5208"})";
  for (const bool has : {true, false}) {
    const Server server({refused, result(2, has ? known : "null")});
    Client client(std::make_unique<JsonRpc>(rpc_to(server)));
    EXPECT_EQ(client.send_raw(Bytes{1}).has_value(), has);
  }
}

}  // namespace
}  // namespace imo::eth
