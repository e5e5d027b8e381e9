#include "imo/opml/range_proof.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/merkle.hpp"

#include <algorithm>

namespace imo::opml {

std::uint64_t range_sibling_count(std::uint64_t lo, std::uint64_t hi, unsigned height) {
  std::uint64_t count = 0;
  for (unsigned h = 0; h < height; ++h, lo >>= 1, hi >>= 1) count += (lo & 1) + (~hi & 1);
  return count;
}

void append_range_siblings(Bytes& to, const Trace& trace, std::uint64_t lo, std::uint64_t hi) {
  for (unsigned h = 0; h < trace.shape().height(); ++h, lo >>= 1, hi >>= 1) {
    if ((lo & 1) != 0) append(to, trace.node(h, lo - 1));
    if ((hi & 1) == 0) append(to, trace.node(h, hi + 1));
  }
}

Hash32 range_root(std::vector<Hash32> leaves, std::uint64_t lo, unsigned height,
                  BytesView siblings) {
  const auto next = [&siblings] {
    Hash32 hash;
    std::copy_n(siblings.begin(), Hash32::kSize, hash.bytes.begin());
    siblings = siblings.subspan(Hash32::kSize);
    return hash;
  };
  for (unsigned h = 0; h < height; ++h, lo >>= 1) {
    const std::uint64_t hi = lo + leaves.size() - 1;
    if ((lo & 1) != 0) leaves.insert(leaves.begin(), next());
    if ((hi & 1) == 0) leaves.push_back(next());
    leaves = crypto::merkle_level_above(leaves, h);
  }
  IMO_CHECK(siblings.empty() && leaves.size() == 1, "more siblings than a range has");
  return leaves.front();
}

}  // namespace imo::opml
