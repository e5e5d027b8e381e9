/// Sells answers over HTTP: says what one costs, and takes the payment that a request brings before
/// anything is computed. Payments are in the store before the chain sees them, and each is good for
/// one request, however often that is sent.
#pragma once

#include "imo/node/config.hpp"
#include "imo/node/operator.hpp"
#include "imo/node/payment.hpp"
#include "imo/node/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace imo::node {

class Cashier {
 public:
  /// The transaction that moved the money, or why there is none (yet, when it is kTimeout). On a
  /// thread that must not be kept waiting.
  using OnPaid = std::function<void(Result<Hash32> transaction)>;

  /// All borrowed. `wake` has step() called soon.
  Cashier(ChainSide chain, Store& store, const NodeConfig& config, std::function<void()> wake)
      : chain_(chain), store_(store), config_(config), wake_(std::move(wake)) {}

  /// What an answer to so many tokens of prompt costs, paid to the splitter of model and operator;
  /// to the operator, when nobody registered the model. Asks the chain.
  Result<PaymentTerms> terms(const Hash32& root, std::size_t prompt_tokens,
                             std::uint32_t max_tokens);

  /// Takes a payment for the request whose hash is `what`; `on_paid` is called once, now or later,
  /// and then finish() is due. Asks the chain. kInvalidInput: the payment is no good, another may
  /// be. kRejected: it has been used, and nothing is to be paid again.
  Result<void> charge(const PaymentTerms& terms, const Payment& payment, const Hash32& what,
                      OnPaid on_paid);
  /// An answer that could not be given is owed, and costs nothing when it is asked for again.
  void finish(const std::string& purpose, bool answered);

  /// Moves every payment on its way one step on, and what has come to those it belongs to. Called
  /// on the chain's thread.
  Result<void> step();

  /// How many, by state: sent, paid, refused.
  Result<std::map<std::string, std::uint64_t>> counts();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    OnPaid on_paid;
    Clock::time_point until;
  };
  struct Payee {
    Address splitter;
    U256 model_id;
    Clock::time_point until;  ///< it is believed
  };
  struct Sent {
    std::string purpose;
    Address asset;
    Bytes call;
  };
  enum class Standing { kNew, kSent, kPaid };

  Result<Address> payee(const Hash32& root);
  Result<void> check_taken(const U256& model_id);
  Result<void> check_new(const PaymentTerms& terms, const Payment& payment, const Bytes& call);
  Result<Standing> standing_of(const std::string& purpose, const Hash32& what, Hash32& transaction);
  Result<void> insert(const PaymentTerms& terms, const std::string& purpose, const Hash32& what,
                      const Bytes& call);
  Result<std::vector<Sent>> sent();
  Result<void> advance(const Sent& payment);
  Result<void> refuse(const std::string& purpose, const std::string& reason);
  void tell(const std::string& purpose, const Result<Hash32>& transaction);
  void tell_the_late();
  std::vector<Payee> payees();
  void split_all();
  Result<bool> split(const Payee& payee);

  ChainSide chain_;
  Store& store_;
  const NodeConfig& config_;
  std::function<void()> wake_;
  std::mutex mutex_;
  std::map<Hash32, Payee> payees_;
  /// Purposes of requests that are being served; `on_paid` is empty once it was called.
  std::map<std::string, Waiting> serving_;
  Clock::time_point split_at_ = Clock::time_point::max();  ///< the chain's thread alone has it
};

}  // namespace imo::node
