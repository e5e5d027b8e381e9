#include "imo/cli/demo.hpp"

#include "imo/base/format.hpp"
#include "imo/cli/demo_stage.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <iostream>

#include <fmt/core.h>

namespace imo::cli {

namespace {

struct Step {
  std::string_view title;
  Result<StepResult> (*run)(Stage& stage);
};

constexpr std::array<Step, 9> kSteps{{
    {"start a chain and put the contracts on it", step_start_chain},
    {"compile the model to integers", step_compile_model},
    {"register the model and create its offering", step_create_offering},
    {"twelve backers bid, the sale settles, everybody claims", step_sale},
    {"a contract asks the model and pays", step_contract_asks},
    {"a user asks over HTTP", step_http_asks},
    {"the answer becomes a token and is sold", step_content},
    {"an epoch ends and the revenue is paid out", step_revenue},
    {"another offering misses its minimum", step_failed_sale},
}};

using Clock = std::chrono::steady_clock;

/// Runs one step, shows it and adds it to `steps`.
Result<void> run_step(std::size_t index, Stage& stage, bool json, nlohmann::ordered_json& steps) {
  const Step& step = kSteps.at(index);
  const auto started = Clock::now();
  const std::uint64_t gas_before = stage.gas_used();
  if (!json) {
    std::cout << fmt::format("[{}/{}] {}\n", index + 1, kSteps.size(), step.title) << std::flush;
  }
  auto done = step.run(stage);
  if (!done) {
    if (stage.node) std::cerr << "the node's last words:\n" << stage.node->last_words();
    return tl::unexpected(done.error().within(std::string(step.title)));
  }
  const std::chrono::nanoseconds took = Clock::now() - started;
  const std::uint64_t gas = stage.gas_used() - gas_before;
  if (!json) {
    for (const std::string& line : done->lines) std::cout << "      " << line << '\n';
    std::cout << fmt::format("      {}, {} gas\n\n", format_duration(took), format_count(gas))
              << std::flush;
  }
  steps.push_back({{"step", index + 1},
                   {"title", step.title},
                   {"seconds", std::chrono::duration<double>(took).count()},
                   {"gas", gas},
                   {"data", std::move(done->data)}});
  return {};
}

void wait_for_stop(const Stage& stage) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  std::cerr << fmt::format("chain {} and page {} stay until Ctrl-C\n", stage.chain->anvil.url(),
                           stage.node ? stage.node->url() : "-");
  int signal = 0;
  sigwait(&signals, &signal);
}

/// So that Ctrl-C during --keep ends in the destructors, which end the children.
void block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

Result<void> demo(const DemoOptions& options) {
  const auto started = Clock::now();
  IMO_TRY(TemporaryDirectory directory, TemporaryDirectory::create());
  Stage stage(std::move(directory));
  stage.model = options.model;
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (std::size_t index = 0; index < kSteps.size(); ++index) {
    IMO_TRY_VOID(run_step(index, stage, options.json, steps));
  }
  const std::chrono::nanoseconds took = Clock::now() - started;
  if (options.json) {
    const nlohmann::ordered_json all = {{"steps", std::move(steps)},
                                        {"totals", stage.totals.to_json()},
                                        {"gas", stage.gas_used()},
                                        {"seconds", std::chrono::duration<double>(took).count()}};
    std::cout << all.dump(2) << std::endl;
  } else {
    std::cout << fmt::format("done in {}, {} gas; {} sums checked, all to the wei\n",
                             format_duration(took), format_count(stage.gas_used()),
                             stage.totals.count())
              << std::flush;
  }
  if (options.keep) {
    block_stop_signals();
    wait_for_stop(stage);
  }
  return {};
}

}  // namespace imo::cli
