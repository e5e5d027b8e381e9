#include "imo/model/vocabulary_parts.hpp"

#include "imo/model/byte_alphabet.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace imo::model {
namespace {

// U+2581, which SentencePiece writes for a space.
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

std::string marks_to_spaces(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool mark = text.substr(0, kSpaceMark.size()) == kSpaceMark;
    out.push_back(mark ? ' ' : text[0]);
    text.remove_prefix(mark ? kSpaceMark.size() : 1);
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// "<0x0A>" is the byte 0x0A.
std::optional<std::string> byte_of_name(std::string_view name) {
  if (name.size() != 6 || name.substr(0, 3) != "<0x" || name[5] != '>') return std::nullopt;
  const int high = hex_digit(name[3]);
  const int low = hex_digit(name[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return std::string(1, static_cast<char>(high * 16 + low));
}

Result<std::string> token_bytes(TokenizerKind kind, TokenType type, std::string_view text,
                                std::size_t id, std::string_view where) {
  if (type == TokenType::kByte) {
    if (auto byte = byte_of_name(text)) return *byte;
    return invalid(fmt::format("{}: token {} is a byte token, but not named <0xNN>", where, id));
  }
  if (type == TokenType::kControl || type == TokenType::kUnknown) return std::string(text);
  if (kind == TokenizerKind::kSentencePiece) return marks_to_spaces(text);
  if (type == TokenType::kUserDefined) return std::string(text);
  if (auto bytes = from_byte_alphabet(text)) return *bytes;
  return invalid(fmt::format("{}: token {} is not in the byte-level alphabet", where, id));
}

}  // namespace

Result<VocabularyEntry> make_entry(TokenizerKind kind, TokenType type, std::string_view text,
                                   std::size_t id, std::string_view where) {
  VocabularyEntry entry;
  entry.type = type;
  IMO_TRY(entry.bytes, token_bytes(kind, type, text, id, where));
  return entry;
}

void set_ranks(std::vector<VocabularyEntry>& entries,
               const std::function<bool(TokenId, TokenId)>& less) {
  std::vector<TokenId> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), less);
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && less(order[i - 1], order[i])) ++rank;
    entries[order[i]].rank = rank;
  }
}

Result<std::vector<Merge>> find_merges(std::span<const std::string_view> pieces,
                                       std::span<const std::string> merges,
                                       std::string_view where) {
  std::vector<TokenId> order(pieces.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](TokenId a, TokenId b) { return pieces[a] < pieces[b]; });
  const auto find = [&](std::string_view text) -> std::optional<TokenId> {
    const auto at =
        std::lower_bound(order.begin(), order.end(), text,
                         [&](TokenId id, std::string_view wanted) { return pieces[id] < wanted; });
    return at != order.end() && pieces[*at] == text ? std::optional(*at) : std::nullopt;
  };
  std::vector<Merge> result;
  result.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::size_t space = merges[i].find(' ');
    if (space == std::string::npos || merges[i].size() > 2 * Vocabulary::kLongestToken) {
      return invalid(fmt::format("{}: merge {} is not two tokens", where, i));
    }
    const std::string left = merges[i].substr(0, space);
    const std::string right = merges[i].substr(space + 1);
    const auto left_id = find(left);
    const auto right_id = find(right);
    const auto result_id = find(left + right);
    if (!left_id || !right_id || !result_id) {
      return invalid(fmt::format("{}: merge {} is of, or makes, no token", where, i));
    }
    result.push_back({*left_id, *right_id, *result_id});
  }
  return result;
}

std::optional<TokenId> find_end_of_turn(const Vocabulary& vocabulary) {
  for (std::size_t i = 0; i < vocabulary.entries.size(); ++i) {
    const VocabularyEntry& entry = vocabulary.entries[i];
    if (entry.type == TokenType::kControl &&
        (entry.bytes == "<|im_end|>" || entry.bytes == "<|eot_id|>")) {
      return static_cast<TokenId>(i);
    }
  }
  return std::nullopt;
}

}  // namespace imo::model
