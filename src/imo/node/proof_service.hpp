/// Proves this node's answers when it is asked to: one at a time, behind answers.
#pragma once

#include "imo/node/kept_key.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/payment.hpp"
#include "imo/node/proof_source.hpp"
#include "imo/node/proof_store.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace imo::node {

struct ProofOptions {
  std::filesystem::path commitments;  ///< folder of the commitments to models' weights
  std::uint64_t memory_limit = 0;     ///< bytes a proof may take; 0: what the machine has
  std::size_t queue_limit = 16;       ///< waiting or being proven
  std::size_t kept = 256;             ///< done ones that stay in the store
};

class ProofService {
 public:
  /// `wake` is called when a proof is ready.
  ProofService(ProofStore& store, const ModelShelf& models, ProofOptions options,
               std::function<void()> wake);
  /// Waits for the proof that is being made: no proof can be made in part.
  ~ProofService();
  ProofService(const ProofService&) = delete;
  ProofService& operator=(const ProofService&) = delete;

  /// What a proof takes on this machine. Refuses what does not fit its memory or a transaction.
  Result<ProvingCost> estimate(const ProofSource& source);

  /// The job that a proof would be. `cost` is what estimate() said.
  static ProofJob job_of(const ProofSource& source, const ProvingCost& cost, bool post);

  /// Begins a job, once it is paid when it has a payment; what was begun already goes on, and what
  /// failed begins anew. The job as it is then. kRejected when too many wait.
  Result<ProofJob> submit(const ProofJob& job);

  /// The store has something new to prove.
  void notice();

  /// After this no new proof is begun.
  void take_no_more();

 private:
  void serve();
  void prove(const ProofJob& job, ThreadPool& pool);
  Result<Bytes> make_file(const ProofJob& job, ThreadPool& pool);

  ProofStore& store_;
  const ModelShelf& models_;
  ProofOptions options_;
  std::function<void()> wake_;
  KeyFolder keys_;
  std::promise<zkml::ProverRates> measured_;
  std::shared_future<zkml::ProverRates> rates_;
  std::mutex submitting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_work_ = true;  // the store may have some from before
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace imo::node
