// From the tokenizer.* metadata of GGUF to a Vocabulary.

#include "imo/model/byte_alphabet.hpp"
#include "imo/model/utf8.hpp"
#include "imo/model/vocabulary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace imo::model {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";

// U+2581, which SentencePiece writes for a space.
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

// Older converters write -1 for "there is none".
constexpr std::uint64_t kAbsent = 0xFFFFFFFF;

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
                                std::size_t id) {
  if (type == TokenType::kByte) {
    if (auto byte = byte_of_name(text)) return *byte;
    return invalid(
        fmt::format("metadata '{}': token {} is a byte token, but not named <0xNN>", kTokens, id));
  }
  if (type == TokenType::kControl || type == TokenType::kUnknown) return std::string(text);
  if (kind == TokenizerKind::kSentencePiece) return marks_to_spaces(text);
  if (type == TokenType::kUserDefined) return std::string(text);
  if (auto bytes = from_byte_alphabet(text)) return *bytes;
  return invalid(
      fmt::format("metadata '{}': token {} is not in the byte-level alphabet", kTokens, id));
}

Result<void> check_count(std::string_view key, std::size_t count, std::size_t tokens) {
  if (count == tokens) return {};
  return invalid(fmt::format("metadata '{}' has {} elements for {} tokens", key, count, tokens));
}

Result<void> read_entries(const GgufFile& file, Vocabulary& vocabulary) {
  IMO_TRY(const auto texts, file.string_array(kTokens));
  std::vector<std::int64_t> types(texts.size(), static_cast<int>(TokenType::kNormal));
  if (file.find(kTypes) != nullptr) {
    IMO_TRY(types, file.integer_array(kTypes));
    IMO_TRY_VOID(check_count(kTypes, types.size(), texts.size()));
  }
  vocabulary.entries.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (types[i] < 1 || types[i] > 6) {
      return invalid(
          fmt::format("metadata '{}': token {} has unknown type {}", kTypes, i, types[i]));
    }
    VocabularyEntry entry;
    entry.type = static_cast<TokenType>(types[i]);
    IMO_TRY(entry.bytes, token_bytes(vocabulary.kind, entry.type, texts[i], i));
    vocabulary.entries.push_back(std::move(entry));
  }
  return {};
}

// Only the order of the scores matters to merging, so their ranks replace them.
Result<void> read_scores(const GgufFile& file, Vocabulary& vocabulary) {
  IMO_TRY(const std::vector<float> scores, file.float_array(kScores));
  IMO_TRY_VOID(check_count(kScores, scores.size(), vocabulary.entries.size()));
  std::vector<TokenId> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) {
      return invalid(fmt::format("metadata '{}': the score of token {} is NaN", kScores, i));
    }
  }
  std::sort(order.begin(), order.end(),
            [&](TokenId a, TokenId b) { return scores[a] < scores[b]; });
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && scores[order[i - 1]] < scores[order[i]]) ++rank;
    vocabulary.entries[order[i]].rank = rank;
  }
  return {};
}

Result<void> read_merges(const GgufFile& file, Vocabulary& vocabulary) {
  IMO_TRY(const auto texts, file.string_array(kTokens));
  IMO_TRY(const auto merges, file.string_array(kMerges));
  std::vector<TokenId> order(texts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) { return texts[a] < texts[b]; });
  const auto find = [&](std::string_view text) -> std::optional<TokenId> {
    const auto at =
        std::lower_bound(order.begin(), order.end(), text,
                         [&](TokenId id, std::string_view wanted) { return texts[id] < wanted; });
    return at != order.end() && texts[*at] == text ? std::optional(*at) : std::nullopt;
  };
  vocabulary.merges.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::size_t space = merges[i].find(' ');
    if (space == std::string_view::npos || merges[i].size() > 2 * Vocabulary::kLongestToken) {
      return invalid(fmt::format("metadata '{}': merge {} is not two tokens", kMerges, i));
    }
    const std::string_view left = merges[i].substr(0, space);
    const std::string_view right = merges[i].substr(space + 1);
    const auto left_id = find(left);
    const auto right_id = find(right);
    const auto result_id = find(std::string(left).append(right));
    if (!left_id || !right_id || !result_id) {
      return invalid(fmt::format("metadata '{}': merge {} is of, or makes, no token", kMerges, i));
    }
    vocabulary.merges.push_back({*left_id, *right_id, *result_id});
  }
  return {};
}

Result<PreTokenizer> read_pre_tokenizer(const GgufFile& file) {
  constexpr std::string_view kKey = "tokenizer.ggml.pre";
  if (file.find(kKey) == nullptr) {
    return invalid(
        fmt::format("metadata '{}' is missing: which pattern cuts the text is unknown; "
                    "convert the model again",
                    kKey));
  }
  IMO_TRY(const std::string_view name, file.string_value(kKey));
  if (name == "gpt-2") return PreTokenizer::kGpt2;
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") return PreTokenizer::kLlama3;
  if (name == "qwen2") return PreTokenizer::kQwen2;
  if (name == "smollm" || name == "starcoder") return PreTokenizer::kSmolLm;
  return invalid(
      fmt::format("metadata '{}' is {}; gpt-2, llama-bpe, qwen2, smollm and starcoder "
                  "are supported",
                  kKey, in_quotes(name)));
}

Result<TokenizerKind> read_kind(const GgufFile& file) {
  constexpr std::string_view kKey = "tokenizer.ggml.model";
  IMO_TRY(const std::string_view name, file.string_value(kKey));
  if (name == "llama") return TokenizerKind::kSentencePiece;
  if (name == "gpt2") return TokenizerKind::kByteLevelBpe;
  return invalid(
      fmt::format("metadata '{}' is {}; 'llama' (SentencePiece) and 'gpt2' (byte-level "
                  "BPE) are supported",
                  kKey, in_quotes(name)));
}

Result<std::optional<TokenId>> read_id(const GgufFile& file, std::string_view name,
                                       std::size_t tokens) {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
  IMO_TRY(const std::uint64_t id, file.unsigned_or(key, kAbsent));
  if (id == kAbsent) return std::optional<TokenId>();
  if (id >= tokens) {
    return invalid(fmt::format("metadata '{}' is {}, outside the {} tokens", key, id, tokens));
  }
  return std::optional(static_cast<TokenId>(id));
}

// Files often leave the end-of-turn token to be known by its name.
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

Result<void> read_specials(const GgufFile& file, Vocabulary& vocabulary) {
  const std::size_t tokens = vocabulary.entries.size();
  const bool sentence_piece = vocabulary.kind == TokenizerKind::kSentencePiece;
  IMO_TRY(vocabulary.begin, read_id(file, "bos", tokens));
  IMO_TRY(vocabulary.end, read_id(file, "eos", tokens));
  IMO_TRY(vocabulary.unknown, read_id(file, "unknown", tokens));
  IMO_TRY(vocabulary.end_of_turn, read_id(file, "eot", tokens));
  if (!vocabulary.end_of_turn) vocabulary.end_of_turn = find_end_of_turn(vocabulary);
  // The models with these vocabularies were trained with a begin token in front.
  const bool usual = sentence_piece || vocabulary.pre_tokenizer == PreTokenizer::kLlama3;
  IMO_TRY(vocabulary.add_begin,
          file.bool_or("tokenizer.ggml.add_bos_token", usual && vocabulary.begin.has_value()));
  IMO_TRY(vocabulary.add_end, file.bool_or("tokenizer.ggml.add_eos_token", false));
  IMO_TRY(const bool prefix, file.bool_or("tokenizer.ggml.add_space_prefix", sentence_piece));
  vocabulary.add_space_prefix = prefix && sentence_piece;
  return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::from_gguf(const GgufFile& file) {
  Vocabulary vocabulary;
  IMO_TRY(vocabulary.kind, read_kind(file));
  IMO_TRY_VOID(read_entries(file, vocabulary));
  if (vocabulary.kind == TokenizerKind::kSentencePiece) {
    IMO_TRY_VOID(read_scores(file, vocabulary));
  } else {
    IMO_TRY(vocabulary.pre_tokenizer, read_pre_tokenizer(file));
    IMO_TRY_VOID(read_merges(file, vocabulary));
  }
  IMO_TRY_VOID(read_specials(file, vocabulary));
  IMO_TRY(const std::string_view chat, file.string_or("tokenizer.chat_template", ""));
  vocabulary.chat_template = chat;
  IMO_TRY_VOID(vocabulary.check());
  return vocabulary;
}

}  // namespace imo::model
