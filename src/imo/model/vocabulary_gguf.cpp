// From the tokenizer.* metadata of GGUF to a Vocabulary.

#include "imo/model/utf8.hpp"
#include "imo/model/vocabulary.hpp"
#include "imo/model/vocabulary_parts.hpp"

#include <cmath>

#include <fmt/format.h>

namespace imo::model {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";

// Older converters write -1 for "there is none".
constexpr std::uint64_t kAbsent = 0xFFFFFFFF;

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
  const std::string where = fmt::format("metadata '{}'", kTokens);
  vocabulary.entries.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (types[i] < 1 || types[i] > 6) {
      return invalid(
          fmt::format("metadata '{}': token {} has unknown type {}", kTypes, i, types[i]));
    }
    IMO_TRY(VocabularyEntry entry,
            make_entry(vocabulary.kind, static_cast<TokenType>(types[i]), texts[i], i, where));
    vocabulary.entries.push_back(std::move(entry));
  }
  return {};
}

// Only the order of the scores matters to merging, so their ranks replace them.
Result<void> read_scores(const GgufFile& file, Vocabulary& vocabulary) {
  IMO_TRY(const std::vector<float> scores, file.float_array(kScores));
  IMO_TRY_VOID(check_count(kScores, scores.size(), vocabulary.entries.size()));
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) {
      return invalid(fmt::format("metadata '{}': the score of token {} is NaN", kScores, i));
    }
  }
  set_ranks(vocabulary.entries, [&](TokenId a, TokenId b) { return scores[a] < scores[b]; });
  return {};
}

Result<void> read_merges(const GgufFile& file, Vocabulary& vocabulary) {
  IMO_TRY(const auto texts, file.string_array(kTokens));
  IMO_TRY(const auto merges, file.string_array(kMerges));
  const std::vector<std::string> owned(merges.begin(), merges.end());
  IMO_TRY(vocabulary.merges, find_merges(texts, owned, fmt::format("metadata '{}'", kMerges)));
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
