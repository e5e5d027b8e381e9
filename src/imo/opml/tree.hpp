/// A part of a trace's tree, from some level up, padding left out.
#pragma once

#include "imo/base/bytes.hpp"

#include <cstdint>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::opml {

/// The levels `base` to `top` above a row of nodes that stand at the left of level `base`.
/// Everything to the right of them is padding.
class Subtree {
 public:
  Subtree() = default;
  /// At most 2^(top - base) nodes (checked).
  Subtree(std::vector<Hash32> nodes, unsigned base, unsigned top, ThreadPool* pool = nullptr);

  /// Height between base and top (checked); an index beyond the nodes is padding.
  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const;
  [[nodiscard]] Hash32 root() const { return node(top_, 0); }
  [[nodiscard]] unsigned base() const { return base_; }

  /// Forgets the levels below `height`.
  void prune(unsigned height);

 private:
  unsigned base_ = 0;
  unsigned top_ = 0;
  std::vector<std::vector<Hash32>> levels_{1};  ///< levels_[h - base_]
};

}  // namespace imo::opml
