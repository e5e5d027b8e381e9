#include "imo/node/proof_source.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

Result<ProofSource> of_answer(RequestIndex& index, const ModelShelf& models, const U256& model_id,
                              BytesView prompt, BytesView output) {
  ProofSource source;
  IMO_TRY(const auto registered, index.model(model_id));
  if (registered) source.model = models.find_root(registered->root);
  if (!source.model) return fail(ErrorKind::kNotFound, "this node does not serve that model");
  IMO_TRY(source.statement.answer.prompt, market::unpack_tokens(prompt));
  IMO_TRY(source.statement.answer.output, market::unpack_tokens(output));
  return source;
}

}  // namespace

Result<ProofSource> ProofSource::of_receipt(ReceiptIssuer& receipts, RequestIndex& index,
                                            const ModelShelf& models, const Hash32& digest) {
  IMO_TRY(const auto facts, receipts.find(digest));
  if (!facts) {
    return fail(ErrorKind::kNotFound,
                fmt::format("this node signed no receipt with the digest {}", to_hex(digest)));
  }
  IMO_TRY(ProofSource source,
          of_answer(index, models, facts->model_id, facts->prompt, facts->output));
  source.statement.context = digest;
  return source;
}

Result<ProofSource> ProofSource::of_request(eth::Client& client,
                                            const market::Deployment& deployment,
                                            RequestIndex& index, const ModelShelf& models,
                                            const Address& self, std::uint64_t id) {
  IMO_TRY(const auto request, index.find(id));
  if (!request) return fail(ErrorKind::kNotFound, fmt::format("there is no request {}", id));
  if (request->status != RequestStatus::kAnswered && request->status != RequestStatus::kFinal) {
    return fail(ErrorKind::kNotFound, fmt::format("request {} has no answer", id));
  }
  if (request->operator_address != self) {
    return fail(ErrorKind::kNotFound,
                fmt::format("the answer to request {} is another operator's, {}; ask there", id,
                            eth::to_checksum(request->operator_address)));
  }
  if (request->is_text) {
    return invalid(
        fmt::format("request {} was asked in text, and no proof says which tokens a text is", id));
  }
  IMO_TRY(ProofSource source,
          of_answer(index, models, request->model_id, request->input, request->output));
  IMO_TRY(source.statement.context,
          client.call(deployment.oracle, market::abi::oracle::proof_context_of(U256(id))));
  source.request = id;
  source.claim_hash = request->claim_hash;
  return source;
}

}  // namespace imo::node
