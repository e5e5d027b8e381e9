#include "imo/cli/demo_stage.hpp"
#include "imo/cli/revenue.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DemoDollar.hpp"
#include "imo/market/abi/ModelToken.hpp"

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace dollar = market::abi::demo_dollar;
namespace model_token = market::abi::model_token;

constexpr std::uint64_t kDay = 86'400;

/// What left the token in one asset.
struct Paid {
  U256 claimed;
  U256 redeemed;
};

Result<U256> paid_in(const Report& report, const Address& asset) {
  const auto& amounts = report.data.at("paid");
  const std::string key = eth::to_checksum(asset);
  if (!amounts.contains(key)) return U256();
  return U256::parse(amounts.at(key).get<std::string>());
}

Result<U256> balance_in(Stage& stage, const Address& asset, const Address& account) {
  if (asset.is_zero()) return stage.chain->client->balance(account);
  return stage.chain->client->call(asset, dollar::balance_of(account));
}

/// Every backer claims; what each purse gained must be what the token said it paid.
Result<void> claim_all(Stage& stage, Paid& in_eth, Paid& in_dollars) {
  for (Person& backer : stage.backers) {
    IMO_TRY(const U256 eth_before, balance_in(stage, {}, backer.address));
    IMO_TRY(const U256 dollars_before, balance_in(stage, stage.dollar, backer.address));
    // The keeper pushes the claims, so that purses change by the revenue alone.
    IMO_TRY(const Report claimed,
            revenue_claim(stage.keeper->session, stage.offering, backer.address));
    IMO_TRY(const U256 wei, paid_in(claimed, {}));
    IMO_TRY(const U256 cents, paid_in(claimed, stage.dollar));
    IMO_TRY(const U256 eth_after, balance_in(stage, {}, backer.address));
    IMO_TRY(const U256 dollars_after, balance_in(stage, stage.dollar, backer.address));
    IMO_TRY_VOID(
        stage.totals.expect_equal("revenue: ETH of " + backer.name, eth_after - eth_before, wei));
    IMO_TRY_VOID(stage.totals.expect_equal("revenue: dUSD of " + backer.name,
                                           dollars_after - dollars_before, cents));
    in_eth.claimed += wei;
    in_dollars.claimed += cents;
  }
  return {};
}

/// What came in is what went out and what remains, and the token knows what remains.
Result<void> close_books(Stage& stage, const std::string& name, const Address& asset,
                         const U256& came_in, const Paid& paid) {
  IMO_TRY(const U256 remains, balance_in(stage, asset, stage.contracts.token));
  IMO_TRY_VOID(stage.totals.expect_equal("revenue: " + name + " claimed, redeemed and remaining",
                                         paid.claimed + paid.redeemed + remains, came_in));
  eth::Client& client = *stage.chain->client;
  IMO_TRY(const auto reserves, client.call(stage.contracts.token, model_token::reserves_of(asset)));
  IMO_TRY(const U256 unbooked,
          client.call(stage.contracts.token, model_token::unbooked_revenue(asset)));
  return stage.totals.expect_equal("revenue: " + name + " that the token's books still hold",
                                   reserves.claimable + reserves.redeemable + unbooked, remains);
}

}  // namespace

Result<StepResult> step_revenue(Stage& stage) {
  eth::Client& client = *stage.chain->client;
  stage.dollar_revenue = U256(1'234'567'891);  // 1,234.567891 dUSD
  IMO_TRY_VOID(stage.keeper->session.transact(
      stage.dollar, dollar::mint(stage.contracts.token, stage.dollar_revenue)));
  IMO_TRY_VOID(pass_time(stage, kDay));
  IMO_TRY(const Report snapshot, revenue_snapshot(stage.keeper->session, stage.offering));

  Paid in_eth;
  Paid in_dollars;
  IMO_TRY_VOID(claim_all(stage, in_eth, in_dollars));
  IMO_TRY_VOID(stage.totals.expect("revenue: holders were paid in both assets",
                                   !in_eth.claimed.is_zero() && !in_dollars.claimed.is_zero()));

  Person& leaver = stage.backers.front();
  IMO_TRY(const U256 held,
          client.call(stage.contracts.token, model_token::balance_of(leaver.address)));
  IMO_TRY(const U256 due,
          client.call(stage.contracts.token, model_token::redeemable_on_burn(held)));
  IMO_TRY(const Report burned, revenue_burn(leaver.session, {stage.offering, held, due}));
  IMO_TRY(in_eth.redeemed, paid_in(burned, {}));
  IMO_TRY(in_dollars.redeemed, paid_in(burned, stage.dollar));
  IMO_TRY_VOID(stage.totals.expect_equal("revenue: redeemed by burning", in_eth.redeemed, due));

  IMO_TRY_VOID(close_books(stage, "ETH", {}, stage.eth_revenue, in_eth));
  IMO_TRY_VOID(close_books(stage, "dUSD", stage.dollar, stage.dollar_revenue, in_dollars));

  StepResult result;
  result.data = {{"eth_revenue", json_amount(stage.eth_revenue)},
                 {"eth_claimed", json_amount(in_eth.claimed)},
                 {"eth_redeemed", json_amount(in_eth.redeemed)},
                 {"dollar_revenue", json_amount(stage.dollar_revenue)},
                 {"dollar_claimed", json_amount(in_dollars.claimed)},
                 {"dollar_redeemed", json_amount(in_dollars.redeemed)}};
  result.line(fmt::format("{} and {} dUSD came in", ether_text(stage.eth_revenue),
                          eth::format_units(stage.dollar_revenue, 6)));
  result.line(fmt::format("holders claimed {} and {} dUSD", ether_text(in_eth.claimed),
                          eth::format_units(in_dollars.claimed, 6)));
  result.line(fmt::format("backer 1 burned {} TALES for {} and {} dUSD",
                          eth::format_units(held, 18), ether_text(in_eth.redeemed),
                          eth::format_units(in_dollars.redeemed, 6)));
  result.line("claimed, redeemed and remaining add up to what came in, to the wei");
  return result;
}

}  // namespace imo::cli
