#include "imo/node/cashier.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/ModelToken.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/abi/SplitterFactory.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace factory = market::abi::splitter_factory;
namespace model_token = market::abi::model_token;
namespace registry = market::abi::model_registry;
namespace splitter = market::abi::splitter;

/// How long a request waits for its money.
constexpr std::chrono::seconds kPatience{60};
/// How long it is believed where a model's money goes.
constexpr std::chrono::seconds kBelieved{60};
/// When a split that failed is tried again.
constexpr std::chrono::seconds kSplitAgain{60};
/// Answers to one request that a payment is good for: a reply may be lost on its way.
constexpr std::int64_t kMostServings = 3;

tl::unexpected<Error> used(std::string why) {
  return fail(ErrorKind::kRejected, std::move(why));
}

}  // namespace

Result<Address> Cashier::payee(const Hash32& root) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = payees_.find(root);
    if (known != payees_.end() && known->second.until > Clock::now()) return known->second.splitter;
  }
  const Address& self = chain_.transactions.address();
  IMO_TRY(const auto models, chain_.index.models_of(root));
  // It may be registered yet, so nothing is kept.
  if (models.empty()) return self;
  const U256& model_id = models.front().model_id;
  IMO_TRY_VOID(check_taken(model_id));
  IMO_TRY(const Address splitter, chain_.client.call(chain_.deployment.splitter_factory,
                                                     factory::splitter_of(model_id, self)));
  const std::lock_guard lock(mutex_);
  payees_[root] = {splitter, model_id, Clock::now() + kBelieved};
  return splitter;
}

/// Money in a token that the model's holders cannot be paid in would stay in the splitter for good.
Result<void> Cashier::check_taken(const U256& model_id) {
  IMO_TRY(const Address token,
          chain_.client.call(chain_.deployment.model_registry, registry::token_of(model_id)));
  if (token.is_zero()) return {};
  IMO_TRY(const auto assets, chain_.client.call(token, model_token::assets()));
  if (std::ranges::find(assets, config_.payment_asset.address) != assets.end()) return {};
  return fail(ErrorKind::kRejected,
              fmt::format("this node asks for {}, which the model's shares do not pay out; nothing "
                          "is sold before its payment.asset is one that they do",
                          eth::to_checksum(config_.payment_asset.address)));
}

Result<PaymentTerms> Cashier::terms(const Hash32& root, std::size_t prompt_tokens,
                                    std::uint32_t max_tokens) {
  const AnswerPrice& price = config_.answer_price;
  const PaymentAsset& asset = config_.payment_asset;
  IMO_TRY(const Address pay_to, payee(root));
  const U256 tokens(std::uint64_t{prompt_tokens} + max_tokens);
  return PaymentTerms{.chain_id = config_.deployment.chain_id,
                      .asset = asset.address,
                      .asset_name = asset.name,
                      .asset_version = asset.version,
                      .pay_to = pay_to,
                      .amount = U256(price.flat) + U256(price.per_token) * tokens};
}

Result<void> Cashier::charge(const PaymentTerms& terms, const Payment& payment, const Hash32& what,
                             OnPaid on_paid) {
  IMO_TRY_VOID(check_signature(terms, payment));
  const std::string purpose = payment.purpose();
  {
    // Before anything else: two requests with one payment are one after the other, or one.
    const std::lock_guard lock(mutex_);
    const Waiting waiting{std::move(on_paid), Clock::now() + kPatience};
    if (!serving_.try_emplace(purpose, waiting).second) {
      return used("a request with this payment is under way; wait for its answer");
    }
  }
  Hash32 transaction;
  const auto begin = [&]() -> Result<bool> {
    IMO_TRY(const Standing standing, standing_of(purpose, what, transaction));
    if (standing == Standing::kNew) {
      IMO_TRY(const Bytes call, payment.call());
      IMO_TRY_VOID(check_new(terms, payment, call));
      IMO_TRY_VOID(insert(terms, purpose, what, call));
    }
    return standing == Standing::kPaid;
  };
  const auto is_paid = begin();
  if (!is_paid) {
    const std::lock_guard lock(mutex_);
    serving_.erase(purpose);
    return tl::unexpected(is_paid.error());
  }
  if (*is_paid) {
    tell(purpose, transaction);
  } else {
    wake_();
  }
  return {};
}

/// What is there of it already; counts another answer to what is paid.
Result<Cashier::Standing> Cashier::standing_of(const std::string& purpose, const Hash32& what,
                                               Hash32& transaction) {
  return store_.write("payment", [&](SQLite::Database& database) -> Result<Standing> {
    SQLite::Statement row(database,
                          "SELECT what, state, served, reason, transaction_hash FROM payments "
                          "WHERE purpose = ?");
    row.bind(1, purpose);
    if (!row.executeStep()) return Standing::kNew;
    if (fixed_blob<32>(row, 0) != what) return used("this payment is for another request");
    const std::string state = row.getColumn(1).getString();
    if (state == "refused") return invalid(row.getColumn(3).getString());
    if (row.getColumn(2).getInt64() >= kMostServings) {
      return used(fmt::format("what this payment is for was answered {} times", kMostServings));
    }
    SQLite::Statement count(database, "UPDATE payments SET served = served + 1 WHERE purpose = ?");
    count.bind(1, purpose);
    count.exec();
    if (state == "sent") return Standing::kSent;
    transaction = fixed_blob<32>(row, 4);
    return Standing::kPaid;
  });
}

Result<void> Cashier::check_new(const PaymentTerms& terms, const Payment& payment,
                                const Bytes& call) {
  // The chain's clock is what the token goes by.
  IMO_TRY(const auto block, chain_.client.block());
  IMO_TRY_VOID(check_payment(terms, payment, block.timestamp));
  // Whether the money is there, and not paid out already: before anything is stored.
  const auto gas = chain_.client.estimate_gas({.from = chain_.transactions.address(),
                                               .to = terms.asset,
                                               .value = {},
                                               .data = call,
                                               .gas_limit = {}});
  if (gas) return {};
  const bool reverts = gas.error().kind == ErrorKind::kRejected;
  return fail(reverts ? ErrorKind::kInvalidInput : gas.error().kind, gas.error().message);
}

Result<void> Cashier::insert(const PaymentTerms& terms, const std::string& purpose,
                             const Hash32& what, const Bytes& call) {
  return store_.write("payment", [&](SQLite::Database& database) -> Result<void> {
    SQLite::Statement other(database, "SELECT 1 FROM proofs WHERE paid_by = ?");
    other.bind(1, purpose);
    if (other.executeStep()) return used("this payment pays for a proof already");
    SQLite::Statement row(database,
                          "INSERT INTO payments (purpose, what, state, asset, call, served) "
                          "VALUES (?, ?, 'sent', ?, ?, 1)");
    row.bind(1, purpose);
    bind_blob(row, 2, what);
    bind_blob(row, 3, terms.asset);
    bind_blob(row, 4, call);
    row.exec();
    return {};
  });
}

void Cashier::finish(const std::string& purpose, bool answered) {
  {
    const std::lock_guard lock(mutex_);
    serving_.erase(purpose);
  }
  if (answered) return;
  const auto owed = store_.write("payment", [&](SQLite::Database& database) {
    SQLite::Statement count(database,
                            "UPDATE payments SET served = max(served - 1, 0) WHERE purpose = ?");
    count.bind(1, purpose);
    count.exec();
  });
  if (!owed) log::error("{}", owed.error().message);
}

Result<void> Cashier::step() {
  IMO_TRY(const auto on_their_way, sent());
  for (const Sent& payment : on_their_way) {
    if (const auto done = advance(payment); !done) {
      log::warning("{} has not come yet: {}", payment.purpose, done.error().message);
    }
  }
  tell_the_late();
  if (config_.split_from != 0 && split_at_ <= Clock::now()) split_all();
  return {};
}

void Cashier::split_all() {
  split_at_ = Clock::time_point::max();
  for (const Payee& payee : payees()) {
    const auto done = split(payee);
    if (!done) {
      log::warning("{} cannot be split yet: {}", to_hex(payee.splitter), done.error().message);
      split_at_ = std::min(split_at_, Clock::now() + kSplitAgain);
    } else if (!*done) {
      split_at_ = Clock::now();
    }
  }
}

std::vector<Cashier::Payee> Cashier::payees() {
  const std::lock_guard lock(mutex_);
  std::vector<Payee> payees;
  for (const auto& [root, payee] : payees_) payees.push_back(payee);
  return payees;
}

/// False when more is to be done once the chain has the splitter.
Result<bool> Cashier::split(const Payee& payee) {
  const Address& asset = config_.payment_asset.address;
  IMO_TRY(const auto code, chain_.client.code(payee.splitter));
  if (code.empty()) {
    // Every ERC-20 has this call.
    IMO_TRY(const U256 there, chain_.client.call(asset, model_token::balance_of(payee.splitter)));
    if (there < U256(config_.split_from)) return true;
    return chain_.transactions
        .ensure("deploy " + to_hex(payee.splitter), chain_.deployment.splitter_factory,
                factory::deploy(payee.model_id, chain_.transactions.address()))
        .map([](const TransactionRecord&) { return false; });
  }
  IMO_TRY(const U256 pending, chain_.client.call(payee.splitter, splitter::pending(asset)));
  if (pending < U256(config_.split_from)) return true;
  // Once for what has been paid so far.
  IMO_TRY(auto paid, counts());
  const auto purpose = fmt::format("split {} {} at {}", to_hex(payee.splitter),
                                   eth::to_checksum(asset), paid["paid"]);
  return chain_.transactions.ensure(purpose, payee.splitter, splitter::split(asset))
      .map([](const TransactionRecord&) { return true; });
}

Result<std::vector<Cashier::Sent>> Cashier::sent() {
  return store_.read("payments", [](SQLite::Database& database) {
    SQLite::Statement row(database,
                          "SELECT purpose, asset, call FROM payments WHERE state = 'sent'");
    std::vector<Sent> payments;
    while (row.executeStep()) {
      payments.push_back({row.getColumn(0).getString(), fixed_blob<20>(row, 1), blob(row, 2)});
    }
    return payments;
  });
}

Result<void> Cashier::advance(const Sent& payment) {
  const auto transaction = chain_.transactions.ensure(payment.purpose, "transferWithAuthorization",
                                                      payment.asset, payment.call);
  if (!transaction) {
    // It would revert: the money has gone, or the authorisation.
    if (transaction.error().kind != ErrorKind::kRejected) {
      return tl::unexpected(transaction.error());
    }
    return refuse(payment.purpose, "the payment is refused: " + transaction.error().message);
  }
  switch (transaction->state) {
    case TransactionState::kSent:
      return {};
    case TransactionState::kMined:
    case TransactionState::kSettled:
      break;
    case TransactionState::kReverted:
    case TransactionState::kDropped:
      return refuse(payment.purpose, "the payment did not go through");
  }
  IMO_TRY_VOID(store_.write("payment", [&](SQLite::Database& database) {
    SQLite::Statement change(
        database, "UPDATE payments SET state = 'paid', transaction_hash = ? WHERE purpose = ?");
    bind_blob(change, 1, transaction->hash);
    change.bind(2, payment.purpose);
    change.exec();
  }));
  split_at_ = Clock::now();
  tell(payment.purpose, transaction->hash);
  return {};
}

Result<void> Cashier::refuse(const std::string& purpose, const std::string& reason) {
  IMO_TRY_VOID(store_.write("payment", [&](SQLite::Database& database) {
    SQLite::Statement change(database,
                             "UPDATE payments SET state = 'refused', reason = ? WHERE purpose = ?");
    change.bind(1, reason);
    change.bind(2, purpose);
    change.exec();
  }));
  tell(purpose, invalid(reason));
  return {};
}

void Cashier::tell(const std::string& purpose, const Result<Hash32>& transaction) {
  OnPaid on_paid;
  {
    const std::lock_guard lock(mutex_);
    const auto waiting = serving_.find(purpose);
    if (waiting != serving_.end()) on_paid = std::exchange(waiting->second.on_paid, nullptr);
  }
  if (on_paid) on_paid(transaction);
}

void Cashier::tell_the_late() {
  std::vector<std::string> late;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [purpose, waiting] : serving_) {
      if (waiting.on_paid && waiting.until < Clock::now()) late.push_back(purpose);
    }
  }
  for (const std::string& purpose : late) {
    tell(purpose, fail(ErrorKind::kTimeout,
                       "the payment is on its way; send the same request with the same payment "
                       "again, nothing is to be paid twice"));
  }
}

Result<std::map<std::string, std::uint64_t>> Cashier::counts() {
  return store_.read("payments", [](SQLite::Database& database) {
    std::map<std::string, std::uint64_t> counts = {{"sent", 0}, {"paid", 0}, {"refused", 0}};
    SQLite::Statement row(database, "SELECT state, count(*) FROM payments GROUP BY state");
    while (row.executeStep()) counts[row.getColumn(0).getString()] = u64(row, 1);
    return counts;
  });
}

}  // namespace imo::node
