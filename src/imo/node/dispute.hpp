/// Disputes as they stand on the chain, and the moves that are made there.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/deployment.hpp"
#include "imo/node/request_index.hpp"
#include "imo/opml/game.hpp"

#include <cstdint>

namespace imo::node {

/// A dispute with all that its events say: what a player needs besides model and trace.
struct ChainDispute {
  std::uint64_t id = 0;
  bool is_struck_down = false;
  opml::GameView view;
};

/// IDisputeGame.disputeOf: what the chain keeps, which says neither whom nor what it is about.
Result<opml::Dispute> dispute_state(eth::Client& client, const market::Deployment& deployment,
                                    std::uint64_t id);

/// State and events. Fails on a number that no dispute has, and with kRejected when the chain
/// moved on between the reads: then read again.
Result<ChainDispute> read_dispute(eth::Client& client, const market::Deployment& deployment,
                                  std::uint64_t id);

/// Whether `challenger` has ever opened a dispute about this claim: ChainDispute::claim_hash.
Result<bool> has_disputed(eth::Client& client, const market::Deployment& deployment,
                          const Hash32& claim_hash, const Address& challenger);

/// A move as the contract takes it.
eth::Call<void> call_of(std::uint64_t dispute_id, const opml::Move& move);

/// DisputeGame.open against the live answer of `request`; the value to send is challengerBond.
eth::Call<U256> open_call(const ChainRequest& request, const Hash32& model_root,
                          std::uint64_t output_position);

}  // namespace imo::node
