#include "imo/cli/model.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/paths.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/cli/embedded.hpp"
#include "imo/cli/model_compile.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_file.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::cli {

namespace {

std::string end_token_text(std::uint32_t token) {
  return token == model::kNone ? "none" : std::to_string(token);
}

/// The operator that a tensor belongs to: every tensor has one.
const model::Operator& user_of(const model::Program& program, std::uint32_t tensor) {
  return *std::find_if(program.operators.begin(), program.operators.end(),
                       [&](const model::Operator& op) { return op.tensor == tensor; });
}

/// What an output's integers stand for: value = q * 2^-fraction.
void describe_tensors(const model::Program& program, Report& report) {
  ThreadPool pool;
  report.data["tensors"] = nlohmann::ordered_json::array();
  std::size_t widest = 0;
  for (const auto& tensor : program.tensors) widest = std::max(widest, tensor.name.size());
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    const model::WeightTensor& tensor = program.tensors[i];
    const model::Operator& op = user_of(program, i);
    report.data["tensors"].push_back({{"name", tensor.name},
                                      {"operator", model::operator_kind_name(op.kind)},
                                      {"rows", tensor.rows},
                                      {"columns", tensor.columns},
                                      {"weight_bits", tensor.is_grouped() ? 4 : 8},
                                      {"biases", !tensor.biases.empty()},
                                      {"output_bits", op.bits},
                                      {"output_fraction", op.fraction},
                                      {"shift", op.shift},
                                      {"root", to_hex(model::tensor_root(tensor, &pool))}});
    report.line(fmt::format("  {:{}}  {:>6} x {:<6}{}{}  output 2^{}, {} bits", tensor.name, widest,
                            tensor.rows, tensor.columns, tensor.is_grouped() ? " in 4 bits" : "",
                            tensor.biases.empty() ? "" : " biased", -op.fraction, op.bits));
  }
}

void describe_tables(const model::Program& program, Report& report) {
  report.data["tables"] = nlohmann::ordered_json::array();
  for (const model::Table& table : program.tables) {
    report.data["tables"].push_back({{"kind", model::table_kind_name(table.kind)},
                                     {"entries", table.entries()},
                                     {"fraction", table.fraction},
                                     {"root", to_hex(model::table_root(table))}});
    report.line(fmt::format("  table {}  {} entries of 2^{}", model::table_kind_name(table.kind),
                            format_count(table.entries()), -table.fraction));
  }
}

}  // namespace

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

Result<Report> model_show(const std::filesystem::path& path) {
  IMO_TRY(const model::LoadedProgram loaded, model::load_program(path));
  Report report;
  describe(loaded.program, loaded.root, report);
  describe_tensors(loaded.program, report);
  describe_tables(loaded.program, report);
  return report;
}

Result<engine::Model> open_model(const std::filesystem::path& path, model::LoadOptions options) {
  if (model::is_program_file(path)) return engine::Model::load(path, options);
  IMO_TRY(const model::ModelSource source, model::ModelSource::open(path));
  IMO_TRY(const Directories kept, directories());
  const auto cached = kept.cache / "programs" / (to_hex(source.hash()).substr(2) + ".imo");
  if (auto model = engine::Model::load(cached, options)) return model;
  IMO_TRY_VOID(make_directories(cached.parent_path()));
  ThreadPool pool;
  model::CompileOptions compile;
  compile.pool = &pool;
  IMO_TRY_VOID(compile_to(path, cached, std::move(compile)));
  return engine::Model::load(cached, options);
}

Result<std::filesystem::path> compile_demo_model(const std::filesystem::path& directory) {
  const auto source = directory / "imo-demo.gguf";
  IMO_TRY_VOID(write_file_atomic(source, embedded_demo_model()));
  const auto output = directory / "imo-demo.imo";
  ModelCompileOptions compile;
  compile.input = source;
  compile.output = output;
  IMO_TRY_VOID(model_compile(compile));
  return output;
}

}  // namespace imo::cli
