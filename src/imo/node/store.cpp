#include "imo/node/store.hpp"

#include "imo/base/file.hpp"
#include "imo/node/store_schema.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace imo::node {
namespace {

Result<int> lock_directory(const std::filesystem::path& directory) {
  const auto path = directory / "node.lock";
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) {
    return fail(ErrorKind::kIo,
                fmt::format("cannot open {}; is the directory writable?", path.string()));
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return fail(ErrorKind::kIo, fmt::format("another node uses {}; stop it, or choose another "
                                            "data directory",
                                            directory.string()));
  }
  return lock;
}

Result<void> migrate(SQLite::Database& database) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  const int newest = static_cast<int>(kMigrations.size());
  if (version > newest) {
    return invalid(fmt::format("the store has version {} and this imo knows {}; use a newer imo",
                               version, newest));
  }
  for (int next = version; next < newest; ++next) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec(kMigrations[static_cast<std::size_t>(next)]);
    database.exec(fmt::format("PRAGMA user_version = {}", next + 1));
    transaction.commit();
  }
  return {};
}

}  // namespace

Store::Store(int lock, std::unique_ptr<SQLite::Database> database)
    : lock_(lock), database_(std::move(database)) {}

Store::~Store() {
  database_.reset();
  ::close(lock_);
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& directory) {
  IMO_TRY_VOID(make_directories(directory, FileMode::kSecret));
  IMO_TRY(const int lock, lock_directory(directory));
  std::unique_ptr<Store> store(new Store(lock, nullptr));
  const auto path = directory / "node.sqlite";
  try {
    store->database_ = std::make_unique<SQLite::Database>(
        path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000);
    // FULL: a transaction that was said to be stored survives a power cut, too.
    store->database_->exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    if (auto migrated = migrate(*store->database_); !migrated) {
      return tl::unexpected(migrated.error().within(path.string()));
    }
  } catch (const SQLite::Exception& fault) {
    return failed(path.string(), fault.what());
  }
  return store;
}

Result<void> Store::bind(std::string_view identity) {
  return write("store identity", [&](SQLite::Database& database) -> Result<void> {
    SQLite::Statement select(database, "SELECT value FROM identity WHERE key = 'about'");
    if (select.executeStep()) {
      const std::string known = select.getColumn(0).getString();
      if (known == identity) return {};
      return invalid(fmt::format("the data directory belongs to {}, not to {}; choose another one",
                                 known, identity));
    }
    SQLite::Statement insert(database, "INSERT INTO identity VALUES ('about', ?)");
    insert.bind(1, std::string(identity));
    insert.exec();
    return {};
  });
}

tl::unexpected<Error> Store::failed(std::string_view what, const char* why) {
  return fail(ErrorKind::kIo, fmt::format("{}: the store failed: {}", what, why));
}

void bind_blob(SQLite::Statement& statement, int index, BytesView bytes) {
  // A null pointer would bind NULL, not the empty BLOB.
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  statement.bind(index, data, static_cast<int>(bytes.size()));
}

Bytes blob(const SQLite::Statement& statement, int column) {
  const SQLite::Column value = statement.getColumn(column);
  const auto* data = static_cast<const std::uint8_t*>(value.getBlob());
  return data == nullptr ? Bytes{} : Bytes(data, data + value.getBytes());
}

}  // namespace imo::node
