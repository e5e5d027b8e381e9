/// A proof with all that it speaks of, as a file.
#pragma once

#include "imo/zkml/model_proof.hpp"

namespace imo::zkml {

/// Nobody but the reader can say whether the key is that of the model meant: its root of the
/// weights may be anything until it has been compared.
struct ProofFile {
  /// The most bytes of a file.
  static constexpr std::size_t kMaxBytes = std::size_t{8} << 20;

  VerifyingKey key;
  Statement statement;
  Bytes proof;

  /// "IMOPROOF", then big-endian: version (4 bytes, 1), model root (32), root of the weights (26),
  /// their value (24), context (32), bytes of the shape (4), tokens of the prompt (4), of the
  /// answer (4); the shape, the tokens (4 each), the proof.
  [[nodiscard]] Bytes encode() const;
  /// Fails, naming what is wrong, for all that encode() does not give. The proof is not checked.
  static Result<ProofFile> decode(BytesView bytes);
};

}  // namespace imo::zkml
