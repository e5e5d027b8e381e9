#include "imo/cli/model_compile.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/machine.hpp"
#include "imo/base/progress.hpp"
#include "imo/cli/model.hpp"
#include "imo/engine/quality.hpp"
#include "imo/model/calibration.hpp"
#include "imo/model/quantise.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

namespace imo::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxCalibrationText = 64 << 20;
constexpr std::size_t kWorstTensors = 5;  ///< named in the report for people

struct Estimate {
  std::chrono::nanoseconds time{};
  std::uint64_t memory = 0;
};

/// How long the rows of one matrix take, times how many weights there are.
std::chrono::nanoseconds time_to_quantise(const model::FloatModel& model, std::uint64_t parameters,
                                          ThreadPool& pool) {
  const model::FloatModel::Matrix& matrix = model.embedding;
  const std::uint32_t rows = std::min(matrix.rows, 1U << 10);
  const auto started = Clock::now();
  model::quantise_rows(
      [&](std::uint32_t row, std::span<float> scratch) { return matrix.row(row, scratch); }, rows,
      matrix.columns, {}, &pool);
  const auto share = double(parameters) / (double(rows) * matrix.columns);
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(double((Clock::now() - started).count()) * share));
}

/// The source as it is mapped, the sequence that calibration runs, the largest tensor as integers,
/// and the program itself.
std::uint64_t memory_needed(const model::ModelSource& source) {
  constexpr std::uint64_t kProcess = std::uint64_t{24} << 20;
  const model::ModelConfig& config = source.config();
  const std::uint64_t positions = std::min(config.context_length, model::kCalibrationSequence);
  const std::uint64_t cache = 2 * sizeof(float) * positions * config.layers * config.kv_length();
  return source.size() + std::max(cache, source.largest_tensor()) + kProcess;
}

/// From one token, some rows, and reading everything once.
Result<Estimate> estimate(const std::filesystem::path& path, const ModelCompileOptions& options,
                          ThreadPool& pool) {
  IMO_TRY(const model::ModelSource source, model::ModelSource::open(path));
  const auto started = Clock::now();
  IMO_TRY(const model::FloatModel model, model::FloatModel::load(source, &pool));
  const auto loaded = Clock::now();
  model::FloatSession session(model, &pool);
  session.let_go([&](const model::SourceTensor& tensor) { source.release(tensor); });
  IMO_TRY_VOID(session.step(0));
  const auto warm = Clock::now();  // the first one finds cold caches
  IMO_TRY_VOID(session.step(0));
  const auto stepped = Clock::now();
  Estimate result;
  result.memory = memory_needed(source);
  // Reading happens twice: to check the numbers, and to hash.
  result.time = 2 * (loaded - started) + options.calibration_tokens * (stepped - warm) +
                time_to_quantise(model, source.parameter_count(), pool);
  return result;
}

/// What the program's own pass over the calibration text met.
struct SaturationTotals {
  std::uint64_t elements = 0;
  std::uint64_t saturated = 0;
  std::vector<std::uint64_t> by_operator;
};

Result<SaturationTotals> count_saturation(const model::Compiled& compiled, const Runner& runner) {
  IMO_TRY(const engine::Model model, engine::Model::from_program(compiled.program, compiled.root));
  SaturationTotals totals;
  totals.by_operator.resize(compiled.program.operators.size());
  const auto done = [&](std::uint32_t index) {
    const std::uint32_t tensor = compiled.program.operators[index].tensor;
    if (tensor != model::kNone) compiled.release(compiled.program.tensors[tensor]);
  };
  for (const auto& sequence : compiled.report.calibration) {
    IMO_TRY(const auto counts, engine::count_saturation(model, sequence, runner.execution(), done));
    for (const engine::Saturation& each : counts) {
      totals.elements += each.elements;
      totals.saturated += each.saturated;
      totals.by_operator[each.operator_index] += each.saturated;
    }
  }
  return totals;
}

void describe_tensors(const model::CompileReport& losses, Report& report) {
  report.data["tensors"] = nlohmann::ordered_json::array();
  for (const model::TensorReport& tensor : losses.tensors) {
    report.data["tensors"].push_back({{"name", tensor.name},
                                      {"rows", tensor.rows},
                                      {"columns", tensor.columns},
                                      {"relative_error", tensor.relative_error},
                                      {"largest_accumulator", tensor.largest_accumulator}});
  }
  std::vector<model::TensorReport> worst = losses.tensors;
  std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) {
    return a.relative_error > b.relative_error;
  });
  worst.resize(std::min(worst.size(), kWorstTensors));
  for (const model::TensorReport& tensor : worst) {
    report.field(&tensor == worst.data() ? "largest errors" : "",
                 fmt::format("{:.3f} % in {}", tensor.relative_error * 100, tensor.name));
  }
  std::int64_t largest = 0;
  for (const auto& tensor : losses.tensors) largest = std::max(largest, tensor.largest_accumulator);
  report.field("largest sum",
               fmt::format("{:.1f} % of what is proven to fit",
                           100.0 * double(largest) / double(model::kAccumulatorMax)));
}

void describe_ranges(const model::CompileReport& losses, Report& report) {
  report.data["ranges"] = nlohmann::ordered_json::array();
  for (const model::RangeReport& range : losses.ranges) {
    report.data["ranges"].push_back({{"name", range.name},
                                     {"largest", range.largest},
                                     {"fraction", range.fraction},
                                     {"headroom_bits", range.headroom_bits}});
  }
}

void describe_saturation(const model::Program& program, const SaturationTotals& totals,
                         Report& report) {
  report.data["clamped_elements"] = totals.elements;
  report.data["saturated"] = totals.saturated;
  report.data["saturated_operators"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < totals.by_operator.size(); ++i) {
    if (totals.by_operator[i] == 0) continue;
    report.data["saturated_operators"].push_back(
        {{"operator", operator_name(program, i)}, {"saturated", totals.by_operator[i]}});
  }
  std::string text = fmt::format("{} of {} values of that text", format_count(totals.saturated),
                                 format_count(totals.elements));
  if (totals.saturated != 0) {
    const auto most = std::max_element(totals.by_operator.begin(), totals.by_operator.end());
    const auto index = static_cast<std::size_t>(most - totals.by_operator.begin());
    text += fmt::format("; {} of them in {}", format_count(*most), operator_name(program, index));
  }
  report.field("saturated", text);
}

/// The input's name with `.imo`; of a folder, behind it.
std::filesystem::path beside(const std::filesystem::path& input) {
  std::error_code error;
  if (!std::filesystem::is_directory(input, error)) {
    return std::filesystem::path(input).replace_extension(".imo");
  }
  return std::filesystem::absolute(input / "x").parent_path().lexically_normal().string() + ".imo";
}

/// Before anything long begins; on standard error, where progress is.
void announce(const std::filesystem::path& input, const Estimate& expected, std::size_t threads) {
  fmt::print(stderr, "{}: about {} on {} thread{}, at most {} of memory\n",
             input.filename().string(), format_duration(expected.time), threads,
             threads == 1 ? "" : "s", format_bytes(expected.memory));
}

}  // namespace

Result<model::Compiled> compile_to(const std::filesystem::path& input,
                                   const std::filesystem::path& output,
                                   model::CompileOptions options) {
  std::string stage;
  std::optional<Progress> progress;
  std::uint64_t shown = 0;
  options.on_progress = [&](std::string_view now, double done) {
    constexpr std::uint64_t kSteps = 1000;
    if (now != stage) {
      stage = now;
      shown = 0;
      progress.reset();  // wipes its line before the next begins
      progress.emplace(stage + " " + input.filename().string(), kSteps);
    }
    const auto reached = static_cast<std::uint64_t>(std::clamp(done, 0.0, 1.0) * kSteps);
    if (reached > shown) progress->advance(reached - std::exchange(shown, reached));
  };
  options.scratch_folder = output.has_parent_path() ? output.parent_path() : ".";
  IMO_TRY(model::Compiled compiled, model::compile_file(input, options));
  progress.reset();
  IMO_TRY_VOID(compiled.save(output));
  return compiled;
}

Result<Report> model_compile(const ModelCompileOptions& options) {
  IMO_TRY(const Runner runner, Runner::create(options.execution));
  model::CompileOptions compile_options;
  compile_options.calibration_tokens = options.calibration_tokens;
  compile_options.weight_bits = options.weight_bits;
  compile_options.pool = &runner.pool();
  if (!options.calibration_text.empty()) {
    IMO_TRY(compile_options.calibration_text,
            read_text_file(options.calibration_text, kMaxCalibrationText));
    if (compile_options.calibration_text.empty()) {
      return invalid(options.calibration_text.string() +
                     " is empty: there is nothing to calibrate on");
    }
  }
  const auto output = options.output.empty() ? beside(options.input) : options.output;
  IMO_TRY(const Estimate expected, estimate(options.input, options, runner.pool()));
  announce(options.input, expected, runner.pool().size());
  const auto started = Clock::now();
  IMO_TRY(const model::Compiled compiled,
          compile_to(options.input, output, std::move(compile_options)));
  IMO_TRY(const SaturationTotals saturation, count_saturation(compiled, runner));
  const auto took = Clock::now() - started;

  Report report;
  describe(compiled.program, compiled.root, report);
  report.data["calibration_tokens"] = compiled.report.calibration_tokens;
  report.field("calibrated on",
               fmt::format("{} tokens{}", compiled.report.calibration_tokens,
                           options.calibration_text.empty() ? " that the model wrote" : ""));
  describe_saturation(compiled.program, saturation, report);
  describe_tensors(compiled.report, report);
  describe_ranges(compiled.report, report);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(output, error);
  report.data["output"] = output.string();
  report.data["output_bytes"] = error ? 0 : bytes;
  report.data["seconds"] = seconds(took);
  report.data["estimated_seconds"] = seconds(expected.time);
  report.data["peak_rss_bytes"] = peak_rss_bytes();
  report.data["estimated_bytes"] = expected.memory;
  report.field("written", fmt::format("{} ({}) in {}, {} of memory", output.string(),
                                      format_bytes(error ? 0 : bytes), format_duration(took),
                                      format_bytes(peak_rss_bytes())));
  report.next.push_back("imo offering create --model " + output.string() + " …");
  return report;
}

}  // namespace imo::cli
