/// The watcher: runs other operators' answers again and disputes the false ones.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/operator.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>

namespace imo::node {

/// Looks at answers of the oracle whose window is open and whose model this node serves. One is
/// disputed only when two computations agree where it is wrong (replay.hpp). What it found it finds
/// again after a restart, and disputes once: the chain tells what this account has disputed before.
class Watcher {
 public:
  /// With `dry_run` it says what it would dispute and puts no money down.
  Watcher(ChainSide chain, const ModelShelf& models, bool dry_run)
      : chain_(chain), models_(models), dry_run_(dry_run) {}

  Result<void> step(const FollowProgress& now);

 private:
  Result<void> check(const ChainRequest& request);
  Result<void> dispute(const ChainRequest& request, const Hash32& root, std::uint32_t position);

  ChainSide chain_;
  const ModelShelf& models_;
  bool dry_run_;
  std::unique_ptr<ThreadPool> pool_;  ///< made with the first answer
  std::set<Hash32> checked_;          ///< claims that were found true, or said to be false
  std::map<Hash32, std::chrono::steady_clock::time_point> not_before_;
};

}  // namespace imo::node
