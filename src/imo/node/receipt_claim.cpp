#include "imo/node/receipt_claim.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/packed_tokens.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace models = market::abi::model_registry;
namespace operators = market::abi::operator_registry;
using Json = nlohmann::json;
using Tokens = std::vector<std::uint32_t>;

/// Reads members of a JSON object; the first that is missing or wrong is the error.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  template <typename Parse>
  auto read(const char* name, Parse parse) const -> decltype(parse(std::string())) {
    const auto found = object_.find(name);
    if (found == object_.end() || (!found->is_string() && !found->is_number_unsigned())) {
      return invalid(fmt::format("the receipt has no '{}'", name));
    }
    auto value = parse(found->is_string() ? found->get<std::string>() : found->dump());
    if (!value) return tl::unexpected(value.error().within(fmt::format("receipt.{}", name)));
    return value;
  }

 private:
  const Json& object_;
};

template <typename T>
Result<T> parse_unsigned(const std::string& text) {
  IMO_TRY(const U256 number, U256::parse(text));
  const auto small = number.to_u64();
  if (!small || *small > std::numeric_limits<T>::max()) {
    return invalid(fmt::format("{} does not fit {} bits", text, 8 * sizeof(T)));
  }
  return static_cast<T>(*small);
}

Result<Receipt> read_receipt(const Json& json) {
  const Members members(json);
  const auto hash = [](const std::string& text) { return fixed_from_hex<32>(text); };
  const auto address = [](const std::string& text) { return eth::parse_address(text); };
  const auto number = [](const std::string& text) { return U256::parse(text); };
  Receipt receipt;
  IMO_TRY(receipt.model_id, members.read("modelId", number));
  IMO_TRY(receipt.model_root, members.read("modelRoot", hash));
  IMO_TRY(receipt.prompt_hash, members.read("promptHash", hash));
  IMO_TRY(receipt.output_hash, members.read("outputHash", hash));
  IMO_TRY(receipt.text_hash, members.read("textHash", hash));
  IMO_TRY(receipt.max_tokens, members.read("maxTokens", parse_unsigned<std::uint32_t>));
  IMO_TRY(receipt.sampling, members.read("sampling", hash));
  IMO_TRY(receipt.operator_address, members.read("operator", address));
  IMO_TRY(receipt.payer, members.read("payer", address));
  IMO_TRY(receipt.asset, members.read("asset", address));
  IMO_TRY(receipt.payment, members.read("payment", number));
  IMO_TRY(receipt.issued_at, members.read("issuedAt", parse_unsigned<std::uint64_t>));
  IMO_TRY(receipt.nonce, members.read("nonce", hash));
  return receipt;
}

Result<Tokens> read_tokens(const Json& object, const char* name) {
  Tokens tokens;
  const auto found = object.find(name);
  const auto wrong = [&] {
    return invalid(fmt::format("the reply has no list of token ids '{}'", name));
  };
  if (found == object.end() || !found->is_array()) return wrong();
  for (const auto& token : *found) {
    if (!token.is_number_unsigned() || token.get<std::uint64_t>() > 0xFFFFFFFFULL) return wrong();
    tokens.push_back(token.get<std::uint32_t>());
  }
  return tokens;
}

/// The contracts' struct, which each binding has under a type of its own.
template <typename Words>
Words words_of(const Receipt& receipt) {
  return {receipt.model_id,  receipt.model_root, receipt.prompt_hash, receipt.output_hash,
          receipt.text_hash, receipt.max_tokens, receipt.sampling,    receipt.operator_address,
          receipt.payer,     receipt.asset,      receipt.payment,     receipt.issued_at,
          receipt.nonce};
}

Result<RegisteredLimits> limits_of(eth::Client& client, const market::Deployment& deployment,
                                   const U256& model_id) {
  RegisteredLimits limits;
  const auto root = client.call(deployment.model_registry, models::root_of(model_id));
  if (!root) {
    if (root.error().kind != ErrorKind::kRejected) return tl::unexpected(root.error());
    return invalid(
        fmt::format("nobody registered model {}, so there is nothing to hold its "
                    "receipt against",
                    model_id.to_dec()));
  }
  limits.root = *root;
  IMO_TRY(const auto numbers, client.call(deployment.model_registry, models::limits_of(model_id)));
  limits.context_length = numbers.context_length;
  limits.vocabulary_size = numbers.vocabulary_size;
  limits.end_token = numbers.end_token;
  return limits;
}

Result<std::string> void_because(eth::Client& client, const market::Deployment& deployment,
                                 const ReceiptClaim& claim) {
  const auto words = words_of<operators::Receipt>(claim.receipt);
  const auto signer = client.call(deployment.operator_registry,
                                  operators::recover_operator(words, claim.signature));
  if (!signer) {
    if (signer.error().kind != ErrorKind::kRejected) return tl::unexpected(signer.error());
    return "the signature is not the operator's: " + signer.error().message;
  }
  if (market::hash_tokens(claim.prompt) != claim.receipt.prompt_hash) {
    return "the receipt is about another prompt";
  }
  if (market::hash_tokens(claim.output) != claim.receipt.output_hash) {
    return "the receipt is about another answer";
  }
  return std::string();
}

bool has_token_from(const Tokens& tokens, std::uint32_t vocabulary_size) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](std::uint32_t token) { return token >= vocabulary_size; });
}

}  // namespace

Result<ReceiptClaim> parse_receipt_reply(std::string_view text) {
  const Json reply = Json::parse(text, nullptr, false);
  const auto ours = reply.is_object() ? reply.find("imo") : reply.end();
  if (ours == reply.end() || !ours->is_object()) {
    return invalid("this is no reply of an imo node: it has no member 'imo' with a receipt");
  }
  const auto receipt = ours->find("receipt");
  if (receipt == ours->end() || !receipt->is_object()) {
    return invalid("the reply has no receipt: its operator did not sign it");
  }
  ReceiptClaim claim;
  IMO_TRY(claim.receipt, read_receipt(*receipt));
  IMO_TRY(claim.signature, Members(*receipt).read(
                               "signature", [](const std::string& hex) { return from_hex(hex); }));
  IMO_TRY(claim.prompt, read_tokens(*ours, "prompt_tokens"));
  IMO_TRY(claim.output, read_tokens(*ours, "output_tokens"));
  return claim;
}

std::string fault_on_its_face(const ReceiptClaim& claim, const RegisteredLimits& limits) {
  const Receipt& receipt = claim.receipt;
  const std::size_t prompt = claim.prompt.size();
  const std::size_t output = claim.output.size();
  if (receipt.model_root != limits.root) return "it names a model and the root of another";
  if (!receipt.sampling.is_zero()) return "it names a sampling that there is not";
  if (prompt == 0) return "it has no prompt";
  if (output == 0) return "it has no answer";
  if (output > receipt.max_tokens) {
    return fmt::format("its answer has {} tokens and {} were the limit", output,
                       receipt.max_tokens);
  }
  if (prompt + output > limits.context_length) {
    return fmt::format("prompt and answer have {} tokens, the model's context {}", prompt + output,
                       limits.context_length);
  }
  if (has_token_from(claim.prompt, limits.vocabulary_size) ||
      has_token_from(claim.output, limits.vocabulary_size)) {
    return "it has tokens that the model does not have";
  }
  const auto end = std::find(claim.output.begin(), claim.output.end(), limits.end_token);
  if (end == claim.output.end()) {
    return output == receipt.max_tokens ? "" : "its answer ends before its limit, without an end";
  }
  return end + 1 == claim.output.end() ? "" : "its answer goes on behind its end";
}

Result<ReceiptStanding> standing_of(eth::Client& client, const market::Deployment& deployment,
                                    const ReceiptClaim& claim) {
  ReceiptStanding standing;
  standing.digest =
      receipt_digest(claim.receipt, deployment.chain_id, deployment.operator_registry);
  IMO_TRY(standing.is_void, void_because(client, deployment, claim));
  if (!standing.is_void.empty()) return standing;
  IMO_TRY(standing.is_struck_down,
          client.call(deployment.dispute_game, game::is_receipt_struck_down(standing.digest)));
  IMO_TRY(const auto limits, limits_of(client, deployment, claim.receipt.model_id));
  standing.on_its_face = fault_on_its_face(claim, limits);
  return standing;
}

eth::Call<U256> open_receipt_call(const ReceiptClaim& claim, std::uint64_t output_position) {
  return game::open_receipt(words_of<game::Receipt>(claim.receipt), claim.signature,
                            market::pack_tokens(claim.prompt), market::pack_tokens(claim.output),
                            U256(output_position));
}

eth::Call<void> strike_receipt_call(const ReceiptClaim& claim) {
  return game::strike_receipt(words_of<game::Receipt>(claim.receipt), claim.signature,
                              market::pack_tokens(claim.prompt), market::pack_tokens(claim.output));
}

}  // namespace imo::node
