#include "imo/node/proof_store.hpp"

#include "imo/crypto/keccak.hpp"

#include <array>

#include <fmt/format.h>

namespace imo::node {
namespace {

constexpr std::array<std::string_view, 5> kStates = {"paying", "queued", "proving", "ready",
                                                     "failed"};

constexpr const char* kColumns =
    "id, state, model_root, context, request, claim_hash, prompt, output, post, prove_ms, "
    "memory_bytes, proof_bytes, gas, attempts, reason, file, paid_by, payment";

void bind_state(SQLite::Statement& statement, int index, ProofState state) {
  statement.bind(index, std::string(proof_state_name(state)));
}

ProofState state_of(std::string_view name) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == name) return static_cast<ProofState>(i);
  }
  throw SQLite::Exception("a proof has a state that there is not");
}

ProofJob job_of(const SQLite::Statement& row) {
  ProofJob job;
  job.id = fixed_blob<32>(row, 0);
  job.state = state_of(row.getColumn(1).getString());
  job.model_root = fixed_blob<32>(row, 2);
  job.context = fixed_blob<32>(row, 3);
  job.request = u64(row, 4);
  job.claim_hash = fixed_blob<32>(row, 5);
  job.prompt = blob(row, 6);
  job.output = blob(row, 7);
  job.post = row.getColumn(8).getInt() != 0;
  job.proving = std::chrono::milliseconds(row.getColumn(9).getInt64());
  job.memory_bytes = u64(row, 10);
  job.proof_bytes = u64(row, 11);
  job.gas = u64(row, 12);
  job.attempts = row.getColumn(13).getUInt();
  job.reason = row.getColumn(14).getString();
  job.file = blob(row, 15);
  job.paid_by = row.getColumn(16).getString();
  job.payment = blob(row, 17);
  return job;
}

/// Jobs where a condition holds, the oldest first.
std::vector<ProofJob> select(SQLite::Database& database, const std::string& condition) {
  SQLite::Statement rows(
      database, fmt::format("SELECT {} FROM proofs WHERE {} ORDER BY number", kColumns, condition));
  std::vector<ProofJob> jobs;
  while (rows.executeStep()) jobs.push_back(job_of(rows));
  return jobs;
}

Result<void> check_room(SQLite::Database& database, std::size_t queue_limit) {
  const auto waiting = static_cast<std::size_t>(
      database
          .execAndGet("SELECT count(*) FROM proofs WHERE state IN ('paying', 'queued', 'proving')")
          .getInt64());
  if (waiting < queue_limit) return {};
  return fail(ErrorKind::kRejected,
              fmt::format("{} proofs wait already; try again later", queue_limit));
}

/// One payment pays for one thing.
Result<void> check_unused(SQLite::Database& database, const std::string& paid_by) {
  if (paid_by.empty()) return {};
  SQLite::Statement row(database,
                        "SELECT 1 FROM proofs WHERE paid_by = ?1 UNION ALL "
                        "SELECT 1 FROM payments WHERE purpose = ?1");
  row.bind(1, paid_by);
  if (!row.executeStep()) return {};
  return fail(ErrorKind::kRejected, "this payment pays for something else already");
}

/// `assignments` on the row of an id.
void update(SQLite::Database& database, const std::string& assignments, const Hash32& id) {
  SQLite::Statement change(database, "UPDATE proofs SET " + assignments + " WHERE id = ?");
  bind_blob(change, 1, id);
  change.exec();
}

}  // namespace

std::string_view proof_state_name(ProofState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

Hash32 ProofJob::make_id() const {
  Bytes all;
  append(all, model_root.bytes);
  append(all, context.bytes);
  append(all, crypto::keccak256(prompt).bytes);
  append(all, crypto::keccak256(output).bytes);
  return crypto::keccak256(all);
}

Result<std::optional<ProofJob>> ProofStore::find(const Hash32& id) {
  return store_->read("proof", [&](SQLite::Database& database) -> std::optional<ProofJob> {
    SQLite::Statement row(database, fmt::format("SELECT {} FROM proofs WHERE id = ?", kColumns));
    bind_blob(row, 1, id);
    if (!row.executeStep()) return std::nullopt;
    return job_of(row);
  });
}

Result<void> ProofStore::add(const ProofJob& job, std::size_t queue_limit, std::size_t kept) {
  return store_->write("proof", [&](SQLite::Database& database) -> Result<void> {
    IMO_TRY_VOID(check_room(database, queue_limit));
    IMO_TRY_VOID(check_unused(database, job.paid_by));
    SQLite::Statement insert(
        database, fmt::format("INSERT INTO proofs ({}) VALUES "
                              "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', x'', ?, ?)",
                              kColumns));
    bind_blob(insert, 1, job.id);
    bind_state(insert, 2, job.paid_by.empty() ? ProofState::kQueued : ProofState::kPaying);
    bind_blob(insert, 3, job.model_root);
    bind_blob(insert, 4, job.context);
    insert.bind(5, sql_int(job.request));
    bind_blob(insert, 6, job.claim_hash);
    bind_blob(insert, 7, job.prompt);
    bind_blob(insert, 8, job.output);
    insert.bind(9, job.post ? 1 : 0);
    insert.bind(10, static_cast<std::int64_t>(job.proving.count()));
    insert.bind(11, sql_int(job.memory_bytes));
    insert.bind(12, sql_int(job.proof_bytes));
    insert.bind(13, sql_int(job.gas));
    insert.bind(14, job.paid_by);
    bind_blob(insert, 15, job.payment);
    insert.exec();
    SQLite::Statement forget(
        database,
        // What was paid and failed is owed, however long ago.
        "DELETE FROM proofs WHERE number IN (SELECT number FROM proofs WHERE state = 'ready' OR "
        "(state = 'failed' AND paid_by = '') ORDER BY number DESC LIMIT -1 OFFSET ?)");
    forget.bind(1, static_cast<std::int64_t>(kept));
    forget.exec();
    return {};
  });
}

Result<void> ProofStore::restart(const Hash32& id, std::size_t queue_limit) {
  return store_->write("proof", [&](SQLite::Database& database) -> Result<void> {
    IMO_TRY_VOID(check_room(database, queue_limit));
    update(database, "state = 'queued', attempts = 0, reason = ''", id);
    return {};
  });
}

Result<void> ProofStore::pay_again(const ProofJob& job, std::size_t queue_limit) {
  return store_->write("proof", [&](SQLite::Database& database) -> Result<void> {
    IMO_TRY_VOID(check_room(database, queue_limit));
    IMO_TRY_VOID(check_unused(database, job.paid_by));
    SQLite::Statement change(database,
                             "UPDATE proofs SET state = 'paying', attempts = 0, reason = '', "
                             "paid_by = ?, payment = ?, post = ? WHERE id = ?");
    change.bind(1, job.paid_by);
    bind_blob(change, 2, job.payment);
    change.bind(3, job.post ? 1 : 0);
    bind_blob(change, 4, job.id);
    change.exec();
    return {};
  });
}

Result<std::vector<ProofJob>> ProofStore::to_pay() {
  return store_->read(
      "proofs", [&](SQLite::Database& database) { return select(database, "state = 'paying'"); });
}

Result<void> ProofStore::paid(const Hash32& id) {
  return store_->write(
      "proof", [&](SQLite::Database& database) { update(database, "state = 'queued'", id); });
}

Result<void> ProofStore::payment_failed(const Hash32& id, const std::string& reason) {
  return store_->write("proof", [&](SQLite::Database& database) {
    SQLite::Statement change(database,
                             "UPDATE proofs SET state = 'failed', reason = ?, paid_by = '', "
                             "payment = x'' WHERE id = ?");
    change.bind(1, reason);
    bind_blob(change, 2, id);
    change.exec();
  });
}

Result<std::optional<Hash32>> ProofStore::payment_transaction(const Hash32& id) {
  return store_->read("proof", [&](SQLite::Database& database) -> std::optional<Hash32> {
    SQLite::Statement row(database,
                          "SELECT hash FROM transactions JOIN proofs ON key = paid_by WHERE id = ? "
                          "AND transactions.state IN ('mined', 'settled')");
    bind_blob(row, 1, id);
    if (!row.executeStep()) return std::nullopt;
    return fixed_blob<32>(row, 0);
  });
}

Result<void> ProofStore::want_posted(const Hash32& id) {
  return store_->write("proof",
                       [&](SQLite::Database& database) { update(database, "post = 1", id); });
}

Result<void> ProofStore::recover(std::uint32_t most_attempts) {
  return store_->write("proofs", [&](SQLite::Database& database) {
    SQLite::Statement broken(
        database,
        "UPDATE proofs SET state = 'failed', reason = 'the node ended each time while it proved "
        "this' WHERE state = 'proving' AND attempts >= ?");
    broken.bind(1, most_attempts);
    broken.exec();
    database.exec("UPDATE proofs SET state = 'queued' WHERE state = 'proving'");
  });
}

Result<std::optional<ProofJob>> ProofStore::take() {
  return store_->write("proof", [&](SQLite::Database& database) -> std::optional<ProofJob> {
    SQLite::Statement row(
        database,
        fmt::format("SELECT {} FROM proofs WHERE state = 'queued' ORDER BY number LIMIT 1",
                    kColumns));
    if (!row.executeStep()) return std::nullopt;
    ProofJob job = job_of(row);
    update(database, "state = 'proving', attempts = attempts + 1", job.id);
    job.state = ProofState::kProving;
    ++job.attempts;
    return job;
  });
}

Result<void> ProofStore::finish(const Hash32& id, BytesView file) {
  return store_->write("proof", [&](SQLite::Database& database) {
    SQLite::Statement change(database, "UPDATE proofs SET state = 'ready', file = ? WHERE id = ?");
    bind_blob(change, 1, file);
    bind_blob(change, 2, id);
    change.exec();
  });
}

Result<void> ProofStore::fail_job(const Hash32& id, const std::string& reason) {
  return store_->write("proof", [&](SQLite::Database& database) {
    SQLite::Statement change(database,
                             "UPDATE proofs SET state = 'failed', reason = ? WHERE id = ?");
    change.bind(1, reason);
    bind_blob(change, 2, id);
    change.exec();
  });
}

Result<std::vector<ProofJob>> ProofStore::to_post() {
  return store_->read("proofs", [&](SQLite::Database& database) {
    return select(database, "state = 'ready' AND post = 1");
  });
}

Result<void> ProofStore::posted(const Hash32& id) {
  return store_->write("proof",
                       [&](SQLite::Database& database) { update(database, "post = 0", id); });
}

Result<std::map<std::string, std::uint64_t>> ProofStore::counts() {
  return store_->read("proofs", [](SQLite::Database& database) {
    std::map<std::string, std::uint64_t> counts;
    for (const std::string_view state : kStates) counts[std::string(state)] = 0;
    SQLite::Statement rows(database, "SELECT state, count(*) FROM proofs GROUP BY state");
    while (rows.executeStep()) counts[rows.getColumn(0).getString()] = u64(rows, 1);
    return counts;
  });
}

}  // namespace imo::node
