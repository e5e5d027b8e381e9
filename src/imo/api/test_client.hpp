/// The client side of the tests: libcurl for well-behaved requests, a bare socket for the others.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imo::api::test {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

struct Ask {
  std::string method = "GET";
  std::string url;
  std::optional<std::string> body;
  std::vector<std::string> headers;  ///< `Name: value`
  std::chrono::milliseconds timeout{60'000};
};

/// One request on a connection of its own; nothing when there was no HTTP answer.
std::optional<Reply> fetch(const Ask& ask);

inline std::optional<Reply> get(const std::string& url) {
  return fetch({"GET", url, {}, {}});
}
inline std::optional<Reply> post(const std::string& url, std::string body) {
  return fetch({"POST", url, std::move(body), {"Content-Type: application/json"}});
}

/// A TCP connection to 127.0.0.1 that says exactly what it is told.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False when the peer has closed.
  bool send(std::string_view bytes);
  /// Everything until the peer closes or `limit` passes; `closed` says which.
  std::string read_all(std::chrono::milliseconds limit, bool* closed = nullptr);
  /// Reads until what came ends with or holds `mark`.
  std::string read_until(std::string_view mark, std::chrono::milliseconds limit);
  void close();

 private:
  int socket_ = -1;
};

}  // namespace imo::api::test
