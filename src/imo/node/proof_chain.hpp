/// Contracts that ask the verifiers of proofs many things at once, on a chain: for tests.
#pragma once

#include "imo/eth/anvil.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/wallet.hpp"
#include "imo/node/test_world.hpp"
#include "imo/zkml/field.hpp"

#include <charconv>
#include <map>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace imo::node::test {

inline std::uint64_t below(std::mt19937_64& random, std::uint64_t bound) {
  return random() % bound;
}

/// As Fp3 is in Solidity.
inline U256 word_of(const zkml::Fp3& a) {
  return U256({a.coefficient(2).value(), a.coefficient(1).value(), a.coefficient(0).value(), 0});
}

/// A chain with one contract that asks.
class ProofChain {
 public:
  /// `errors` are those of ProofErrors, and borrowed.
  ProofChain(Result<Bytes> deploy_data, std::span<const eth::ErrorSignature> errors)
      : anvil_(must(eth::Anvil::start(anvil_options()))),
        client_(must(eth::Client::connect(anvil_.url()))),
        wallet_(client_, eth::anvil_key(0)),
        contract_(must(wallet_.deploy(must(std::move(deploy_data)))).address) {
    for (const eth::ErrorSignature& error : errors) {
      selectors_[error.name] = Bytes(error.selector.begin(), error.selector.end());
    }
  }

  template <typename R>
  R ask(const eth::Call<R>& call) {
    return must(call.decode(must(client_.call_raw(request(call.data)))));
  }

  /// One more contract, which is the one that is asked from now on.
  Address deploy(Result<Bytes> deploy_data) {
    contract_ = must(wallet_.deploy(must(std::move(deploy_data)))).address;
    return contract_;
  }
  [[nodiscard]] const Address& contract() const { return contract_; }

  /// Nothing when the call succeeds, else what it reverts with.
  Bytes revert_data(const Result<Bytes>& call) {
    const eth::CallOutcome outcome = must(client_.try_call(request(call)));
    return outcome.reverted ? outcome.data : Bytes();
  }

  /// What a transaction with this call uses.
  std::uint64_t gas_of(const Result<Bytes>& call) {
    eth::CallRequest asked = request(call);
    asked.gas_limit.reset();
    return must(client_.estimate_gas(asked));
  }

  [[nodiscard]] const Bytes& selector(std::string_view error) const { return selectors_.at(error); }

  /// What a contract returns for an error of the C++ verifier.
  [[nodiscard]] Bytes revert_of(const Error& error) const {
    static const std::map<std::string_view, std::string_view> kNames{
        {"the proof ends too early", "ProofTooShort"},
        {"bytes are left after the proof", "ProofTooLong"},
        {"a field element is not below the modulus", "NotCanonical"},
        {"the nonce does not do the work that the protocol asks for", "WorkMissing"},
        {"opened rows do not lead to the committed root", "RootMismatch"},
        {"a row does not fold to the last vector", "LastVectorMismatch"},
        {"the claimed values do not belong to the commitment", "ClaimMismatch"},
        {"the sum of the lookups is not zero: a value is in no table", "SumNotZero"},
        {"the looked-up values are not those of the columns", "LookupMismatch"},
        {"the sums of products do not hold", "ProductMismatch"},
        {"a level of the sum of lookups does not follow from the one below", "LevelMismatch"},
    };
    constexpr std::string_view kPrefix = "proof, byte ";
    const std::string_view message = std::string_view(error.message).substr(kPrefix.size());
    const std::size_t colon = message.find(": ");
    std::uint64_t offset = 0;
    const std::string_view number = message.substr(0, colon);
    std::from_chars(number.begin(), number.end(), offset);
    Bytes data = selectors_.at(kNames.at(message.substr(colon + 2)));
    append(data, U256(offset).to_be());
    return data;
  }

  [[nodiscard]] std::string name_of(BytesView data) const {
    for (const auto& [name, selector] : selectors_) {
      if (data.size() == 36 && std::ranges::equal(data.first(4), selector))
        return std::string(name);
    }
    return "accepted";
  }

 private:
  [[nodiscard]] eth::CallRequest request(const Result<Bytes>& call) const {
    eth::CallRequest request{.to = contract_, .data = must(Result<Bytes>(call))};
    request.gas_limit = 1'000'000'000'000ULL;
    return request;
  }

  eth::Anvil anvil_;
  eth::Client client_;
  eth::Wallet wallet_;
  Address contract_;
  std::map<std::string_view, Bytes> selectors_;
};

}  // namespace imo::node::test
