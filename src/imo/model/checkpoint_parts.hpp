/// What the readers of a checkpoint's architectures share.
#pragma once

#include "imo/model/checkpoint.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::model {

/// Reads config.json with ranges; null counts as absent, as in the files.
class CheckpointConfig {
 public:
  explicit CheckpointConfig(nlohmann::json json) : json_(std::move(json)) {}

  [[nodiscard]] bool has(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && !found->is_null();
  }
  [[nodiscard]] const nlohmann::json& get(const char* name) const {
    return json_.find(name).value();
  }

  Result<std::uint32_t> size(const char* name, std::uint64_t most) const {
    if (!has(name)) return invalid(fmt::format("config.json has no '{}'", name));
    const nlohmann::json& value = get(name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
        value.get<std::uint64_t>() > most) {
      return invalid(fmt::format("config.json: '{}' is {}; it must be 1 to {}", name,
                                 in_quotes(value.dump()), most));
    }
    return value.get<std::uint32_t>();
  }

  Result<std::uint32_t> size_or(const char* name, std::uint64_t most, std::uint32_t other) const {
    return has(name) ? size(name, most) : Result<std::uint32_t>(other);
  }

  // Rounded to single precision, which is what GGUF keeps.
  Result<double> positive(const char* name) const {
    if (!has(name)) return invalid(fmt::format("config.json has no '{}'", name));
    return positive_number(get(name), name);
  }

  Result<double> positive_or(const char* name, double other) const {
    return has(name) ? positive(name) : Result<double>(other);
  }

  static Result<double> positive_number(const nlohmann::json& value, const char* name) {
    const double number = value.is_number() ? double{value.get<float>()} : 0;
    if (std::isfinite(number) && number > 0) return number;
    return invalid(fmt::format("config.json: '{}' is {}; it must be a positive number", name,
                               in_quotes(value.dump())));
  }

  [[nodiscard]] std::string text(const char* name) const {
    return has(name) && get(name).is_string() ? get(name).get<std::string>() : std::string();
  }

  [[nodiscard]] bool is_true(const char* name) const {
    return has(name) && get(name).is_boolean() && get(name).get<bool>();
  }

 private:
  nlohmann::json json_;
};

/// Finds tensors in the shards, checks their shapes, and remembers which were used.
class CheckpointTensors {
 public:
  explicit CheckpointTensors(Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  [[nodiscard]] bool has(const std::string& name) const { return shard_of(name) != nullptr; }

  Result<const SourceTensor*> matrix(const std::string& name, std::uint64_t rows,
                                     std::uint64_t columns, std::uint32_t turned_heads = 0) {
    IMO_TRY(SourceTensor tensor, stored(name, rows, columns));
    tensor.turned_heads = turned_heads;
    return keep(tensor);
  }

  /// A matrix as the file has it, not yet one of the model's.
  Result<SourceTensor> stored(const std::string& name, std::uint64_t rows, std::uint64_t columns) {
    IMO_TRY(SourceTensor tensor, find(name));
    if (tensor.rank != 2 || tensor.rows() != rows || tensor.columns() != columns) {
      return invalid(fmt::format("tensor '{}' is {} x {}, but config.json says {} x {}", name,
                                 tensor.rows(), tensor.columns(), rows, columns));
    }
    return tensor;
  }

  /// Makes it one of the model's.
  SourceTensor* keep(const SourceTensor& tensor) {
    checkpoint_.used.push_back(tensor);
    return &checkpoint_.used.back();
  }

  Result<const SourceTensor*> vector(const std::string& name, std::uint64_t length) {
    IMO_TRY(SourceTensor tensor, find(name));
    if (tensor.rank != 1 || tensor.columns() != length) {
      return invalid(
          fmt::format("tensor '{}' has {} elements in {} dimensions, but config.json "
                      "says {} in one",
                      name, tensor.rows() * tensor.columns(), tensor.rank, length));
    }
    return keep(tensor);
  }

  /// One number a row, in the order of the matrix's rows; null when there is none.
  Result<const SourceTensor*> bias(const std::string& name, std::uint64_t length,
                                   std::uint32_t turned_heads = 0) {
    if (!has(name)) return static_cast<const SourceTensor*>(nullptr);
    IMO_TRY_VOID(vector(name, length));
    SourceTensor& kept = checkpoint_.used.back();
    kept.dimensions = {1, length, 1, 1};
    kept.rank = 2;
    kept.turned_heads = turned_heads;
    return &kept;
  }

  /// An extra tensor would mean that the model computes something this program does not. Those
  /// whose names end in one of `known` do not count.
  Result<void> check_nothing_left(std::initializer_list<std::string_view> known) const {
    const auto is_known = [&](std::string_view name) {
      return std::any_of(known.begin(), known.end(),
                         [&](std::string_view end) { return name.ends_with(end); });
    };
    for (const SafetensorsFile& shard : checkpoint_.shards) {
      for (const std::string_view name : shard.names()) {
        if (used_.contains(std::string(name)) || is_known(name)) continue;
        return invalid(
            fmt::format("tensor {} has no part in this architecture; the model is of "
                        "another kind",
                        in_quotes(name)));
      }
    }
    return {};
  }

 private:
  [[nodiscard]] const SafetensorsFile* shard_of(const std::string& name) const {
    const auto found = std::find_if(checkpoint_.shards.begin(), checkpoint_.shards.end(),
                                    [&](const SafetensorsFile& s) { return s.has(name); });
    return found == checkpoint_.shards.end() ? nullptr : &*found;
  }

  Result<SourceTensor> find(const std::string& name) {
    const SafetensorsFile* shard = shard_of(name);
    if (shard == nullptr) return invalid(fmt::format("tensor '{}' is missing", name));
    used_.insert(name);
    return shard->tensor(name);
  }

  Checkpoint& checkpoint_;
  std::set<std::string> used_;
};

Result<ModelConfig> read_gpt2_config(const CheckpointConfig& from);

/// Fills `checkpoint.tensors` and `checkpoint.turned` in, and says in its configuration whether the
/// output matrix is the embedding: config.json does not.
Result<void> read_gpt2_tensors(CheckpointTensors& tensors, Checkpoint& checkpoint);

}  // namespace imo::model
