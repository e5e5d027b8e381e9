/// Several neighbouring leaves of one tree, proven together.
///
/// The siblings come level by level from the leaves to the root: with `lo` and `hi` the first and
/// the last node at a level, the left sibling of `lo` if `lo` is odd, then the right sibling of
/// `hi` if `hi` is even.
#pragma once

#include "imo/opml/trace.hpp"

namespace imo::opml {

/// Siblings of leaves `lo` to `hi` in a tree of this height; lo <= hi < 2^height.
std::uint64_t range_sibling_count(std::uint64_t lo, std::uint64_t hi, unsigned height);

/// The siblings of the trace's leaves `lo` to `hi`, 32 bytes each, behind `to`.
void append_range_siblings(Bytes& to, const Trace& trace, std::uint64_t lo, std::uint64_t hi);

/// The root over `leaves` (hashes, not empty), the first of which is leaf `lo`, and siblings of
/// the number that range_sibling_count says.
Hash32 range_root(std::vector<Hash32> leaves, std::uint64_t lo, unsigned height,
                  BytesView siblings);

}  // namespace imo::opml
