#include "imo/cli/demo_stage.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"

#include <fmt/core.h>

namespace imo::cli {

Result<void> Totals::expect_equal(const std::string& name, const U256& actual,
                                  const U256& expected) {
  json_[name] = {{"actual", json_amount(actual)}, {"expected", json_amount(expected)}};
  if (actual == expected) return {};
  return fail(ErrorKind::kVerification,
              fmt::format("{}: {} instead of {}", name, actual.to_dec(), expected.to_dec()));
}

Result<void> Totals::expect(const std::string& name, bool holds) {
  json_[name] = holds;
  if (holds) return {};
  return fail(ErrorKind::kVerification, name + ": does not hold");
}

std::vector<const Person*> Stage::people() const {
  std::vector<const Person*> all;
  for (const Person& backer : backers) all.push_back(&backer);
  for (const auto* person : {&operator_person, &asker, &collector, &keeper}) {
    if (person->has_value()) all.push_back(&**person);
  }
  return all;
}

std::uint64_t Stage::gas_used() const {
  std::uint64_t gas = retired_gas + (chain ? chain->gas_used : 0);
  for (const Person* person : people()) gas += person->session.gas_used();
  return gas;
}

crypto::SecretKey demo_key(std::string_view name) {
  const std::string seed = "imo demo: " + std::string(name);
  auto key = crypto::SecretKey::from_bytes(crypto::keccak256(as_bytes(seed)));
  IMO_CHECK(key.has_value(), "a hash is a secret key unless luck is astronomically bad");
  return std::move(*key);
}

Result<Person> make_person(const Stage& stage, const std::string& name, const U256& wei) {
  crypto::SecretKey key = demo_key(name);
  const Address address = key.address();
  eth::AnvilControl control(*stage.chain->client);
  IMO_TRY_VOID(control.set_balance(address, wei));
  return Person{name, Session(stage.chain->client, stage.chain->deployment, std::move(key)),
                address};
}

Result<void> pass_time(Stage& stage, std::uint64_t seconds) {
  return eth::AnvilControl(*stage.chain->client).pass_time(std::chrono::seconds(seconds));
}

}  // namespace imo::cli
