/// The tables of the node's store, version by version. Append; never change what is there.
#pragma once

#include <array>

namespace imo::node {

inline constexpr std::array<const char*, 4> kMigrations = {R"sql(
CREATE TABLE identity (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The chain as it was followed: the last block of every range, by which a reorganisation is
-- noticed and a common ancestor found.
CREATE TABLE blocks (number INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;

-- `subject` is the second topic: for the events followed here, the request or the model.
CREATE TABLE logs (
  block_number INTEGER NOT NULL, log_index INTEGER NOT NULL, block_hash BLOB NOT NULL,
  transaction_hash BLOB NOT NULL, transaction_index INTEGER NOT NULL,
  address BLOB NOT NULL, topics BLOB NOT NULL, data BLOB NOT NULL, subject BLOB NOT NULL,
  PRIMARY KEY (block_number, log_index)) STRICT, WITHOUT ROWID;
CREATE INDEX logs_by_subject ON logs (address, subject);

-- What the logs add up to. `changed_block` is the block of the last log that a row comes from.
CREATE TABLE models (
  model_id BLOB PRIMARY KEY, root BLOB NOT NULL, author BLOB NOT NULL,
  block_number INTEGER NOT NULL, log_index INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX models_by_root ON models (root, block_number, log_index);
CREATE TABLE requests (
  id INTEGER PRIMARY KEY, content_key BLOB NOT NULL, model_id BLOB NOT NULL,
  account BLOB NOT NULL, wanted_operator BLOB NOT NULL, beneficiary BLOB NOT NULL,
  is_text INTEGER NOT NULL, input BLOB NOT NULL, max_tokens INTEGER NOT NULL,
  sampling BLOB NOT NULL, fee BLOB NOT NULL, bond BLOB NOT NULL, deadline INTEGER NOT NULL,
  callback BLOB NOT NULL, callback_gas INTEGER NOT NULL, callback_data BLOB NOT NULL,
  asked_in BLOB NOT NULL, status INTEGER NOT NULL,
  operator BLOB NOT NULL DEFAULT x'', claim_hash BLOB NOT NULL DEFAULT x'',
  prompt BLOB NOT NULL DEFAULT x'', output BLOB NOT NULL DEFAULT x'',
  text BLOB NOT NULL DEFAULT x'', final_at INTEGER NOT NULL DEFAULT 0,
  answered_in BLOB NOT NULL DEFAULT x'', splitter BLOB NOT NULL DEFAULT x'',
  struck_operators BLOB NOT NULL DEFAULT x'', changed_block INTEGER NOT NULL) STRICT;
CREATE INDEX requests_by_status ON requests (status, deadline);
CREATE INDEX requests_by_operator ON requests (operator, status, splitter, id);

-- This node's own work. Keyed by the hash of what was asked, so that it outlives a
-- reorganisation that gives the same question again, and never serves another question.
CREATE TABLE answers (
  content_key BLOB PRIMARY KEY, state TEXT NOT NULL, prompt BLOB NOT NULL, output BLOB NOT NULL,
  text BLOB NOT NULL, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Transactions, written here before the chain sees them. `key` says what a transaction is for;
-- there is never a second one for the same purpose.
CREATE TABLE transactions (
  key TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, nonce INTEGER NOT NULL,
  target BLOB NOT NULL, value BLOB NOT NULL, data BLOB NOT NULL, gas_limit INTEGER NOT NULL,
  max_fee BLOB NOT NULL, max_tip BLOB NOT NULL, raw BLOB NOT NULL, hash BLOB NOT NULL,
  sent_at INTEGER NOT NULL, block_number INTEGER NOT NULL DEFAULT 0,
  gas_used INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE INDEX transactions_by_state ON transactions (state, nonce);
-- Every version that was signed: after a fee bump either may be mined.
CREATE TABLE transaction_versions (
  hash BLOB PRIMARY KEY, key TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX versions_by_key ON transaction_versions (key);

-- What the HTTP door signed.
CREATE TABLE receipts (
  digest BLOB PRIMARY KEY, model_id BLOB NOT NULL, prompt BLOB NOT NULL, output BLOB NOT NULL,
  text BLOB NOT NULL, max_tokens INTEGER NOT NULL, issued_at INTEGER NOT NULL,
  nonce BLOB NOT NULL, signature BLOB NOT NULL) STRICT, WITHOUT ROWID;
)sql",
                                                           R"sql(
-- Proofs that were asked for. `id` follows from what is proven, so that nothing is proven twice.
CREATE TABLE proofs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, state TEXT NOT NULL,
  model_root BLOB NOT NULL, context BLOB NOT NULL, request INTEGER NOT NULL,
  claim_hash BLOB NOT NULL, prompt BLOB NOT NULL, output BLOB NOT NULL, post INTEGER NOT NULL,
  prove_ms INTEGER NOT NULL, memory_bytes INTEGER NOT NULL, proof_bytes INTEGER NOT NULL,
  gas INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
  file BLOB NOT NULL DEFAULT x'') STRICT;
CREATE INDEX proofs_by_state ON proofs (state, number);
)sql",
                                                           R"sql(
-- What a proof is paid with: the purpose of the transaction that moves the money, and its calldata.
ALTER TABLE proofs ADD COLUMN paid_by TEXT NOT NULL DEFAULT '';
ALTER TABLE proofs ADD COLUMN payment BLOB NOT NULL DEFAULT x'';
CREATE UNIQUE INDEX proofs_by_payment ON proofs (paid_by) WHERE paid_by != '';
)sql",
                                                           R"sql(
-- Payments for answers of the HTTP door. `purpose` is that of the transaction which moves the money,
-- `what` the hash of the request that it pays for, `served` how often that was answered.
CREATE TABLE payments (
  purpose TEXT PRIMARY KEY, what BLOB NOT NULL, state TEXT NOT NULL, asset BLOB NOT NULL,
  call BLOB NOT NULL, served INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
  transaction_hash BLOB NOT NULL DEFAULT x'') STRICT, WITHOUT ROWID;
CREATE INDEX payments_by_state ON payments (state);
)sql"};

}  // namespace imo::node
