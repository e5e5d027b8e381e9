#include "imo/cli/receipt.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/model.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/engine/verify.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/packed_tokens.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace registry = market::abi::operator_registry;

constexpr std::size_t kMaxReply = 16 << 20;

/// Reads members of a JSON object; the first that is missing or wrong is the error.
class Members {
 public:
  explicit Members(const nlohmann::json& object) : object_(&object) {}

  template <typename Parse>
  auto read(const char* name, Parse parse) const -> decltype(parse(std::string())) {
    const auto found = object_->find(name);
    if (found == object_->end() || (!found->is_string() && !found->is_number_unsigned())) {
      return invalid(fmt::format("the receipt has no '{}'", name));
    }
    auto value = parse(found->is_string() ? found->get<std::string>() : found->dump());
    if (!value) return tl::unexpected(value.error().within(fmt::format("receipt.{}", name)));
    return value;
  }

 private:
  const nlohmann::json* object_;
};

Result<std::uint64_t> parse_u64(const std::string& text) {
  IMO_TRY(const U256 number, U256::parse(text));
  const auto small = number.to_u64();
  if (!small) return invalid(text + " does not fit 64 bits");
  return *small;
}

Result<registry::Receipt> read_receipt(const nlohmann::json& json) {
  const Members members(json);
  const auto hash = [](const std::string& text) { return fixed_from_hex<32>(text); };
  const auto address = [](const std::string& text) { return eth::parse_address(text); };
  const auto number = [](const std::string& text) { return U256::parse(text); };
  registry::Receipt receipt;
  IMO_TRY(receipt.model_id, members.read("modelId", number));
  IMO_TRY(receipt.model_root, members.read("modelRoot", hash));
  IMO_TRY(receipt.prompt_hash, members.read("promptHash", hash));
  IMO_TRY(receipt.output_hash, members.read("outputHash", hash));
  IMO_TRY(receipt.text_hash, members.read("textHash", hash));
  IMO_TRY(const std::uint64_t max_tokens, members.read("maxTokens", parse_u64));
  receipt.max_tokens = static_cast<std::uint32_t>(max_tokens);
  IMO_TRY(receipt.sampling, members.read("sampling", hash));
  IMO_TRY(receipt.operator_, members.read("operator", address));
  IMO_TRY(receipt.payer, members.read("payer", address));
  IMO_TRY(receipt.asset, members.read("asset", address));
  IMO_TRY(receipt.payment, members.read("payment", number));
  IMO_TRY(receipt.issued_at, members.read("issuedAt", parse_u64));
  IMO_TRY(receipt.nonce, members.read("nonce", hash));
  return receipt;
}

Result<std::vector<std::uint32_t>> read_tokens(const nlohmann::json& object, const char* name) {
  std::vector<std::uint32_t> tokens;
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

/// What is wrong with the receipt itself, or nothing.
Result<std::string> receipt_fault(Session& session, const registry::Receipt& receipt,
                                  const nlohmann::json& json,
                                  const std::vector<std::uint32_t>& prompt,
                                  const std::vector<std::uint32_t>& output) {
  const Members members(json);
  IMO_TRY(const Bytes signature,
          members.read("signature", [](const std::string& text) { return from_hex(text); }));
  const auto signer = session.client().call(session.deployment().operator_registry,
                                            registry::recover_operator(receipt, signature));
  if (!signer) {
    if (signer.error().kind != ErrorKind::kRejected) return tl::unexpected(signer.error());
    return "the signature is not the operator's: " + signer.error().message;
  }
  if (*signer != receipt.operator_) return "another account than the operator signed it";
  if (market::hash_tokens(prompt) != receipt.prompt_hash) {
    return "the receipt is about another prompt";
  }
  if (market::hash_tokens(output) != receipt.output_hash) {
    return "the receipt is about another answer";
  }
  return std::string();
}

}  // namespace

Result<Report> verify_receipt(Session& session, const nlohmann::json& reply,
                              const std::filesystem::path& path) {
  const auto ours = reply.find("imo");
  if (ours == reply.end() || !ours->is_object() || !ours->contains("receipt")) {
    return invalid("this is no reply of an imo node: it has no member 'imo' with a receipt");
  }
  const auto& json = ours->at("receipt");
  IMO_TRY(const registry::Receipt receipt, read_receipt(json));
  IMO_TRY(const auto prompt, read_tokens(*ours, "prompt_tokens"));
  IMO_TRY(const auto output, read_tokens(*ours, "output_tokens"));
  IMO_TRY(std::string fault, receipt_fault(session, receipt, json, prompt, output));
  IMO_TRY(const engine::Model model, open_model(path));
  if (model.root() != receipt.model_root) {
    return invalid(fmt::format("{} has the root {}, the receipt is for {}: another model",
                               path.string(), to_hex(model.root()), to_hex(receipt.model_root)));
  }
  IMO_TRY(const engine::Verdict verdict, engine::verify(model, prompt, output, receipt.max_tokens));
  if (fault.empty() && !verdict.matches) fault = verdict.reason;
  Report report;
  report.data = {{"operator", eth::to_checksum(receipt.operator_)},
                 {"model_root", to_hex(receipt.model_root)},
                 {"matches", fault.empty()},
                 {"tokens", output.size()}};
  if (fault.empty()) {
    report.line(
        fmt::format("signed by {}, and what the model writes: {} tokens run again, all "
                    "equal",
                    eth::to_checksum(receipt.operator_), output.size()));
    return report;
  }
  report.data["reason"] = fault;
  report.line("the receipt does NOT hold: " + fault);
  report.exit_code = kVerificationFailed;
  return report;
}

Result<Report> verify_receipt_file(Session& session, const std::filesystem::path& file,
                                   const std::filesystem::path& model) {
  IMO_TRY(const std::string text, read_text_file(file, kMaxReply));
  const auto reply = nlohmann::json::parse(text, nullptr, false);
  if (!reply.is_object()) return invalid(file.string() + " is not a JSON object");
  auto report = verify_receipt(session, reply, model);
  if (!report) return tl::unexpected(report.error().within(file.string()));
  return report;
}

}  // namespace imo::cli
