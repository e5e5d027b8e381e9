#include "imo/node/answer_store.hpp"

namespace imo::node {

Result<std::optional<StoredAnswer>> AnswerStore::find(const Hash32& content_key) {
  return store_->read("answer", [&](SQLite::Database& database) -> std::optional<StoredAnswer> {
    SQLite::Statement select(
        database, "SELECT state, prompt, output, text, reason FROM answers WHERE content_key = ?");
    bind_blob(select, 1, content_key);
    if (!select.executeStep()) return std::nullopt;
    const bool declined = select.getColumn(0).getString() == "declined";
    return StoredAnswer{declined ? AnswerState::kDeclined : AnswerState::kComputed, blob(select, 1),
                        blob(select, 2), blob(select, 3), select.getColumn(4).getString()};
  });
}

Result<void> AnswerStore::save(const Hash32& content_key, const StoredAnswer& answer) {
  return store_->write("answer", [&](SQLite::Database& database) {
    SQLite::Statement insert(database, "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)");
    bind_blob(insert, 1, content_key);
    insert.bind(2, answer.state == AnswerState::kDeclined ? "declined" : "computed");
    bind_blob(insert, 3, answer.prompt);
    bind_blob(insert, 4, answer.output);
    bind_blob(insert, 5, answer.text);
    insert.bind(6, answer.reason);
    insert.exec();
  });
}

}  // namespace imo::node
