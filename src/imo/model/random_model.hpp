/// Models of random weights: for measuring an engine, which does not care what a weight says.
#pragma once

#include "imo/base/result.hpp"
#include "imo/base/thread_pool.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>

namespace imo::model {

/// The shape of a `llama` model. Heads divide the width; all lengths are multiples of 32, the block
/// of Q8_0.
struct RandomShape {
  std::uint32_t width = 0;
  std::uint32_t hidden = 0;
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t vocabulary = 0;
  std::uint32_t context = 0;
  bool tied = true;  ///< the output matrix is the embedding

  [[nodiscard]] std::uint64_t parameters() const;
};

/// The shape nearest to `parameters` weights: proportions of published models, with the number of
/// layers that comes closest. `vocabulary` and `context` of 0 leave the choice to the proportions.
/// Fails when a number is out of range, and when nothing comes within a quarter.
Result<RandomShape> choose_random_shape(std::uint64_t parameters, std::uint32_t vocabulary = 0,
                                        std::uint32_t context = 0);

struct RandomModelOptions {
  std::uint64_t seed = 1;
  /// Is told how many of the shape's parameters are written.
  std::function<void(std::uint64_t done)> on_progress;
};

/// Writes a GGUF file of Q8_0 matrices that any engine can load. Weights are uniform and scaled so
/// that activations keep their size from layer to layer. The same shape and seed give the same
/// bytes for any pool. Memory: a few megabytes, whatever the size of the model.
Result<void> write_random_model(const RandomShape& shape, const std::filesystem::path& path,
                                ThreadPool& pool, const RandomModelOptions& options = {});

}  // namespace imo::model
