/// A folder as models are published in: config.json, tokenizer.json, and tensors in one
/// model.safetensors or in shards that model.safetensors.index.json lists.
///
/// What is read is the model that the same checkpoint's GGUF file would hold, so that both have
/// one root: GGUF's `llama` keeps the rows of queries and keys in another order.
#pragma once

#include "imo/base/mapped_file.hpp"
#include "imo/base/result.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/safetensors.hpp"
#include "imo/model/vocabulary.hpp"

#include <deque>
#include <filesystem>
#include <string>
#include <vector>

namespace imo::model {

struct Checkpoint {
  /// Opens and checks all of it. Fails as ModelSource::open does, naming the file.
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  ModelConfig config;
  std::deque<SourceTensor> used;  ///< what `tensors` points at
  ModelTensors tensors;
  Vocabulary vocabulary;
  std::string name;                     ///< the folder's
  std::vector<Hash32> text_hashes;      ///< keccak256 of the JSON files, in the order of reading
  std::vector<SafetensorsFile> shards;  ///< in the order of their names
  std::shared_ptr<const MappedFile> turned;  ///< matrices that lay the other way round, or null
};

}  // namespace imo::model
