#include "imo/cli/eval.hpp"

#include "imo/base/file.hpp"
#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/model.hpp"
#include "imo/engine/quality.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/program_file.hpp"

#include <chrono>

#include <fmt/format.h>

namespace imo::cli {

namespace {

constexpr std::size_t kMaxText = model::Tokenizer::kMaxTextBytes;

Result<std::filesystem::path> reference_of(const EvalOptions& options) {
  if (!options.reference.empty()) return options.reference;
  if (!model::is_program_file(options.model)) return options.model;
  return invalid(
      fmt::format("{} is compiled: name the GGUF file it was compiled from with --reference",
                  options.model.string()));
}

}  // namespace

Result<Report> eval_perplexity(const EvalOptions& options) {
  IMO_TRY(const auto reference_path, reference_of(options));
  IMO_TRY(const std::string text, read_text_file(options.text, kMaxText));
  IMO_TRY(const engine::Model model, open_model(options.model));
  IMO_TRY(const model::ModelSource source, model::ModelSource::open(reference_path));
  if (source.hash() != model.program().source_hash) {
    return invalid(fmt::format("{} was not compiled from {}: their source hashes differ",
                               options.model.string(), reference_path.string()));
  }
  IMO_TRY(const model::FloatModel reference, model::FloatModel::load(source));
  IMO_TRY(const auto tokens, model.tokenizer().encode(text));
  const std::uint32_t context = options.context != 0 ? options.context : model.context_length();
  const auto& vocabulary = model.program().vocabulary;
  const auto begin = vocabulary.add_begin ? vocabulary.begin : std::nullopt;
  const auto started = std::chrono::steady_clock::now();
  IMO_TRY(const engine::Quality quality,
          engine::measure_quality(model, reference, tokens, context, options.chunks, begin));
  const auto took = std::chrono::steady_clock::now() - started;
  const double ratio = quality.perplexity / quality.reference_perplexity;

  Report report;
  report.data = {{"model_root", to_hex(model.root())},
                 {"context", context},
                 {"text_tokens", tokens.size()},
                 {"scored_tokens", quality.tokens},
                 {"perplexity", quality.perplexity},
                 {"reference_perplexity", quality.reference_perplexity},
                 {"ratio", ratio},
                 {"kl_divergence", quality.kl_divergence},
                 {"same_top1", quality.same_top1},
                 {"saturated", quality.saturated},
                 {"clamped_elements", quality.elements}};
  report
      .field("scored",
             fmt::format("{} of {} tokens, chunks of {}, in {}", format_count(quality.tokens),
                         format_count(tokens.size()), context, format_duration(took)))
      .field("perplexity", fmt::format("{:.4f}, float reference {:.4f}, ratio {:.5f}",
                                       quality.perplexity, quality.reference_perplexity, ratio))
      .field("divergence", fmt::format("{:.6f} nats a token", quality.kl_divergence))
      .field("same choice", fmt::format("{:.2f} % of positions", quality.same_top1 * 100))
      .field("saturated", fmt::format("{} of {} elements", format_count(quality.saturated),
                                      format_count(quality.elements)));
  return report;
}

}  // namespace imo::cli
