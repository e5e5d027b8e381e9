/// `imo model`: compile a GGUF file, show what a compiled program is; and the demo's own model.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"
#include "imo/engine/model.hpp"
#include "imo/model/program_file.hpp"

#include <cstdint>
#include <filesystem>

namespace imo::cli {

struct ModelCompileOptions {
  std::filesystem::path input;
  std::filesystem::path output;            ///< empty: the input's name with `.imo`
  std::filesystem::path calibration_text;  ///< empty: text that the model writes itself
  std::uint32_t calibration_tokens = 512;
};

/// GGUF in, `.imo` out; says what came out and how much was lost.
Result<Report> model_compile(const ModelCompileOptions& options);

/// Shapes, size and root of a compiled program.
Result<Report> model_show(const std::filesystem::path& path);

/// A model from either format: `.imo` is mapped, GGUF is compiled first into the cache, where the
/// next call finds it again by the file's hash. What this command put into the cache is trusted; of
/// another `.imo` file `options` say how far.
Result<engine::Model> open_model(const std::filesystem::path& path,
                                 model::LoadOptions options = {});

/// Compiles the GGUF that this program carries into `directory`, and says where it is.
Result<std::filesystem::path> compile_demo_model(const std::filesystem::path& directory);

}  // namespace imo::cli
