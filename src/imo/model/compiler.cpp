#include "imo/model/compiler.hpp"

#include "imo/base/mapped_file.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_builder.hpp"
#include "imo/model/program_check.hpp"

#include <cmath>

#include <fmt/format.h>

namespace imo::model {
namespace {

Result<std::string> text_or_empty(const GgufFile& file, std::string_view key) {
  IMO_TRY(const std::string_view value, file.string_or(key, ""));
  return std::string(value);
}

Result<Ranges> calibrate_source(const FloatModel& model, const Vocabulary& vocabulary,
                                const CompileOptions& options) {
  if (options.calibration_tokens == 0) return invalid("calibration needs at least one token");
  CalibrationOptions calibration;
  calibration.text = options.calibration_text;
  calibration.tokens = options.calibration_tokens;
  calibration.seed = options.calibration_seed;
  if (options.on_progress) {
    calibration.on_progress = [&](double done) { options.on_progress("calibrating", done); };
  }
  return calibrate(model, vocabulary, calibration);
}

Result<void> prove_bounds(const Program& program, CompileReport& report) {
  IMO_TRY_VOID(check_structure(program));
  IMO_TRY_VOID(check_tables(program));
  for (std::size_t i = 0; i < program.tensors.size(); ++i) {
    IMO_TRY(report.tensors[i].largest_accumulator, check_accumulators(program.tensors[i]));
  }
  return {};
}

}  // namespace

Result<Compiled> compile(const ModelSource& source, const CompileOptions& options) {
  IMO_TRY(Vocabulary vocabulary, Vocabulary::from_gguf(source.file()));
  IMO_TRY(const FloatModel model, FloatModel::load(source));
  IMO_TRY(const Ranges ranges, calibrate_source(model, vocabulary, options));

  ProgramBuilder builder(model, ranges);
  IMO_TRY_VOID(builder.add_embedding());
  for (std::uint32_t layer = 0; layer < model.config.layers; ++layer) {
    IMO_TRY_VOID(builder.add_layer(layer));
    if (options.on_progress) {
      options.on_progress("quantising", (layer + 1.0) / model.config.layers);
    }
  }
  IMO_TRY_VOID(builder.add_tail());

  Compiled compiled;
  compiled.program = builder.finish(compiled.report);
  compiled.report.calibration_tokens = ranges.tokens;
  Program& program = compiled.program;
  program.end_token = vocabulary.end.value_or(kNone);
  program.vocabulary = std::move(vocabulary);
  IMO_TRY(program.name, text_or_empty(source.file(), "general.name"));
  IMO_TRY(program.licence, text_or_empty(source.file(), "general.license"));
  IMO_TRY_VOID(prove_bounds(program, compiled.report));
  if (options.on_progress) options.on_progress("hashing", 0);
  compiled.root = model_root(program);
  if (options.on_progress) options.on_progress("hashing", 1);
  return compiled;
}

Result<Compiled> compile_file(const std::filesystem::path& path, const CompileOptions& options) {
  const auto named = [&](Error error) { return error.within(path.string()); };
  auto mapped = MappedFile::open(path, MappedFile::Access::kSequential);
  if (!mapped) return tl::unexpected(mapped.error());
  auto source = ModelSource::open(path);
  if (!source) return tl::unexpected(source.error());
  auto compiled = compile(*source, options);
  if (!compiled) return tl::unexpected(named(compiled.error()));
  compiled->program.source_hash = crypto::keccak256(mapped->bytes());
  return compiled;
}

}  // namespace imo::model
