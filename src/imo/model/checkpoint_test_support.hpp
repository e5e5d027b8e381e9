/// Checkpoint folders made on the spot, of the models that test_support.hpp makes as GGUF.
#pragma once

#include "imo/model/test_support.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace imo::model::testing {

/// A tensor to write; `shape` as safetensors has it, rows first.
struct SafeTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  Bytes bytes;
  std::string dtype = "F32";
};

/// The bytes of a file with `tensors`, one behind the other.
Bytes safetensors_bytes(const std::vector<SafeTensor>& tensors);
/// The same with a header of one's own.
Bytes safetensors_bytes(const std::string& header, BytesView data);

/// The tensors of `shape` under the names, and in the order of rows, of published checkpoints.
std::vector<SafeTensor> checkpoint_tensors(const TinyShape& shape);

nlohmann::json checkpoint_config(const TinyShape& shape);
nlohmann::json checkpoint_tokenizer(const TinyShape& shape);
/// A tokenizer.model with these pieces and scores.
Bytes sentence_piece_model(const std::vector<std::pair<std::string, float>>& pieces);

/// A whole folder: config.json, tokenizer.json, and `shards` files of tensors.
void write_checkpoint(const std::filesystem::path& folder, const TinyShape& shape,
                      std::size_t shards = 1);
void write_json(const std::filesystem::path& path, const nlohmann::json& json);

}  // namespace imo::model::testing
