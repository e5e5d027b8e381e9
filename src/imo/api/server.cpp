#include "imo/api/server.hpp"

#include "imo/api/api_error.hpp"
#include "imo/api/http_server.hpp"
#include "imo/api/metrics.hpp"
#include "imo/api/openai.hpp"
#include "imo/api/page.hpp"
#include "imo/api/proofs.hpp"
#include "imo/api/rest.hpp"
#include "imo/api/worker_pool.hpp"
#include "imo/base/log.hpp"

#include <algorithm>
#include <csignal>
#include <future>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace imo::api {
namespace {

/// Where a handler runs: what may wait for the chain must not keep questions waiting.
enum class Place { kSocket, kWorker, kChainWorker };

constexpr std::size_t kChainWorkers = 2;
constexpr std::size_t kChainBacklog = 64;

using Answering = std::function<void(node::Node&, const std::shared_ptr<Exchange>&)>;
using Showing = std::function<HttpResponse(node::Node&, std::string_view rest)>;

struct Route {
  std::string_view method;
  std::string_view path;
  bool prefix;  ///< `path` ends with `/` and something follows it
  Place place;
  Answering answer;
};

/// Anybody may read; that is what CORS says. Nothing here depends on cookies.
HttpResponse readable_everywhere(HttpResponse response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE");
  return response;
}

Route get(std::string_view path, Place place, Showing show) {
  const bool prefix = path.ends_with('/');
  return {
      "GET", path, prefix, place,
      [path, show = std::move(show)](node::Node& node, const std::shared_ptr<Exchange>& exchange) {
        const std::string_view whole = exchange->request().path;
        const auto rest = whole.substr(std::min(path.size(), whole.size()));
        exchange->reply(readable_everywhere(show(node, rest)));
      }};
}

/// What is asked for in the body, and answered at once.
Route post_json(std::string_view path,
                HttpResponse (*answer)(node::Node&, const HttpRequest& request)) {
  return {"POST", path, false, Place::kChainWorker,
          [answer](node::Node& node, const std::shared_ptr<Exchange>& exchange) {
            exchange->reply(answer(node, exchange->request()));
          }};
}

/// An answer under way; one that is paid asks the chain first.
Route post_completion(std::string_view path, bool chat, bool is_free) {
  return {"POST", path, false, is_free ? Place::kWorker : Place::kChainWorker,
          [chat](node::Node& node, const auto& exchange) { complete(node, exchange, chat); }};
}

HttpResponse show_ready(node::Node& node) {
  const auto status = node.status();
  std::string why;
  if (status.draining) why = "the node is shutting down";
  if (why.empty() && !status.problem.empty()) why = status.problem;
  if (why.empty() && !status.ready) why = "the node has not caught up with its chain yet";
  if (why.empty()) return {200, "application/json", R"({"status":"ok"})", {}};
  return ApiError{503, "unavailable_error", why, "", ""}.to_response();
}

std::vector<Route> make_routes(const node::NodeConfig& config) {
  const bool is_free = config.answer_price.is_free();
  return {
      get("/health", Place::kSocket,
          [](node::Node&, std::string_view) {
            return HttpResponse{200, "application/json", R"({"status":"ok"})", {}};
          }),
      get("/ready", Place::kWorker,
          [](node::Node& node, std::string_view) { return show_ready(node); }),
      get("/metrics", Place::kWorker,
          [](node::Node& node, std::string_view) { return show_metrics(node); }),
      get("/v1/models", Place::kWorker,
          [](node::Node& node, std::string_view) { return list_models(node); }),
      get("/v1/models/", Place::kWorker, show_model),
      get("/v1/chain", Place::kSocket,
          [](node::Node& node, std::string_view) { return show_chain(node); }),
      get("/v1/offerings", Place::kChainWorker,
          [](node::Node& node, std::string_view) { return list_offerings(node); }),
      get("/v1/offerings/", Place::kChainWorker, show_offering),
      get("/v1/requests", Place::kWorker,
          [](node::Node& node, std::string_view) { return list_requests(node); }),
      get("/v1/requests/", Place::kWorker, show_request),
      post_json("/v1/proofs", ask_for_proof),
      post_json("/v1/proofs/estimate", estimate_proof),
      {"GET", "/v1/proofs/", true, Place::kWorker,
       [](node::Node& node, const std::shared_ptr<Exchange>& exchange) {
         const HttpRequest& request = exchange->request();
         const auto id = std::string_view(request.path).substr(std::size("/v1/proofs/") - 1);
         exchange->reply(readable_everywhere(show_proof(node, id, request.header("accept"))));
       }},
      post_completion("/v1/completions", false, is_free),
      post_completion("/v1/chat/completions", true, is_free),
  };
}

/// Browsers say where a script comes from; one of another site must not spend this node's time.
bool from_elsewhere(const HttpRequest& request) {
  const auto origin = request.header("origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos || origin.substr(scheme + 3) != request.header("host");
}

}  // namespace

struct Server::Parts {
  explicit Parts(node::Node& the_node)
      : node(the_node),
        routes(make_routes(the_node.config())),
        chain_workers(kChainWorkers, kChainBacklog) {}

  void handle(const std::shared_ptr<Exchange>& exchange) {
    const auto& request = exchange->request();
    const auto* route = find(exchange);
    if (route == nullptr) return;
    if (route->method == "POST" && from_elsewhere(request)) {
      return refuse(exchange, {403, "invalid_request_error",
                               "pages of other sites may read here, not ask", "", ""});
    }
    auto work = [this, route, exchange] { route->answer(node, exchange); };
    const bool taken = route->place == Place::kSocket        ? (work(), true)
                       : route->place == Place::kChainWorker ? chain_workers.run(std::move(work))
                                                             : http->run_blocking(std::move(work));
    if (!taken) refuse(exchange, {503, "unavailable_error", "the node is busy", "", ""});
  }

  /// The route, or null after answering what has none.
  const Route* find(const std::shared_ptr<Exchange>& exchange) {
    const auto& request = exchange->request();
    std::string_view path = request.path;
    // OpenAI's base path is configured with and without its last slash.
    if (path.starts_with("/v1/") && path.ends_with('/')) path.remove_suffix(1);
    const Route* other_method = nullptr;
    for (const auto& route : routes) {
      const bool fits =
          route.prefix ? path.starts_with(route.path) && path != route.path : path == route.path;
      if (!fits) continue;
      if (route.method == request.method) return &route;
      other_method = &route;
    }
    if (other_method != nullptr) {
      auto error = ApiError{405, "invalid_request_error",
                            fmt::format("{} takes {}", path, other_method->method), "", ""}
                       .to_response();
      error.headers.emplace_back("Allow", std::string(other_method->method));
      exchange->reply(std::move(error));
      return nullptr;
    }
    if (auto file = request.method == "GET" ? page_file(path, request.header("if-none-match"),
                                                        public_rpc_url(node.config()))
                                            : std::nullopt) {
      exchange->reply(std::move(*file));
      return nullptr;
    }
    refuse(exchange, not_found(fmt::format("there is nothing at {} {}", request.method, path)));
    return nullptr;
  }

  static void refuse(const std::shared_ptr<Exchange>& exchange, const ApiError& error) {
    exchange->reply(error.to_response());
  }

  node::Node& node;
  std::vector<Route> routes;
  WorkerPool chain_workers;
  std::unique_ptr<HttpServer> http;  // first to go: handlers use all of the above
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(node::Node& node) {
  auto parts = std::make_unique<Parts>(node);
  const auto& config = node.config();
  // Requests can arrive before start() has returned, but not before `http` is set: the handler
  // waits for that.
  const auto gate = std::make_shared<std::promise<void>>();
  const auto open = gate->get_future().share();
  IMO_TRY(parts->http,
          HttpServer::start(config.listen_address, config.port, {},
                            [raw = parts.get(), open](const std::shared_ptr<Exchange>& exchange) {
                              open.wait();
                              raw->handle(exchange);
                            }));
  gate->set_value();
  const bool is_local = config.listen_address == "127.0.0.1" || config.listen_address == "::1";
  if (!is_local && config.answer_price.is_free()) {
    log::warning("listening on {}: whoever reaches it may ask for free; put a proxy before it",
                 config.listen_address);
  }
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

std::uint16_t Server::port() const {
  return parts_->http->port();
}

std::string Server::url() const {
  const auto& address = parts_->node.config().listen_address;
  const bool v6 = address.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", v6 ? "[" + address + "]" : address, port());
}

bool Server::drain(std::chrono::milliseconds limit) {
  return parts_->http->drain(limit);
}

namespace {

/// SIGINT and SIGTERM, taken by a thread that asks for them.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
    log::info("signal {}: draining", signal);
  }
  [[nodiscard]] bool another() const {
    const timespec none{};
    return sigtimedwait(&set_, nullptr, &none) > 0;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

/// Drains in slices, so that a second signal is noticed.
template <typename Drain>
bool drain_until(std::chrono::steady_clock::time_point deadline, const Signals& signals,
                 Drain drain) {
  constexpr std::chrono::milliseconds kSlice{200};
  while (!drain(kSlice)) {
    if (signals.another() || std::chrono::steady_clock::now() >= deadline) return false;
  }
  return true;
}

}  // namespace

Result<void> serve_until_signal(node::NodeConfig config, crypto::SecretKey key,
                                const std::function<void(node::Node&, Server&)>& on_ready,
                                std::chrono::milliseconds drain_limit) {
  const Signals signals;
  IMO_TRY(const auto node, node::Node::start(std::move(config), std::move(key)));
  IMO_TRY(const auto server, Server::start(*node));
  on_ready(*node, *server);
  signals.wait();
  const auto deadline = std::chrono::steady_clock::now() + drain_limit;
  const bool answered =
      drain_until(deadline, signals, [&](auto slice) { return server->drain(slice); });
  const bool done =
      answered && drain_until(deadline, signals, [&](auto slice) { return node->drain(slice); });
  if (!done) log::warning("stopped before everything was done; the next start goes on with it");
  return {};
}

}  // namespace imo::api
