#include "imo/node/proof_poster.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/node/key_registry.hpp"
#include "imo/node/key_words.hpp"
#include "imo/zkml/proof_file.hpp"

namespace imo::node {
namespace {

namespace oracle = market::abi::oracle;

constexpr std::chrono::seconds kRetryAfter{30};

}  // namespace

bool ProofPoster::due(const Hash32& id) {
  const auto now = std::chrono::steady_clock::now();
  const auto [entry, fresh] = not_before_.try_emplace(id, now);
  if (entry->second > now) return false;
  entry->second = now + kRetryAfter;
  return true;
}

Result<void> ProofPoster::step(const FollowProgress&) {
  IMO_TRY(const auto unpaid, store_.to_pay());
  for (const ProofJob& job : unpaid) {
    if (const auto done = take_payment(job); !done) {
      log::warning("proof {} is not paid yet: {}", to_hex(job.id), done.error().message);
    }
  }
  if (config_.prove_answers) IMO_TRY_VOID(ask_for_all());
  IMO_TRY(const auto ready, store_.to_post());
  for (const ProofJob& job : ready) {
    if (const auto done = post(job); !done) {
      log::warning("the proof of request {} cannot be posted yet: {}", job.request,
                   done.error().message);
    }
  }
  return {};
}

Result<void> ProofPoster::take_payment(const ProofJob& job) {
  const auto sent =
      chain_.transactions.ensure(job.paid_by, "transferWithAuthorization", asset_, job.payment);
  if (!sent) {
    // It would revert: the money has gone, or the authorisation.
    if (sent.error().kind == ErrorKind::kRejected) {
      return store_.payment_failed(job.id, "the payment is refused: " + sent.error().message);
    }
    return tl::unexpected(sent.error());
  }
  switch (sent->state) {
    case TransactionState::kSent:
      return {};
    case TransactionState::kMined:
    case TransactionState::kSettled:
      IMO_TRY_VOID(store_.paid(job.id));
      proofs_.notice();
      return {};
    case TransactionState::kReverted:
    case TransactionState::kDropped:
      break;
  }
  return store_.payment_failed(job.id, "the payment did not go through");
}

Result<void> ProofPoster::ask_for_all() {
  IMO_TRY(const auto answered, chain_.index.answered_by(chain_.transactions.address()));
  for (const ChainRequest& request : answered) {
    if (request.is_text || asked_.contains(request.claim_hash)) continue;
    const auto asked = ask_for(request);
    // What is busy or cannot be reached now is asked for again.
    if (asked || asked.error().kind == ErrorKind::kInvalidInput) asked_.insert(request.claim_hash);
    if (!asked) {
      log::warning("request {} is not proven: {}", request.id, asked.error().message);
    }
  }
  return {};
}

Result<void> ProofPoster::ask_for(const ChainRequest& request) {
  IMO_TRY(const ProofSource source,
          ProofSource::of_request(chain_.client, chain_.deployment, chain_.index, models_,
                                  chain_.transactions.address(), request.id));
  IMO_TRY(const ProvingCost cost, proofs_.estimate(source));
  return proofs_.submit(ProofService::job_of(source, cost, true)).map([](const ProofJob&) {});
}

Result<void> ProofPoster::post(const ProofJob& job) {
  IMO_TRY(const auto request, chain_.index.find(job.request));
  const bool is_live = request && request->status == RequestStatus::kAnswered &&
                       request->claim_hash == job.claim_hash;
  if (!is_live) {
    // Final already, or struck down: but a reorganisation may bring it back, so only what is final
    // is done with.
    if (request && request->status == RequestStatus::kFinal) return store_.posted(job.id);
    return {};
  }
  const auto purpose = fmt::format("prove {} {}", job.request, to_hex(job.claim_hash));
  IMO_TRY(const auto known, chain_.transactions.find(purpose));
  if (known || !due(job.id)) return {};
  IMO_TRY(const zkml::ProofFile file, zkml::ProofFile::decode(job.file));
  IMO_TRY(const bool is_final, is_key_final(chain_.client, chain_.deployment, file.key));
  if (!is_final) {
    return fail(ErrorKind::kRejected,
                "the key of its model is not final; imo key list says where it stands");
  }
  return chain_.transactions
      .ensure(purpose, chain_.deployment.oracle,
              oracle::prove(U256(job.request), job.prompt, job.output,
                            key_words<oracle::VerifyingKey>(file.key), file.proof))
      .map([](const TransactionRecord&) {});
}

}  // namespace imo::node
