#include "imo/node/dispute.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/Oracle.hpp"
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
  dispute.standing = on_chain.standing;
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
    dispute.view.model_root = opened.model_root;
    dispute.view.sides = {opened.challenger, opened.operator_, opened.payer,
                          opened.request_id.to_u64().value_or(0), opened.claim_hash};
  } else if (topic == game::events::Committed::kTopic0) {
    IMO_TRY(auto committed, game::events::Committed::decode(log));
    dispute.view.trace_root = committed.trace_root;
    dispute.view.rounds.push_back(std::move(committed.children));
  } else if (topic == game::events::Revealed::kTopic0) {
    IMO_TRY(auto revealed, game::events::Revealed::decode(log));
    dispute.view.rounds.push_back(std::move(revealed.children));
  } else if (topic == game::events::LeavesOpened::kTopic0) {
    IMO_TRY(auto opened, game::events::LeavesOpened::decode(log));
    dispute.view.leaves = std::move(opened.leaves);
  } else if (topic == game::events::SumsGiven::kTopic0) {
    IMO_TRY(auto given, game::events::SumsGiven::decode(log));
    dispute.view.sums = std::move(given.sums);
  }
  return {};
}

/// Whether the events say what the chain has the hash of.
bool is_whole(const opml::GameView& view) {
  const bool has_round = view.dispute.height == 0 || !view.rounds.empty();
  return has_round && view.tokens.output_position < view.tokens.output.size() &&
         view.standing().hash() == view.dispute.standing;
}

game::Sides words_of(const opml::Sides& sides) {
  game::Sides words;
  words.challenger = sides.challenger;
  words.operator_ = sides.operator_address;
  words.payer = sides.payer;
  words.request_id = U256(sides.request_id);
  words.claim_hash = sides.claim_hash;
  return words;
}

game::Standing words_of(const opml::Standing& standing) {
  game::Standing words;
  words.sides = words_of(standing.sides);
  words.statement = standing.statement;
  words.node = standing.node;
  return words;
}

game::Subject words_of(const opml::Subject& subject) {
  game::Subject words;
  words.sides = words_of(subject.sides);
  words.claim = claim_of(subject.claim);
  words.model = opening_words<game::ModelOpening>(subject.model);
  return words;
}

game::Spot words_of(const opml::Spot& spot) {
  game::Spot words;
  words.leaf = U256(spot.leaf);
  words.element = U256(spot.element);
  return words;
}

game::SumQuestion words_of(const opml::SumQuestion& question) {
  game::SumQuestion words;
  words.number = U256(question.number);
  words.sums = question.sums;
  words.leaf = question.leaf;
  return words;
}

struct ToCall {
  U256 id;

  eth::Call<void> operator()(const opml::Commit& move) const {
    return game::commit(id, words_of(move.subject), U256(move.token), move.left_siblings,
                        move.children);
  }
  eth::Call<void> operator()(const opml::Pick& move) const {
    return game::pick(id, move.rest, move.node, U256(move.index));
  }
  eth::Call<void> operator()(const opml::Reveal& move) const {
    return game::reveal(id, move.about, move.children, move.siblings);
  }
  eth::Call<void> operator()(const opml::OpenLeaves& move) const {
    return game::open_leaves(id, move.about, move.leaves, move.siblings);
  }
  eth::Call<void> operator()(const opml::ComputeStep& move) const {
    return game::step(id, words_of(move.subject), words_of(move.spot), move.leaf, move.siblings,
                      move.witness);
  }
  eth::Call<void> operator()(const opml::AskSums& move) const {
    return game::ask_sums(id, move.rest, move.node, words_of(move.spot), move.leaf_hash,
                          move.siblings);
  }
  eth::Call<void> operator()(const opml::GiveSums& move) const {
    return game::give_sums(id, words_of(move.standing), move.sums);
  }
  eth::Call<void> operator()(const opml::ComputeSum& move) const {
    return game::step_sum(id, words_of(move.subject), move.leaf_hash, words_of(move.question),
                          move.witness);
  }
  eth::Call<void> operator()(const opml::Timeout& move) const {
    return game::timeout(id, words_of(move.standing));
  }
  eth::Call<void> operator()(const opml::Settle& move) const {
    return game::settle(id, words_of(move.standing));
  }
};

/// The tokens of an answer, which the oracle's events have said.
Result<void> read_tokens(eth::Client& client, const market::Deployment& deployment,
                         std::uint64_t head, opml::GameView& view) {
  namespace oracle = market::abi::oracle::events;
  IMO_TRY(const auto logs, client.logs({deployment.deploy_block,
                                        head,
                                        {deployment.oracle},
                                        {{oracle::Asked::kTopic0, oracle::Answered::kTopic0},
                                         {U256(view.sides.request_id).to_be()}}}));
  Bytes prompt;
  Bytes output;
  for (const eth::Log& log : logs) {
    if (log.topics.front() == oracle::Asked::kTopic0) {
      IMO_TRY(auto asked, oracle::Asked::decode(log));
      if (!asked.is_text) prompt = std::move(asked.input);
      continue;
    }
    IMO_TRY(auto answered, oracle::Answered::decode(log));
    if (answered.claim_hash != view.sides.claim_hash) continue;
    if (prompt.empty()) prompt = std::move(answered.prompt_tokens);
    output = std::move(answered.output_tokens);
  }
  IMO_TRY(view.tokens.prompt, market::unpack_tokens(prompt));
  IMO_TRY(view.tokens.output, market::unpack_tokens(output));
  return {};
}

Result<bool> is_struck_down(eth::Client& client, const market::Deployment& deployment,
                            const opml::Sides& sides) {
  if (sides.request_id == 0) {
    return client.call(deployment.dispute_game, game::is_receipt_struck_down(sides.claim_hash));
  }
  return client.call(deployment.oracle, market::abi::oracle::is_struck_down(sides.claim_hash));
}

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
  if (dispute.view.sides.request_id != 0) {
    IMO_TRY_VOID(read_tokens(client, deployment, head, dispute.view));
  }
  IMO_TRY(dispute.is_struck_down, is_struck_down(client, deployment, dispute.view.sides));
  if (opml::is_live(dispute.view.dispute.phase) && !is_whole(dispute.view)) {
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
