/// Text to token ids and back.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/model/vocabulary.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::model {

struct EncodeOptions {
  bool add_special = true;     ///< begin and end tokens where the vocabulary asks for them
  bool parse_special = false;  ///< `<s>` in the text is the control token, not five characters
};

struct DecodeOptions {
  bool show_special = false;  ///< control tokens appear by name instead of as nothing
};

/// Immutable once made; any number of threads may use one.
class Tokenizer {
 public:
  /// Checks the vocabulary and builds the lookup tables.
  static Result<Tokenizer> create(Vocabulary vocabulary);

  /// create(Vocabulary::from_gguf(file)).
  static Result<Tokenizer> from_gguf(const GgufFile& file);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// The ids of `text`, which must be UTF-8 of at most kMaxTextBytes. O(n log n).
  /// Fails on bad UTF-8 (naming the byte) and on text no token can stand for.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text,
                                                    EncodeOptions options = {}) const;

  /// The text of `ids`; fails on an id outside the vocabulary. The space that encode puts before
  /// a text is taken away again. The bytes need not be UTF-8: a model may stop inside a character.
  [[nodiscard]] Result<std::string> decode(std::span<const TokenId> ids,
                                           DecodeOptions options = {}) const;

  /// The bytes that `id` < size() adds to a text; control tokens add none unless shown.
  [[nodiscard]] std::string_view piece(TokenId id, DecodeOptions options = {}) const;

  /// The id of the entry with exactly these bytes, control tokens by name; nothing when absent.
  [[nodiscard]] std::optional<TokenId> find(std::string_view bytes) const;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const Vocabulary& vocabulary() const;

  /// True for the tokens after which a model has nothing more to say.
  [[nodiscard]] bool is_end(TokenId id) const;

  static constexpr std::size_t kMaxTextBytes = std::size_t{1} << 25;

 private:
  friend class Encoder;
  friend class StreamDecoder;
  struct Tables;
  explicit Tokenizer(std::unique_ptr<const Tables> tables);

  /// piece(), without the space that encode put before the text while `at_start`, which the first
  /// token of text clears.
  std::string_view piece_after(bool& at_start, TokenId id, DecodeOptions options) const;

  std::unique_ptr<const Tables> tables_;
};

/// Decodes token by token and gives out only whole UTF-8 characters; what all calls gave,
/// joined, is valid UTF-8 (broken sequences become U+FFFD).
class StreamDecoder {
 public:
  /// `at_start`: the tokens begin a text, so the space before it is taken away, as decode does.
  /// An answer that continues a prompt is not at the start. The tokenizer must outlive this.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool at_start = false,
                         DecodeOptions options = {});

  /// The text that `id` completes; may be empty. Fails on an id outside the vocabulary.
  Result<std::string> push(TokenId id);

  /// What is left: U+FFFD for a character that never became whole.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool at_start_;
  DecodeOptions options_;
  std::string pending_;
};

}  // namespace imo::model
