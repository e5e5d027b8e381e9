/// A vocabulary as plain data: what a tokenizer needs, and nothing of the file it came from.
///
/// It holds no floating point: the scores of SentencePiece only order the merges, so their rank
/// is kept. It has one byte form, which a compiled program carries and its root commits to.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/model/gguf.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace imo::model {

using TokenId = std::uint32_t;

enum class TokenizerKind : std::uint8_t {
  kSentencePiece = 0,  ///< merges ordered by score, bytes for what no piece covers
  kByteLevelBpe = 1,   ///< text cut by a pattern, then merges ordered by rank, over bytes
};

/// The pattern that cuts text before byte-level merging; the names are those in GGUF.
enum class PreTokenizer : std::uint8_t {
  kNone = 0,
  kGpt2 = 1,    ///< "gpt-2"
  kLlama3 = 2,  ///< "llama-bpe"
  kQwen2 = 3,   ///< "qwen2"
  kSmolLm = 4,  ///< "smollm", "starcoder": every digit alone, then as gpt-2
};

/// The values are those of `tokenizer.ggml.token_type`.
enum class TokenType : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      ///< has a meaning, not a text: begin, end, turn markers
  kUserDefined = 4,  ///< matched whole before anything else
  kUnused = 5,
  kByte = 6,  ///< one byte, for SentencePiece's fallback
};

/// One entry. `bytes` is the text it stands for: spaces are spaces, byte tokens are one byte,
/// byte-level pieces are decoded; a control token keeps its name (`<s>`).
struct VocabularyEntry {
  std::string bytes;
  TokenType type = TokenType::kNormal;
  std::uint32_t rank = 0;  ///< SentencePiece: greater merges first; equal scores, equal ranks

  friend bool operator==(const VocabularyEntry&, const VocabularyEntry&) = default;
};

/// left + right -> result; earlier in the list merges first.
struct Merge {
  TokenId left;
  TokenId right;
  TokenId result;

  friend bool operator==(const Merge&, const Merge&) = default;
};

struct Vocabulary {
  /// Longer texts of tokens are refused: they would make encoding slow, and none is known.
  static constexpr std::size_t kLongestToken = 1024;
  static constexpr std::size_t kMostTokens = std::size_t{1} << 24;

  TokenizerKind kind = TokenizerKind::kSentencePiece;
  PreTokenizer pre_tokenizer = PreTokenizer::kNone;
  bool add_begin = false;         ///< encode puts `begin` first
  bool add_end = false;           ///< encode puts `end` last
  bool add_space_prefix = false;  ///< SentencePiece: text starts as if a space stood before it
  std::optional<TokenId> begin;
  std::optional<TokenId> end;
  std::optional<TokenId> end_of_turn;
  std::optional<TokenId> unknown;
  std::vector<VocabularyEntry> entries;
  std::vector<Merge> merges;  ///< byte-level BPE only
  std::string chat_template;  ///< `tokenizer.chat_template`, empty when there is none

  /// Reads and checks the `tokenizer.*` metadata of a file.
  static Result<Vocabulary> from_gguf(const GgufFile& file);

  /// That ids lie inside, texts are of sensible length and unique, and merges join what they say.
  /// from_gguf and deserialize have checked; Tokenizer::create does so again.
  [[nodiscard]] Result<void> check() const;

  /// The one byte form: equal vocabularies have equal bytes.
  [[nodiscard]] Bytes serialize() const;
  static Result<Vocabulary> deserialize(BytesView bytes);

  friend bool operator==(const Vocabulary&, const Vocabulary&) = default;
};

}  // namespace imo::model
