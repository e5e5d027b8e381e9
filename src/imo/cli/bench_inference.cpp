#include "imo/cli/bench_inference.hpp"

#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/machine.hpp"
#include "imo/cli/model.hpp"
#include "imo/engine/session.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <random>

#include <fmt/format.h>

namespace imo::cli {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& work) {
  const auto started = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - started).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Bytes that all threads together can read a second: the best of a few passes over more memory
/// than any cache holds.
double reading_rate(ThreadPool& pool) {
  constexpr std::size_t kWords = std::size_t{1} << 25;
  const std::vector<std::uint64_t> memory(kWords, 1);
  std::atomic<std::uint64_t> total = 0;
  double best = 0;
  for (int pass = 0; pass < 5; ++pass) {
    const double took = seconds_of([&] {
      pool.parallel_ranges(kWords, [&](std::size_t begin, std::size_t end) {
        // Four sums, so that adding does not wait for adding.
        std::uint64_t sums[4] = {};
        for (std::size_t i = begin; i + 4 <= end; i += 4) {
          for (std::size_t j = 0; j < 4; ++j) sums[j] += memory[i + j];
        }
        total += sums[0] + sums[1] + sums[2] + sums[3];
      });
    });
    best = std::max(best, double{kWords} * sizeof(std::uint64_t) / took);
  }
  return best;
}

/// Products of an activation with a weight that all threads together can make a second.
double multiplying_rate(ThreadPool& pool, const engine::Kernels& kernels) {
  constexpr std::uint64_t kRounds = 4'000'000;
  double best = 0;
  for (int pass = 0; pass < 3; ++pass) {
    std::atomic<std::uint64_t> made = 0;
    const double took = seconds_of([&] {
      pool.parallel_for(pool.size(), [&](std::size_t) { made += kernels.product_burst(kRounds); });
    });
    best = std::max(best, static_cast<double>(made) / took);
  }
  return best;
}

/// What one pass over some positions costs, by the program alone.
struct Cost {
  std::uint64_t bytes = 0;            ///< of matrices, multipliers and biases: read once a pass
  std::uint64_t body_products = 0;    ///< of a position, without attention
  std::uint64_t choice_products = 0;  ///< of a position that chooses a token, besides
};

Cost cost_of(const model::Program& program) {
  Cost cost;
  for (std::uint32_t i = 0; i < program.operators.size(); ++i) {
    const model::Operator& op = program.operators[i];
    if (op.kind != model::OperatorKind::kMatMul && op.kind != model::OperatorKind::kGroupedMatMul) {
      continue;
    }
    const model::WeightTensor& tensor = program.tensors[op.tensor];
    cost.bytes += tensor.bytes();
    (i < program.tail ? cost.body_products : cost.choice_products) += tensor.size();
  }
  return cost;
}

/// Seconds for the prompt and for the tokens behind it.
struct Times {
  std::vector<double> prefill;
  std::vector<double> decode;
};

Result<Times> run(const engine::Model& model, const BenchInferenceOptions& options,
                  const engine::Execution& execution) {
  std::mt19937 random(1);
  std::vector<engine::TokenId> prompt(options.prompt);
  for (auto& token : prompt)
    token = static_cast<engine::TokenId>(random() % model.vocabulary_size());
  engine::Session session(model, options.prompt + options.generate, execution);
  Times times;
  Result<void> outcome;
  for (std::uint32_t i = 0; i <= options.repeat && outcome; ++i) {
    session.reset();
    const double prefill = seconds_of([&] { outcome = session.extend(prompt); });
    const double decode = seconds_of([&] {
      for (std::uint32_t t = 0; t < options.generate && outcome; ++t) {
        const engine::TokenId next = session.greedy();
        outcome = session.extend({&next, 1});
      }
    });
    if (i == 0) continue;  // the first run brings the file into memory
    times.prefill.push_back(prefill);
    times.decode.push_back(decode);
  }
  if (!outcome) return tl::unexpected(outcome.error());
  return times;
}

Result<void> check(const engine::Model& model, const BenchInferenceOptions& options) {
  if (options.prompt == 0 || options.generate == 0 || options.repeat == 0) {
    return invalid("--prompt, --generate and --repeat must be at least 1");
  }
  const std::uint64_t needed = std::uint64_t{options.prompt} + options.generate;
  if (needed > model.context_length()) {
    return invalid(fmt::format("{} prompt tokens and {} to write do not fit the context of {}",
                               options.prompt, options.generate, model.context_length()));
  }
  return {};
}

}  // namespace

Result<Report> bench_inference(const BenchInferenceOptions& options) {
  IMO_TRY(const Runner runner, Runner::create(options.execution));
  IMO_TRY(const engine::Model model, open_model(options.model, {.verify = false}));
  IMO_TRY_VOID(check(model, options));
  IMO_TRY(const Times times, run(model, options, runner.execution()));
  const std::uint64_t peak = peak_rss_bytes();  // of inference, not of the measurement below
  const double reading = reading_rate(runner.pool());
  const double multiplying = multiplying_rate(runner.pool(), runner.kernels());

  const Cost cost = cost_of(model.program());
  const double prefill = options.prompt / median(times.prefill);
  const double decode = options.generate / median(times.decode);
  const double products =
      (double(cost.body_products) * options.prompt + double(cost.choice_products)) /
      median(times.prefill);
  const double bandwidth_share = decode * double(cost.bytes) / reading;
  const double multiply_share = products / multiplying;

  Report report;
  report.data = {{"model_root", to_hex(model.root())},
                 {"parameters", model.program().parameter_count()},
                 {"prompt_tokens", options.prompt},
                 {"generated_tokens", options.generate},
                 {"threads", runner.pool().size()},
                 {"kernel", runner.kernels().name},
                 {"repeat", options.repeat},
                 {"prefill_tokens_per_s", prefill},
                 {"decode_tokens_per_s", decode},
                 {"bytes_per_token", cost.bytes},
                 {"read_bytes_per_s", reading},
                 {"memory_bandwidth_fraction", bandwidth_share},
                 {"products_per_s", products},
                 {"multiply_limit_per_s", multiplying},
                 {"multiply_limit_fraction", multiply_share},
                 {"peak_rss_bytes", peak}};
  report
      .field("model", fmt::format("{} parameters", format_count(model.program().parameter_count())))
      .field("with", fmt::format("{} threads, {} kernels, medians of {} runs", runner.pool().size(),
                                 runner.kernels().name, options.repeat))
      .field("prefill", fmt::format("{:.1f} tokens a second, {:.0f} % of the multiply limit of "
                                    "{:.1f} G products a second",
                                    prefill, multiply_share * 100, multiplying / 1e9))
      .field("decode", fmt::format("{:.1f} tokens a second, {:.0f} % of the memory's {:.1f} GB/s",
                                   decode, bandwidth_share * 100, reading / 1e9))
      .field("memory", format_bytes(peak));
  return report;
}

}  // namespace imo::cli
