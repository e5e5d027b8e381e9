/// Reads the logs of some contracts block range by block range into the store.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/client.hpp"
#include "imo/node/log_store.hpp"
#include "imo/node/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace imo::node {

/// What is made of logs. Both calls come inside the transaction that stores or forgets the logs.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual Result<void> apply(std::span<const eth::Log> logs) = 0;
  /// Blocks above `number` never happened; the log store has forgotten them already.
  virtual Result<void> roll_back(std::uint64_t number) = 0;
};

struct FollowOptions {
  std::vector<Address> contracts;
  std::vector<Hash32> events;     ///< first topics
  std::uint64_t first_block = 0;  ///< no log is older
  std::uint64_t confirmations = 0;
  std::uint64_t first_range = 1'000;
  std::uint64_t longest_range = 10'000;  ///< blocks asked for at a time
  std::uint64_t reorg_depth = 256;       ///< blocks whose hashes are kept, at least
};

/// Where the follower stands after a step.
struct FollowProgress {
  std::uint64_t head = 0;  ///< the chain's newest block
  /// The chain's clock: the time of its newest block plus how long that has been the newest, in
  /// unix seconds. A quiet chain makes no blocks, but its time goes on.
  std::uint64_t time = 0;
  std::uint64_t followed = 0;                   ///< every log up to here is in the store
  bool caught_up = false;                       ///< nothing is left to fetch
  std::optional<std::uint64_t> rolled_back_to;  ///< a reorganisation was found and undone
};

/// Ranges grow while the peer is quick to answer and shrink when it refuses. A range is stored
/// only when the hash of its last block was the same before and after the logs were read; before
/// each step the newest stored block is compared with the chain's. So the store is at every
/// moment one chain's, if not always the newest. Not for use by two threads at once.
class ChainFollower {
 public:
  ChainFollower(eth::Client& client, Store& store, LogSink& sink, FollowOptions options);

  /// Fetches at most one range, or undoes one reorganisation. On failure nothing has changed.
  Result<FollowProgress> step();

  /// Steps until caught up.
  Result<FollowProgress> catch_up();

 private:
  std::uint64_t chain_time(const eth::Block& head);
  Result<bool> still_there(const FollowedBlock& block);
  Result<std::uint64_t> roll_back(const FollowedBlock& last);
  Result<void> fetch(std::uint64_t from, std::uint64_t to, std::uint64_t head);

  eth::Client* client_;
  Store* store_;
  LogStore logs_;
  LogSink* sink_;
  FollowOptions options_;
  std::uint64_t range_;
  Hash32 head_hash_;
  std::chrono::steady_clock::time_point head_seen_;
};

}  // namespace imo::node
