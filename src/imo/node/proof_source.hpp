/// Which of a node's own answers a proof is of.
#pragma once

#include "imo/base/result.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/deployment.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/receipt.hpp"
#include "imo/node/request_index.hpp"
#include "imo/zkml/model_proof.hpp"

#include <cstdint>
#include <memory>

namespace imo::node {

struct ProofSource {
  std::shared_ptr<const ServedModel> model;
  zkml::Statement statement;
  std::uint64_t request = 0;  ///< on the chain; 0: a receipt
  Hash32 claim_hash;          ///< of the request's answer

  /// An answer that this node signed a receipt for; the proof's context is the receipt's digest.
  /// Fails with kNotFound for a receipt that is not this node's.
  static Result<ProofSource> of_receipt(ReceiptIssuer& receipts, RequestIndex& index,
                                        const ModelShelf& models, const Hash32& digest);

  /// The live or final answer of a token request, when it is `self`'s; the context is the oracle's.
  /// Reads the chain. Fails with kNotFound for what is not there or is another's.
  static Result<ProofSource> of_request(eth::Client& client, const market::Deployment& deployment,
                                        RequestIndex& index, const ModelShelf& models,
                                        const Address& self, std::uint64_t id);
};

}  // namespace imo::node
