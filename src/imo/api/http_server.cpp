#include "imo/api/http_server.hpp"

#include "imo/api/worker_pool.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <unordered_set>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace imo::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

class Session;

// The way from any thread to the socket thread; cut when the server ends, so that an exchange
// which outlives it cannot reach a dead io_context.
class Link {
 public:
  explicit Link(asio::io_context& io) : io_(&io) {}

  template <typename Work>
  void post(Work work) {
    const std::lock_guard lock(mutex_);
    if (io_ != nullptr) asio::post(*io_, std::move(work));
  }

  void cut() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* io_;
};

// What a session needs of its server; lives as long as the socket thread runs.
struct Shared {
  explicit Shared(HttpLimits the_limits, HttpHandler the_handler)
      : limits(the_limits), handler(std::move(the_handler)), link(std::make_shared<Link>(io)) {}

  HttpLimits limits;
  HttpHandler handler;
  asio::io_context io{1};
  std::shared_ptr<Link> link;
  std::unordered_set<std::shared_ptr<Session>> sessions;  // socket thread only

  // How many exchanges are open, for drain().
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t open_exchanges = 0;
  bool draining = false;  // socket thread only
};

HttpResponse plain_error(int status, std::string_view type, std::string_view message) {
  return {status,
          "application/json",
          fmt::format(R"({{"error":{{"message":"{}","type":"{}","param":null,"code":null}}}})",
                      message, type),
          {}};
}

class ExchangeImpl final : public Exchange, public std::enable_shared_from_this<ExchangeImpl> {
 public:
  ExchangeImpl(std::weak_ptr<Session> session, std::shared_ptr<Link> link, HttpRequest request)
      : session_(std::move(session)), link_(std::move(link)), request_(std::move(request)) {}
  ~ExchangeImpl() override;

  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  void reply(HttpResponse response) override;
  void begin_stream(HttpResponse head) override;
  void write(std::string piece) override;
  void end_stream() override;
  void on_abandon(std::function<void()> callback) override;

  void abandon();

 private:
  std::weak_ptr<Session> session_;
  std::shared_ptr<Link> link_;
  HttpRequest request_;
  std::atomic<bool> begun_{false};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  bool abandoned_ = false;
  std::function<void()> callback_;
};

// One connection. Everything here runs on the socket thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {}

  void start() { read_header(); }
  void send_whole(HttpResponse response);
  void send_head(HttpResponse head);
  void send_piece(std::string piece);
  void send_end();
  void close();
  [[nodiscard]] bool busy() const { return exchange_open_; }

 private:
  void read_header();
  void header_done(ErrorCode error);
  void read_body();
  void body_done(ErrorCode error);
  void refuse(ErrorCode error);
  void refuse(HttpResponse response);
  void dispatch(HttpRequest request);
  void watch_for_disconnect();
  std::string head_text(const HttpResponse& response, std::optional<std::size_t> length);
  void enqueue(std::string bytes);
  void flush();
  void answer_done();
  void linger();
  void end_exchange();

  beast::tcp_stream stream_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::weak_ptr<ExchangeImpl> exchange_;
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

ExchangeImpl::~ExchangeImpl() {
  if (begun_ && !ended_) {
    link_->post([session = session_] {
      if (const auto alive = session.lock()) alive->close();
    });
  } else if (!begun_) {
    link_->post([session = session_] {
      if (const auto alive = session.lock()) {
        alive->send_whole(plain_error(500, "server_error", "the request was dropped unanswered"));
      }
    });
  }
}

void ExchangeImpl::reply(HttpResponse response) {
  if (begun_.exchange(true)) return;
  ended_ = true;
  link_->post([session = session_, response = std::move(response)]() mutable {
    if (const auto alive = session.lock()) alive->send_whole(std::move(response));
  });
}

void ExchangeImpl::begin_stream(HttpResponse head) {
  if (begun_.exchange(true)) return;
  link_->post([session = session_, head = std::move(head)]() mutable {
    if (const auto alive = session.lock()) alive->send_head(std::move(head));
  });
}

void ExchangeImpl::write(std::string piece) {
  if (!begun_ || ended_ || piece.empty()) return;
  link_->post([session = session_, piece = std::move(piece)]() mutable {
    if (const auto alive = session.lock()) alive->send_piece(std::move(piece));
  });
}

void ExchangeImpl::end_stream() {
  if (!begun_ || ended_.exchange(true)) return;
  link_->post([session = session_] {
    if (const auto alive = session.lock()) alive->send_end();
  });
}

void ExchangeImpl::on_abandon(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!abandoned_) {
      callback_ = std::move(callback);
      return;
    }
  }
  callback();
}

void ExchangeImpl::abandon() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return;
    abandoned_ = true;
    callback.swap(callback_);
  }
  if (callback) callback();
}

void Session::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(shared_.limits.header_bytes));
  parser_->body_limit(shared_.limits.body_bytes);
  stream_.expires_after(shared_.limits.header_time);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->header_done(error); });
}

void Session::header_done(ErrorCode error) {
  if (error) return refuse(error);
  const auto& head = parser_->get();
  if (head.target().size() > shared_.limits.target_bytes) {
    return refuse(plain_error(414, "invalid_request_error", "the request target is too long"));
  }
  if (!beast::iequals(head[http::field::expect], "100-continue")) return read_body();
  const auto text = std::make_shared<std::string>("HTTP/1.1 100 Continue\r\n\r\n");
  asio::async_write(stream_, asio::buffer(*text),
                    [self = shared_from_this(), text](ErrorCode fault, std::size_t) {
                      if (fault) return self->close();
                      self->read_body();
                    });
}

void Session::read_body() {
  stream_.expires_after(shared_.limits.body_time);
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->body_done(error); });
}

void Session::body_done(ErrorCode error) {
  if (error) return refuse(error);
  auto message = parser_->release();
  keep_alive_ = message.keep_alive();
  chunked_ = message.version() >= 11;
  head_only_ = message.method() == http::verb::head;

  HttpRequest request;
  request.method = head_only_ ? "GET" : std::string(message.method_string());
  const std::string_view target{message.target().data(), message.target().size()};
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  dispatch(std::move(request));
}

void Session::dispatch(HttpRequest request) {
  stream_.expires_never();
  exchange_open_ = true;
  {
    const std::lock_guard lock(shared_.mutex);
    ++shared_.open_exchanges;
  }
  const auto exchange =
      std::make_shared<ExchangeImpl>(weak_from_this(), shared_.link, std::move(request));
  exchange_ = exchange;
  watch_for_disconnect();
  try {
    shared_.handler(exchange);
  } catch (const std::exception& fault) {
    exchange->reply(plain_error(500, "server_error", "the server failed on this request"));
  }
}

// Nothing is read while an answer is being made, so a client that leaves would go unnoticed and
// its work would run on for nobody.
void Session::watch_for_disconnect() {
  stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](ErrorCode error) {
    if (error || !self->exchange_open_) return;
    char byte = 0;
    const auto got =
        ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool gone = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
    if (gone) self->close();
  });
}

void Session::refuse(ErrorCode error) {
  if (error == http::error::body_limit) {
    return refuse(plain_error(
        413, "invalid_request_error",
        fmt::format("the request body is longer than {} bytes", shared_.limits.body_bytes)));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(plain_error(
        431, "invalid_request_error",
        fmt::format("the request header is longer than {} bytes", shared_.limits.header_bytes)));
  }
  // Timed out (Beast has closed the socket already), gone, or broken: nobody is left to answer.
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != http::make_error_code(http::error::bad_method).category()) {
    return close();
  }
  refuse(plain_error(400, "invalid_request_error", "the request is not well-formed HTTP/1.1"));
}

void Session::refuse(HttpResponse response) {
  keep_alive_ = false;
  unread_body_ = true;
  exchange_open_ = false;
  head_only_ = false;
  auto text = head_text(response, response.body.size()) + response.body;
  whole_ = true;
  enqueue(std::move(text));
}

std::string Session::head_text(const HttpResponse& response, std::optional<std::size_t> length) {
  http::response_header<> head;
  head.version(11);
  head.result(static_cast<unsigned>(response.status));
  head.set(http::field::server, "imo");
  head.set(http::field::content_type, response.content_type);
  head.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) head.set(name, value);
  if (response.status == 304) {
    // Has no body by definition (RFC 9110, 15.4.5); a length would be that of the file.
  } else if (length) {
    head.set(http::field::content_length, std::to_string(*length));
  } else if (chunked_) {
    head.set(http::field::transfer_encoding, "chunked");
  } else {
    keep_alive_ = false;  // HTTP/1.0: the end of the connection is the end of the answer
  }
  if (shared_.draining) keep_alive_ = false;
  head.set(http::field::connection, keep_alive_ ? "keep-alive" : "close");
  std::ostringstream text;
  text << head;
  return text.str();
}

void Session::send_whole(HttpResponse response) {
  if (!exchange_open_) return;
  auto text = head_text(response, response.body.size());
  if (!head_only_) text += response.body;
  whole_ = true;
  enqueue(std::move(text));
}

void Session::send_head(HttpResponse head) {
  if (!exchange_open_) return;
  enqueue(head_text(head, std::nullopt));
  send_piece(std::move(head.body));
}

void Session::send_piece(std::string piece) {
  if (!exchange_open_ || whole_ || head_only_ || piece.empty()) return;
  enqueue(chunked_ ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : std::move(piece));
}

void Session::send_end() {
  if (!exchange_open_) return;
  whole_ = true;
  enqueue(chunked_ && !head_only_ ? "0\r\n\r\n" : "");
}

void Session::enqueue(std::string bytes) {
  unsent_bytes_ += bytes.size();
  unsent_.push_back(std::move(bytes));
  if (unsent_bytes_ > shared_.limits.unsent_bytes && unsent_.size() > 1) return close();
  if (!writing_) flush();
}

void Session::flush() {
  while (!unsent_.empty() && unsent_.front().empty()) unsent_.pop_front();
  if (unsent_.empty()) {
    if (whole_) answer_done();
    return;
  }
  writing_ = true;
  stream_.expires_after(shared_.limits.write_time);
  asio::async_write(stream_, asio::buffer(unsent_.front()),
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      self->writing_ = false;
                      if (error) return self->close();
                      self->unsent_bytes_ -= self->unsent_.front().size();
                      self->unsent_.pop_front();
                      self->stream_.expires_never();
                      self->flush();
                    });
}

void Session::answer_done() {
  end_exchange();
  whole_ = false;
  ErrorCode ignored;
  stream_.socket().cancel(ignored);  // the watch for a disconnect
  if (keep_alive_ && !shared_.draining) return read_header();
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  if (!unread_body_) return close();
  linger();
}

// Closing with unread input makes the kernel reset the connection, which can take the answer away
// from a client that is still sending; so read on for a little while.
void Session::linger() {
  constexpr std::size_t kMost = std::size_t{8} << 20;
  if (lingered_ == 0) stream_.expires_after(std::chrono::seconds(2));
  buffer_.consume(buffer_.size());
  stream_.async_read_some(buffer_.prepare(std::size_t{64} << 10),
                          [self = shared_from_this()](ErrorCode error, std::size_t count) {
                            self->lingered_ += count;
                            if (error || count == 0 || self->lingered_ > kMost) {
                              return self->close();
                            }
                            self->linger();
                          });
}

void Session::end_exchange() {
  if (!exchange_open_) return;
  exchange_open_ = false;
  const std::lock_guard lock(shared_.mutex);
  if (--shared_.open_exchanges == 0) shared_.idle.notify_all();
}

void Session::close() {
  const bool unanswered = exchange_open_;
  end_exchange();
  stream_.close();
  shared_.sessions.erase(shared_from_this());
  if (const auto exchange = exchange_.lock(); unanswered && exchange) exchange->abandon();
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpLimits limits, HttpHandler handler)
      : shared_(limits, std::move(handler)),
        acceptor_(shared_.io),
        workers_(limits.worker_threads, limits.worker_backlog) {}

  ~Impl() {
    shared_.link->post([this] {
      close_acceptor();
      const auto sessions = shared_.sessions;
      for (const auto& session : sessions) session->close();
      guard_.reset();
    });
    if (thread_.joinable()) thread_.join();
    shared_.link->cut();
    workers_.stop();
  }

  Result<void> listen(const std::string& address, std::uint16_t port) {
    ErrorCode error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) {
      return invalid(fmt::format("listen address '{}': not a numeric IP address", address));
    }
    const tcp::endpoint endpoint(ip, port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(ErrorKind::kIo, fmt::format("cannot listen on {}:{}: {}; choose another port",
                                              address, port, error.message()));
    }
    port_ = acceptor_.local_endpoint(error).port();
    accept();
    thread_ = std::thread([this] { shared_.io.run(); });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  bool run_blocking(std::function<void()> work) { return workers_.run(std::move(work)); }

  bool drain(std::chrono::milliseconds limit) {
    shared_.link->post([this] {
      close_acceptor();
      shared_.draining = true;
      const auto sessions = shared_.sessions;
      for (const auto& session : sessions) {
        if (!session->busy()) session->close();
      }
    });
    std::unique_lock lock(shared_.mutex);
    return shared_.idle.wait_for(lock, limit, [this] { return shared_.open_exchanges == 0; });
  }

 private:
  void close_acceptor() {
    ErrorCode ignored;
    acceptor_.close(ignored);
  }

  void accept() {
    acceptor_.async_accept([this](ErrorCode error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error) welcome(std::move(socket));
      accept();
    });
  }

  void welcome(tcp::socket socket) {
    if (shared_.sessions.size() >= shared_.limits.connections) return;  // closed unanswered
    ErrorCode ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto session = std::make_shared<Session>(std::move(socket), shared_);
    shared_.sessions.insert(session);
    session->start();
  }

  Shared shared_;
  tcp::acceptor acceptor_;
  WorkerPool workers_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{shared_.io.get_executor()};
  std::thread thread_;
  std::uint16_t port_ = 0;
};

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& address,
                                                      std::uint16_t port, HttpLimits limits,
                                                      HttpHandler handler) {
  auto impl = std::make_unique<Impl>(limits, std::move(handler));
  IMO_TRY_VOID(impl->listen(address, port));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const {
  return impl_->port();
}
bool HttpServer::run_blocking(std::function<void()> work) {
  return impl_->run_blocking(std::move(work));
}
bool HttpServer::drain(std::chrono::milliseconds limit) {
  return impl_->drain(limit);
}

}  // namespace imo::api
