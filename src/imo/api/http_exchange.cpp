#include "imo/api/http_exchange.hpp"

#include <fmt/format.h>

namespace imo::api {

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

HttpResponse server_error(int status, std::string_view type, std::string_view message) {
  return {status,
          "application/json",
          fmt::format(R"({{"error":{{"message":"{}","type":"{}","param":null,"code":null}}}})",
                      message, type),
          {}};
}

HttpExchange::HttpExchange(std::weak_ptr<Connection> connection,
                           std::shared_ptr<SocketThread> thread, HttpRequest request)
    : connection_(std::move(connection)),
      thread_(std::move(thread)),
      request_(std::move(request)) {}

HttpExchange::~HttpExchange() {
  if (ended_) return;
  on_connection([begun = begun_.load()](Connection& connection) {
    // Half an answer cannot be mended; none at all can.
    if (begun) return connection.close();
    connection.send_whole(server_error(500, "server_error", "the request was dropped unanswered"));
  });
}

void HttpExchange::on_connection(std::function<void(Connection&)> use) {
  thread_->post([connection = connection_, use = std::move(use)] {
    if (const auto alive = connection.lock()) use(*alive);
  });
}

void HttpExchange::reply(HttpResponse response) {
  if (begun_.exchange(true)) return;
  ended_ = true;
  on_connection([response = std::move(response)](Connection& connection) mutable {
    connection.send_whole(std::move(response));
  });
}

void HttpExchange::begin_stream(HttpResponse head) {
  if (begun_.exchange(true)) return;
  on_connection([head = std::move(head)](Connection& connection) mutable {
    connection.send_head(std::move(head));
  });
}

void HttpExchange::write(std::string piece) {
  if (!begun_ || ended_ || piece.empty()) return;
  on_connection([piece = std::move(piece)](Connection& connection) mutable {
    connection.send_piece(std::move(piece));
  });
}

void HttpExchange::end_stream() {
  if (!begun_ || ended_.exchange(true)) return;
  on_connection([](Connection& connection) { connection.send_end(); });
}

void HttpExchange::on_abandon(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!abandoned_) {
      callback_ = std::move(callback);
      return;
    }
  }
  callback();
}

void HttpExchange::abandon() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return;
    abandoned_ = true;
    callback.swap(callback_);
  }
  if (callback) callback();
}

}  // namespace imo::api
