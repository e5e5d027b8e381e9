/// What the readers of vocabularies share: from pieces as files write them to entries and merges.
/// `where` names the pieces' place in messages.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/vocabulary.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::model {

/// The entry of the piece `text`, of rank 0. Fails on names of bytes that are none, and on pieces
/// outside the byte-level alphabet where there should be none.
Result<VocabularyEntry> make_entry(TokenizerKind kind, TokenType type, std::string_view text,
                                   std::size_t id, std::string_view where);

/// Ranks by an order of ids in which some are equal: 0 for the least ones, then 1, and so on.
void set_ranks(std::vector<VocabularyEntry>& entries,
               const std::function<bool(TokenId, TokenId)>& less);

/// `merges` are two pieces with a space between them; earlier ones go first. Fails on one that
/// is of, or makes, no piece.
Result<std::vector<Merge>> find_merges(std::span<const std::string_view> pieces,
                                       std::span<const std::string> merges, std::string_view where);

/// The control token known by its name to end a turn, for files that do not say.
std::optional<TokenId> find_end_of_turn(const Vocabulary& vocabulary);

}  // namespace imo::model
