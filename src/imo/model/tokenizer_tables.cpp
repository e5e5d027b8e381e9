#include "imo/model/tokenizer_tables.hpp"

#include "imo/model/utf8.hpp"

#include <algorithm>

namespace imo::model {
namespace {

/// Tokens that text is made of, as opposed to markers and lone bytes.
bool is_text(TokenType type) {
  return type == TokenType::kNormal || type == TokenType::kUserDefined ||
         type == TokenType::kUnused;
}

bool is_special(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUserDefined ||
         type == TokenType::kUnknown;
}

bool is_utf8(std::string_view text) {
  return find_bad_utf8(text) == std::string_view::npos;
}

}  // namespace

Tokenizer::Tables::Tables(Vocabulary from) : vocabulary(std::move(from)) {
  index_texts();
  index_specials();
  if (vocabulary.kind == TokenizerKind::kSentencePiece) {
    index_characters();
    merges = MergeTable(score_rules());
  } else {
    merges = MergeTable(rank_rules());
  }
}

void Tokenizer::Tables::index_texts() {
  const auto& entries = vocabulary.entries;
  const bool byte_level = vocabulary.kind == TokenizerKind::kByteLevelBpe;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const TokenType type = entries[i].type;
    if (type != TokenType::kByte) by_text.push_back(id);
    const bool is_byte = byte_level ? type == TokenType::kNormal : type == TokenType::kByte;
    if (is_byte && entries[i].bytes.size() == 1) {
      byte_tokens[static_cast<std::uint8_t>(entries[i].bytes[0])] = id;
    }
  }
  std::sort(by_text.begin(), by_text.end(),
            [&](TokenId a, TokenId b) { return entries[a].bytes < entries[b].bytes; });
}

void Tokenizer::Tables::index_specials() {
  for (const VocabularyEntry& entry : vocabulary.entries) {
    if (!is_special(entry.type) || entry.bytes.empty() || !is_utf8(entry.bytes)) continue;
    special_lengths[static_cast<std::uint8_t>(entry.bytes[0])].push_back(entry.bytes.size());
  }
  for (auto& lengths : special_lengths) {
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  }
}

// Merging starts from characters; one that is no token can still be part of a token.
void Tokenizer::Tables::index_characters() {
  std::vector<std::uint32_t> seen;
  for (const VocabularyEntry& entry : vocabulary.entries) {
    if (!is_text(entry.type) || !is_utf8(entry.bytes)) continue;
    for (std::string_view rest = entry.bytes; !rest.empty();) {
      const Utf8Char c = front_char(rest);
      seen.push_back(c.code_point);
      rest.remove_prefix(c.length);
    }
  }
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  for (const std::uint32_t code_point : seen) {
    const auto id = find(to_utf8(code_point));
    if (id && is_text(vocabulary.entries[*id].type)) {
      character_symbols.emplace_back(code_point, *id);
      continue;
    }
    const std::size_t symbol = vocabulary.entries.size() + loose_characters.size();
    character_symbols.emplace_back(code_point, static_cast<Symbol>(symbol));
    loose_characters.push_back(code_point);
  }
}

// A part of a token, as merging would know it: a token of text, or a single character.
std::optional<Symbol> Tokenizer::Tables::find_part(std::string_view text) const {
  const auto id = find(text);
  if (id && is_text(vocabulary.entries[*id].type)) return id;
  const Utf8Char c = front_char(text);
  return c.length == text.size() ? find_character(c.code_point) : std::nullopt;
}

// Any two neighbours that together are a token may merge; the greater its score, the sooner.
std::vector<MergeRule> Tokenizer::Tables::score_rules() const {
  std::vector<MergeRule> rules;
  for (std::size_t i = 0; i < vocabulary.entries.size(); ++i) {
    const VocabularyEntry& entry = vocabulary.entries[i];
    if (!is_text(entry.type) || entry.bytes.empty() || !is_utf8(entry.bytes)) continue;
    const std::string_view text = entry.bytes;
    std::size_t cut = front_char(text).length;
    while (cut < text.size()) {
      const auto left = find_part(text.substr(0, cut));
      const auto right = find_part(text.substr(cut));
      if (left && right) {
        rules.push_back({*left, *right, static_cast<Symbol>(i), ~entry.rank});
      }
      cut += front_char(text.substr(cut)).length;
    }
  }
  return rules;
}

std::vector<MergeRule> Tokenizer::Tables::rank_rules() const {
  std::vector<MergeRule> rules;
  rules.reserve(vocabulary.merges.size());
  for (const Merge& merge : vocabulary.merges) {
    rules.push_back(
        {merge.left, merge.right, merge.result, static_cast<std::uint32_t>(rules.size())});
  }
  return rules;
}

std::optional<TokenId> Tokenizer::Tables::find(std::string_view text) const {
  const auto& entries = vocabulary.entries;
  const auto at = std::lower_bound(
      by_text.begin(), by_text.end(), text,
      [&](TokenId id, std::string_view wanted) { return entries[id].bytes < wanted; });
  if (at == by_text.end() || entries[*at].bytes != text) return std::nullopt;
  return *at;
}

std::optional<Symbol> Tokenizer::Tables::find_character(std::uint32_t code_point) const {
  const auto at =
      std::lower_bound(character_symbols.begin(), character_symbols.end(), code_point,
                       [](const auto& item, std::uint32_t wanted) { return item.first < wanted; });
  if (at == character_symbols.end() || at->first != code_point) return std::nullopt;
  return at->second;
}

std::optional<TokenId> Tokenizer::Tables::front_special(std::string_view text,
                                                        bool with_control) const {
  for (const std::size_t length : special_lengths[static_cast<std::uint8_t>(text[0])]) {
    if (length > text.size()) continue;
    const auto id = find(text.substr(0, length));
    if (!id) continue;
    const TokenType type = vocabulary.entries[*id].type;
    if (type == TokenType::kUserDefined || (with_control && is_special(type))) return id;
  }
  return std::nullopt;
}

}  // namespace imo::model
