/// What the steps of the demo share: the chain, the people, and the books.
#pragma once

#include "imo/base/file.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/cli/dev.hpp"
#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"
#include "imo/market/offering.hpp"

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace imo::cli {

/// Every sum that the demo states, with the sum that it must be.
class Totals {
 public:
  /// Fails, naming both, when `actual` is not `expected`.
  Result<void> expect_equal(const std::string& name, const U256& actual, const U256& expected);
  /// Fails when it is false.
  Result<void> expect(const std::string& name, bool holds);

  [[nodiscard]] const nlohmann::ordered_json& to_json() const { return json_; }
  [[nodiscard]] std::size_t count() const { return json_.size(); }

 private:
  nlohmann::ordered_json json_ = nlohmann::ordered_json::object();
};

/// Somebody with a key, money and a book of what they paid for gas.
struct Person {
  std::string name;
  Session session;
  Address address;
};

/// One backer's order: a limit on the grid, and money.
struct Order {
  std::uint64_t tick = 0;
  U256 amount;
  bool cancels = false;
};

/// A chain with people on it. Steps add to `lines` and `data` what they did.
struct Stage {
  explicit Stage(TemporaryDirectory place) : directory(std::move(place)) {}

  TemporaryDirectory directory;
  std::optional<DevChain> chain;
  std::optional<NodeProcess> node;
  std::filesystem::path model;
  Totals totals;
  std::uint64_t retired_gas = 0;  ///< of people who have left the stage
  std::vector<Person> backers;
  std::optional<Person> operator_person;
  std::optional<Person> asker;
  std::optional<Person> collector;
  std::optional<Person> keeper;  ///< pushes what anybody may push
  Address author;
  Address dollar;  ///< the ERC-20 revenue token
  std::string offering;
  market::OfferingContracts contracts;
  U256 request_id;
  std::string answer;
  std::vector<std::uint32_t> answer_tokens;
  U256 eth_revenue;     ///< wei that reached the token
  U256 dollar_revenue;  ///< the same of the ERC-20

  /// Gas of everybody so far, by the receipts.
  [[nodiscard]] std::uint64_t gas_used() const;
  /// Everybody on the stage, backers first.
  [[nodiscard]] std::vector<const Person*> people() const;
};

/// A person with `wei`, whose key follows from the name: the same in every run.
Result<Person> make_person(const Stage& stage, const std::string& name, const U256& wei);

/// The secret key behind a name of the demo. Worth nothing: everybody can compute it.
crypto::SecretKey demo_key(std::string_view name);

/// Moves the clock of the stage's chain.
Result<void> pass_time(Stage& stage, std::uint64_t seconds);

/// What a step did, for its reader.
struct StepResult {
  std::vector<std::string> lines;
  nlohmann::ordered_json data = nlohmann::ordered_json::object();

  StepResult& line(std::string text) {
    lines.push_back(std::move(text));
    return *this;
  }
};

// The steps, in order. Each may rely on what those before it left on the stage.
Result<StepResult> step_start_chain(Stage& stage);
Result<StepResult> step_compile_model(Stage& stage);
Result<StepResult> step_create_offering(Stage& stage);
Result<StepResult> step_sale(Stage& stage);
Result<StepResult> step_contract_asks(Stage& stage);
Result<StepResult> step_http_asks(Stage& stage);
Result<StepResult> step_content(Stage& stage);
Result<StepResult> step_revenue(Stage& stage);
Result<StepResult> step_failed_sale(Stage& stage);

/// The model file of the demo is compiled here unless the user named one.
inline constexpr std::string_view kDemoModelName = "imo-demo.imo";

}  // namespace imo::cli
