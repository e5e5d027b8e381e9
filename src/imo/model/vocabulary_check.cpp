// What makes a vocabulary sound, whichever file it came from.

#include "imo/model/utf8.hpp"
#include "imo/model/vocabulary.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

namespace imo::model {
namespace {

Result<void> check_special(const Vocabulary& vocabulary, const std::optional<TokenId>& id,
                           std::string_view name) {
  if (id && *id >= vocabulary.entries.size()) {
    return invalid(fmt::format("the {} token {} is outside the vocabulary of {}", name, *id,
                               vocabulary.entries.size()));
  }
  return {};
}

Result<void> check_entry(const VocabularyEntry& entry, TokenId id) {
  if (entry.bytes.size() > Vocabulary::kLongestToken) {
    return invalid(fmt::format("token {} is {} bytes long; at most {} are supported", id,
                               entry.bytes.size(), Vocabulary::kLongestToken));
  }
  if (entry.type == TokenType::kByte && entry.bytes.size() != 1) {
    return invalid(fmt::format("token {} is a byte token, but not of one byte", id));
  }
  return {};
}

// Byte tokens may repeat what a normal one says ("\n"); within each family texts are unique.
Result<void> check_unique(const std::vector<VocabularyEntry>& entries) {
  const auto less = [&](TokenId a, TokenId b) {
    const bool a_byte = entries[a].type == TokenType::kByte;
    const bool b_byte = entries[b].type == TokenType::kByte;
    return std::tie(a_byte, entries[a].bytes) < std::tie(b_byte, entries[b].bytes);
  };
  std::vector<TokenId> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), less);
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (!less(order[i - 1], order[i])) {
      const auto [first, second] = std::minmax(order[i - 1], order[i]);
      return invalid(fmt::format("tokens {} and {} have the same text", first, second));
    }
  }
  return {};
}

Result<void> check_merges(const Vocabulary& vocabulary) {
  const auto& entries = vocabulary.entries;
  if (vocabulary.kind != TokenizerKind::kByteLevelBpe && !vocabulary.merges.empty()) {
    return invalid("a SentencePiece vocabulary has scores, not merges");
  }
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const Merge& merge = vocabulary.merges[i];
    if (std::max({merge.left, merge.right, merge.result}) >= entries.size()) {
      return invalid(fmt::format("merge {} names a token outside the vocabulary", i));
    }
    if (entries[merge.left].bytes + entries[merge.right].bytes != entries[merge.result].bytes) {
      return invalid(fmt::format("merge {}: tokens {} and {} do not make token {}", i, merge.left,
                                 merge.right, merge.result));
    }
  }
  return {};
}

}  // namespace

Result<void> Vocabulary::check() const {
  if (entries.empty()) return invalid("the vocabulary is empty");
  if (entries.size() > kMostTokens) {
    return invalid(fmt::format("the vocabulary has {} tokens; at most {} are supported",
                               entries.size(), kMostTokens));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    IMO_TRY_VOID(check_entry(entries[i], static_cast<TokenId>(i)));
  }
  IMO_TRY_VOID(check_special(*this, begin, "begin"));
  IMO_TRY_VOID(check_special(*this, end, "end"));
  IMO_TRY_VOID(check_special(*this, end_of_turn, "end-of-turn"));
  IMO_TRY_VOID(check_special(*this, unknown, "unknown"));
  if ((add_begin && !begin) || (add_end && !end)) {
    return invalid("the vocabulary wants a begin or end token added, but names none");
  }
  const bool has_pattern = pre_tokenizer != PreTokenizer::kNone;
  if (has_pattern != (kind == TokenizerKind::kByteLevelBpe)) {
    return invalid("byte-level BPE needs a pre-tokenizer, SentencePiece has none");
  }
  IMO_TRY_VOID(check_unique(entries));
  return check_merges(*this);
}

}  // namespace imo::model
