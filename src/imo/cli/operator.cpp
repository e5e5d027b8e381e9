#include "imo/cli/operator.hpp"

#include "imo/eth/address.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/offering.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {
namespace operators = market::abi::operator_registry;
}

Result<Report> operator_join(Session& session, const OperatorJoinOptions& options) {
  const Address& address = session.deployment().operator_registry;
  IMO_TRY(const eth::Wallet* wallet, session.wallet());
  const Address self = wallet->address();
  IMO_TRY(const operators::Operator known,
          session.client().call(address, operators::operator_of(self)));
  if (known.registered) {
    IMO_TRY_VOID(session.transact(address, operators::deposit(self), options.deposit));
  } else {
    IMO_TRY_VOID(
        session.transact(address, operators::register_(options.endpoint), options.deposit));
  }
  IMO_TRY(const operators::Operator now,
          session.client().call(address, operators::operator_of(self)));
  Report report;
  report.data = {{"operator", eth::to_checksum(self)},
                 {"deposit", json_amount(now.deposit)},
                 {"endpoint", now.endpoint}};
  report.line(fmt::format("{} stands for its answers with {}", eth::to_checksum(self),
                          ether_text(now.deposit)));
  report.next = {"imo operator price --flat '… ETH'", "imo node run"};
  return report;
}

Result<Report> operator_price(Session& session, const OperatorPriceOptions& options) {
  const Address& address = session.deployment().operator_registry;
  IMO_TRY(const market::OfferingContracts offering,
          market::find_offering(session.client(), session.deployment(), options.offering));
  const operators::Price price{options.flat, options.per_prompt_token, options.per_output_token,
                               options.per_callback_gas};
  IMO_TRY_VOID(session.transact(address, operators::set_price(offering.model_id, price)));
  Report report;
  report.data = {{"flat", std::to_string(options.flat)},
                 {"per_prompt_token", std::to_string(options.per_prompt_token)},
                 {"per_output_token", std::to_string(options.per_output_token)},
                 {"per_callback_gas", std::to_string(options.per_callback_gas)}};
  report.line(fmt::format("an answer costs {} and {} a token of answer",
                          ether_text(U256(options.flat)),
                          ether_text(U256(options.per_output_token))));
  report.next.push_back("imo node run");
  return report;
}

}  // namespace imo::cli
