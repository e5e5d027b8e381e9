/// From the tokenizer.json of a checkpoint's folder to a Vocabulary: the one that the same model's
/// GGUF file has.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/vocabulary.hpp"

#include <cstdint>
#include <string>

namespace imo::model {

/// The texts of a folder's files; those that it lacks are empty.
struct TokenizerFiles {
  std::string tokenizer;  ///< tokenizer.json
  std::string config;     ///< tokenizer_config.json
  std::string model;      ///< config.json, for begin and end when tokenizer_config.json is silent
  std::string scores{};   ///< tokenizer.model, for the order of SentencePiece's pieces
};

/// Reads and checks them. Ids below `tokens`, the number of embeddings, that no token has become
/// unused ones. Fails on tokenizers of other kinds than GGUF's, naming what is not supported.
Result<Vocabulary> read_tokenizer_json(const TokenizerFiles& files, std::uint32_t tokens);

}  // namespace imo::model
