#include "imo/model/tokenizer_json.hpp"

#include "imo/model/sentence_piece_scores.hpp"
#include "imo/model/utf8.hpp"
#include "imo/model/vocabulary_parts.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::model {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kWhere = "tokenizer.json";
constexpr int kDeepestSequence = 8;

// The patterns that models are published with.
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Access that does not care whether `json` is an object or null.
const Json& at(const Json& json, std::string_view key) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(key);
  return found == json.end() ? kNull : *found;
}

std::string text_of(const Json& json) {
  return json.is_string() ? json.get<std::string>() : std::string();
}

bool is_true(const Json& json) {
  return json.is_boolean() && json.get<bool>();
}

Result<Json> parse(const std::string& text, std::string_view name) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) return json;
  return invalid(fmt::format("{} is not a JSON object", name));
}

/// The parts of a step that may be a sequence of steps: normalizers, pre-tokenizers, processors.
void collect(const Json& step, std::vector<const Json*>& steps, int depth = 0) {
  if (!step.is_object() || depth > kDeepestSequence) return;
  if (text_of(at(step, "type")) != "Sequence") {
    steps.push_back(&step);
    return;
  }
  for (const char* key : {"normalizers", "pretokenizers", "processors"}) {
    for (const Json& each : at(step, key)) collect(each, steps, depth + 1);
  }
}

std::vector<const Json*> steps_of(const Json& tokenizer, std::string_view key) {
  std::vector<const Json*> steps;
  collect(at(tokenizer, key), steps);
  return steps;
}

const Json* find_type(const std::vector<const Json*>& steps, std::string_view type) {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Json* step) {
    return text_of(at(*step, "type")) == type;
  });
  return found == steps.end() ? nullptr : *found;
}

class Reader {
 public:
  Reader(const Json& tokenizer, const Json& config, const Json& model, BytesView scores,
         std::uint32_t tokens)
      : tokenizer_(tokenizer), config_(config), model_(model), scores_(scores), tokens_(tokens) {}

  Result<Vocabulary> run() {
    const std::string type = text_of(at(bpe(), "type"));
    if (type != "BPE") {
      return invalid(
          fmt::format("{}: the model is of type {}; BPE is supported", kWhere, in_quotes(type)));
    }
    const bool bytes = is_true(at(bpe(), "byte_fallback"));
    vocabulary_.kind = bytes ? TokenizerKind::kSentencePiece : TokenizerKind::kByteLevelBpe;
    IMO_TRY_VOID(read_pieces());
    IMO_TRY_VOID(read_entries());
    IMO_TRY_VOID(read_merges());
    if (!bytes) {
      IMO_TRY(vocabulary_.pre_tokenizer, read_pre_tokenizer());
    }
    IMO_TRY_VOID(read_specials());
    vocabulary_.chat_template = chat_template();
    IMO_TRY_VOID(vocabulary_.check());
    return std::move(vocabulary_);
  }

 private:
  [[nodiscard]] const Json& bpe() const { return at(tokenizer_, "model"); }

  Result<void> place(std::string piece, const Json& id, TokenType type) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= tokens_) {
      return invalid(fmt::format("{}: token {} has no id below the {} embeddings", kWhere,
                                 in_quotes(piece), tokens_));
    }
    const auto index = id.get<std::size_t>();
    if (is_placed_[index] && pieces_[index] != piece) {
      return invalid(fmt::format("{}: tokens {} and {} have the same id {}", kWhere,
                                 in_quotes(pieces_[index]), in_quotes(piece), index));
    }
    is_placed_[index] = true;
    pieces_[index] = std::move(piece);
    types_[index] = type;
    return {};
  }

  Result<void> read_pieces() {
    pieces_.resize(tokens_);
    types_.assign(tokens_, TokenType::kUnused);
    is_placed_.assign(tokens_, false);
    const Json& vocab = at(bpe(), "vocab");
    if (!vocab.is_object()) return invalid(fmt::format("{}: model.vocab is missing", kWhere));
    for (const auto& [piece, id] : vocab.items()) {
      IMO_TRY_VOID(place(piece, id, type_of_piece(piece)));
    }
    const std::string unknown = text_of(at(bpe(), "unk_token"));
    for (const Json& added : at(tokenizer_, "added_tokens")) {
      const std::string piece = text_of(at(added, "content"));
      TokenType type =
          is_true(at(added, "special")) ? TokenType::kControl : TokenType::kUserDefined;
      if (is_sentence_piece() && piece == unknown) type = TokenType::kUnknown;
      IMO_TRY_VOID(place(piece, at(added, "id"), type));
    }
    // As converters to GGUF name what only fills the embedding up.
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (!is_placed_[i]) pieces_[i] = fmt::format("[PAD{}]", i);
    }
    return {};
  }

  [[nodiscard]] bool is_sentence_piece() const {
    return vocabulary_.kind == TokenizerKind::kSentencePiece;
  }

  [[nodiscard]] TokenType type_of_piece(std::string_view piece) const {
    const bool byte = is_sentence_piece() && piece.size() == 6 && piece.starts_with("<0x") &&
                      piece.ends_with('>');
    return byte ? TokenType::kByte : TokenType::kNormal;
  }

  Result<void> read_entries() {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      IMO_TRY(VocabularyEntry entry,
              make_entry(vocabulary_.kind, types_[i], pieces_[i], i, kWhere));
      vocabulary_.entries.push_back(std::move(entry));
    }
    return {};
  }

  // Once "a b", lately ["a", "b"].
  Result<void> read_merges() {
    std::vector<std::string> merges;
    for (const Json& merge : at(bpe(), "merges")) {
      const bool pair = merge.is_array() && merge.size() == 2;
      merges.push_back(pair ? text_of(merge[0]) + " " + text_of(merge[1]) : text_of(merge));
    }
    const std::vector<std::string_view> views(pieces_.begin(), pieces_.end());
    IMO_TRY(std::vector<Merge> found, find_merges(views, merges, kWhere));
    if (!is_sentence_piece()) {
      vocabulary_.merges = std::move(found);
    } else if (!scores_.empty()) {
      return rank_by_scores();
    } else {
      rank(found);
    }
    return {};
  }

  // What tokenizer.model lacks, because it was added or only fills the embedding up, comes last.
  Result<void> rank_by_scores() {
    IMO_TRY(const std::vector<ScoredPiece> scored, read_sentence_piece_scores(scores_));
    if (scored.size() > pieces_.size()) {
      return invalid(fmt::format("tokenizer.model has {} pieces, more than the {} embeddings",
                                 scored.size(), pieces_.size()));
    }
    std::vector<std::int32_t> orders(pieces_.size(), std::numeric_limits<std::int32_t>::min());
    for (std::size_t id = 0; id < scored.size(); ++id) {
      if (types_[id] == TokenType::kNormal && scored[id].text != pieces_[id]) {
        return invalid(fmt::format("tokenizer.model: piece {} is {}, but {} says {}", id,
                                   in_quotes(scored[id].text), kWhere, in_quotes(pieces_[id])));
      }
      orders[id] = scored[id].order;
    }
    set_ranks(vocabulary_.entries, [&](TokenId a, TokenId b) { return orders[a] < orders[b]; });
    return {};
  }

  // The scores of SentencePiece are not in this file, only the order of its merges. Where they make
  // tokens of ascending ids, scores descend with the ids; else what no merge makes, which is never
  // looked for, comes last. What is no piece comes first, as scores of 0 put it in GGUF.
  void rank(const std::vector<Merge>& merges) {
    const bool by_id =
        std::is_sorted(merges.begin(), merges.end(),
                       [](const Merge& a, const Merge& b) { return a.result < b.result; });
    std::vector<std::size_t> places(pieces_.size());
    for (std::size_t id = 0; id < places.size(); ++id) {
      if (types_[id] == TokenType::kNormal) places[id] = 1 + id + (by_id ? 0 : merges.size());
    }
    for (std::size_t i = by_id ? 0 : merges.size(); i > 0; --i) places[merges[i - 1].result] = i;
    set_ranks(vocabulary_.entries, [&](TokenId a, TokenId b) { return places[a] > places[b]; });
  }

  Result<PreTokenizer> read_pre_tokenizer() const {
    const auto steps = steps_of(tokenizer_, "pre_tokenizer");
    const Json* byte_level = find_type(steps, "ByteLevel");
    if (byte_level == nullptr || is_true(at(*byte_level, "add_prefix_space"))) {
      return invalid(
          fmt::format("{}: only byte-level pre-tokenizers that add no space are "
                      "supported",
                      kWhere));
    }
    if (const Json* split = find_type(steps, "Split")) {
      const std::string pattern = text_of(at(at(*split, "pattern"), "Regex"));
      if (pattern == kLlama3Pattern) return PreTokenizer::kLlama3;
      if (pattern == kQwen2Pattern) return PreTokenizer::kQwen2;
      return invalid(fmt::format("{}: the pattern {} is not known; those of llama 3 and qwen2 are",
                                 kWhere, in_quotes(pattern)));
    }
    const Json* digits = find_type(steps, "Digits");
    if (steps.size() == 1) return PreTokenizer::kGpt2;
    if (steps.size() == 2 && digits != nullptr && is_true(at(*digits, "individual_digits"))) {
      return PreTokenizer::kSmolLm;
    }
    return invalid(fmt::format("{}: its sequence of pre-tokenizers is not known", kWhere));
  }

  [[nodiscard]] std::optional<TokenId> id_of(std::string_view piece) const {
    const auto found = std::find(pieces_.begin(), pieces_.end(), piece);
    if (piece.empty() || found == pieces_.end()) return std::nullopt;
    return static_cast<TokenId>(found - pieces_.begin());
  }

  // tokenizer_config.json has a text, or an object with one; config.json has an id.
  [[nodiscard]] std::optional<TokenId> special(std::string_view name) const {
    const Json& token = at(config_, fmt::format("{}_token", name));
    if (const auto id = id_of(text_of(token.is_object() ? at(token, "content") : token))) return id;
    const Json& id = at(model_, fmt::format("{}_token_id", name));
    const Json& first = id.is_array() && !id.empty() ? id[0] : id;
    if (!first.is_number_unsigned() || first.get<std::uint64_t>() >= tokens_) return std::nullopt;
    return first.get<TokenId>();
  }

  /// Whether a text's tokens are to begin with `begin`; nothing when the files do not say.
  [[nodiscard]] std::optional<bool> wants_begin() const {
    const Json& flag = at(config_, "add_bos_token");
    if (flag.is_boolean()) return flag.get<bool>();
    const auto steps = steps_of(tokenizer_, "post_processor");
    const Json* pattern = find_type(steps, "TemplateProcessing");
    if (pattern == nullptr) return std::nullopt;
    const Json& single = at(*pattern, "single");
    if (!single.is_array() || single.empty()) return false;
    const auto id = id_of(text_of(at(at(single[0], "SpecialToken"), "id")));
    return id.has_value() && id == vocabulary_.begin;
  }

  [[nodiscard]] bool adds_space() const {
    if (find_type(steps_of(tokenizer_, "normalizer"), "Prepend") != nullptr) return true;
    const auto steps = steps_of(tokenizer_, "pre_tokenizer");
    const Json* meta = find_type(steps, "Metaspace");
    if (meta == nullptr) return false;
    const std::string scheme = text_of(at(*meta, "prepend_scheme"));
    return scheme.empty() ? is_true(at(*meta, "add_prefix_space")) : scheme != "never";
  }

  Result<void> read_specials() {
    vocabulary_.begin = special("bos");
    vocabulary_.end = special("eos");
    vocabulary_.unknown = id_of(text_of(at(bpe(), "unk_token")));
    vocabulary_.end_of_turn = find_end_of_turn(vocabulary_);
    const bool usual = is_sentence_piece() || vocabulary_.pre_tokenizer == PreTokenizer::kLlama3;
    vocabulary_.add_begin = wants_begin().value_or(usual && vocabulary_.begin.has_value());
    vocabulary_.add_end = is_true(at(config_, "add_eos_token"));
    vocabulary_.add_space_prefix = is_sentence_piece() && adds_space();
    return {};
  }

  // One template, or several with names.
  [[nodiscard]] std::string chat_template() const {
    const Json& found = at(config_, "chat_template");
    if (!found.is_array()) return text_of(found);
    for (const Json& each : found) {
      if (text_of(at(each, "name")) == "default") return text_of(at(each, "template"));
    }
    return {};
  }

  const Json& tokenizer_;
  const Json& config_;
  const Json& model_;
  BytesView scores_;
  std::uint32_t tokens_;
  std::vector<std::string> pieces_;
  std::vector<TokenType> types_;
  std::vector<bool> is_placed_;
  Vocabulary vocabulary_;
};

}  // namespace

Result<Vocabulary> read_tokenizer_json(const TokenizerFiles& files, std::uint32_t tokens) {
  IMO_TRY(const Json tokenizer, parse(files.tokenizer, kWhere));
  Json config;
  if (!files.config.empty()) {
    IMO_TRY(config, parse(files.config, "tokenizer_config.json"));
  }
  Json model;
  if (!files.model.empty()) {
    IMO_TRY(model, parse(files.model, "config.json"));
  }
  return Reader(tokenizer, config, model, as_bytes(files.scores), tokens).run();
}

}  // namespace imo::model
