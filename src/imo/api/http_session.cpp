#include "imo/api/http_session.hpp"

#include <cerrno>
#include <chrono>
#include <sstream>

#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

namespace imo::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

void HttpSession::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(shared_.limits.header_bytes));
  parser_->body_limit(shared_.limits.body_bytes);
  stream_.expires_after(shared_.limits.header_time);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->header_done(error); });
}

void HttpSession::header_done(ErrorCode error) {
  if (error) return refuse(error);
  const auto& head = parser_->get();
  if (head.target().size() > shared_.limits.target_bytes) {
    return refuse(server_error(414, "invalid_request_error", "the request target is too long"));
  }
  if (!beast::iequals(head[http::field::expect], "100-continue")) return read_body();
  const auto text = std::make_shared<std::string>("HTTP/1.1 100 Continue\r\n\r\n");
  asio::async_write(stream_, asio::buffer(*text),
                    [self = shared_from_this(), text](ErrorCode fault, std::size_t) {
                      if (fault) return self->close();
                      self->read_body();
                    });
}

void HttpSession::read_body() {
  stream_.expires_after(shared_.limits.body_time);
  http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->body_done(error); });
}

void HttpSession::body_done(ErrorCode error) {
  if (error) return refuse(error);
  // Draining closes a session that is not busy, though a whole request may wait in its buffer: an
  // exchange that nobody holds open would never end.
  if (!stream_.socket().is_open()) return;
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

void HttpSession::dispatch(HttpRequest request) {
  stream_.expires_never();
  exchange_open_ = true;
  {
    const std::lock_guard lock(shared_.mutex);
    ++shared_.open_exchanges;
  }
  const auto exchange =
      std::make_shared<HttpExchange>(weak_from_this(), shared_.thread, std::move(request));
  exchange_ = exchange;
  watch_for_disconnect();
  try {
    shared_.handler(exchange);
  } catch (const std::exception& fault) {
    exchange->reply(server_error(500, "server_error", "the server failed on this request"));
  }
}

// Nothing is read while an answer is being made, so a client that leaves would go unnoticed and
// its work would run on for nobody.
void HttpSession::watch_for_disconnect() {
  stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this()](ErrorCode error) {
    if (error || !self->exchange_open_) return;
    char byte = 0;
    const auto got =
        ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool gone = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
    if (gone) self->close();
  });
}

void HttpSession::refuse(ErrorCode error) {
  if (error == http::error::body_limit) {
    return refuse(server_error(
        413, "invalid_request_error",
        fmt::format("the request body is longer than {} bytes", shared_.limits.body_bytes)));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(server_error(
        431, "invalid_request_error",
        fmt::format("the request header is longer than {} bytes", shared_.limits.header_bytes)));
  }
  // Timed out (Beast has closed the socket already), gone, or broken: nobody is left to answer.
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != http::make_error_code(http::error::bad_method).category()) {
    return close();
  }
  refuse(server_error(400, "invalid_request_error", "the request is not well-formed HTTP/1.1"));
}

void HttpSession::refuse(HttpResponse response) {
  keep_alive_ = false;
  unread_body_ = true;
  exchange_open_ = false;
  head_only_ = false;
  auto text = head_text(response, response.body.size()) + response.body;
  whole_ = true;
  enqueue(std::move(text));
}

std::string HttpSession::head_text(const HttpResponse& response,
                                   std::optional<std::size_t> length) {
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

void HttpSession::send_whole(HttpResponse response) {
  if (!exchange_open_) return;
  auto text = head_text(response, response.body.size());
  if (!head_only_) text += response.body;
  whole_ = true;
  enqueue(std::move(text));
}

void HttpSession::send_head(HttpResponse head) {
  if (!exchange_open_) return;
  enqueue(head_text(head, std::nullopt));
  send_piece(std::move(head.body));
}

void HttpSession::send_piece(std::string piece) {
  if (!exchange_open_ || whole_ || head_only_ || piece.empty()) return;
  enqueue(chunked_ ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : std::move(piece));
}

void HttpSession::send_end() {
  if (!exchange_open_) return;
  whole_ = true;
  enqueue(chunked_ && !head_only_ ? "0\r\n\r\n" : "");
}

void HttpSession::enqueue(std::string bytes) {
  unsent_bytes_ += bytes.size();
  unsent_.push_back(std::move(bytes));
  if (unsent_bytes_ > shared_.limits.unsent_bytes && unsent_.size() > 1) return close();
  if (!writing_) flush();
}

void HttpSession::flush() {
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

void HttpSession::answer_done() {
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
void HttpSession::linger() {
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

void HttpSession::end_exchange() {
  if (!exchange_open_) return;
  exchange_open_ = false;
  const std::lock_guard lock(shared_.mutex);
  if (--shared_.open_exchanges == 0) shared_.idle.notify_all();
}

void HttpSession::close() {
  const bool unanswered = exchange_open_;
  end_exchange();
  stream_.close();
  shared_.sessions.erase(shared_from_this());
  if (const auto exchange = exchange_.lock(); unanswered && exchange) exchange->abandon();
}

}  // namespace imo::api
