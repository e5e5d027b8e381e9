#include "imo/opml/tree.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/merkle.hpp"

#include <algorithm>

namespace imo::opml {

Subtree::Subtree(std::vector<Hash32> nodes, unsigned base, unsigned top, ThreadPool* pool)
    : base_(base), top_(top) {
  IMO_CHECK(top >= base && top - base < 64 && nodes.size() <= std::uint64_t{1} << (top - base),
            "more nodes than a subtree has room for");
  levels_.front() = std::move(nodes);
  for (unsigned height = base; height < top; ++height) {
    levels_.push_back(crypto::merkle_level_above(levels_.back(), height, pool));
  }
}

Hash32 Subtree::node(unsigned height, std::uint64_t index) const {
  IMO_CHECK(height >= base_ && height <= top_, "a level that the subtree does not have");
  const std::vector<Hash32>& level = levels_[height - base_];
  return index < level.size() ? level[index] : crypto::merkle_padding(height);
}

void Subtree::prune(unsigned height) {
  const unsigned cut = std::clamp(height, base_, top_) - base_;
  levels_.erase(levels_.begin(), levels_.begin() + cut);
  base_ += cut;
}

}  // namespace imo::opml
