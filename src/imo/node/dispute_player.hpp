/// Plays the disputes that this node is a side of: defends its answers, pursues its challenges.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/operator.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace imo::node {

/// Keeps nothing that chain and model files cannot rebuild: after a restart every dispute is found
/// again by its number and goes on where it stands. A move is a transaction with a key made of its
/// calldata, so it is sent once however often it is decided. Runs on the chain thread, which a
/// trace of a large model holds up for as long as one pass over prompt and answer takes.
class DisputePlayer {
 public:
  DisputePlayer(ChainSide chain, const ModelShelf& models) : chain_(chain), models_(models) {}

  /// Makes every move that is due. One dispute that cannot go on is tried again later and keeps
  /// no other from going on.
  Result<void> step(const FollowProgress& now);

  /// Live disputes that this node is a side of.
  [[nodiscard]] std::size_t live() const { return jobs_.size(); }

 private:
  /// What is worth keeping between two moves.
  struct Job {
    std::shared_ptr<const ServedModel> model;
    std::unique_ptr<opml::Trace> trace;
    std::chrono::steady_clock::time_point not_before;
    std::string problem;  ///< what was logged last
  };

  Result<void> find_new();
  Result<bool> advance(std::uint64_t id, Job& job, std::uint64_t now);
  Result<void> make_ready(Job& job, const ChainDispute& dispute);
  Result<void> send(std::uint64_t id, const opml::Move& move);
  Result<void> withdraw(std::uint64_t id);
  const opml::ModelProver& prover_of(const ServedModel& model);

  ChainSide chain_;
  const ModelShelf& models_;
  std::unique_ptr<ThreadPool> pool_;  ///< made with the first trace
  std::map<std::uint64_t, Job> jobs_;
  std::uint64_t seen_ = 0;  ///< disputes up to this number have been looked at
  std::map<Hash32, opml::ModelProver> provers_;
};

}  // namespace imo::node
