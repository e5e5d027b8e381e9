#include "imo/api/http_server.hpp"

#include "imo/api/test_client.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::api {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Answers with what was asked, so that tests see what arrived.
void echo(const std::shared_ptr<Exchange>& exchange) {
  const auto& request = exchange->request();
  exchange->reply(
      {200,
       "text/plain",
       fmt::format("{} {}?{} {}", request.method, request.path, request.query, request.body),
       {{"X-Agent", std::string(request.header("user-agent"))}}});
}

std::unique_ptr<HttpServer> serve(HttpHandler handler, HttpLimits limits = {}) {
  auto server = HttpServer::start("127.0.0.1", 0, limits, std::move(handler));
  EXPECT_TRUE(server) << server.error().message;
  return server ? std::move(*server) : nullptr;
}

std::string url(const HttpServer& server, std::string_view path) {
  return fmt::format("http://127.0.0.1:{}{}", server.port(), path);
}

// Holds exchanges back until the test wants them.
class Shelf {
 public:
  HttpHandler handler() {
    return [this](std::shared_ptr<Exchange> exchange) {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(exchange));
      arrived_.notify_all();
    };
  }
  std::shared_ptr<Exchange> take() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 5s, [this] { return !held_.empty(); })) return nullptr;
    auto exchange = std::move(held_.back());
    held_.pop_back();
    return exchange;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<Exchange>> held_;
};

TEST(HttpServer, AnswersGetAndPost) {
  const auto server = serve(echo);
  const auto got = test::get(url(*server, "/a/b?x=1&y=2"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "GET /a/b?x=1&y=2 ");
  EXPECT_EQ(got->headers.at("content-type"), "text/plain");
  EXPECT_EQ(got->headers.at("x-content-type-options"), "nosniff");
  const auto posted = test::post(url(*server, "/p"), "the body");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->body, "POST /p? the body");
}

TEST(HttpServer, KeepsTheConnectionAndTheOrderOfPipelinedRequests) {
  const auto server = serve(echo);
  RawClient client(server->port());
  client.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n"
      "Connection: close\r\n\r\n");
  bool closed = false;
  const auto all = client.read_all(5s, &closed);
  EXPECT_TRUE(closed);
  EXPECT_LT(all.find("GET /1?"), all.find("GET /2?"));
  EXPECT_THAT(all, HasSubstr("Connection: keep-alive"));
  EXPECT_THAT(all, HasSubstr("Connection: close"));
}

TEST(HttpServer, HeadHasTheHeadOnly) {
  const auto server = serve(echo);
  const auto reply = test::fetch({"HEAD", url(*server, "/h"), {}, {}});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->headers.at("content-length"), std::to_string(std::string("GET /h? ").size()));
  EXPECT_EQ(reply->body, "");
}

TEST(HttpServer, TellsAClientThatAsksToGoOn) {
  const auto server = serve(echo);
  RawClient client(server->port());
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n", 5s), StartsWith("HTTP/1.1 100 Continue"));
  client.send("ok");
  EXPECT_THAT(client.read_until("POST /e? ok", 5s), HasSubstr("POST /e? ok"));
}

TEST(HttpServer, RefusesABodyThatSaysItIsTooLong) {
  HttpLimits limits;
  limits.body_bytes = 1000;
  const auto server = serve(echo, limits);
  const auto reply = test::post(url(*server, "/"), std::string(1'000'000, 'x'));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 413);
  EXPECT_THAT(reply->body, HasSubstr("longer than 1000 bytes"));
  EXPECT_EQ(test::post(url(*server, "/"), std::string(1000, 'x'))->status, 200);
}

TEST(HttpServer, RefusesAChunkedBodyThatTurnsOutTooLong) {
  HttpLimits limits;
  limits.body_bytes = 1000;
  const auto server = serve(echo, limits);
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) client.send("200\r\n" + std::string(512, 'x') + "\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n", 5s), StartsWith("HTTP/1.1 413"));
}

TEST(HttpServer, RefusesLongHeadersAndTargets) {
  const auto server = serve(echo);
  RawClient headers(server->port());
  headers.send("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(headers.read_until("\r\n\r\n", 5s), StartsWith("HTTP/1.1 431"));
  RawClient target(server->port());
  target.send("GET /" + std::string(3000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(target.read_until("\r\n\r\n", 5s), StartsWith("HTTP/1.1 414"));
}

TEST(HttpServer, RefusesWhatIsNotHttp) {
  const auto server = serve(echo);
  for (const std::string_view text :
       {"GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    RawClient client(server->port());
    client.send(text);
    bool closed = false;
    EXPECT_THAT(client.read_all(5s, &closed), StartsWith("HTTP/1.1 4")) << text;
    EXPECT_TRUE(closed) << text;
  }
  EXPECT_EQ(test::get(url(*server, "/"))->status, 200);
}

TEST(HttpServer, CutsOffSlowClientsAndServesOthersMeanwhile) {
  HttpLimits limits;
  limits.header_time = 300ms;
  limits.body_time = 300ms;
  const auto server = serve(echo, limits);
  RawClient silent(server->port());
  RawClient trickling(server->port());
  RawClient unfinished(server->port());
  unfinished.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(test::get(url(*server, "/"))->status, 200);
  // One byte now and then must not prolong the time a header may take.
  const auto started = std::chrono::steady_clock::now();
  while (trickling.send("G") && std::chrono::steady_clock::now() - started < 3s) {
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - started, 2s);
  bool closed = false;
  EXPECT_EQ(silent.read_all(3s, &closed), "");
  EXPECT_TRUE(closed);
  unfinished.read_all(3s, &closed);
  EXPECT_TRUE(closed);
}

TEST(HttpServer, BoundsTheNumberOfConnections) {
  HttpLimits limits;
  limits.connections = 2;
  const auto server = serve(echo, limits);
  RawClient first(server->port());
  RawClient second(server->port());
  first.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  second.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.read_until("GET /1", 5s), HasSubstr("200 OK"));
  EXPECT_THAT(second.read_until("GET /2", 5s), HasSubstr("200 OK"));
  EXPECT_FALSE(test::get(url(*server, "/3")));
  first.close();
  // The server learns of it when it learns of it.
  bool is_accepted = false;
  for (int i = 0; i < 50 && !is_accepted; ++i) {
    is_accepted = test::get(url(*server, "/4")).has_value();
    if (!is_accepted) std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(is_accepted);
}

TEST(HttpServer, AnExchangeThatNobodyAnswersIsAnswered) {
  const auto server = serve([](const std::shared_ptr<Exchange>&) {});
  EXPECT_EQ(test::get(url(*server, "/"))->status, 500);
}

TEST(HttpServer, AHandlerThatThrowsCostsOneAnswer) {
  const auto server = serve([](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().path == "/bad") throw std::runtime_error("no");
    echo(exchange);
  });
  EXPECT_EQ(test::get(url(*server, "/bad"))->status, 500);
  EXPECT_EQ(test::get(url(*server, "/good"))->status, 200);
}

TEST(HttpServer, StreamsPiecesAsTheyCome) {
  Shelf shelf;
  const auto server = serve(shelf.handler());
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange);
  exchange->begin_stream({200, "text/event-stream", "one", {}});
  const auto head = client.read_until("3\r\none\r\n", 5s);
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked"));
  exchange->write("two");
  EXPECT_EQ(client.read_until("two\r\n", 5s), "3\r\ntwo\r\n");
  exchange->end_stream();
  EXPECT_EQ(client.read_until("0\r\n\r\n", 5s), "0\r\n\r\n");
  client.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(shelf.take());
}

TEST(HttpServer, StreamsToOldClientsUntilTheConnectionEnds) {
  Shelf shelf;
  const auto server = serve(shelf.handler());
  RawClient client(server->port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange);
  exchange->begin_stream({200, "text/plain", "one", {}});
  exchange->write("two");
  exchange->end_stream();
  bool closed = false;
  const auto all = client.read_all(5s, &closed);
  EXPECT_TRUE(closed);
  EXPECT_THAT(all, HasSubstr("\r\n\r\nonetwo"));
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
}

TEST(HttpServer, TellsWhenTheClientLeaves) {
  Shelf shelf;
  const auto server = serve(shelf.handler());
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange);
  std::atomic<bool> left = false;
  exchange->on_abandon([&] { left = true; });
  EXPECT_FALSE(left);
  client.close();
  for (int i = 0; i < 250 && !left; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(left);
  exchange->reply({200, "text/plain", "for nobody", {}});
}

TEST(HttpServer, CutsOffAClientThatDoesNotReadItsStream) {
  HttpLimits limits;
  limits.unsent_bytes = 1 << 20;
  Shelf shelf;
  const auto server = serve(shelf.handler(), limits);
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange);
  std::atomic<bool> left = false;
  exchange->on_abandon([&] { left = true; });
  exchange->begin_stream({200, "text/plain", "", {}});
  for (int i = 0; i < 2000 && !left; ++i) {
    exchange->write(std::string(64 << 10, 'x'));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(left);
}

TEST(HttpServer, DrainWaitsForTheOpenExchange) {
  Shelf shelf;
  const auto server = serve(shelf.handler());
  RawClient idle(server->port());
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto exchange = shelf.take();
  ASSERT_TRUE(exchange);
  EXPECT_FALSE(server->drain(50ms));
  EXPECT_FALSE(test::get(url(*server, "/")));
  std::thread answering([&] {
    std::this_thread::sleep_for(50ms);
    exchange->reply({200, "text/plain", "in time", {}});
  });
  EXPECT_TRUE(server->drain(5s));
  answering.join();
  EXPECT_THAT(client.read_all(5s), HasSubstr("in time"));
}

TEST(HttpServer, AnExchangeMayOutliveItsServer) {
  Shelf shelf;
  auto server = serve(shelf.handler());
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = shelf.take();
  ASSERT_TRUE(exchange);
  server.reset();
  exchange->reply({200, "text/plain", "too late", {}});
  EXPECT_EQ(client.read_all(5s), "");
}

TEST(HttpServer, ServesManyClientsAtOnceFromWorkers) {
  std::unique_ptr<HttpServer> server;
  std::atomic<HttpServer*> shared = nullptr;
  server = serve([&](std::shared_ptr<Exchange> exchange) {
    shared.load()->run_blocking([exchange = std::move(exchange)] { echo(exchange); });
  });
  shared = server.get();
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 16; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) {
        const auto path = fmt::format("/{}/{}", c, i);
        const auto reply = test::post(url(*server, path), "b");
        good += reply && reply->body == fmt::format("POST {}? b", path) ? 1 : 0;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 16 * 20);
}

TEST(HttpServer, RefusesAnAddressThatIsNone) {
  const auto server = HttpServer::start("localhost", 0, {}, echo);
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("localhost"));
  const auto first = serve(echo);
  const auto second = HttpServer::start("127.0.0.1", first->port(), {}, echo);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another port"));
}

}  // namespace
}  // namespace imo::api
