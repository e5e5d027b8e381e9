/// The node's own work on requests of the chain: what it computed, and what it declined.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/node/store.hpp"

#include <optional>
#include <string>

namespace imo::node {

enum class AnswerState { kComputed, kDeclined };

struct StoredAnswer {
  AnswerState state = AnswerState::kComputed;
  Bytes prompt;  ///< packed
  Bytes output;  ///< packed
  Bytes text;
  std::string reason;  ///< why it was declined
};

/// Safe from any thread.
class AnswerStore {
 public:
  explicit AnswerStore(Store& store) : store_(&store) {}

  Result<std::optional<StoredAnswer>> find(const Hash32& content_key);
  Result<void> save(const Hash32& content_key, const StoredAnswer& answer);

 private:
  Store* store_;
};

}  // namespace imo::node
