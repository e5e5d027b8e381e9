#include "imo/node/proof_service.hpp"

#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/large_vector.hpp"
#include "imo/base/log.hpp"
#include "imo/base/machine.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/zkml/proof_file.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

namespace imo::node {
namespace {

/// A job at which the node ended this often is not begun again.
constexpr std::uint32_t kMostAttempts = 3;
/// Of the scheduler's 0 to 19: answers go first, and where there are none a proof has all.
constexpr int kNiceness = 15;

/// Of this thread, and of those that it starts.
void yield_to_others() {
  const auto thread = static_cast<id_t>(::gettid());
  if (::setpriority(PRIO_PROCESS, thread, kNiceness) != 0) {
    log::warning("proofs run beside answers, not behind them: the priority cannot be changed");
  }
}

Result<void> check_gas(const ProvingCost& cost) {
  if (cost.fits_transaction()) return {};
  return invalid(fmt::format(
      "verifying the proof would take {} gas, and a transaction may use {}: the answer is too long "
      "or the model too large to be proven for a chain",
      format_count(cost.needs.gas), format_count(eth::kMostTransactionGas)));
}

}  // namespace

ProofService::ProofService(ProofStore& store, const ModelShelf& models, ProofOptions options,
                           std::function<void()> wake)
    : store_(store),
      models_(models),
      options_(std::move(options)),
      wake_(std::move(wake)),
      keys_{options_.commitments, [](const std::string& text) { log::info("{}", text); }},
      rates_(measured_.get_future().share()),
      thread_([this] { serve(); }) {
  if (options_.memory_limit == 0) options_.memory_limit = memory_of_machine();
}

ProofService::~ProofService() {
  take_no_more();
  thread_.join();
}

void ProofService::take_no_more() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

Result<ProvingCost> ProofService::estimate(const ProofSource& source) {
  IMO_TRY(const zkml::ModelShape shape, zkml::ModelShape::of(source.model->model.program()));
  const zkml::Answer& answer = source.statement.answer;
  IMO_TRY(const ProvingCost cost,
          proving_cost(shape, answer.prompt.size(), answer.output.size(), rates_.get()));
  if (options_.memory_limit != 0) {
    IMO_TRY_VOID(check_memory(cost, options_.memory_limit, "this node"));
  }
  IMO_TRY_VOID(check_gas(cost));
  return cost;
}

ProofJob ProofService::job_of(const ProofSource& source, const ProvingCost& cost, bool post) {
  ProofJob job;
  job.model_root = source.model->root();
  job.context = source.statement.context;
  job.request = source.request;
  job.claim_hash = source.claim_hash;
  job.prompt = market::pack_tokens(source.statement.answer.prompt);
  job.output = market::pack_tokens(source.statement.answer.output);
  job.post = post;
  job.proving = cost.proving;
  job.memory_bytes = cost.needs.memory_bytes;
  job.proof_bytes = cost.needs.proof_bytes;
  job.gas = cost.needs.gas;
  job.id = job.make_id();
  return job;
}

Result<ProofJob> ProofService::submit(const ProofJob& job) {
  {
    const std::lock_guard one_at_a_time(submitting_);
    IMO_TRY(const auto known, store_.find(job.id));
    if (!known) {
      IMO_TRY_VOID(store_.add(job, options_.queue_limit, options_.kept));
    } else if (known->state == ProofState::kFailed) {
      // What was paid and failed is owed.
      const bool pays = known->paid_by.empty() && !job.paid_by.empty();
      IMO_TRY_VOID(pays ? store_.pay_again(job, options_.queue_limit)
                        : store_.restart(job.id, options_.queue_limit));
    }
    if (known && job.post && !known->post) IMO_TRY_VOID(store_.want_posted(job.id));
  }
  notice();
  wake_();
  IMO_TRY(const auto stored, store_.find(job.id));
  if (!stored) return fail(ErrorKind::kRejected, "the proof was forgotten at once; ask again");
  return *stored;
}

void ProofService::notice() {
  {
    const std::lock_guard lock(mutex_);
    has_work_ = true;
  }
  changed_.notify_all();
}

void ProofService::serve() {
  yield_to_others();
  ThreadPool pool;
  measured_.set_value(zkml::measure_rates(pool));
  if (const auto recovered = store_.recover(kMostAttempts); !recovered) {
    log::error("{}", recovered.error().message);
  }
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || has_work_; });
      if (stopping_) return;
      has_work_ = false;
    }
    const auto job = store_.take();
    if (!job) log::error("{}", job.error().message);
    if (!job || !*job) continue;
    prove(**job, pool);
    give_back_memory();
    const std::lock_guard lock(mutex_);
    has_work_ = true;
  }
}

void ProofService::prove(const ProofJob& job, ThreadPool& pool) {
  const auto file = make_file(job, pool);
  const auto stored =
      file ? store_.finish(job.id, *file) : store_.fail_job(job.id, file.error().message);
  if (!stored) log::error("proof {}: {}", to_hex(job.id), stored.error().message);
  if (!file) return log::warning("proof {}: {}", to_hex(job.id), file.error().message);
  log::info("proof {} is ready", to_hex(job.id));
  wake_();
}

Result<Bytes> ProofService::make_file(const ProofJob& job, ThreadPool& pool) {
  const auto served = models_.find_root(job.model_root);
  if (!served) return fail(ErrorKind::kNotFound, "this node serves the model no more");
  zkml::Statement statement;
  statement.context = job.context;
  IMO_TRY(statement.answer.prompt, market::unpack_tokens(job.prompt));
  IMO_TRY(statement.answer.output, market::unpack_tokens(job.output));
  IMO_TRY(KeptKey kept, keys_.open(served->model, pool));
  IMO_TRY(zkml::ModelProof proof, keys_.prove_and_check(served->model, kept, statement, pool));
  const zkml::ProofFile file{kept.key.verifying_key(), std::move(statement),
                             std::move(proof.bytes)};
  return file.encode();
}

}  // namespace imo::node
