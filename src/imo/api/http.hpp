/// One HTTP request and its answer as plain values: what handlers see of the server.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imo::api {

/// What a client may cost before it is refused (status 413, 414, 431, 503) or cut off.
struct HttpLimits {
  std::size_t target_bytes = 2048;
  std::size_t header_bytes = std::size_t{16} << 10;
  std::size_t body_bytes = std::size_t{1} << 20;
  std::size_t connections = 256;
  std::size_t unsent_bytes = std::size_t{4} << 20;  ///< of a stream whose client reads too slowly
  std::chrono::milliseconds header_time{15'000};    ///< from the first wait to the blank line
  std::chrono::milliseconds body_time{30'000};
  std::chrono::milliseconds write_time{30'000};
  std::size_t worker_threads = 4;    ///< run what blocks, such as reads of the chain
  std::size_t worker_backlog = 256;  ///< more waiting work than this is refused with 503
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;
  std::string path;     ///< up to the `?`, as sent
  std::string query;    ///< after the `?`
  HttpHeaders headers;  ///< names in lower case
  std::string body;

  /// The first header of that lower-case name, or an empty view.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HttpHeaders headers;  ///< besides Content-Type and Content-Length
};

/// One request on its way to an answer. Every call is safe from every thread, and does nothing
/// once the client has gone. An exchange dropped without an answer is answered with status 500.
class Exchange {
 public:
  virtual ~Exchange() = default;

  [[nodiscard]] virtual const HttpRequest& request() const = 0;

  /// The whole answer at once.
  virtual void reply(HttpResponse response) = 0;

  /// An answer in pieces: the head first (its body is the first piece), then more, then the end.
  virtual void begin_stream(HttpResponse head) = 0;
  virtual void write(std::string piece) = 0;
  virtual void end_stream() = 0;

  /// Called once, from the server's thread, when the client leaves before its answer is whole;
  /// at once when it has left already.
  virtual void on_abandon(std::function<void()> callback) = 0;
};

/// Takes a request; must not block. What blocks goes through HttpServer::run_blocking.
using HttpHandler = std::function<void(std::shared_ptr<Exchange>)>;

}  // namespace imo::api
