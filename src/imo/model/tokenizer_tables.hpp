/// The lookup tables of a tokenizer. Internal to it.
#pragma once

#include "imo/model/merge_table.hpp"
#include "imo/model/tokenizer.hpp"

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace imo::model {

struct Tokenizer::Tables {
  explicit Tables(Vocabulary from);

  Vocabulary vocabulary;
  std::vector<TokenId> by_text;  ///< all but byte tokens, ordered by text
  std::array<std::optional<TokenId>, 256> byte_tokens;
  MergeTable merges;

  /// SentencePiece: the symbols of single characters, ordered by code point. Those that are not
  /// tokens themselves but parts of some are numbered from vocabulary.entries.size() on, and
  /// `loose_characters` says which they are.
  std::vector<std::pair<std::uint32_t, Symbol>> character_symbols;
  std::vector<std::uint32_t> loose_characters;

  /// Per first byte: the lengths of control and user-defined tokens, longest first.
  std::array<std::vector<std::size_t>, 256> special_lengths;

  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;
  [[nodiscard]] std::optional<Symbol> find_character(std::uint32_t code_point) const;

  /// The longest special token at the front of `text`.
  [[nodiscard]] std::optional<TokenId> front_special(std::string_view text,
                                                     bool with_control) const;

 private:
  void index_texts();
  void index_characters();
  void index_specials();
  [[nodiscard]] std::optional<Symbol> find_part(std::string_view text) const;
  [[nodiscard]] std::vector<MergeRule> score_rules() const;
  [[nodiscard]] std::vector<MergeRule> rank_rules() const;
};

}  // namespace imo::model
