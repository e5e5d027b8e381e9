/// What proofs need of the chain: that they are paid, and that the oracle hears of them.
#pragma once

#include "imo/node/operator.hpp"
#include "imo/node/proof_service.hpp"

#include <chrono>
#include <map>
#include <set>

namespace imo::node {

/// It keeps nothing but when to try again: what is to be posted stands in the store, and each
/// transaction is sent once.
class ProofPoster {
 public:
  /// All borrowed.
  ProofPoster(ChainSide chain, const ModelShelf& models, ProofService& proofs, ProofStore& store,
              const ProofConfig& config, const Address& asset)
      : chain_(chain),
        models_(models),
        proofs_(proofs),
        store_(store),
        config_(config),
        asset_(asset) {}

  /// One proof that cannot be paid, asked for or posted keeps no other from being.
  Result<void> step(const FollowProgress& now);

 private:
  Result<void> take_payment(const ProofJob& job);
  /// Every answer that this node gives on the chain is proven, asked or not.
  Result<void> ask_for_all();
  Result<void> ask_for(const ChainRequest& request);
  Result<void> post(const ProofJob& job);
  bool due(const Hash32& id);

  ChainSide chain_;
  const ModelShelf& models_;
  ProofService& proofs_;
  ProofStore& store_;
  const ProofConfig& config_;
  const Address asset_;     ///< what proofs are paid in
  std::set<Hash32> asked_;  ///< claims whose proofs were asked for, or refused for good
  std::map<Hash32, std::chrono::steady_clock::time_point> not_before_;
};

}  // namespace imo::node
