/// `imo model compile`: a model file in, an `.imo` file out.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/execution.hpp"
#include "imo/cli/report.hpp"
#include "imo/model/compiler.hpp"

#include <cstdint>
#include <filesystem>

namespace imo::cli {

struct ModelCompileOptions {
  std::filesystem::path input;
  std::filesystem::path output;            ///< empty: the input's name with `.imo`
  std::filesystem::path calibration_text;  ///< empty: text that the model writes itself
  std::uint32_t calibration_tokens = 512;
  unsigned weight_bits = 8;
  ExecutionOptions execution;  ///< changes no bit of the output
};

/// Says first what it will take, then what came out and how much was lost.
Result<Report> model_compile(const ModelCompileOptions& options);

/// Compiles `input` to `output` with a progress line for whoever watches.
Result<model::Compiled> compile_to(const std::filesystem::path& input,
                                   const std::filesystem::path& output,
                                   model::CompileOptions options);

}  // namespace imo::cli
