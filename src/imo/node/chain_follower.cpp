#include "imo/node/chain_follower.hpp"

#include "imo/base/log.hpp"

#include <algorithm>

namespace imo::node {

ChainFollower::ChainFollower(eth::Client& client, Store& store, LogSink& sink,
                             FollowOptions options)
    : client_(&client),
      store_(&store),
      logs_(store),
      sink_(&sink),
      options_(std::move(options)),
      range_(options_.first_range) {}

Result<FollowProgress> ChainFollower::catch_up() {
  while (true) {
    IMO_TRY(const auto progress, step());
    if (progress.caught_up) return progress;
  }
}

Result<FollowProgress> ChainFollower::step() {
  FollowProgress progress;
  IMO_TRY(const auto head, client_->block());
  progress.head = head.number;
  progress.time = chain_time(head);
  IMO_TRY(const auto last, logs_.last());
  if (last) {
    IMO_TRY(const bool there, still_there(*last));
    if (!there) {
      IMO_TRY(progress.followed, roll_back(*last));
      progress.rolled_back_to = progress.followed;
      return progress;
    }
  }
  const auto next = last ? last->number + 1 : options_.first_block;
  progress.followed = last ? last->number : options_.first_block;
  const auto target =
      head.number < options_.confirmations ? 0 : head.number - options_.confirmations;
  if (head.number < options_.confirmations || next > target) {
    progress.caught_up = true;
    return progress;
  }
  const auto to = std::min(target, next + range_ - 1);
  if (auto fetched = fetch(next, to, head.number); !fetched) {
    range_ = std::max<std::uint64_t>(1, range_ / 2);
    return tl::unexpected(std::move(fetched).error());
  }
  range_ = std::min(options_.longest_range, range_ * 2);
  progress.followed = to;
  progress.caught_up = to == target;
  return progress;
}

std::uint64_t ChainFollower::chain_time(const eth::Block& head) {
  const auto now = std::chrono::steady_clock::now();
  if (head.hash != head_hash_) {
    head_hash_ = head.hash;
    head_seen_ = now;
  }
  const auto quiet = std::chrono::duration_cast<std::chrono::seconds>(now - head_seen_);
  return head.timestamp + static_cast<std::uint64_t>(quiet.count());
}

Result<bool> ChainFollower::still_there(const FollowedBlock& block) {
  const auto now = client_->block(eth::BlockTag(block.number));
  if (now) return now->hash == block.hash;
  // A chain that became shorter has no such block.
  if (now.error().kind == ErrorKind::kNotFound) return false;
  return tl::unexpected(now.error());
}

Result<std::uint64_t> ChainFollower::roll_back(const FollowedBlock& last) {
  constexpr std::size_t kBatch = 64;
  auto above = last.number;
  std::optional<FollowedBlock> common;
  while (!common) {
    IMO_TRY(const auto candidates, logs_.below(above, kBatch));
    if (candidates.empty()) break;
    for (const auto& candidate : candidates) {
      IMO_TRY(const bool there, still_there(candidate));
      if (there) {
        common = candidate;
        break;
      }
    }
    above = candidates.back().number;
  }
  // Without a common block everything is read again from the first one.
  const auto keep = common ? common->number : 0;
  log::warning("the chain was reorganised: block {} is another one now; going back to {}",
               last.number, keep);
  const auto undone = store_->write("roll back", [&](SQLite::Database&) -> Result<void> {
    IMO_TRY_VOID(logs_.roll_back(keep));
    if (!common) IMO_TRY_VOID(logs_.forget_blocks());
    return sink_->roll_back(keep);
  });
  return undone.map([&] { return keep; });
}

Result<void> ChainFollower::fetch(std::uint64_t from, std::uint64_t to, std::uint64_t head) {
  IMO_TRY(const auto before, client_->block(eth::BlockTag(to)));
  IMO_TRY(const auto logs, client_->logs({from, to, options_.contracts, {options_.events}}));
  IMO_TRY(const auto after, client_->block(eth::BlockTag(to)));
  if (before.hash != after.hash) {
    return fail(ErrorKind::kNetwork,
                fmt::format("block {} changed while its logs were read; trying again", to));
  }
  for (const auto& log : logs) {
    if (log.block_number < from || log.block_number > to || log.removed) {
      return fail(ErrorKind::kNetwork,
                  fmt::format("the peer gave a log of block {} for blocks {} to {}",
                              log.block_number, from, to));
    }
  }
  const auto keep_from = head > options_.reorg_depth ? head - options_.reorg_depth : 0;
  return store_->write("follow", [&](SQLite::Database&) -> Result<void> {
    IMO_TRY_VOID(logs_.append(logs, {to, after.hash}, keep_from));
    return sink_->apply(logs);
  });
}

}  // namespace imo::node
