#include "imo/opml/trace.hpp"

#include "imo/opml/element.hpp"

#include <algorithm>

namespace imo::opml {

std::vector<Hash32> Trace::children(unsigned height, std::uint64_t index) const {
  const unsigned levels = std::min(kRoundBits, height - group_bits(shape().height()));
  std::vector<Hash32> nodes;
  for (std::uint64_t i = 0; i < std::uint64_t{1} << levels; ++i) {
    nodes.push_back(node(height - levels, (index << levels) + i));
  }
  return nodes;
}

std::vector<Hash32> Trace::choice_proof() const {
  std::vector<Hash32> siblings;
  const std::uint64_t last = shape().leaf_index(shape().operators - 1, 0);
  for (unsigned height = 0; height < shape().height(); ++height) {
    const std::uint64_t index = last >> height;
    if ((index & 1) != 0) siblings.push_back(node(height, index - 1));
  }
  return siblings;
}

engine::TokenId Trace::choice() const {
  const Leaf last = leaf(shape().leaf_index(shape().operators - 1, 0));
  return static_cast<engine::TokenId>(read_element(BytesView(last).first(4)));
}

}  // namespace imo::opml
