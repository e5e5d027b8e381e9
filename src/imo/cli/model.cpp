#include "imo/cli/model.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/mapped_file.hpp"
#include "imo/base/paths.hpp"
#include "imo/base/progress.hpp"
#include "imo/cli/embedded.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/compiler.hpp"
#include "imo/model/program_file.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>

namespace imo::cli {

namespace {

constexpr std::size_t kMaxCalibrationText = 64 << 20;

/// Compiles with a progress line for whoever watches.
Result<model::Compiled> compile_watched(const std::filesystem::path& input,
                                        model::CompileOptions options) {
  Progress progress("compiling " + input.filename().string(), 1000);
  std::uint64_t shown = 0;
  options.on_progress = [&](std::string_view, double done) {
    const auto now = static_cast<std::uint64_t>(std::clamp(done, 0.0, 1.0) * 1000);
    if (now > shown) progress.advance(now - shown);
    shown = std::max(shown, now);
  };
  return model::compile_file(input, options);
}

std::string end_token_text(std::uint32_t token) {
  return token == model::kNone ? "none" : std::to_string(token);
}

void describe(const model::Program& program, const Hash32& root, Report& report) {
  report.data["model_root"] = to_hex(root);
  report.data["name"] = program.name;
  report.data["licence"] = program.licence;
  report.data["source_hash"] = to_hex(program.source_hash);
  report.data["parameters"] = program.parameter_count();
  report.data["layers"] = program.layers;
  report.data["operators"] = program.operators.size();
  report.data["context_length"] = program.context_length;
  report.data["vocabulary_size"] = program.vocabulary_size;
  report.data["end_token"] = program.end_token;
  report.field("model root", to_hex(root))
      .field("name", program.name.empty() ? "not stated" : program.name)
      .field("licence", program.licence.empty() ? "not stated" : program.licence)
      .field("parameters", format_count(program.parameter_count()))
      .field("layers", fmt::format("{}, {} operators", program.layers, program.operators.size()))
      .field("context", fmt::format("{} tokens", program.context_length))
      .field("vocabulary", fmt::format("{} tokens, end token {}", program.vocabulary_size,
                                       end_token_text(program.end_token)));
}

void describe_losses(const model::CompileReport& losses, Report& report) {
  double worst = 0;
  std::string worst_name = "none";
  for (const auto& tensor : losses.tensors) {
    if (tensor.relative_error > worst) {
      worst = tensor.relative_error;
      worst_name = tensor.name;
    }
  }
  report.data["tensors"] = losses.tensors.size();
  report.data["worst_tensor"] = {{"name", worst_name}, {"relative_error", worst}};
  report.data["calibration_tokens"] = losses.calibration_tokens;
  report.field("calibrated on", fmt::format("{} tokens", losses.calibration_tokens))
      .field("largest error", fmt::format("{:.3f} % in {}", worst * 100, worst_name));
}

}  // namespace

Result<Report> model_compile(const ModelCompileOptions& options) {
  model::CompileOptions compile_options;
  compile_options.calibration_tokens = options.calibration_tokens;
  if (!options.calibration_text.empty()) {
    IMO_TRY(compile_options.calibration_text,
            read_text_file(options.calibration_text, kMaxCalibrationText));
  }
  auto output = options.output;
  if (output.empty()) output = std::filesystem::path(options.input).replace_extension(".imo");
  const auto started = std::chrono::steady_clock::now();
  IMO_TRY(const model::Compiled compiled,
          compile_watched(options.input, std::move(compile_options)));
  IMO_TRY_VOID(model::save_program(compiled.program, compiled.root, output));
  const auto took = std::chrono::steady_clock::now() - started;

  Report report;
  describe(compiled.program, compiled.root, report);
  describe_losses(compiled.report, report);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(output, error);
  report.data["output"] = output.string();
  report.data["output_bytes"] = error ? 0 : bytes;
  report.field("written", fmt::format("{} ({}) in {}", output.string(),
                                      format_bytes(error ? 0 : bytes), format_duration(took)));
  report.next.push_back("imo offering create --model " + output.string() + " …");
  return report;
}

Result<Report> model_show(const std::filesystem::path& path) {
  IMO_TRY(const model::LoadedProgram loaded, model::load_program(path));
  Report report;
  describe(loaded.program, loaded.root, report);
  return report;
}

Result<engine::Model> open_model(const std::filesystem::path& path, model::LoadOptions options) {
  if (model::is_program_file(path)) return engine::Model::load(path, options);
  IMO_TRY(const MappedFile source, MappedFile::open(path));
  IMO_TRY(const Directories kept, directories());
  const auto cached =
      kept.cache / "programs" / (to_hex(crypto::keccak256(source.bytes())).substr(2) + ".imo");
  if (auto model = engine::Model::load(cached, options)) return model;
  IMO_TRY(const model::Compiled compiled, compile_watched(path, {}));
  IMO_TRY_VOID(make_directories(cached.parent_path()));
  IMO_TRY_VOID(model::save_program(compiled.program, compiled.root, cached));
  return engine::Model::load(cached, options);
}

Result<std::filesystem::path> compile_demo_model(const std::filesystem::path& directory) {
  const auto source = directory / "imo-demo.gguf";
  IMO_TRY_VOID(write_file_atomic(source, embedded_demo_model()));
  const auto output = directory / "imo-demo.imo";
  IMO_TRY_VOID(model_compile({source, output, {}}));
  return output;
}

}  // namespace imo::cli
