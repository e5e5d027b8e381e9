/// Receipts as their holders have them: read from a reply of the HTTP door, held against the chain,
/// disputed there.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/eth/call.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/deployment.hpp"
#include "imo/node/receipt.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::node {

/// A reply of the HTTP door that is larger is none.
inline constexpr std::size_t kMaxReplyBytes = 16U << 20;

/// A receipt, its signature, and the tokens that it is about.
struct ReceiptClaim {
  Receipt receipt;
  Bytes signature;
  std::vector<std::uint32_t> prompt;
  std::vector<std::uint32_t> output;
};

/// Reads the JSON of a reply, the receipt in its member `imo`. Says which member is missing or
/// wrong; whether the receipt holds is another question.
Result<ReceiptClaim> parse_receipt_reply(std::string_view json);

/// ModelRegistry.limitsOf, and the root.
struct RegisteredLimits {
  Hash32 root;
  std::uint32_t context_length = 0;
  std::uint32_t vocabulary_size = 0;
  std::uint32_t end_token = 0;
};

/// Why DisputeGame.strikeReceipt strikes a receipt down without a game; empty when it does not.
/// Check for check what the contract does.
std::string fault_on_its_face(const ReceiptClaim& claim, const RegisteredLimits& limits);

/// What the chain makes of a receipt.
struct ReceiptStanding {
  Hash32 digest;
  /// Why it binds nobody: it is signed by somebody else, or about other tokens. Empty: it does.
  std::string is_void;
  std::string on_its_face;  ///< see fault_on_its_face
  bool is_struck_down = false;
};

/// Fails when the chain does, and for a model that nobody registered, which has nothing to hold the
/// receipt against.
Result<ReceiptStanding> standing_of(eth::Client& client, const market::Deployment& deployment,
                                    const ReceiptClaim& claim);

/// DisputeGame.openReceipt; the value to send is challengerBond.
eth::Call<U256> open_receipt_call(const ReceiptClaim& claim, std::uint64_t output_position);

/// DisputeGame.strikeReceipt.
eth::Call<void> strike_receipt_call(const ReceiptClaim& claim);

}  // namespace imo::node
