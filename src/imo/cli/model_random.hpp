/// `imo model random`: a model of a given size to measure an engine with.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"

#include <cstdint>
#include <filesystem>

namespace imo::cli {

struct ModelRandomOptions {
  std::uint64_t parameters = 0;
  std::uint32_t vocabulary = 0;  ///< 0: as models of the size have
  std::uint32_t context = 0;     ///< 0: as models of the size have
  std::uint64_t seed = 1;
  std::filesystem::path output;  ///< `.gguf` (Q8_0), or `.imo`, which is compiled from the same
};

/// Writes the model and says what shape it has.
Result<Report> model_random(const ModelRandomOptions& options);

}  // namespace imo::cli
