#include "imo/market/deploy.hpp"

#include "imo/eth/address.hpp"
#include "imo/market/abi/ContentToken.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/EquationVerifier.hpp"
#include "imo/market/abi/LookupVerifier.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/ModelVerifier.hpp"
#include "imo/market/abi/OfferingFactory.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/ProofRegistry.hpp"
#include "imo/market/abi/RegistrationVerifier.hpp"
#include "imo/market/abi/SplitterFactory.hpp"
#include "imo/market/abi/StepVerifier.hpp"

namespace imo::market {

namespace {

/// Deploys one after the other and keeps count.
class Deployer {
 public:
  explicit Deployer(eth::Wallet& wallet) : wallet_(&wallet) {}

  Result<void> create(Address& out, const char* name, const Result<Bytes>& init_code) {
    auto made = wallet_->deploy(init_code);
    if (!made) return tl::unexpected(made.error().within(std::string("deploying ") + name));
    out = made->address;
    gas_used_ += made->receipt.gas_used;
    if (contracts_++ == 0) first_block_ = made->receipt.block_number;
    return {};
  }

  [[nodiscard]] std::uint64_t gas_used() const { return gas_used_; }
  [[nodiscard]] unsigned contracts() const { return contracts_; }
  [[nodiscard]] std::uint64_t first_block() const { return first_block_; }

 private:
  eth::Wallet* wallet_;
  std::uint64_t gas_used_ = 0;
  unsigned contracts_ = 0;
  std::uint64_t first_block_ = 0;
};

/// The verifier of proofs is three contracts, each of which knows the one that it asks; the
/// registry says which keys it may believe.
Result<void> create_proofs(Deployer& deployer, const DeployOptions& options, Deployment& made) {
  Address equations;
  Address lookups;
  Address referee;
  IMO_TRY_VOID(
      deployer.create(equations, "EquationVerifier", abi::equation_verifier::deploy_data()));
  IMO_TRY_VOID(
      deployer.create(lookups, "LookupVerifier", abi::lookup_verifier::deploy_data(equations)));
  IMO_TRY_VOID(deployer.create(made.model_verifier, "ModelVerifier",
                               abi::model_verifier::deploy_data(lookups)));
  IMO_TRY_VOID(
      deployer.create(referee, "RegistrationVerifier", abi::registration_verifier::deploy_data()));
  return deployer.create(made.proof_registry, "ProofRegistry",
                         abi::proof_registry::deploy_data(
                             made.model_verifier, referee, options.key_window,
                             options.key_move_time, options.key_bond, options.key_challenge_bond));
}

}  // namespace

Result<Deployed> deploy(eth::Wallet& wallet, const DeployOptions& options) {
  Deployer deployer(wallet);
  Deployment made;

  IMO_TRY(made.chain_id, wallet.client().chain_id());
  IMO_TRY_VOID(
      deployer.create(made.model_registry, "ModelRegistry", abi::model_registry::deploy_data()));
  IMO_TRY_VOID(deployer.create(made.offering_factory, "OfferingFactory",
                               abi::offering_factory::deploy_data(made.model_registry)));
  IMO_TRY_VOID(deployer.create(made.splitter_factory, "SplitterFactory",
                               abi::splitter_factory::deploy_data(made.model_registry)));

  IMO_TRY_VOID(
      deployer.create(made.step_verifier, "StepVerifier", abi::step_verifier::deploy_data()));

  IMO_TRY_VOID(create_proofs(deployer, options, made));

  // Operator registry, oracle and dispute game name each other for ever, so the first is told where
  // the others will be: they refuse to be made anywhere else.
  IMO_TRY(const std::uint64_t nonce, wallet.client().nonce(wallet.address()));
  const Address oracle = eth::create_address(wallet.address(), nonce + 1);
  const Address dispute_game = eth::create_address(wallet.address(), nonce + 2);
  IMO_TRY_VOID(deployer.create(
      made.operator_registry, "OperatorRegistry",
      abi::operator_registry::deploy_data(made.model_registry, oracle, dispute_game,
                                          options.minimum_deposit, options.exit_delay)));
  IMO_TRY_VOID(deployer.create(
      made.oracle, "Oracle",
      abi::oracle::deploy_data(made.operator_registry, made.splitter_factory, made.proof_registry,
                               dispute_game, options.window, options.minimum_bond)));
  IMO_TRY_VOID(deployer.create(
      made.dispute_game, "DisputeGame",
      abi::dispute_game::deploy_data(made.operator_registry, made.step_verifier,
                                     options.dispute_clock, options.dispute_extension,
                                     options.challenger_bond, options.receipt_stake)));
  IMO_TRY_VOID(
      deployer.create(made.content_token, "ContentToken",
                      abi::content_token::deploy_data(made.oracle, U256(options.royalty_bps))));
  made.deploy_block = deployer.first_block();
  return Deployed{made, deployer.gas_used(), deployer.contracts()};
}

}  // namespace imo::market
