/// The keeper: pushes on what anybody may push and this operator gains from.
#pragma once

#include "imo/base/result.hpp"
#include "imo/node/operator.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace imo::node {

struct KeeperOptions {
  /// A split is worthwhile when its gas costs at most this part of what it divides.
  std::uint64_t split_cost_percent = 5;
  std::chrono::seconds retry_after{15};
};

/// Finalises this operator's answers once their window has passed, and divides what has come
/// together in its splitters. It finalises nothing disputed (the oracle refuses), and refunds and
/// delivers nothing: askers and their contracts do that when they want it.
class Keeper {
 public:
  explicit Keeper(ChainSide chain, KeeperOptions options = {}) : chain_(chain), options_(options) {}

  Result<void> step(const FollowProgress& now);

 private:
  Result<void> finalise(const ChainRequest& request);
  Result<void> split(const ChainRequest& newest);
  bool due(const std::string& purpose);

  ChainSide chain_;
  KeeperOptions options_;
  std::map<std::string, std::chrono::steady_clock::time_point> not_before_;
};

}  // namespace imo::node
