#include "imo/model/compiler.hpp"

#include "imo/base/scratch_file.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_builder.hpp"
#include "imo/model/program_check.hpp"
#include "imo/model/program_file.hpp"

#include <cmath>

#include <fmt/format.h>

namespace imo::model {
namespace {

Result<Ranges> calibrate_source(const ModelSource& source, const FloatModel& model,
                                const Vocabulary& vocabulary, const CompileOptions& options) {
  if (options.calibration_tokens == 0) return invalid("calibration needs at least one token");
  CalibrationOptions calibration;
  calibration.text = options.calibration_text;
  calibration.tokens = options.calibration_tokens;
  calibration.seed = options.calibration_seed;
  // Bringing a page back costs more than reading it again, so most of the source stays.
  constexpr std::uint32_t kLetGoOneIn = 5;
  calibration.let_go = [&source, turn = 0U](const SourceTensor& tensor) mutable {
    if (turn++ % kLetGoOneIn == 0) source.release(tensor);
  };
  if (options.on_progress) {
    calibration.on_progress = [&](double done) { options.on_progress("calibrating", done); };
  }
  return calibrate(model, vocabulary, calibration, options.pool);
}

Result<ProgramBuilder::Built> build(const ModelSource& source, const FloatModel& model,
                                    const Ranges& ranges, const CompileOptions& options) {
  IMO_TRY(ScratchFile weights, ScratchFile::create(options.scratch_folder));
  const auto done = [&source](const SourceTensor& tensor) { source.release(tensor); };
  ProgramBuilder builder(model, ranges, {options.weight_bits == 4, options.pool, &weights, done});
  IMO_TRY_VOID(builder.add_embedding());
  for (std::uint32_t layer = 0; layer < model.config.layers; ++layer) {
    IMO_TRY_VOID(builder.add_layer(layer));
    if (options.on_progress) {
      options.on_progress("quantising", (layer + 1.0) / model.config.layers);
    }
  }
  IMO_TRY_VOID(builder.add_tail());
  return builder.finish();
}

BytesView weight_bytes(const WeightTensor& tensor) {
  if (tensor.is_grouped()) return tensor.grouped.bits;
  return {reinterpret_cast<const std::uint8_t*>(tensor.weights.data()), tensor.weights.size()};
}

}  // namespace

Result<Compiled> compile(const ModelSource& source, const CompileOptions& options) {
  if (options.weight_bits != 8 && options.weight_bits != 4) {
    return invalid(fmt::format("weights of {} bits; 8 and 4 are possible", options.weight_bits));
  }
  IMO_TRY(Vocabulary vocabulary, source.vocabulary());
  IMO_TRY(const FloatModel model, FloatModel::load(source, options.pool));
  IMO_TRY(Ranges ranges, calibrate_source(source, model, vocabulary, options));
  IMO_TRY(ProgramBuilder::Built built, build(source, model, ranges, options));

  Compiled compiled{std::move(built.program), {}, std::move(built.report), built.weights};
  compiled.report.calibration_tokens = ranges.tokens;
  compiled.report.calibration = std::move(ranges.sequences);
  Program& program = compiled.program;
  program.end_token = vocabulary.end.value_or(kNone);
  program.vocabulary = std::move(vocabulary);
  IMO_TRY(program.name, source.name());
  IMO_TRY(program.licence, source.licence());
  IMO_TRY_VOID(check_structure(program));
  IMO_TRY_VOID(check_tables(program));
  if (options.on_progress) options.on_progress("hashing", 0);
  compiled.root = join_root(program, root_parts(program, built.rows_roots, options.pool));
  program.source_hash = source.hash();
  if (options.on_progress) options.on_progress("hashing", 1);
  return compiled;
}

void Compiled::release(const WeightTensor& tensor) const {
  weights->release(weight_bytes(tensor));
}

Result<void> Compiled::save(const std::filesystem::path& path) const {
  return save_program(program, root, path, [this](const WeightTensor& tensor) { release(tensor); });
}

Result<Compiled> compile_file(const std::filesystem::path& path, const CompileOptions& options) {
  const auto named = [&](Error error) { return error.within(path.string()); };
  auto source = ModelSource::open(path);
  if (!source) return tl::unexpected(source.error());
  auto compiled = compile(*source, options);
  if (!compiled) return tl::unexpected(named(compiled.error()));
  return compiled;
}

}  // namespace imo::model
