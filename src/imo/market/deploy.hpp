/// Putting the contracts of imo on a chain, once for everybody.
#pragma once

#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/eth/wallet.hpp"
#include "imo/market/deployment.hpp"

#include <cstdint>

namespace imo::market {

/// Constants that the contracts carry for ever.
struct DeployOptions {
  /// Seconds in which an answer can be disputed before it is final.
  std::uint64_t window = 3'600;
  /// Seconds between an operator's wish to leave and its money; longer than the window.
  std::uint64_t exit_delay = 7 * 86'400ULL;
  /// Least deposit of an operator, and least bond of an answer, in wei.
  U256 minimum_deposit{100'000'000'000'000'000ULL};
  U256 minimum_bond{10'000'000'000'000'000ULL};
  /// Seconds that each side of a dispute has for all its moves, and what a side gets once more when
  /// it has less left.
  std::uint64_t dispute_clock = 3'600;
  std::uint64_t dispute_extension = 600;
  /// What a challenger puts down, and what a disputed receipt takes of the operator's deposit, in
  /// wei.
  U256 challenger_bond{10'000'000'000'000'000ULL};
  U256 receipt_stake{50'000'000'000'000'000ULL};
  /// Seconds in which the registration of a key for proofs can be contested, and that a move in a
  /// challenge may take.
  std::uint64_t key_window = 3 * 86'400ULL;
  std::uint64_t key_move_time = 6 * 3'600ULL;
  /// What whoever registers a key and whoever challenges it puts down, in wei.
  U256 key_bond{100'000'000'000'000'000ULL};
  U256 key_challenge_bond{50'000'000'000'000'000ULL};
  /// Royalty of content on every later sale, in 1/10,000.
  std::uint16_t royalty_bps = 500;
};

struct Deployed {
  Deployment deployment;
  std::uint64_t gas_used = 0;
  unsigned contracts = 0;
};

/// Creates all contracts from `wallet`, which has no rights over them afterwards. Nothing is
/// usable before all are there: on failure simply deploy again.
Result<Deployed> deploy(eth::Wallet& wallet, const DeployOptions& options = {});

}  // namespace imo::market
