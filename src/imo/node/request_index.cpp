#include "imo/node/request_index.hpp"

#include "imo/base/log.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"

#include <array>

namespace imo::node {
namespace {

namespace oracle = market::abi::oracle::events;
namespace registry = market::abi::model_registry::events;

constexpr const char* kColumns =
    "id, content_key, model_id, account, wanted_operator, beneficiary, is_text, input, "
    "max_tokens, sampling, fee, bond, deadline, callback, callback_gas, callback_data, asked_in, "
    "status, operator, claim_hash, prompt, output, text, final_at, answered_in, splitter, "
    "struck_operators, changed_block";

U256 number(const SQLite::Statement& row, int column) {
  return *U256::from_be(fixed_blob<32>(row, column));  // 32 bytes always fit
}

ChainRequest read_request(const SQLite::Statement& row) {
  ChainRequest request;
  request.id = u64(row, 0);
  request.content_key = fixed_blob<32>(row, 1);
  request.model_id = number(row, 2);
  request.account = fixed_blob<20>(row, 3);
  request.wanted_operator = fixed_blob<20>(row, 4);
  request.beneficiary = fixed_blob<20>(row, 5);
  request.is_text = u64(row, 6) != 0;
  request.input = blob(row, 7);
  request.max_tokens = static_cast<std::uint32_t>(u64(row, 8));
  request.sampling = fixed_blob<32>(row, 9);
  request.fee = number(row, 10);
  request.bond = number(row, 11);
  request.deadline = u64(row, 12);
  request.callback = fixed_blob<20>(row, 13);
  request.callback_gas = u64(row, 14);
  request.callback_data = blob(row, 15);
  request.asked_in = fixed_blob<32>(row, 16);
  request.status = static_cast<RequestStatus>(u64(row, 17));
  request.operator_address = fixed_blob<20>(row, 18);
  request.claim_hash = fixed_blob<32>(row, 19);
  request.prompt = blob(row, 20);
  request.output = blob(row, 21);
  request.text = blob(row, 22);
  request.final_at = u64(row, 23);
  request.answered_in = fixed_blob<32>(row, 24);
  request.splitter = fixed_blob<20>(row, 25);
  const Bytes struck = blob(row, 26);
  for (std::size_t at = 0; at + Address::kSize <= struck.size(); at += Address::kSize) {
    std::copy_n(struck.begin() + static_cast<std::ptrdiff_t>(at), Address::kSize,
                request.struck_operators.emplace_back().bytes.begin());
  }
  request.changed_block = u64(row, 27);
  return request;
}

void bind_request(SQLite::Statement& insert, const ChainRequest& request) {
  int column = 0;
  const auto integer = [&](std::uint64_t value) { insert.bind(++column, sql_int(value)); };
  const auto bytes = [&](BytesView value) { bind_blob(insert, ++column, value); };
  Bytes struck;
  for (const auto& address : request.struck_operators) append(struck, address);
  integer(request.id);
  bytes(request.content_key);
  bytes(request.model_id.to_be());
  bytes(request.account);
  bytes(request.wanted_operator);
  bytes(request.beneficiary);
  integer(request.is_text ? 1 : 0);
  bytes(request.input);
  integer(request.max_tokens);
  bytes(request.sampling);
  bytes(request.fee.to_be());
  bytes(request.bond.to_be());
  integer(request.deadline);
  bytes(request.callback);
  integer(request.callback_gas);
  bytes(request.callback_data);
  bytes(request.asked_in);
  integer(static_cast<std::uint64_t>(request.status));
  bytes(request.operator_address);
  bytes(request.claim_hash);
  bytes(request.prompt);
  bytes(request.output);
  bytes(request.text);
  integer(request.final_at);
  bytes(request.answered_in);
  bytes(request.splitter);
  bytes(struck);
  integer(request.changed_block);
}

Hash32 content_key(const eth::Log& log) {
  crypto::Keccak256 hash;
  for (const auto& topic : log.topics) hash.update(topic);
  return hash.update(log.data).finish();
}

void clear_answer(ChainRequest& request) {
  request.operator_address = {};
  request.claim_hash = {};
  request.prompt.clear();
  request.output.clear();
  request.text.clear();
  request.final_at = 0;
  request.answered_in = {};
}

}  // namespace

std::string_view request_status_name(RequestStatus status) {
  switch (status) {
    case RequestStatus::kOpen:
      return "open";
    case RequestStatus::kAnswered:
      return "answered";
    case RequestStatus::kFinal:
      return "final";
    case RequestStatus::kRefunded:
      return "refunded";
  }
  return "unknown";
}

Hash32 question_hash(const ChainRequest& request) {
  return crypto::Keccak256()
      .update(request.model_id.to_be())
      .update(U256(request.is_text ? 1 : 0).to_be())
      .update(crypto::keccak256(request.input))
      .update(U256(request.max_tokens).to_be())
      .update(request.sampling)
      .update(request.fee.to_be())
      .update(request.bond.to_be())
      .finish();
}

RequestIndex::RequestIndex(Store& store, const market::Deployment& deployment)
    : store_(&store),
      logs_(store),
      oracle_(deployment.oracle),
      registry_(deployment.model_registry) {}

std::vector<Address> RequestIndex::contracts() const {
  return {oracle_, registry_};
}

std::vector<Hash32> RequestIndex::events() {
  return {registry::ModelRegistered::kTopic0, oracle::Asked::kTopic0,
          oracle::Answered::kTopic0,          oracle::Finalised::kTopic0,
          oracle::Refunded::kTopic0,          oracle::StruckDown::kTopic0};
}

Result<void> RequestIndex::apply(std::span<const eth::Log> logs) {
  for (const auto& log : logs) IMO_TRY_VOID(apply_one(log));
  return {};
}

Result<void> RequestIndex::apply_one(const eth::Log& log) {
  if (log.topics.empty()) return {};
  const Hash32& topic = log.topics.front();
  if (log.address == registry_ && topic == registry::ModelRegistered::kTopic0) {
    return register_model(log);
  }
  if (log.address != oracle_) return {};
  if (topic == oracle::Asked::kTopic0) return asked(log);
  if (topic == oracle::Answered::kTopic0) {
    IMO_TRY(const auto event, oracle::Answered::decode(log));
    return change(log, event.request_id, [&](ChainRequest& request) {
      request.status = RequestStatus::kAnswered;
      request.operator_address = event.operator_;
      request.claim_hash = event.claim_hash;
      request.prompt = event.prompt_tokens;
      request.output = event.output_tokens;
      request.text = event.text;
      request.final_at = event.final_at;
      request.answered_in = log.transaction_hash;
    });
  }
  if (topic == oracle::Finalised::kTopic0) {
    IMO_TRY(const auto event, oracle::Finalised::decode(log));
    return change(log, event.request_id, [&](ChainRequest& request) {
      request.status = RequestStatus::kFinal;
      request.splitter = event.splitter;
    });
  }
  if (topic == oracle::Refunded::kTopic0) {
    IMO_TRY(const auto event, oracle::Refunded::decode(log));
    return change(log, event.request_id,
                  [](ChainRequest& request) { request.status = RequestStatus::kRefunded; });
  }
  if (topic == oracle::StruckDown::kTopic0) {
    IMO_TRY(const auto event, oracle::StruckDown::decode(log));
    return change(log, event.request_id, [&](ChainRequest& request) {
      clear_answer(request);
      request.status = RequestStatus::kOpen;
      request.wanted_operator = {};  // open to every operator now
      request.deadline = event.deadline;
      request.struck_operators.push_back(event.operator_);
    });
  }
  return {};
}

Result<void> RequestIndex::register_model(const eth::Log& log) {
  IMO_TRY(const auto event, registry::ModelRegistered::decode(log));
  return store_->write("model", [&](SQLite::Database& database) {
    SQLite::Statement insert(database, "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?)");
    bind_blob(insert, 1, event.model_id.to_be());
    bind_blob(insert, 2, event.model_root);
    bind_blob(insert, 3, event.author);
    insert.bind(4, sql_int(log.block_number));
    insert.bind(5, sql_int(log.log_index));
    insert.exec();
  });
}

Result<void> RequestIndex::asked(const eth::Log& log) {
  IMO_TRY(auto event, oracle::Asked::decode(log));
  const auto id = event.request_id.to_u64();
  if (!id) return invalid("a request has a number beyond 64 bits");
  ChainRequest request;
  request.id = *id;
  request.content_key = content_key(log);
  request.model_id = event.model_id;
  request.account = event.account;
  request.wanted_operator = event.operator_;
  request.beneficiary = event.terms.beneficiary;
  request.is_text = event.is_text;
  request.input = std::move(event.input);
  request.max_tokens = event.terms.max_tokens;
  request.sampling = event.terms.sampling;
  request.fee = event.terms.fee;
  request.bond = event.terms.bond;
  request.deadline = event.terms.deadline;
  request.callback = event.terms.callback;
  request.callback_gas = event.terms.callback_gas;
  request.callback_data = std::move(event.callback_data);
  request.asked_in = log.transaction_hash;
  request.changed_block = log.block_number;
  return save(request);
}

template <typename Change>
Result<void> RequestIndex::change(const eth::Log& log, const U256& id, Change change) {
  const auto number = id.to_u64();
  IMO_TRY(auto request, find(number.value_or(0)));
  if (!request) {
    log::warning("block {} tells of request {}, which was never asked", log.block_number,
                 id.to_dec());
    return {};
  }
  change(*request);
  request->changed_block = log.block_number;
  return save(*request);
}

Result<void> RequestIndex::save(const ChainRequest& request) {
  return store_->write("request", [&](SQLite::Database& database) {
    SQLite::Statement insert(
        database, std::string("INSERT OR REPLACE INTO requests (") + kColumns +
                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                      "?, ?, ?, ?, ?, ?, ?)");
    bind_request(insert, request);
    insert.exec();
  });
}

Result<void> RequestIndex::roll_back(std::uint64_t number) {
  return store_->write("roll back requests", [&](SQLite::Database& database) -> Result<void> {
    SQLite::Statement models(database, "DELETE FROM models WHERE block_number > ?");
    models.bind(1, sql_int(number));
    models.exec();
    std::vector<std::uint64_t> changed;
    SQLite::Statement select(database, "SELECT id FROM requests WHERE changed_block > ?");
    select.bind(1, sql_int(number));
    while (select.executeStep()) changed.push_back(u64(select, 0));
    SQLite::Statement remove(database, "DELETE FROM requests WHERE changed_block > ?");
    remove.bind(1, sql_int(number));
    remove.exec();
    // What is left of their logs says what they were at `number`.
    for (const auto id : changed) {
      IMO_TRY(const auto logs, logs_.about(oracle_, U256(id).to_be()));
      IMO_TRY_VOID(apply(logs));
    }
    return {};
  });
}

template <typename Bind>
Result<std::vector<ChainRequest>> RequestIndex::select(const char* condition, Bind bind) {
  return store_->read("requests", [&](SQLite::Database& database) {
    SQLite::Statement rows(database,
                           std::string("SELECT ") + kColumns + " FROM requests " + condition);
    bind(rows);
    std::vector<ChainRequest> requests;
    while (rows.executeStep()) requests.push_back(read_request(rows));
    return requests;
  });
}

Result<std::optional<ChainRequest>> RequestIndex::find(std::uint64_t id) {
  IMO_TRY(auto found, select("WHERE id = ?", [&](auto& rows) { rows.bind(1, sql_int(id)); }));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Result<std::vector<ChainRequest>> RequestIndex::open_at(std::uint64_t time) {
  return select("WHERE status = ? AND deadline > ? ORDER BY id", [&](auto& rows) {
    rows.bind(1, static_cast<int>(RequestStatus::kOpen));
    rows.bind(2, sql_int(time));
  });
}

Result<std::vector<ChainRequest>> RequestIndex::answered_by(const Address& operator_address) {
  return select("WHERE operator = ? AND status = ? ORDER BY id", [&](auto& rows) {
    bind_blob(rows, 1, operator_address);
    rows.bind(2, static_cast<int>(RequestStatus::kAnswered));
  });
}

Result<std::vector<ChainRequest>> RequestIndex::disputable_at(std::uint64_t time) {
  return select("WHERE status = ? AND final_at > ? ORDER BY id", [&](auto& rows) {
    rows.bind(1, static_cast<int>(RequestStatus::kAnswered));
    rows.bind(2, sql_int(time));
  });
}

Result<std::vector<ChainRequest>> RequestIndex::last_paid(const Address& operator_address) {
  return select(
      "WHERE id IN (SELECT max(id) FROM requests WHERE operator = ? AND status = ? GROUP BY "
      "splitter) ORDER BY id",
      [&](auto& rows) {
        bind_blob(rows, 1, operator_address);
        rows.bind(2, static_cast<int>(RequestStatus::kFinal));
      });
}

Result<std::vector<ChainRequest>> RequestIndex::newest(std::size_t limit) {
  return select("ORDER BY id DESC LIMIT ?", [&](auto& rows) { rows.bind(1, sql_int(limit)); });
}

Result<std::map<std::string, std::uint64_t>> RequestIndex::counts() {
  return store_->read("requests", [](SQLite::Database& database) {
    SQLite::Statement select(database, "SELECT status, count(*) FROM requests GROUP BY status");
    std::map<std::string, std::uint64_t> counts;
    while (select.executeStep()) {
      const auto status = static_cast<RequestStatus>(u64(select, 0));
      counts[std::string(request_status_name(status))] = u64(select, 1);
    }
    return counts;
  });
}

Result<std::optional<RegisteredModel>> RequestIndex::model(const U256& model_id) {
  return store_->read("model", [&](SQLite::Database& database) -> std::optional<RegisteredModel> {
    SQLite::Statement select(database, "SELECT root, author FROM models WHERE model_id = ?");
    bind_blob(select, 1, model_id.to_be());
    if (!select.executeStep()) return std::nullopt;
    return RegisteredModel{model_id, fixed_blob<32>(select, 0), fixed_blob<20>(select, 1)};
  });
}

Result<std::vector<RegisteredModel>> RequestIndex::models_of(const Hash32& root) {
  return store_->read("models", [&](SQLite::Database& database) {
    SQLite::Statement select(database,
                             "SELECT model_id, author FROM models WHERE root = ? ORDER BY "
                             "block_number, log_index");
    bind_blob(select, 1, root);
    std::vector<RegisteredModel> models;
    while (select.executeStep()) {
      models.push_back({number(select, 0), root, fixed_blob<20>(select, 1)});
    }
    return models;
  });
}

}  // namespace imo::node
