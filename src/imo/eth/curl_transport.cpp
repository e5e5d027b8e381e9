#include "imo/eth/json_rpc.hpp"

#include <memory>
#include <mutex>

#include <curl/curl.h>

namespace imo::eth {
namespace {

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Headers = std::unique_ptr<curl_slist, ListDeleter>;
using Url = std::unique_ptr<CURLU, UrlDeleter>;

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

/// The body as it arrives, up to a bound.
struct Sink {
  std::string body;
  std::size_t most = 0;
  bool overflowed = false;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* user) {
  auto* sink = static_cast<Sink*>(user);
  const std::size_t bytes = size * count;
  if (bytes > sink->most - sink->body.size()) {
    sink->overflowed = true;
    return 0;  // anything but `bytes` makes curl stop
  }
  sink->body.append(data, bytes);
  return bytes;
}

class CurlTransport : public Transport {
 public:
  CurlTransport(std::string url, std::string peer, bool loopback, HttpOptions options)
      : url_(std::move(url)), peer_(std::move(peer)), loopback_(loopback), options_(options) {
    headers_.reset(curl_slist_append(nullptr, "Content-Type: application/json"));
    // Without this curl waits for a "100 Continue" that JSON-RPC servers do not send.
    curl_slist_append(headers_.get(), "Expect:");
    for (const std::string& header : options_.headers) {
      curl_slist_append(headers_.get(), header.c_str());
    }
  }

  tl::expected<HttpReply, TransportError> post(const std::string& body) override {
    Easy handle = take_handle();
    if (!handle) return tl::unexpected(TransportError{{ErrorKind::kNetwork, "no curl"}, true});
    Sink sink;
    sink.most = options_.max_reply_bytes;
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &sink);
    const CURLcode code = curl_easy_perform(handle.get());
    if (code != CURLE_OK) return tl::unexpected(explain(code, sink));
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    give_back(std::move(handle));
    return HttpReply{static_cast<int>(status), std::move(sink.body)};
  }

  [[nodiscard]] std::string peer() const override { return peer_; }

 private:
  /// One handle, and with it one connection, for each thread that asks at the same time.
  Easy take_handle() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Easy handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    Easy handle(curl_easy_init());
    if (handle) prepare(handle.get());
    return handle;
  }

  void prepare(CURL* handle) const {
    curl_easy_setopt(handle, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "imo");
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options_.connect_timeout.count()));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &receive);
    // A proxy of the environment has no business between us and our own machine.
    if (loopback_) curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  }

  void give_back(Easy handle) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(handle));
  }

  [[nodiscard]] TransportError explain(CURLcode code, const Sink& sink) const {
    if (sink.overflowed) {
      return {{ErrorKind::kNetwork,
               "the reply is longer than " + std::to_string(options_.max_reply_bytes) + " bytes"},
              false};
    }
    if (code == CURLE_OPERATION_TIMEDOUT) return {{ErrorKind::kTimeout, "no reply in time"}, false};
    const bool never_sent = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
    std::string fault = curl_easy_strerror(code);
    if (never_sent) fault += "; check the URL, and that a server runs there";
    return {{ErrorKind::kNetwork, std::move(fault)}, never_sent};
  }

  std::string url_;
  std::string peer_;
  bool loopback_;
  HttpOptions options_;
  Headers headers_;
  std::mutex mutex_;
  std::vector<Easy> idle_;
};

}  // namespace

Result<std::unique_ptr<Transport>> make_http_transport(std::string url, HttpOptions options) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return fail(ErrorKind::kIo, "libcurl does not start");
  const Url parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return invalid("'" + url.substr(0, 100) + "' is no URL such as http://127.0.0.1:8545");
  }
  const std::string scheme = part_of(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return invalid("a node is asked over http or https, not " + scheme);
  }
  // Paths and user names of providers are secrets; host and port are not.
  const std::string host = part_of(parsed.get(), CURLUPART_HOST);
  const std::string port = part_of(parsed.get(), CURLUPART_PORT);
  const std::string peer = scheme + "://" + host + (port.empty() ? "" : ":" + port);
  return std::make_unique<CurlTransport>(std::move(url), peer, is_loopback(host), options);
}

}  // namespace imo::eth
