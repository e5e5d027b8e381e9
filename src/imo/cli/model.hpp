/// `imo model show`, and how commands come to a compiled model: the demo's own, or one from a file.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"
#include "imo/engine/model.hpp"
#include "imo/model/program_file.hpp"

#include <filesystem>

namespace imo::cli {

/// Shapes, size and root of a compiled program.
Result<Report> model_show(const std::filesystem::path& path);

/// The lines and numbers that say which program it is.
void describe(const model::Program& program, const Hash32& root, Report& report);

/// A model from either format: `.imo` is mapped, GGUF is compiled first into the cache, where the
/// next call finds it again by the file's hash. What this command put into the cache is trusted; of
/// another `.imo` file `options` say how far.
Result<engine::Model> open_model(const std::filesystem::path& path,
                                 model::LoadOptions options = {});

/// Compiles the GGUF that this program carries into `directory`, and says where it is.
Result<std::filesystem::path> compile_demo_model(const std::filesystem::path& directory);

}  // namespace imo::cli
