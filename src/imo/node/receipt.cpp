#include "imo/node/receipt.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/crypto/random.hpp"
#include "imo/eth/eip712.hpp"

#include <chrono>

namespace imo::node {

Hash32 receipt_digest(const Receipt& receipt, std::uint64_t chain_id, const Address& registry) {
  eth::Eip712Domain domain;
  domain.name = "imo";
  domain.version = "1";
  domain.chain_id = U256(chain_id);
  domain.verifying_contract = registry;
  const auto hash =
      eth::StructHash(
          "Receipt(uint256 modelId,bytes32 modelRoot,bytes32 promptHash,bytes32 outputHash,"
          "bytes32 textHash,uint32 maxTokens,bytes32 sampling,address operator,address payer,"
          "address asset,uint256 payment,uint64 issuedAt,bytes32 nonce)")
          .add(receipt.model_id)
          .add(receipt.model_root)
          .add(receipt.prompt_hash)
          .add(receipt.output_hash)
          .add(receipt.text_hash)
          .add(U256(receipt.max_tokens))
          .add(receipt.sampling)
          .add(receipt.operator_address)
          .add(receipt.payer)
          .add(receipt.asset)
          .add(receipt.payment)
          .add(U256(receipt.issued_at))
          .add(receipt.nonce)
          .finish();
  return eth::eip712_digest(domain.separator(), hash);
}

ReceiptIssuer::ReceiptIssuer(Store& store, crypto::SecretKey key, std::uint64_t chain_id,
                             const Address& registry)
    : store_(&store), key_(std::move(key)), chain_id_(chain_id), registry_(registry) {}

Result<SignedReceipt> ReceiptIssuer::issue(const AnswerFacts& answer) {
  Receipt receipt;
  receipt.model_id = answer.model_id;
  receipt.model_root = answer.model_root;
  receipt.prompt_hash = crypto::keccak256(answer.prompt);
  receipt.output_hash = crypto::keccak256(answer.output);
  receipt.text_hash = crypto::keccak256(answer.text);
  receipt.max_tokens = answer.max_tokens;
  receipt.operator_address = key_.address();
  receipt.payer = answer.payer;
  receipt.asset = answer.asset;
  receipt.payment = answer.payment;
  receipt.issued_at =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  crypto::fill_random(receipt.nonce.bytes);
  const auto digest = receipt_digest(receipt, chain_id_, registry_);
  const auto signature = key_.sign(digest);

  // Stored before it is handed out: what the deposit stands for must be known here.
  IMO_TRY_VOID(store_->write("receipt", [&](SQLite::Database& database) {
    SQLite::Statement insert(database, "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_blob(insert, 1, digest);
    bind_blob(insert, 2, answer.model_id.to_be());
    bind_blob(insert, 3, answer.prompt);
    bind_blob(insert, 4, answer.output);
    bind_blob(insert, 5, answer.text);
    insert.bind(6, sql_int(answer.max_tokens));
    insert.bind(7, sql_int(receipt.issued_at));
    bind_blob(insert, 8, receipt.nonce);
    bind_blob(insert, 9, signature.to_bytes());
    insert.exec();
  }));
  return SignedReceipt{receipt, digest, signature};
}

Result<std::optional<AnswerFacts>> ReceiptIssuer::find(const Hash32& digest) {
  return store_->read(
      "receipt", [&](SQLite::Database& database) -> Result<std::optional<AnswerFacts>> {
        SQLite::Statement row(
            database,
            "SELECT model_id, prompt, output, text, max_tokens FROM receipts WHERE digest = ?");
        bind_blob(row, 1, digest);
        if (!row.executeStep()) return std::optional<AnswerFacts>();
        AnswerFacts facts;
        IMO_TRY(facts.model_id, U256::from_be(blob(row, 0)));
        facts.prompt = blob(row, 1);
        facts.output = blob(row, 2);
        facts.text = blob(row, 3);
        facts.max_tokens = row.getColumn(4).getUInt();
        return std::optional(std::move(facts));
      });
}

Result<std::uint64_t> ReceiptIssuer::count() {
  return store_->read("receipts", [](SQLite::Database& database) {
    return static_cast<std::uint64_t>(
        database.execAndGet("SELECT count(*) FROM receipts").getInt64());
  });
}

}  // namespace imo::node
