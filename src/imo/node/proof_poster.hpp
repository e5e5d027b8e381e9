/// Has the oracle accept proofs of this node's answers, which are final then.
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
  /// With `all` every answer that this node gives on the chain is proven, asked or not.
  ProofPoster(ChainSide chain, const ModelShelf& models, ProofService& proofs, ProofStore& store,
              bool all)
      : chain_(chain), models_(models), proofs_(proofs), store_(store), all_(all) {}

  /// One answer that cannot be proven or posted keeps no other from being.
  Result<void> step(const FollowProgress& now);

 private:
  Result<void> ask_for_all();
  Result<void> ask_for(const ChainRequest& request);
  Result<void> post(const ProofJob& job);
  bool due(const Hash32& id);

  ChainSide chain_;
  const ModelShelf& models_;
  ProofService& proofs_;
  ProofStore& store_;
  bool all_;
  std::set<Hash32> asked_;  ///< claims whose proofs were asked for, or refused for good
  std::map<Hash32, std::chrono::steady_clock::time_point> not_before_;
};

}  // namespace imo::node
