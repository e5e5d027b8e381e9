#include "imo/node/dispute.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/key_words.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;

game::Claim claim_of(const opml::GameClaim& claim) {
  game::Claim words;
  words.model_root = claim.model_root;
  words.trace_root = claim.trace_root;
  words.prompt_hash = claim.prompt_hash;
  words.output_hash = claim.output_hash;
  words.prompt_count = U256(claim.prompt_count);
  words.output_count = U256(claim.output_count);
  words.output_position = U256(claim.output_position);
  return words;
}

opml::Dispute state_of(const game::Dispute& on_chain) {
  opml::Dispute dispute;
  dispute.phase = static_cast<opml::Phase>(on_chain.phase);
  dispute.challenger = on_chain.challenger;
  dispute.operator_address = on_chain.operator_;
  dispute.statement = on_chain.statement;
  dispute.node = on_chain.node;
  dispute.leaf_index = on_chain.leaf_index;
  dispute.element = on_chain.element;
  dispute.height = on_chain.height;
  dispute.depth = on_chain.depth;
  dispute.deadline = on_chain.deadline;
  dispute.other_time = on_chain.other_time;
  return dispute;
}

/// Rebuilds what the moves revealed, log by log.
Result<void> take(ChainDispute& dispute, const eth::Log& log) {
  const Hash32& topic = log.topics.front();
  if (topic == game::events::Opened::kTopic0) {
    IMO_TRY(const auto opened, game::events::Opened::decode(log));
    IMO_TRY(dispute.view.tokens.prompt, market::unpack_tokens(opened.prompt_tokens));
    IMO_TRY(dispute.view.tokens.output, market::unpack_tokens(opened.output_tokens));
    dispute.view.tokens.output_position =
        static_cast<std::uint32_t>(opened.position.to_u64().value_or(0));
    dispute.model_root = opened.model_root;
    dispute.claim_hash = opened.claim_hash;
    dispute.request_id = opened.request_id.to_u64().value_or(0);
  } else if (topic == game::events::Committed::kTopic0) {
    IMO_TRY(auto committed, game::events::Committed::decode(log));
    dispute.view.trace_root = committed.trace_root;
    dispute.view.rounds.push_back(std::move(committed.children));
  } else if (topic == game::events::Revealed::kTopic0) {
    IMO_TRY(auto revealed, game::events::Revealed::decode(log));
    dispute.view.rounds.push_back(std::move(revealed.children));
  } else if (topic == game::events::LeafOpened::kTopic0) {
    IMO_TRY(auto opened, game::events::LeafOpened::decode(log));
    dispute.view.leaf = std::move(opened.leaf);
  }
  return {};
}

/// How many rounds the phase and depth of a dispute have seen.
std::size_t rounds_of(const opml::Dispute& dispute) {
  if (dispute.height == 0) return 0;
  const std::size_t picked = (dispute.depth + opml::kRoundBits - 1) / opml::kRoundBits;
  return dispute.phase == opml::Phase::kPick ? picked + 1 : picked;
}

struct ToCall {
  U256 id;

  eth::Call<void> operator()(const opml::Commit& move) const {
    return game::commit(id, claim_of(move.claim), U256(move.token),
                        opening_words<game::ModelOpening>(move.model), move.left_siblings,
                        move.children);
  }
  eth::Call<void> operator()(const opml::Pick& move) const {
    return game::pick(id, move.node, U256(move.index));
  }
  eth::Call<void> operator()(const opml::Reveal& move) const {
    return game::reveal(id, move.children, move.siblings);
  }
  eth::Call<void> operator()(const opml::OpenLeaf& move) const {
    return game::open_leaf(id, claim_of(move.claim), opening_words<game::ModelOpening>(move.model),
                           move.leaf, move.siblings, move.operator_opening);
  }
  eth::Call<void> operator()(const opml::ShowPadding& move) const {
    return game::show_padding(id, claim_of(move.claim),
                              opening_words<game::ModelOpening>(move.model), move.siblings,
                              move.operator_opening);
  }
  eth::Call<void> operator()(const opml::Point& move) const {
    return game::point(id, move.leaf_hash, U256(move.element));
  }
  eth::Call<void> operator()(const opml::ComputeStep& move) const {
    return game::step(id, claim_of(move.claim), opening_words<game::ModelOpening>(move.model),
                      move.leaf, move.witness);
  }
  eth::Call<void> operator()(const opml::Timeout& /*move*/) const { return game::timeout(id); }
  eth::Call<void> operator()(const opml::Settle& /*move*/) const { return game::settle(id); }
};

}  // namespace

Result<opml::Dispute> dispute_state(eth::Client& client, const market::Deployment& deployment,
                                    std::uint64_t id) {
  IMO_TRY(const auto on_chain, client.call(deployment.dispute_game, game::dispute_of(U256(id))));
  return state_of(on_chain);
}

Result<ChainDispute> read_dispute(eth::Client& client, const market::Deployment& deployment,
                                  std::uint64_t id) {
  ChainDispute dispute;
  dispute.id = id;
  IMO_TRY(dispute.view.dispute, dispute_state(client, deployment, id));
  if (dispute.view.dispute.phase == opml::Phase::kNone) {
    IMO_TRY(const U256 count, client.call(deployment.dispute_game, game::dispute_count()));
    return invalid(fmt::format("there is no dispute {}; there are {} so far", id, count.to_dec()));
  }
  IMO_TRY(const std::uint64_t head, client.block_number());
  IMO_TRY(
      const auto logs,
      client.logs(
          {deployment.deploy_block, head, {deployment.dispute_game}, {{}, {U256(id).to_be()}}}));
  for (const eth::Log& log : logs) IMO_TRY_VOID(take(dispute, log));
  IMO_TRY(dispute.is_struck_down,
          client.call(deployment.dispute_game, game::is_struck_down(U256(id))));
  const bool is_whole = !dispute.view.tokens.output.empty() &&
                        dispute.view.rounds.size() == rounds_of(dispute.view.dispute);
  if (opml::is_live(dispute.view.dispute.phase) && !is_whole) {
    return fail(ErrorKind::kRejected,
                fmt::format("dispute {} moved on while it was read; read it again", id));
  }
  return dispute;
}

Result<bool> has_disputed(eth::Client& client, const market::Deployment& deployment,
                          const Hash32& claim_hash, const Address& challenger) {
  IMO_TRY(const std::uint64_t head, client.block_number());
  IMO_TRY(const auto logs, client.logs({deployment.deploy_block,
                                        head,
                                        {deployment.dispute_game},
                                        {{game::events::Opened::kTopic0}, {}, {claim_hash}}}));
  for (const eth::Log& log : logs) {
    IMO_TRY(const auto opened, game::events::Opened::decode(log));
    if (opened.challenger == challenger) return true;
  }
  return false;
}

eth::Call<void> call_of(std::uint64_t dispute_id, const opml::Move& move) {
  return std::visit(ToCall{U256(dispute_id)}, move);
}

eth::Call<U256> open_call(const ChainRequest& request, const Hash32& model_root,
                          std::uint64_t output_position) {
  const Bytes& prompt = request.is_text ? request.prompt : request.input;
  game::Claim_ claim;
  claim.request_id = U256(request.id);
  claim.model_id = request.model_id;
  claim.model_root = model_root;
  if (request.is_text) claim.input_hash = crypto::keccak256(request.input);
  claim.prompt_tokens_hash = crypto::keccak256(prompt);
  claim.output_tokens_hash = crypto::keccak256(request.output);
  claim.text_hash = crypto::keccak256(request.text);
  claim.max_tokens = request.max_tokens;
  claim.sampling = request.sampling;
  return game::open(claim, prompt, request.output, U256(output_position));
}

}  // namespace imo::node
