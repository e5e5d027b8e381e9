#include "imo/api/http_server.hpp"

#include "imo/api/http_session.hpp"
#include "imo/api/worker_pool.hpp"

#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

namespace imo::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpLimits limits, HttpHandler handler)
      : acceptor_(io_), workers_(limits.worker_threads, limits.worker_backlog) {
    shared_.limits = limits;
    shared_.handler = std::move(handler);
    shared_.thread = std::make_shared<SocketThread>(
        [this](std::function<void()> work) { asio::post(io_, std::move(work)); });
  }

  ~Impl() {
    shared_.thread->post([this] {
      close_acceptor();
      const auto sessions = shared_.sessions;
      for (const auto& session : sessions) session->close();
      guard_.reset();
    });
    if (thread_.joinable()) thread_.join();
    shared_.thread->cut();
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
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  bool run_blocking(std::function<void()> work) { return workers_.run(std::move(work)); }

  bool drain(std::chrono::milliseconds limit) {
    shared_.thread->post([this] {
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
    const auto session = std::make_shared<HttpSession>(std::move(socket), shared_);
    shared_.sessions.insert(session);
    session->start();
  }

  asio::io_context io_{1};
  SessionShared shared_;  // its sessions' sockets end before the io_context
  tcp::acceptor acceptor_;
  WorkerPool workers_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  std::thread thread_;
  std::uint16_t port_ = 0;
};

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
