/// The rows of one operator on their way into leaves, and into the tree over them.
#pragma once

#include "imo/engine/session.hpp"
#include "imo/opml/shape.hpp"
#include "imo/opml/tree.hpp"

#include <vector>

namespace imo::opml {

/// Writes rows and, for Mix, values to where they lie in the tensor's leaves. Internal to opml.
class TensorBytes {
 public:
  explicit TensorBytes(const TensorLayout& layout);

  void put_row(const engine::Output& row);
  /// A row of the operator whose values Mix turns round.
  void put_values(const engine::Output& row);

  [[nodiscard]] BytesView bytes() const { return bytes_; }

 private:
  TensorLayout layout_;
  Bytes bytes_;
};

/// Hashes rows as they come, in order, and keeps nothing below kKeptHeight of the tree but what
/// is not complete yet. Internal to opml.
class TensorStream {
 public:
  static constexpr unsigned kKeptHeight = kRoundBits;
  /// Bytes that are hashed together: enough leaves for all lanes and threads.
  static constexpr std::size_t kHashedAtOnce = 1024 * std::size_t{kLeafBytes};

  TensorStream(const TensorLayout& layout, ThreadPool* pool);

  void put_row(const engine::Output& row);
  void put_values(const engine::Output& row);

  /// The levels from kKeptHeight to `leaf_bits`. Nothing can be put behind it.
  Subtree finish(unsigned leaf_bits);

 private:
  void hash(std::size_t bytes);
  void fold();

  TensorLayout layout_;
  ThreadPool* pool_;
  Bytes values_;               ///< Mix: complete only with the last position
  Bytes pending_;              ///< rows that are not hashed, from the beginning of a leaf on
  std::size_t missing_;        ///< leaves before the rows reach a multiple of 2^kKeptHeight
  std::vector<Hash32> first_;  ///< those leaves
  std::vector<Hash32> loose_;  ///< leaves behind the last complete node
  std::vector<Hash32> nodes_;
};

}  // namespace imo::opml
