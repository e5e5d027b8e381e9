#include "imo/node/log_store.hpp"

namespace imo::node {
namespace {

constexpr const char* kColumns =
    "block_number, log_index, block_hash, transaction_hash, transaction_index, address, topics, "
    "data";

FollowedBlock read_block(const SQLite::Statement& row) {
  return {u64(row, 0), fixed_blob<32>(row, 1)};
}

Bytes join(std::span<const Hash32> topics) {
  Bytes joined;
  for (const auto& topic : topics) append(joined, topic);
  return joined;
}

std::vector<Hash32> split(BytesView joined) {
  std::vector<Hash32> topics(joined.size() / Hash32::kSize);
  for (std::size_t i = 0; i < topics.size(); ++i) {
    const auto part = joined.subspan(i * Hash32::kSize, Hash32::kSize);
    std::copy(part.begin(), part.end(), topics[i].bytes.begin());
  }
  return topics;
}

eth::Log read_log(const SQLite::Statement& row) {
  eth::Log log;
  log.block_number = u64(row, 0);
  log.log_index = u64(row, 1);
  log.block_hash = fixed_blob<32>(row, 2);
  log.transaction_hash = fixed_blob<32>(row, 3);
  log.transaction_index = u64(row, 4);
  log.address = fixed_blob<20>(row, 5);
  log.topics = split(blob(row, 6));
  log.data = blob(row, 7);
  return log;
}

void insert_log(SQLite::Statement& insert, const eth::Log& log) {
  insert.reset();
  insert.bind(1, sql_int(log.block_number));
  insert.bind(2, sql_int(log.log_index));
  bind_blob(insert, 3, log.block_hash);
  bind_blob(insert, 4, log.transaction_hash);
  insert.bind(5, sql_int(log.transaction_index));
  bind_blob(insert, 6, log.address);
  bind_blob(insert, 7, join(log.topics));
  bind_blob(insert, 8, log.data);
  bind_blob(insert, 9, log.topics.size() > 1 ? log.topics[1].view() : BytesView{});
  insert.exec();
}

}  // namespace

Result<std::optional<FollowedBlock>> LogStore::last() {
  return store_->read("blocks", [](SQLite::Database& database) -> std::optional<FollowedBlock> {
    SQLite::Statement select(database,
                             "SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1");
    if (!select.executeStep()) return std::nullopt;
    return read_block(select);
  });
}

Result<std::vector<FollowedBlock>> LogStore::below(std::uint64_t number, std::size_t limit) {
  return store_->read("blocks", [&](SQLite::Database& database) {
    SQLite::Statement select(
        database, "SELECT number, hash FROM blocks WHERE number < ? ORDER BY number DESC LIMIT ?");
    select.bind(1, sql_int(number));
    select.bind(2, sql_int(limit));
    std::vector<FollowedBlock> blocks;
    while (select.executeStep()) blocks.push_back(read_block(select));
    return blocks;
  });
}

Result<void> LogStore::append(std::span<const eth::Log> logs, const FollowedBlock& reached,
                              std::uint64_t keep_from) {
  return store_->write("logs", [&](SQLite::Database& database) {
    SQLite::Statement insert(database, std::string("INSERT OR REPLACE INTO logs (") + kColumns +
                                           ", subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const auto& log : logs) insert_log(insert, log);
    SQLite::Statement block(database, "INSERT OR REPLACE INTO blocks VALUES (?, ?)");
    block.bind(1, sql_int(reached.number));
    bind_blob(block, 2, reached.hash);
    block.exec();
    SQLite::Statement forget(database,
                             "DELETE FROM blocks WHERE number < ? AND number > (SELECT "
                             "min(number) FROM blocks)");
    forget.bind(1, sql_int(keep_from));
    forget.exec();
  });
}

Result<void> LogStore::roll_back(std::uint64_t number) {
  return store_->write("roll back", [&](SQLite::Database& database) {
    for (const char* sql :
         {"DELETE FROM logs WHERE block_number > ?", "DELETE FROM blocks WHERE number > ?"}) {
      SQLite::Statement remove(database, sql);
      remove.bind(1, sql_int(number));
      remove.exec();
    }
  });
}

Result<void> LogStore::forget_blocks() {
  return store_->write("forget blocks",
                       [](SQLite::Database& database) { database.exec("DELETE FROM blocks"); });
}

Result<std::vector<eth::Log>> LogStore::about(const Address& contract, const Hash32& subject) {
  return store_->read("logs", [&](SQLite::Database& database) {
    SQLite::Statement select(database, std::string("SELECT ") + kColumns +
                                           " FROM logs WHERE address = ? AND subject = ? ORDER "
                                           "BY block_number, log_index");
    bind_blob(select, 1, contract);
    bind_blob(select, 2, subject);
    std::vector<eth::Log> logs;
    while (select.executeStep()) logs.push_back(read_log(select));
    return logs;
  });
}

Result<std::uint64_t> LogStore::count() {
  return store_->read("logs", [](SQLite::Database& database) {
    return static_cast<std::uint64_t>(database.execAndGet("SELECT count(*) FROM logs").getInt64());
  });
}

}  // namespace imo::node
