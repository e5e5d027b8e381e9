#include "imo/market/contracts.hpp"

#include "imo/market/abi/ContentMarket.hpp"
#include "imo/market/abi/ContentToken.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/ModelToken.hpp"
#include "imo/market/abi/ModelVerifier.hpp"
#include "imo/market/abi/OfferingFactory.hpp"
#include "imo/market/abi/OfferingTreasury.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/ProofRegistry.hpp"
#include "imo/market/abi/RegistrationVerifier.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/abi/SplitterFactory.hpp"
#include "imo/market/abi/StepVerifier.hpp"
#include "imo/market/abi/UniformSale.hpp"
#include "imo/market/abi/VestingVault.hpp"

namespace imo::market {

void add_errors(eth::ErrorRegistry& registry) {
  registry.add(abi::content_market::error_signatures());
  registry.add(abi::content_token::error_signatures());
  registry.add(abi::dispute_game::error_signatures());
  registry.add(abi::model_registry::error_signatures());
  registry.add(abi::model_token::error_signatures());
  registry.add(abi::model_verifier::error_signatures());
  registry.add(abi::offering_factory::error_signatures());
  registry.add(abi::offering_treasury::error_signatures());
  registry.add(abi::operator_registry::error_signatures());
  registry.add(abi::oracle::error_signatures());
  registry.add(abi::proof_registry::error_signatures());
  registry.add(abi::registration_verifier::error_signatures());
  registry.add(abi::splitter::error_signatures());
  registry.add(abi::splitter_factory::error_signatures());
  registry.add(abi::step_verifier::error_signatures());
  registry.add(abi::uniform_sale::error_signatures());
  registry.add(abi::vesting_vault::error_signatures());
}

}  // namespace imo::market
