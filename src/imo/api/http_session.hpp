/// Connections of the HTTP server. Includes Boost: only http_session.cpp and http_server.cpp use
/// it.
#pragma once

#include "imo/api/http.hpp"
#include "imo/api/http_exchange.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace imo::api {

class HttpSession;

/// What the sessions of one server have in common; lives as long as the socket thread runs.
struct SessionShared {
  HttpLimits limits;
  HttpHandler handler;
  std::shared_ptr<SocketThread> thread;

  // On the socket thread only.
  std::unordered_set<std::shared_ptr<HttpSession>> sessions;
  bool draining = false;

  // How many exchanges are open, for whoever waits until there are none.
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t open_exchanges = 0;
};

/// One connection from its first byte to its last. Everything here runs on the socket thread.
class HttpSession final : public Connection, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(boost::asio::ip::tcp::socket socket, SessionShared& shared)
      : stream_(std::move(socket)), shared_(shared) {}

  void start() { read_header(); }
  void send_whole(HttpResponse response) override;
  void send_head(HttpResponse head) override;
  void send_piece(std::string piece) override;
  void send_end() override;
  void close() override;
  [[nodiscard]] bool busy() const { return exchange_open_; }

 private:
  void read_header();
  void header_done(boost::system::error_code error);
  void read_body();
  void body_done(boost::system::error_code error);
  void refuse(boost::system::error_code error);
  void refuse(HttpResponse response);
  void dispatch(HttpRequest request);
  void watch_for_disconnect();
  std::string head_text(const HttpResponse& response, std::optional<std::size_t> length);
  void enqueue(std::string bytes);
  void flush();
  void answer_done();
  void linger();
  void end_exchange();

  boost::beast::tcp_stream stream_;
  SessionShared& shared_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::weak_ptr<HttpExchange> exchange_;
  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
  bool exchange_open_ = false;
  bool writing_ = false;
  bool whole_ = false;  // the last byte of the answer is in unsent_
  bool head_only_ = false;
  bool chunked_ = true;
  bool keep_alive_ = false;
  bool unread_body_ = false;
  std::size_t lingered_ = 0;
};

}  // namespace imo::api
