#include "imo/cli/content.hpp"

#include "imo/base/hex.hpp"
#include "imo/cli/ask.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/ContentToken.hpp"
#include "imo/market/packed_tokens.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {
namespace content = market::abi::content_token;
}

Result<Report> content_mint(Session& session, const U256& request_id, const Address& to) {
  const Address& address = session.deployment().content_token;
  IMO_TRY(const RequestRecord record, read_request(session, request_id));
  if (record.output_tokens.empty()) {
    return fail(ErrorKind::kNotFound,
                fmt::format("request {} has no answer to mint yet; `imo request {}` tells when",
                            request_id.to_dec(), request_id.to_dec()));
  }
  IMO_TRY(const eth::Wallet* wallet, session.wallet());
  const Address owner = to.is_zero() ? wallet->address() : to;
  IMO_TRY(
      const Bytes prompt,
      session.client().call(
          address, content::encode_prompt(request_id, market::pack_tokens(record.prompt_tokens))));
  const Bytes text(record.text.begin(), record.text.end());
  IMO_TRY(const eth::TxReceipt receipt,
          session.transact(address, content::mint(owner, prompt, text)));
  IMO_TRY(const auto minted, eth::find_event<content::events::Content>(receipt, address));
  Report report;
  const std::string token_id = to_hex(minted.token_id.to_be());
  report.data = {{"token_id", token_id},
                 {"collection", eth::to_checksum(address)},
                 {"owner", eth::to_checksum(owner)},
                 {"request_id", request_id.to_dec()},
                 {"text", record.text}};
  report.line(
      fmt::format("minted the answer to request {} as token {}", request_id.to_dec(), token_id));
  report.next.push_back("imo content show " + token_id);
  return report;
}

Result<Report> content_show(Session& session, const U256& token_id) {
  const Address& address = session.deployment().content_token;
  eth::Client& client = session.client();
  IMO_TRY(const Address owner, client.call(address, content::owner_of(token_id)));
  IMO_TRY(const Bytes text, client.call(address, content::content_of(token_id)));
  IMO_TRY(const Bytes prompt, client.call(address, content::prompt_of(token_id)));
  IMO_TRY(const U256 request_id, client.call(address, content::request_of(token_id)));
  IMO_TRY(const bool final_answer, client.call(address, content::verify(prompt, text, Bytes{})));
  Report report;
  report.data = {{"token_id", to_hex(token_id.to_be())},
                 {"owner", eth::to_checksum(owner)},
                 {"request_id", request_id.to_dec()},
                 {"verified", final_answer},
                 {"text", std::string(as_text(text))}};
  report.field("owner", eth::to_checksum(owner))
      .field("request", request_id.to_dec())
      .field("verified", final_answer ? "yes: the answer is final" : "not yet: still disputable")
      .field("text", std::string(as_text(text)));
  return report;
}

}  // namespace imo::cli
