/// An HTTP/1.1 server over Boost.Beast, with callbacks; nothing of Boost shows here.
#pragma once

#include "imo/api/http.hpp"
#include "imo/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace imo::api {

/// One thread for all sockets, and a few workers for handlers that have to block. Requests on one
/// connection are answered in order; a client that is slow, silent or oversized is cut off within
/// the limits and costs nobody else anything.
class HttpServer {
 public:
  /// Listens on a numeric address; port 0 takes any free one. `handler` is called on the socket
  /// thread for every well-formed request.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& address, std::uint16_t port,
                                                   HttpLimits limits, HttpHandler handler);

  /// Closes every connection; exchanges that are still held somewhere become inert.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  /// Runs `work` on a worker; false when too much is waiting already.
  bool run_blocking(std::function<void()> work);

  /// Accepts nothing new, closes idle connections, and waits until every open exchange is
  /// answered; true when that took no longer than `limit`.
  bool drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace imo::api
