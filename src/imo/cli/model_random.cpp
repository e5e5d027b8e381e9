#include "imo/cli/model_random.hpp"

#include "imo/base/format.hpp"
#include "imo/base/progress.hpp"
#include "imo/cli/model_compile.hpp"
#include "imo/model/random_model.hpp"

#include <chrono>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

namespace imo::cli {

namespace {

/// What exponents are chosen on. A random model's values are alike wherever one looks.
constexpr std::uint32_t kCalibrationTokens = 16;

/// Removes the GGUF behind an `.imo` again, however compiling it ends.
class Scratch {
 public:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Result<void> write(const model::RandomShape& shape, const ModelRandomOptions& options,
                   const std::filesystem::path& path) {
  Progress progress("writing " + path.filename().string(), shape.parameters());
  std::uint64_t shown = 0;
  ThreadPool pool;
  model::RandomModelOptions random;
  random.seed = options.seed;
  random.on_progress = [&](std::uint64_t done) {
    progress.advance(done - std::exchange(shown, done));
  };
  return model::write_random_model(shape, path, pool, random);
}

Result<void> write_compiled(const model::RandomShape& shape, const ModelRandomOptions& options) {
  const Scratch source(options.output.string() + fmt::format(".{}.gguf", ::getpid()));
  IMO_TRY_VOID(write(shape, options, source.path()));
  ModelCompileOptions compile;
  compile.input = source.path();
  compile.output = options.output;
  compile.calibration_tokens = kCalibrationTokens;
  IMO_TRY_VOID(model_compile(compile));
  return {};
}

}  // namespace

Result<Report> model_random(const ModelRandomOptions& options) {
  const auto extension = options.output.extension();
  if (extension != ".gguf" && extension != ".imo") {
    return invalid(
        fmt::format("'{}' is neither a .gguf nor an .imo file", options.output.string()));
  }
  IMO_TRY(const model::RandomShape shape,
          model::choose_random_shape(options.parameters, options.vocabulary, options.context));
  const auto started = std::chrono::steady_clock::now();
  if (extension == ".gguf") {
    IMO_TRY_VOID(write(shape, options, options.output));
  } else {
    IMO_TRY_VOID(write_compiled(shape, options));
  }
  const auto took = std::chrono::steady_clock::now() - started;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(options.output, error);

  Report report;
  report.data = {{"output", options.output.string()},
                 {"output_bytes", error ? 0 : bytes},
                 {"parameters", shape.parameters()},
                 {"width", shape.width},
                 {"hidden", shape.hidden},
                 {"layers", shape.layers},
                 {"heads", shape.heads},
                 {"kv_heads", shape.kv_heads},
                 {"vocabulary_size", shape.vocabulary},
                 {"context_length", shape.context},
                 {"seed", options.seed}};
  report.field("parameters", format_count(shape.parameters()))
      .field("shape", fmt::format("width {}, hidden {}, {} layers, {} heads over {}", shape.width,
                                  shape.hidden, shape.layers, shape.heads, shape.kv_heads))
      .field("vocabulary", fmt::format("{} tokens{}", shape.vocabulary,
                                       shape.tied ? ", output tied to the embedding" : ""))
      .field("context", fmt::format("{} tokens", shape.context))
      .field("written", fmt::format("{} ({}) in {}", options.output.string(),
                                    format_bytes(error ? 0 : bytes), format_duration(took)));
  report.next.push_back("imo bench inference " + options.output.string());
  return report;
}

}  // namespace imo::cli
