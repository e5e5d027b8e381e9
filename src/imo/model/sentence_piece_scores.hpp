/// From the tokenizer.model of a checkpoint's folder, SentencePiece's own file, to the pieces'
/// order.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace imo::model {

struct ScoredPiece {
  std::string text;
  std::int32_t order = 0;  ///< greater for greater scores, equal for equal ones
};

/// The pieces in the order of their ids. The file is a ModelProto of Protocol Buffers, of which
/// field 1 is a piece: its text (field 1) and score (field 2, single precision); all other fields
/// are passed over. Fails, naming the byte, on what is no such message, and on scores that are
/// NaN.
Result<std::vector<ScoredPiece>> read_sentence_piece_scores(BytesView file);

}  // namespace imo::model
