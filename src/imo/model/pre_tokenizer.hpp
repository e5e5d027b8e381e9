/// Cuts text into the pieces that byte-level merging works inside of.
///
/// Each pattern is a hand-written scanner for the regular expression that the model was trained
/// with; the expression stands beside its scanner.
#pragma once

#include "imo/model/vocabulary.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace imo::model {

/// The pieces of `text` (valid UTF-8), in order; joined they are `text`. One piece at most when
/// `pattern` is kNone.
std::vector<std::string_view> pre_tokenize(PreTokenizer pattern, std::string_view text);

}  // namespace imo::model
