#include "imo/cli/demo_stage.hpp"
#include "imo/cli/offering.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/ModelToken.hpp"
#include "imo/market/abi/OfferingTreasury.hpp"
#include "imo/market/abi/UniformSale.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace imo::cli {

namespace {

namespace model_token = market::abi::model_token;

const U256 kPurse = U256(100) * eth::kEther;
constexpr std::uint64_t kDay = 86'400;

/// Milliether, so that orders read well.
U256 milli(std::uint64_t amount) {
  return U256(amount) * (eth::kEther / U256(1'000));
}

/// Twelve orders: some far above the clearing price, two at it, some below, one taken back. The
/// last has an odd number of wei, which rounding has to cope with.
std::vector<Order> orders() {
  return {{20, milli(2'000)}, {18, milli(1'500)}, {15, milli(2'500)},
          {12, milli(1'000)}, {12, milli(3'000)}, {10, milli(2'000)},
          {8, milli(1'250)},  {5, milli(2'000)},  {5, milli(1'750), true},
          {3, milli(900)},    {0, milli(1'000)},  {10, milli(333) + U256(333'333'333'333'333)}};
}

/// The definition of the sale, written down a second time and as slowly as it likes: walk down the
/// prices until what is bid at them or above would buy the whole supply.
struct Expected {
  U256 price;
  std::uint64_t marginal_tick = 0;
  U256 marginal_fill;
  U256 marginal_demand;
};

Expected expected_clearing(const std::vector<Order>& live, const market::Offering& sale) {
  U256 above;
  for (std::uint64_t tick = sale.ladder.size(); tick-- > 0;) {
    U256 here;
    for (const Order& order : live) {
      if (order.tick == tick) here += order.amount;
    }
    const U256 price = sale.price_at(tick);
    // Supply times price, as money: what the whole supply costs here.
    const U256 cost = *mul_div_up(sale.supply, price, eth::kEther);
    if (above > cost) return {*mul_div_up(above, eth::kEther, sale.supply), tick, {}, here};
    if (above + here >= cost) return {price, tick, cost - above, here};
    above += here;
  }
  return {sale.floor_price, 0, {}, {}};
}

/// Tokens and payment of one order under `cleared`.
std::pair<U256, U256> expected_fill(const Order& order, const Expected& cleared) {
  if (order.tick < cleared.marginal_tick) return {};
  U256 spent = order.amount;
  U256 paid = order.amount;
  if (order.tick == cleared.marginal_tick) {
    spent = *mul_div_down(order.amount, cleared.marginal_fill, cleared.marginal_demand);
    paid = *mul_div_up(order.amount, cleared.marginal_fill, cleared.marginal_demand);
  }
  return {*mul_div_down(spent, eth::kEther, cleared.price), paid};
}

Result<void> place_orders(Stage& stage, const std::string& offering, const std::vector<Order>& book,
                          const market::Offering& sale) {
  for (std::size_t i = 0; i < book.size(); ++i) {
    IMO_TRY_VOID(
        bid(stage.backers[i].session, {offering, sale.price_at(book[i].tick), book[i].amount}));
  }
  for (std::size_t i = 0; i < book.size(); ++i) {
    if (!book[i].cancels) continue;
    IMO_TRY_VOID(cancel_bid(stage.backers[i].session, {offering, sale.price_at(book[i].tick), {}}));
  }
  return {};
}

/// Everybody claims for themselves, and everybody's books must close to the wei.
Result<U256> claim_and_check(Stage& stage, const std::vector<Order>& book,
                             const Expected& cleared) {
  U256 tokens_sum;
  for (std::size_t i = 0; i < book.size(); ++i) {
    Person& backer = stage.backers[i];
    IMO_TRY_VOID(claim(backer.session, stage.offering, backer.address));
    auto [tokens, paid] = expected_fill(book[i], cleared);
    if (book[i].cancels) tokens = paid = U256();
    IMO_TRY(const U256 held, stage.chain->client->call(stage.contracts.token,
                                                       model_token::balance_of(backer.address)));
    IMO_TRY(const U256 purse, stage.chain->client->balance(backer.address));
    IMO_TRY_VOID(stage.totals.expect_equal("sale: tokens of " + backer.name, held, tokens));
    IMO_TRY_VOID(stage.totals.expect_equal("sale: purse of " + backer.name, purse,
                                           kPurse - paid - backer.session.fees_paid()));
    tokens_sum += held;
  }
  return tokens_sum;
}

/// The sale keeps no wei beyond rounding dust, and the treasury got the proceeds.
Result<void> check_proceeds(Stage& stage, const U256& proceeds) {
  namespace treasury = market::abi::offering_treasury;
  eth::Client& client = *stage.chain->client;
  IMO_TRY(const U256 received, client.call(stage.contracts.treasury, treasury::received()));
  IMO_TRY(const U256 held, client.balance(stage.contracts.treasury));
  IMO_TRY_VOID(stage.totals.expect_equal("sale: treasury received", received, proceeds));
  IMO_TRY(const U256 purse, client.balance(stage.author));
  IMO_TRY_VOID(stage.keeper->session.transact(stage.contracts.treasury, treasury::release()));
  IMO_TRY(const U256 left, client.balance(stage.contracts.treasury));
  IMO_TRY(const U256 purse_now, client.balance(stage.author));
  const U256 released = held - left;
  IMO_TRY_VOID(stage.totals.expect_equal("sale: author received", purse_now - purse, released));
  return stage.totals.expect(
      "sale: a quarter of the proceeds is free at once, the rest in a year",
      released * U256(4) >= proceeds && released * U256(100) <= proceeds * U256(26));
}

}  // namespace

Result<StepResult> step_sale(Stage& stage) {
  for (std::size_t i = 1; i <= orders().size(); ++i) {
    IMO_TRY(Person backer, make_person(stage, fmt::format("backer {}", i), kPurse));
    stage.backers.push_back(std::move(backer));
  }
  eth::Client& client = *stage.chain->client;
  IMO_TRY(const market::Offering open,
          market::read_offering(client, stage.chain->deployment, stage.contracts));
  const std::vector<Order> book = orders();
  IMO_TRY_VOID(place_orders(stage, stage.offering, book, open));

  std::vector<Order> live;
  std::copy_if(book.begin(), book.end(), std::back_inserter(live),
               [](const Order& order) { return !order.cancels; });
  const Expected cleared = expected_clearing(live, open);

  IMO_TRY_VOID(pass_time(stage, kDay));
  IMO_TRY(const Report settled, settle(stage.keeper->session, stage.offering));
  IMO_TRY(const U256 price, U256::parse(settled.data.at("clearing_price").get<std::string>()));
  IMO_TRY(const U256 proceeds, U256::parse(settled.data.at("proceeds").get<std::string>()));
  IMO_TRY(const U256 burned, U256::parse(settled.data.at("burned").get<std::string>()));
  IMO_TRY_VOID(stage.totals.expect_equal("sale: clearing price", price, cleared.price));

  IMO_TRY(const U256 tokens, claim_and_check(stage, book, cleared));
  IMO_TRY(const U256 dust,
          client.call(stage.contracts.token, model_token::balance_of(stage.contracts.sale)));
  IMO_TRY_VOID(stage.totals.expect_equal("sale: tokens claimed, burned and left as dust",
                                         tokens + burned + dust, open.supply));
  IMO_TRY_VOID(check_proceeds(stage, proceeds));

  StepResult result;
  result.data = settled.data;
  result.line("backer 9 took the bid back; the others stayed");
  result.line(settled.lines.front());
  result.line("seven winners have their tokens, four losers all their money, to the wei");
  return result;
}

Result<StepResult> step_failed_sale(Stage& stage) {
  eth::Client& client = *stage.chain->client;
  OfferingCreateOptions terms;
  std::string offering;
  {
    // The author's key lives in this block only: nothing below can use it.
    IMO_TRY(Person author, make_person(stage, "second author", kPurse));
    terms.model = stage.model;
    terms.licence = "apache-2.0";
    terms.name = "Too Dear";
    terms.symbol = "DEAR";
    terms.total_supply = U256(1'000'000) * eth::kEther;
    terms.for_sale = U256(500'000) * eth::kEther;
    terms.floor_price = U256(100'000) * eth::kGwei;
    terms.price_step = U256(10'000) * eth::kGwei;
    terms.ticks = 16;
    terms.min_raise = U256(60) * eth::kEther;
    terms.min_bid = eth::kEther / U256(100);
    IMO_TRY(const Report created, offering_create(author.session, terms));
    offering = created.data.at("token").get<std::string>();
    stage.retired_gas += author.session.gas_used();
  }
  IMO_TRY(const auto contracts, market::find_offering(client, stage.chain->deployment, offering));
  U256 bids;
  std::vector<U256> purses;
  constexpr std::size_t kBidders = 4;
  for (std::size_t i = 0; i < kBidders; ++i) {
    Person& backer = stage.backers[i];
    IMO_TRY(const U256 purse, client.balance(backer.address));
    const U256 fees_before = backer.session.fees_paid();
    const U256 amount = milli(1'000 * (i + 1)) + U256(i);
    IMO_TRY_VOID(bid(backer.session, {offering, terms.floor_price, amount}));
    purses.push_back(purse - (backer.session.fees_paid() - fees_before));
    bids += amount;
  }
  IMO_TRY(const U256 held, client.balance(contracts.sale));
  IMO_TRY_VOID(stage.totals.expect_equal("failed sale: bids held", held, bids));
  IMO_TRY_VOID(pass_time(stage, kDay));
  IMO_TRY(const Report settled, settle(stage.keeper->session, offering));
  IMO_TRY_VOID(stage.totals.expect("failed sale: it missed its minimum",
                                   !settled.data.at("succeeded").get<bool>()));
  for (std::size_t i = 0; i < kBidders; ++i) {
    IMO_TRY_VOID(claim(stage.keeper->session, offering, stage.backers[i].address));
    IMO_TRY(const U256 purse, client.balance(stage.backers[i].address));
    IMO_TRY_VOID(stage.totals.expect_equal(
        fmt::format("failed sale: purse of {}", stage.backers[i].name), purse, purses[i]));
  }
  IMO_TRY(const U256 left, client.balance(contracts.sale));
  IMO_TRY_VOID(stage.totals.expect_equal("failed sale: left in the sale", left, U256()));
  StepResult result;
  result.data = {{"bids", json_amount(bids)}, {"refunded", json_amount(bids - left)}};
  result.line(
      fmt::format("{} were bid of a minimum of 60 ETH; a stranger settled and pushed every "
                  "refund",
                  ether_text(bids)));
  result.line("everybody has everything back; the author's key was gone since the creation");
  return result;
}

}  // namespace imo::cli
