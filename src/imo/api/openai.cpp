#include "imo/api/openai.hpp"

#include "imo/api/openai_reply.hpp"
#include "imo/api/openai_request.hpp"
#include "imo/api/payment.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/random.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/cashier.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/prompt.hpp"
#include "imo/node/receipt.hpp"
#include "imo/node/request_index.hpp"
#include "imo/opml/shape.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using Json = nlohmann::ordered_json;
using node::ServedModel;
using Tokens = std::vector<std::uint32_t>;

/// The registration that receipts name: of several with one root, the oldest.
std::optional<U256> registered_id(node::Node& node, const Hash32& root) {
  const auto models = node.requests().models_of(root);
  if (!models || models->empty()) return std::nullopt;
  return models->front().model_id;
}

std::shared_ptr<const ServedModel> find_model(node::Node& node, std::string_view name) {
  if (name.empty() && node.models().all().size() == 1) return node.models().all().front();
  if (auto model = node.models().find(name)) return model;
  const auto id = U256::parse(name);
  if (!id) return nullptr;
  const auto registered = node.requests().model(*id);
  if (!registered || !*registered) return nullptr;
  return node.models().find_root((*registered)->root);
}

ApiError no_model(node::Node& node, std::string_view name) {
  std::string known;
  for (const auto& model : node.models().all()) {
    known += (known.empty() ? "" : ", ") + model->name;
  }
  return {404, "invalid_request_error",
          fmt::format("there is no model '{}' here; there are: {}", name,
                      known.empty() ? "none" : known),
          "model", "model_not_found"};
}

Json price_json(const node::NodeConfig& config) {
  if (config.answer_price.is_free()) return nullptr;
  return {{"per_answer", std::to_string(config.answer_price.flat)},
          {"per_token", std::to_string(config.answer_price.per_token)},
          {"asset", eth::to_checksum(config.payment_asset.address)},
          {"network", fmt::format("eip155:{}", config.deployment.chain_id)}};
}

Json model_json(node::Node& node, const ServedModel& model) {
  const auto id = registered_id(node, model.root());
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "imo"},
          {"imo",
           {{"model_root", to_hex(model.root())},
            {"model_id", id ? Json(to_hex(id->to_be())) : Json(nullptr)},
            {"context_length", model.model.context_length()},
            {"vocabulary_size", model.model.vocabulary_size()},
            {"parameters", model.model.program().parameter_count()},
            {"chat", model.chat ? Json(model::chat_template_name(*model.chat)) : Json(nullptr)},
            {"licence", model.model.program().licence},
            {"price", price_json(node.config())}}}};
}

ApiResult<Tokens> prompt_tokens(const ServedModel& model, const OpenAiRequest& request) {
  if (const auto* ids = std::get_if<Tokens>(&request.prompt)) return *ids;
  const auto* text = std::get_if<std::string>(&request.prompt);
  const char* field = text != nullptr ? "prompt" : "messages";
  auto tokens =
      text != nullptr
          ? node::completion_prompt(model, *text)
          : node::chat_prompt(model, std::get<std::vector<model::ChatMessage>>(request.prompt));
  if (!tokens) return bad_field(field, tokens.error().message);
  return std::move(*tokens);
}

/// How many tokens the answer may have. Nothing is ever cut to fit: too long is refused.
ApiResult<std::uint32_t> token_limit(const ServedModel& model, const OpenAiRequest& request,
                                     std::size_t prompt, std::uint32_t default_limit) {
  const std::size_t context = model.model.context_length();
  const std::size_t wanted = request.max_tokens.value_or(1);
  if (prompt + wanted > context) {
    return bad_field(
        std::holds_alternative<std::vector<model::ChatMessage>>(request.prompt) ? "messages"
                                                                                : "prompt",
        fmt::format("the model's context holds {} tokens; the prompt has {} and the answer was to "
                    "have up to {}. Shorten the prompt or lower max_tokens",
                    context, prompt, wanted),
        "context_length_exceeded");
  }
  if (request.max_tokens) return *request.max_tokens;
  return static_cast<std::uint32_t>(std::min<std::size_t>(default_limit, context - prompt));
}

/// What a request pays.
struct Paid {
  node::PaymentTerms terms;
  node::Payment payment;
};

// One answer under way. One thread after another calls it: the one that took the request, the
// chain's when it is paid, the inference thread.
class Completion : public std::enable_shared_from_this<Completion> {
 public:
  Completion(node::Node& node, std::shared_ptr<Exchange> exchange,
             std::shared_ptr<const ServedModel> model, ReplyHead head, ReplyBody body, bool stream)
      : node_(node),
        exchange_(std::move(exchange)),
        model_(std::move(model)),
        head_(std::move(head)),
        body_(std::move(body)),
        stream_(stream) {}

  Result<void> begin() {
    const auto self = shared_from_this();
    IMO_TRY(const auto ticket,
            node_.answers().submit(
                {model_, body_.prompt, body_.max_tokens},
                [self](Result<node::Answer> answer) { self->done(std::move(answer)); },
                [self](std::string_view piece) { self->text(piece); }));
    exchange_->on_abandon([self, ticket] {
      self->abandoned_ = true;
      ticket->cancel();
    });
    return {};
  }

  /// Begins when the money is there. Asks the chain.
  void begin_paid();

 private:
  void paid(const Result<Hash32>& transaction);
  void refuse_payment(const Error& why);

  void text(std::string_view text) {
    if (stream_) send(text_event(head_, text));
  }

  void done(Result<node::Answer> answer) {
    if (!answer) return fail_with(from_error(answer.error()));
    body_.answer = std::move(*answer);
    if (auto receipt = sign(); !receipt) {
      return fail_with(from_error(receipt.error()));
    }
    if (paid_) node_.cashier().finish(paid_->payment.purpose(), true);
    if (!stream_) {
      exchange_->reply({200, "application/json", whole_reply(head_, body_), headers_});
      return;
    }
    send(last_events(head_, body_));
    exchange_->end_stream();
  }

  Result<void> sign() {
    const auto id = registered_id(node_, model_->root());
    if (!id) return {};
    const auto& answer = body_.answer;
    const auto defendable =
        opml::check_defendable(model_->model.program(), body_.prompt.size(), answer.tokens.size());
    if (!defendable) {
      log::warning("an answer was not signed: {}", defendable.error().message);
      return {};
    }
    const auto text = as_bytes(answer.text);
    node::AnswerFacts facts{*id,
                            model_->root(),
                            market::pack_tokens(body_.prompt),
                            market::pack_tokens(answer.tokens),
                            Bytes(text.begin(), text.end()),
                            body_.max_tokens};
    if (paid_) {
      facts.payer = paid_->payment.from;
      facts.asset = paid_->terms.asset;
      facts.payment = paid_->payment.value;
    }
    IMO_TRY(body_.receipt, node_.receipts().issue(facts));
    return {};
  }

  // The head goes out with the first text, so that what fails before it has a status of its own.
  void send(std::string events) {
    if (begun_) return exchange_->write(std::move(events));
    begun_ = true;
    HttpHeaders headers = headers_;
    headers.emplace_back("Cache-Control", "no-store");
    exchange_->begin_stream(
        {200, "text/event-stream; charset=utf-8", first_event(head_) + events, std::move(headers)});
  }

  void fail_with(const ApiError& error) {
    // Who leaves in the middle has had his answer; else it is owed.
    if (paid_) node_.cashier().finish(paid_->payment.purpose(), abandoned_);
    if (!begun_) {
      auto response = error.to_response();
      if (paid_) response.headers.emplace_back(kDoNotRetry);
      return exchange_->reply(std::move(response));
    }
    exchange_->write(sse_event(error.to_json()));
    exchange_->end_stream();
  }

  node::Node& node_;
  std::shared_ptr<Exchange> exchange_;
  std::shared_ptr<const ServedModel> model_;
  ReplyHead head_;
  ReplyBody body_;
  bool stream_;
  bool begun_ = false;
  std::atomic<bool> abandoned_ = false;
  std::optional<Paid> paid_;
  HttpHeaders headers_;  ///< besides the usual ones
};

void Completion::begin_paid() {
  auto terms = node_.cashier().terms(model_->root(), body_.prompt.size(), body_.max_tokens);
  if (!terms) return exchange_->reply(from_error(terms.error()).to_response());
  paid_ = Paid{std::move(*terms), {}};
  auto payment = payment_of(exchange_->request(), paid_->terms);
  if (!payment) return refuse_payment(payment.error());
  paid_->payment = *payment;
  if (node_.answers().waiting() >= node_.config().queue_limit) {
    auto busy = from_error({ErrorKind::kRejected, "the node is busy; nothing was paid"});
    return exchange_->reply(busy.to_response());
  }
  const auto& request = exchange_->request();
  const Hash32 what = crypto::keccak256(as_bytes(request.path + "\n" + request.body));
  const auto charged = node_.cashier().charge(
      paid_->terms, paid_->payment, what,
      [self = shared_from_this()](const Result<Hash32>& transaction) { self->paid(transaction); });
  if (!charged) refuse_payment(charged.error());
}

void Completion::paid(const Result<Hash32>& transaction) {
  if (!transaction) {
    node_.cashier().finish(paid_->payment.purpose(), false);
    return refuse_payment(transaction.error());
  }
  headers_ = settlement_headers(paid_->terms.chain_id, paid_->payment.from, *transaction);
  if (const auto begun = begin(); !begun) fail_with(from_error(begun.error()));
}

void Completion::refuse_payment(const Error& why) {
  if (why.kind == ErrorKind::kInvalidInput) {
    return exchange_->reply(payment_required(exchange_->request(), paid_->terms,
                                             "an answer of " + model_->name, why.message));
  }
  auto error = from_error(why);
  if (why.kind == ErrorKind::kRejected || why.kind == ErrorKind::kTimeout) {
    error = {409, "invalid_request_error", why.message, "", "payment"};
  }
  auto response = error.to_response();
  response.headers.emplace_back(kDoNotRetry);
  exchange_->reply(std::move(response));
}

std::string random_id(bool chat) {
  FixedBytes<12> random;
  crypto::fill_random(random.bytes);
  return (chat ? "chatcmpl-" : "cmpl-") + to_hex(random).substr(2);
}

std::uint64_t unix_now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

ApiResult<void> start(node::Node& node, const std::shared_ptr<Exchange>& exchange, bool chat) {
  const auto& text = exchange->request().body;
  const auto request = chat ? parse_chat(text) : parse_completion(text);
  if (!request) return tl::unexpected(request.error());
  const auto model = find_model(node, request->model);
  if (!model) return tl::unexpected(no_model(node, request->model));
  auto prompt = prompt_tokens(*model, *request);
  if (!prompt) return tl::unexpected(prompt.error());
  const auto limit =
      token_limit(*model, *request, prompt->size(), node.config().default_max_tokens);
  if (!limit) return tl::unexpected(limit.error());

  ReplyHead head{random_id(chat), model->name, model->root(),
                 unix_now(),      chat,        request->include_usage};
  const auto completion =
      std::make_shared<Completion>(node, exchange, model, std::move(head),
                                   ReplyBody{std::move(*prompt), *limit, {}, {}}, request->stream);
  if (!node.config().answer_price.is_free()) {
    completion->begin_paid();
  } else if (const auto begun = completion->begin(); !begun) {
    return tl::unexpected(from_error(begun.error()));
  }
  return {};
}

}  // namespace

HttpResponse list_models(node::Node& node) {
  auto data = Json::array();
  for (const auto& model : node.models().all()) data.push_back(model_json(node, *model));
  return {200, "application/json", Json{{"object", "list"}, {"data", data}}.dump(), {}};
}

HttpResponse show_model(node::Node& node, std::string_view name) {
  const auto model = find_model(node, name);
  if (!model) return no_model(node, name).to_response();
  return {200, "application/json", model_json(node, *model).dump(), {}};
}

void complete(node::Node& node, const std::shared_ptr<Exchange>& exchange, bool chat) {
  if (const auto started = start(node, exchange, chat); !started) {
    auto response = started.error().to_response();
    if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
    exchange->reply(std::move(response));
  }
}

}  // namespace imo::api
