/// Small compiled programs for tests.
#pragma once

#include "imo/model/compiler.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/test_support.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace imo::model::testing {

/// Compiles a model file, calibrated on 40 tokens of its own.
inline Compiled compile_tiny(BytesView bytes, unsigned weight_bits) {
  auto file = GgufFile::parse(bytes);
  EXPECT_TRUE(file) << file.error().message;
  auto source = ModelSource::from_gguf(std::move(*file));
  EXPECT_TRUE(source) << source.error().message;
  CompileOptions options;
  options.calibration_tokens = 40;
  options.weight_bits = weight_bits;
  auto compiled = compile(*source, options);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return std::move(*compiled);
}

/// The same of a made-up model of `shape`.
inline Compiled tiny_program(const TinyShape& shape = {}, unsigned weight_bits = 8) {
  return compile_tiny(tiny_model(shape), weight_bits);
}

/// Rows of whole groups wherever weights can be grouped.
inline TinyShape grouped_shape() {
  return {.width = 64, .hidden = 96};
}

/// Weights, multipliers and biases of one tensor that a test may change.
struct OwnedTensor {
  std::vector<std::int8_t> weights;
  std::vector<std::uint32_t> multipliers;
  std::vector<std::int64_t> biases;
  std::vector<std::uint8_t> bits;
  std::vector<std::int8_t> scales;
  std::vector<std::int16_t> offsets;
};

/// Gives tensor `index` storage of its own, which lives as long as the program's copies.
inline std::shared_ptr<OwnedTensor> own_tensor(Program& program, std::size_t index) {
  WeightTensor& tensor = program.tensors[index];
  auto owned = std::make_shared<OwnedTensor>();
  owned->weights.assign(tensor.weights.begin(), tensor.weights.end());
  owned->multipliers.assign(tensor.multipliers.begin(), tensor.multipliers.end());
  owned->biases.assign(tensor.biases.begin(), tensor.biases.end());
  const GroupedWeights& grouped = tensor.grouped;
  owned->bits.assign(grouped.bits.begin(), grouped.bits.end());
  owned->scales.assign(grouped.scales.begin(), grouped.scales.end());
  owned->offsets.assign(grouped.offsets.begin(), grouped.offsets.end());
  tensor.grouped = {owned->bits, owned->scales, owned->offsets};
  tensor.weights = owned->weights;
  tensor.multipliers = owned->multipliers;
  tensor.biases = owned->biases;
  struct Both {
    std::shared_ptr<const void> before;
    std::shared_ptr<OwnedTensor> owned;
  };
  program.storage = std::make_shared<Both>(Both{program.storage, owned});
  return owned;
}

/// Gives every group of tensor `index` an offset of 0 or 1 `times` its scale, which keeps its
/// weights in range, and says so in the operators that read it.
inline std::shared_ptr<OwnedTensor> own_offsets(Program& program, std::size_t index, int times) {
  auto owned = own_tensor(program, index);
  for (const std::int8_t scale : owned->scales) {
    owned->offsets.push_back(static_cast<std::int16_t>(times * scale));
  }
  program.tensors[index].grouped.offsets = owned->offsets;
  for (Operator& op : program.operators) {
    if (op.tensor == index) op.constant = 1;
  }
  return owned;
}

}  // namespace imo::model::testing
