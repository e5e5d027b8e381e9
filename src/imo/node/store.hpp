/// The node's memory on disk: one SQLite database (WAL), one connection, one writer at a time.
///
/// Everything in it but transactions not yet mined, answers not yet posted and receipts can be
/// made again from chain and model files. Every step is one database transaction, so a process
/// killed at any moment resumes from the last whole step.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

namespace imo::node {

class Store {
 public:
  /// Opens or makes `directory/node.sqlite` and brings its schema up to date. Fails when another
  /// process has it open (it is locked as long as this lives) and when it is from a newer imo.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& directory);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Ties the store to what it is about (chain, contracts, operator) on first use; fails when it
  /// belongs to something else.
  Result<void> bind(std::string_view identity);

  /// Calls `work(SQLite::Database&)`, which may return a value, a Result or nothing, with the
  /// database to itself. What SQLite throws becomes kIo with `what` in front.
  template <typename Work>
  auto read(std::string_view what, Work&& work) {
    return guarded(what, std::forward<Work>(work), /*writes=*/false);
  }

  /// As read, in one transaction, which is undone when `work` fails. Nests: the outermost commits.
  template <typename Work>
  auto write(std::string_view what, Work&& work) {
    return guarded(what, std::forward<Work>(work), /*writes=*/true);
  }

 private:
  Store(int lock, std::unique_ptr<SQLite::Database> database);

  template <typename T>
  struct AsResult {
    using Type = Result<T>;
  };
  template <typename T>
  struct AsResult<Result<T>> {
    using Type = Result<T>;
  };

  template <typename Work>
  auto guarded(std::string_view what, Work&& work, bool writes) ->
      typename AsResult<std::invoke_result_t<Work, SQLite::Database&>>::Type;

  static tl::unexpected<Error> failed(std::string_view what, const char* why);

  int lock_ = -1;
  std::recursive_mutex mutex_;
  bool in_transaction_ = false;
  std::unique_ptr<SQLite::Database> database_;
};

/// `bytes` as SQLite's BLOB parameter; the statement copies it.
void bind_blob(SQLite::Statement& statement, int index, BytesView bytes);
/// A BLOB column; empty for NULL.
Bytes blob(const SQLite::Statement& statement, int column);
/// A BLOB column of fixed size; fails (a broken store) on another size.
template <std::size_t N>
FixedBytes<N> fixed_blob(const SQLite::Statement& statement, int column) {
  FixedBytes<N> value;
  const Bytes bytes = blob(statement, column);
  if (bytes.size() != N) throw SQLite::Exception("a column has the wrong size");
  std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
  return value;
}
/// Unsigned numbers fit the 63 bits that SQLite has; chains and clocks stay below.
inline std::int64_t sql_int(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
inline std::uint64_t u64(const SQLite::Statement& statement, int column) {
  return static_cast<std::uint64_t>(statement.getColumn(column).getInt64());
}

template <typename Work>
auto Store::guarded(std::string_view what, Work&& work, bool writes) ->
    typename AsResult<std::invoke_result_t<Work, SQLite::Database&>>::Type {
  using Returned = std::invoke_result_t<Work, SQLite::Database&>;
  using Wrapped = typename AsResult<Returned>::Type;
  const std::lock_guard lock(mutex_);
  const bool outermost = writes && !in_transaction_;
  const auto call = [&]() -> Wrapped {
    if constexpr (std::is_void_v<Returned>) {
      work(*database_);
      return {};
    } else {
      return work(*database_);
    }
  };
  try {
    if (!outermost) return call();
    SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
    in_transaction_ = true;
    struct Reset {
      bool& flag;
      ~Reset() { flag = false; }
    } reset{in_transaction_};
    auto result = call();
    if (result) transaction.commit();
    return result;
  } catch (const SQLite::Exception& fault) {
    return failed(what, fault.what());
  }
}

}  // namespace imo::node
