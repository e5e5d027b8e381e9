/// One request under way, between the handler's threads and the connection it came by.
#pragma once

#include "imo/api/http.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace imo::api {

/// Runs work on the socket thread. Cut when the server ends, so that an exchange which outlives
/// it reaches nothing.
class SocketThread {
 public:
  using Post = std::function<void(std::function<void()>)>;

  explicit SocketThread(Post post) : post_(std::move(post)) {}

  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (post_) post_(std::move(work));
  }
  void cut() {
    const std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Post post_;
};

/// The writing side of a connection; used on the socket thread alone.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void send_whole(HttpResponse response) = 0;
  virtual void send_head(HttpResponse head) = 0;
  virtual void send_piece(std::string piece) = 0;
  virtual void send_end() = 0;
  virtual void close() = 0;
};

/// Sends every call on to the connection, if that still stands.
class HttpExchange final : public Exchange {
 public:
  HttpExchange(std::weak_ptr<Connection> connection, std::shared_ptr<SocketThread> thread,
               HttpRequest request);
  ~HttpExchange() override;

  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  void reply(HttpResponse response) override;
  void begin_stream(HttpResponse head) override;
  void write(std::string piece) override;
  void end_stream() override;
  void on_abandon(std::function<void()> callback) override;

  /// The connection is gone.
  void abandon();

 private:
  void on_connection(std::function<void(Connection&)> use);

  std::weak_ptr<Connection> connection_;
  std::shared_ptr<SocketThread> thread_;
  HttpRequest request_;
  std::atomic<bool> begun_{false};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  bool abandoned_ = false;
  std::function<void()> callback_;
};

/// An answer of the server itself, in the shape of the others.
HttpResponse server_error(int status, std::string_view type, std::string_view message);

}  // namespace imo::api
