/// Keeps keys for proofs honest: finalises and defends this node's, contests the false ones of
/// others.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/node/key_side.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/operator.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace imo::node {

/// Looks at keys of models that this node serves. It keeps nothing that chain and model files
/// cannot rebuild, and its moves are transactions with a key made of their calldata: each is sent
/// once.
class KeyAgent {
 public:
  struct Options {
    bool contest = false;  ///< look at the keys of others
    bool dry_run = true;   ///< say what is false, and put no money down
  };

  KeyAgent(ChainSide chain, const ModelShelf& models, Options options)
      : chain_(chain), models_(models), options_(options) {}

  /// Makes every move that is due. One registration or challenge that cannot go on is tried again
  /// later and keeps no other from going on.
  Result<void> step(const FollowProgress& now);

 private:
  /// True when there is nothing left to do about a number.
  using Advance = std::function<Result<bool>(std::uint64_t id)>;
  struct Jobs {
    explicit Jobs(const char* name) : what(name) {}
    const char* what;
    std::uint64_t seen = 0;  ///< numbers up to this one have been looked at
    std::map<std::uint64_t, std::chrono::steady_clock::time_point> waiting;  ///< until when
    std::map<std::uint64_t, std::string> problems;  ///< what was logged last
  };

  void run(Jobs& jobs, std::uint64_t count, const Advance& advance);
  Result<bool> advance_registration(std::uint64_t id, std::uint64_t now);
  Result<bool> advance_challenge(std::uint64_t id, std::uint64_t now);
  Result<bool> contest(const ChainRegistration& registration, KeySide& side);
  Result<void> send(const std::string& purpose, const eth::Call<void>& call);
  Result<void> withdraw(const std::string& purpose);
  /// Null when this node does not serve the model.
  KeySide* side_of(const Hash32& model_root);

  ChainSide chain_;
  const ModelShelf& models_;
  Options options_;
  Jobs registrations_{"key"};
  Jobs challenges_{"challenge of a key"};
  std::set<std::uint64_t> checked_;  ///< registrations that were found true, or contested
  std::unique_ptr<ThreadPool> pool_;
  std::map<Hash32, KeySide> sides_;
};

}  // namespace imo::node
