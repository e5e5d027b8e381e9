#include "imo/node/operator.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/prompt.hpp"
#include "imo/opml/shape.hpp"

#include <algorithm>

namespace imo::node {
namespace {

namespace oracle = market::abi::oracle;
namespace registry = market::abi::operator_registry;

/// An answer that is mined after the deadline costs gas and earns nothing.
constexpr std::uint64_t kDeadlineMargin = 5;  // seconds
constexpr std::chrono::seconds kRetryAfter{15};
constexpr std::chrono::seconds kPriceAge{10};

}  // namespace

// What the inference thread's callbacks touch; they may come after the operator is gone.
struct Operator::Shared {
  std::mutex mutex;
  AnswerStore* store = nullptr;  // null: the operator is gone
  std::function<void()> wake;
  std::set<Hash32> under_way;

  void computed(const ChainRequest& request, Bytes prompt, const Result<Answer>& answer) {
    const std::lock_guard lock(mutex);
    under_way.erase(request.content_key);
    if (store == nullptr) return;
    if (!answer) {
      log::warning("request {} was not answered: {}", request.id, answer.error().message);
      return;
    }
    StoredAnswer stored;
    stored.prompt = std::move(prompt);
    stored.output = market::pack_tokens(answer->tokens);
    const auto text = as_bytes(answer->text);
    stored.text.assign(text.begin(), text.end());
    if (const auto saved = store->save(request.content_key, stored); !saved) {
      log::error("request {}: {}", request.id, saved.error().message);
      return;
    }
    log::info("request {} computed: {} tokens", request.id, answer->tokens.size());
    wake();
  }
};

Operator::Operator(ChainSide chain, const ModelShelf& models, AnswerService& answers,
                   AnswerStore& store, std::function<void()> wake)
    : chain_(chain),
      models_(models),
      answers_(answers),
      store_(store),
      shared_(std::make_shared<Shared>()) {
  shared_->store = &store;
  shared_->wake = std::move(wake);
}

Operator::~Operator() {
  const std::lock_guard lock(shared_->mutex);
  shared_->store = nullptr;
}

std::size_t Operator::under_way() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->under_way.size();
}

Result<void> Operator::step(const FollowProgress& now) {
  IMO_TRY(const auto open, chain_.index.open_at(now.time));
  const auto clock = std::chrono::steady_clock::now();
  std::erase_if(not_before_, [&](const auto& entry) { return entry.second <= clock; });
  for (const auto& request : open) {
    if (not_before_.contains(request.content_key)) continue;
    if (const auto moved = advance(request, now.time); !moved) {
      if (moved.error().kind == ErrorKind::kIo) return moved;  // the store: nothing goes on
      later(request, moved.error().message);
    }
  }
  return {};
}

Result<void> Operator::advance(const ChainRequest& request, std::uint64_t now) {
  const auto& self = chain_.transactions.address();
  if (!request.wanted_operator.is_zero() && request.wanted_operator != self) return {};
  if (now + kDeadlineMargin >= request.deadline) return {};
  // The same model gives the same answer: what was proven false of ours would be so again.
  const auto& struck = request.struck_operators;
  if (std::find(struck.begin(), struck.end(), self) != struck.end()) return {};
  IMO_TRY(const auto registered, chain_.index.model(request.model_id));
  if (!registered) return {};
  auto model = models_.find_root(registered->root);
  if (!model) return {};

  IMO_TRY(const auto stored, store_.find(request.content_key));
  if (stored && stored->state == AnswerState::kDeclined) return {};
  if (stored) return post(request, *stored);
  return accepting_ ? begin(request, std::move(model)) : Result<void>();
}

Result<void> Operator::begin(const ChainRequest& request,
                             std::shared_ptr<const ServedModel> model) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->under_way.contains(request.content_key)) return {};
  }
  if (!request.sampling.is_zero()) return decline(request, "it asks for sampling");
  auto prompt = request.is_text ? completion_prompt(*model, as_text(request.input))
                                : market::unpack_tokens(request.input);
  if (!prompt) return decline(request, prompt.error().message);
  if (const auto fits = model->model.check_request(*prompt, request.max_tokens); !fits) {
    return decline(request, fits.error().message);
  }
  const auto defendable =
      opml::check_defendable(model->model.program(), prompt->size(), request.max_tokens);
  if (!defendable) return decline(request, defendable.error().message);
  IMO_TRY(const bool worth, worth_it(request, prompt->size()));
  if (!worth) return {};

  auto packed = request.is_text ? market::pack_tokens(*prompt) : Bytes{};
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->under_way.insert(request.content_key);
  }
  const auto ticket = answers_.submit(
      {std::move(model), std::move(*prompt), request.max_tokens},
      [shared = shared_, request, packed = std::move(packed)](const Result<Answer>& answer) {
        shared->computed(request, packed, answer);
      });
  if (!ticket) {
    const std::lock_guard lock(shared_->mutex);
    shared_->under_way.erase(request.content_key);
    return tl::unexpected(ticket.error());
  }
  return {};
}

/// A question to this operator has paid its price: the oracle checked. One to anybody carries
/// whatever its asker offers.
Result<bool> Operator::worth_it(const ChainRequest& request, std::size_t prompt_tokens) {
  if (request.wanted_operator == chain_.transactions.address()) return true;
  IMO_TRY(const auto price, price_of(request.model_id));
  if (price.flat == 0) {
    later(request, "this operator has posted no price for the model (imo operator price)");
    return false;
  }
  // As OperatorRegistry.quote.
  const auto callback_gas = request.callback.is_zero() ? 0 : request.callback_gas;
  const auto cost = U256(price.flat) + U256(prompt_tokens) * U256(price.per_prompt_token) +
                    U256(request.max_tokens) * U256(price.per_output_token) +
                    U256(callback_gas) * U256(price.per_callback_gas);
  if (request.fee >= cost) return true;
  later(request, fmt::format("it pays {} wei and costs {}", request.fee.to_dec(), cost.to_dec()));
  return false;
}

/// Kept for a while, so that a thousand requests that pay nothing cost one question.
Result<Operator::Price> Operator::price_of(const U256& model_id) {
  const auto now = std::chrono::steady_clock::now();
  const auto known = prices_.find(model_id);
  if (known != prices_.end() && known->second.until > now) return known->second;
  IMO_TRY(const auto read,
          chain_.client.call(chain_.deployment.operator_registry,
                             registry::price_of(model_id, chain_.transactions.address())));
  const Price price{read.flat, read.per_prompt_token, read.per_output_token, read.per_callback_gas,
                    now + kPriceAge};
  prices_[model_id] = price;
  return price;
}

Result<void> Operator::post(const ChainRequest& request, const StoredAnswer& answer) {
  const auto key = fmt::format("answer {} {}", request.id, to_hex(request.content_key));
  oracle::Answer posted;
  posted.question_hash = question_hash(request);
  posted.prompt_tokens = answer.prompt;
  posted.output_tokens = answer.output;
  posted.text = answer.text;
  posted.callback_data = request.callback_data;
  return chain_.transactions
      .ensure(key, chain_.deployment.oracle, oracle::answer(U256(request.id), posted))
      .map([](const TransactionRecord&) {});
}

Result<void> Operator::decline(const ChainRequest& request, const std::string& reason) {
  log::warning("request {} is declined: {}", request.id, reason);
  StoredAnswer declined;
  declined.state = AnswerState::kDeclined;
  declined.reason = reason;
  return store_.save(request.content_key, declined);
}

void Operator::later(const ChainRequest& request, const std::string& reason) {
  log::warning("request {} waits: {}", request.id, reason);
  not_before_[request.content_key] = std::chrono::steady_clock::now() + kRetryAfter;
}

}  // namespace imo::node
