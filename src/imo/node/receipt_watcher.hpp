/// Watches a folder of receipts: runs their answers again and disputes the false ones.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/operator.hpp"
#include "imo/node/receipt_claim.hpp"

#include <chrono>
#include <filesystem>
#include <map>

namespace imo::node {

/// A receipt is known to nobody but its holder, so whoever has one to check puts the reply of the
/// HTTP door, a file `*.json`, into the folder. One that is false on its face is struck down at
/// once; one with a false token is disputed like an answer. What was found is found again after a
/// restart, and disputed once: the chain tells what this account has disputed before.
class ReceiptWatcher {
 public:
  /// With `dry_run` it says what it would do. There need be no folder: an empty path.
  ReceiptWatcher(ChainSide chain, const ModelShelf& models, std::filesystem::path folder,
                 bool dry_run)
      : chain_(chain), models_(models), folder_(std::move(folder)), dry_run_(dry_run) {}

  Result<void> step(const FollowProgress& now);

 private:
  struct Known {
    std::filesystem::file_time_type written;
    bool is_settled = false;  ///< nothing is left to do about it
    std::chrono::steady_clock::time_point not_before;
  };

  Result<bool> settle(const std::filesystem::path& file);
  Result<bool> strike(const ReceiptClaim& claim, const ReceiptStanding& standing);
  Result<bool> check(const ReceiptClaim& claim, const ReceiptStanding& standing);
  Result<void> withdraw(const Hash32& digest);

  ChainSide chain_;
  const ModelShelf& models_;
  std::filesystem::path folder_;
  bool dry_run_;
  std::unique_ptr<ThreadPool> pool_;  ///< made with the first answer
  std::map<std::filesystem::path, Known> known_;
  std::chrono::steady_clock::time_point folder_not_before_;
};

}  // namespace imo::node
