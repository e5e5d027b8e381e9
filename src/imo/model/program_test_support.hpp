/// Small compiled programs for tests.
#pragma once

#include "imo/model/compiler.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/test_support.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace imo::model::testing {

/// Compiles a made-up model of `shape`, calibrated on 40 tokens of its own.
inline Compiled tiny_program(const TinyShape& shape = {}) {
  const Bytes bytes = tiny_model(shape);
  auto file = GgufFile::parse(bytes);
  EXPECT_TRUE(file) << file.error().message;
  auto source = ModelSource::from_gguf(std::move(*file));
  EXPECT_TRUE(source) << source.error().message;
  CompileOptions options;
  options.calibration_tokens = 40;
  auto compiled = compile(*source, options);
  EXPECT_TRUE(compiled) << compiled.error().message;
  return std::move(*compiled);
}

/// Weights, multipliers and biases of one tensor that a test may change.
struct OwnedTensor {
  std::vector<std::int8_t> weights;
  std::vector<std::uint32_t> multipliers;
  std::vector<std::int64_t> biases;
};

/// Gives tensor `index` storage of its own, which lives as long as the program's copies.
inline std::shared_ptr<OwnedTensor> own_tensor(Program& program, std::size_t index) {
  WeightTensor& tensor = program.tensors[index];
  auto owned = std::make_shared<OwnedTensor>();
  owned->weights.assign(tensor.weights.begin(), tensor.weights.end());
  owned->multipliers.assign(tensor.multipliers.begin(), tensor.multipliers.end());
  owned->biases.assign(tensor.biases.begin(), tensor.biases.end());
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

}  // namespace imo::model::testing
