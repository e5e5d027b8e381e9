/// The followed part of the chain on disk: block hashes and logs.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/types.hpp"
#include "imo/node/store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace imo::node {

/// A block whose logs, and all before them, are in the store.
struct FollowedBlock {
  std::uint64_t number = 0;
  Hash32 hash;

  friend bool operator==(const FollowedBlock&, const FollowedBlock&) = default;
};

class LogStore {
 public:
  explicit LogStore(Store& store) : store_(&store) {}

  /// The newest followed block; nothing in a new store.
  Result<std::optional<FollowedBlock>> last();
  /// Followed blocks below `number`, newest first, at most `limit`.
  Result<std::vector<FollowedBlock>> below(std::uint64_t number, std::size_t limit);
  /// Adds logs and the block they reach up to. Blocks below `keep_from` but the lowest ever are
  /// forgotten: no reorganisation reaches so far.
  Result<void> append(std::span<const eth::Log> logs, const FollowedBlock& reached,
                      std::uint64_t keep_from);
  /// Forgets everything above `number`.
  Result<void> roll_back(std::uint64_t number);
  /// Forgets every block hash: the next range starts at the first block.
  Result<void> forget_blocks();

  /// The logs of one contract with that second topic, in order.
  Result<std::vector<eth::Log>> about(const Address& contract, const Hash32& subject);
  Result<std::uint64_t> count();

 private:
  Store* store_;
};

}  // namespace imo::node
