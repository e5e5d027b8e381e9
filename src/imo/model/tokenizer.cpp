#include "imo/model/tokenizer.hpp"

#include "imo/base/check.hpp"
#include "imo/model/pre_tokenizer.hpp"
#include "imo/model/tokenizer_tables.hpp"
#include "imo/model/utf8.hpp"

#include <fmt/format.h>

namespace imo::model {
namespace {

// A character that is part of no token gets this plus its code point: a symbol that never merges
// and still says what it is.
constexpr Symbol kForeign = 1U << 30;

}  // namespace

/// One run of encode.
class Encoder {
 public:
  using Tables = Tokenizer::Tables;

  Encoder(const Tables& tables, EncodeOptions options) : tables_(tables), options_(options) {}

  Result<std::vector<TokenId>> run(std::string_view text) {
    const Vocabulary& vocabulary = tables_.vocabulary;
    if (options_.add_special && vocabulary.add_begin) ids_.push_back(*vocabulary.begin);
    IMO_TRY_VOID(add_text(text));
    if (options_.add_special && vocabulary.add_end) ids_.push_back(*vocabulary.end);
    return std::move(ids_);
  }

 private:
  // Special tokens cut the text, leftmost first, longest first; what lies between is merged.
  Result<void> add_text(std::string_view text) {
    std::size_t from = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto special = tables_.front_special(text.substr(at), options_.parse_special);
      if (!special) {
        ++at;
        continue;
      }
      IMO_TRY_VOID(add_fragment(text.substr(from, at - from)));
      ids_.push_back(*special);
      // A control token begins a new text; a user-defined one is part of the text it stands in.
      const VocabularyEntry& entry = tables_.vocabulary.entries[*special];
      text_begins_ = entry.type != TokenType::kUserDefined;
      at += entry.bytes.size();
      from = at;
    }
    return add_fragment(text.substr(from));
  }

  Result<void> add_fragment(std::string_view text) {
    if (text.empty()) return {};
    const bool prefix = text_begins_ && tables_.vocabulary.add_space_prefix;
    text_begins_ = false;
    return tables_.vocabulary.kind == TokenizerKind::kSentencePiece ? add_pieces(text, prefix)
                                                                    : add_words(text);
  }

  Result<void> add_pieces(std::string_view text, bool space_before) {
    std::vector<Symbol> symbols;
    if (space_before) symbols.push_back(symbol_of(' '));
    while (!text.empty()) {
      const Utf8Char c = front_char(text);
      symbols.push_back(symbol_of(c.code_point));
      text.remove_prefix(c.length);
    }
    for (const Symbol symbol : tables_.merges.apply(symbols)) IMO_TRY_VOID(add_symbol(symbol));
    return {};
  }

  [[nodiscard]] Symbol symbol_of(std::uint32_t code_point) const {
    return tables_.find_character(code_point).value_or(kForeign + code_point);
  }

  // A token, or else the bytes of a character, or else the unknown token.
  Result<void> add_symbol(Symbol symbol) {
    const std::size_t tokens = tables_.vocabulary.entries.size();
    if (symbol < tokens) {
      ids_.push_back(symbol);
      return {};
    }
    const std::uint32_t code_point =
        symbol >= kForeign ? symbol - kForeign : tables_.loose_characters[symbol - tokens];
    std::vector<TokenId> bytes;
    const std::string character = to_utf8(code_point);
    for (const std::uint8_t byte : as_bytes(character)) {
      if (!tables_.byte_tokens[byte]) return add_unknown(code_point);
      bytes.push_back(*tables_.byte_tokens[byte]);
    }
    ids_.insert(ids_.end(), bytes.begin(), bytes.end());
    return {};
  }

  Result<void> add_unknown(std::uint32_t code_point) {
    if (!tables_.vocabulary.unknown) {
      return invalid(fmt::format("the vocabulary has no token for U+{:04X}", code_point));
    }
    ids_.push_back(*tables_.vocabulary.unknown);
    return {};
  }

  Result<void> add_words(std::string_view text) {
    const PreTokenizer pattern = tables_.vocabulary.pre_tokenizer;
    for (const std::string_view word : pre_tokenize(pattern, text)) {
      // Llama 3's vocabulary came without merges of its own: a word that is a token stays one.
      const auto whole = pattern == PreTokenizer::kLlama3 ? tables_.find(word) : std::nullopt;
      if (whole && tables_.vocabulary.entries[*whole].type == TokenType::kNormal) {
        ids_.push_back(*whole);
        continue;
      }
      IMO_TRY_VOID(add_word(word));
    }
    return {};
  }

  Result<void> add_word(std::string_view word) {
    std::vector<Symbol> symbols;
    for (const std::uint8_t byte : as_bytes(word)) {
      if (!tables_.byte_tokens[byte]) {
        return invalid(fmt::format("the vocabulary has no token for byte 0x{:02X}", byte));
      }
      symbols.push_back(*tables_.byte_tokens[byte]);
    }
    const std::vector<Symbol> merged = tables_.merges.apply(symbols);
    ids_.insert(ids_.end(), merged.begin(), merged.end());
    return {};
  }

  const Tables& tables_;
  EncodeOptions options_;
  std::vector<TokenId> ids_;
  bool text_begins_ = true;
};

Tokenizer::Tokenizer(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::create(Vocabulary vocabulary) {
  IMO_TRY_VOID(vocabulary.check());
  return Tokenizer(std::make_unique<const Tables>(std::move(vocabulary)));
}

Result<Tokenizer> Tokenizer::from_gguf(const GgufFile& file) {
  IMO_TRY(Vocabulary vocabulary, Vocabulary::from_gguf(file));
  return create(std::move(vocabulary));
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > kMaxTextBytes) {
    return invalid(fmt::format("the text is {} bytes long; at most {} are taken at once",
                               text.size(), kMaxTextBytes));
  }
  if (const std::size_t bad = find_bad_utf8(text); bad != std::string_view::npos) {
    return invalid(fmt::format("the text is not UTF-8 at byte {} (0x{:02X})", bad,
                               static_cast<std::uint8_t>(text[bad])));
  }
  return Encoder(*tables_, options).run(text);
}

Result<std::string> Tokenizer::decode(std::span<const TokenId> ids, DecodeOptions options) const {
  std::string text;
  bool at_start = tables_->vocabulary.add_space_prefix;
  for (const TokenId id : ids) {
    if (id >= size()) {
      return invalid(fmt::format("token {} is outside the vocabulary of {}", id, size()));
    }
    text += piece_after(at_start, id, options);
  }
  return text;
}

std::string_view Tokenizer::piece(TokenId id, DecodeOptions options) const {
  IMO_CHECK(id < size(), "token outside the vocabulary");
  const VocabularyEntry& entry = tables_->vocabulary.entries[id];
  if (entry.type == TokenType::kUnknown) return kReplacement;
  if (entry.type == TokenType::kControl && !options.show_special) return {};
  return entry.bytes;
}

std::string_view Tokenizer::piece_after(bool& at_start, TokenId id, DecodeOptions options) const {
  std::string_view bytes = piece(id, options);
  const TokenType type = vocabulary().entries[id].type;
  if (!at_start || type == TokenType::kControl) return bytes;
  at_start = false;
  const bool strip = type != TokenType::kUserDefined && !bytes.empty() && bytes[0] == ' ';
  if (strip) bytes.remove_prefix(1);
  return bytes;
}

std::optional<TokenId> Tokenizer::find(std::string_view bytes) const {
  return tables_->find(bytes);
}

std::size_t Tokenizer::size() const {
  return tables_->vocabulary.entries.size();
}

const Vocabulary& Tokenizer::vocabulary() const {
  return tables_->vocabulary;
}

bool Tokenizer::is_end(TokenId id) const {
  return id == tables_->vocabulary.end || id == tables_->vocabulary.end_of_turn;
}

}  // namespace imo::model
