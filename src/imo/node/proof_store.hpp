/// Proofs that a node was asked for, and how far each is.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/node/proving_cost.hpp"
#include "imo/node/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imo::node {

/// Paying → Queued → Proving → Ready or Failed; without a price from Queued on. A node that ends
/// while it proves goes back to Queued.
enum class ProofState { kPaying, kQueued, kProving, kReady, kFailed };

/// `paying`, `queued`, `proving`, `ready`, `failed`.
std::string_view proof_state_name(ProofState state);

struct ProofJob {
  Hash32 id;
  ProofState state = ProofState::kQueued;
  Hash32 model_root;
  Hash32 context;             ///< the request's on the chain, or the receipt's digest
  std::uint64_t request = 0;  ///< on the chain; 0: a receipt
  Hash32 claim_hash;          ///< of the request's answer
  Bytes prompt;               ///< packed
  Bytes output;               ///< packed
  bool post = false;          ///< to the oracle, once it is there
  // What was estimated when it was asked for.
  std::chrono::milliseconds proving{};
  std::uint64_t memory_bytes = 0;
  std::uint64_t proof_bytes = 0;
  std::uint64_t gas = 0;

  std::string paid_by;  ///< Payment::purpose of what it is paid with; empty: nothing
  Bytes payment;        ///< calldata of the token

  std::uint32_t attempts = 0;
  std::string reason;  ///< why it failed
  Bytes file;          ///< zkml::ProofFile; empty until it is ready

  /// keccak256 of all that is proven.
  [[nodiscard]] Hash32 make_id() const;
};

/// Safe from any thread.
class ProofStore {
 public:
  explicit ProofStore(Store& store) : store_(&store) {}

  Result<std::optional<ProofJob>> find(const Hash32& id);
  /// Puts a job, whose id is not there yet, behind the others, unless `queue_limit` wait already or
  /// its payment pays for another: then fails with kRejected. With a payment it is to be paid
  /// first. Of what is done the newest `kept` stay.
  Result<void> add(const ProofJob& job, std::size_t queue_limit, std::size_t kept);
  /// A failed one once more, from the beginning.
  Result<void> restart(const Hash32& id, std::size_t queue_limit);
  /// The same with a payment, of one that was not paid.
  Result<void> pay_again(const ProofJob& job, std::size_t queue_limit);

  /// To be paid, the oldest first.
  Result<std::vector<ProofJob>> to_pay();
  /// The money is there.
  Result<void> paid(const Hash32& id);
  /// It will not come: the job has failed, and is not paid.
  Result<void> payment_failed(const Hash32& id, const std::string& reason);
  /// The transaction that paid a job, once it is in a block.
  Result<std::optional<Hash32>> payment_transaction(const Hash32& id);
  /// Asks that a proof be posted as well.
  Result<void> want_posted(const Hash32& id);

  /// After a start: what was being proven is queued again, or has failed when it was begun
  /// `most_attempts` times.
  Result<void> recover(std::uint32_t most_attempts);
  /// The oldest that is queued, which is being proven from now on.
  Result<std::optional<ProofJob>> take();
  Result<void> finish(const Hash32& id, BytesView file);
  Result<void> fail_job(const Hash32& id, const std::string& reason);

  /// Ready, to be posted, the oldest first.
  Result<std::vector<ProofJob>> to_post();
  /// Nothing is left to post.
  Result<void> posted(const Hash32& id);

  /// How many, by state's name.
  Result<std::map<std::string, std::uint64_t>> counts();

 private:
  Store* store_;
};

}  // namespace imo::node
