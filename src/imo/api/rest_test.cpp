/// An offering through its whole life, as the REST interface tells it from a real chain.
#include "imo/api/rest.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/ModelToken.hpp"
#include "imo/market/abi/UniformSale.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

namespace models = market::abi::model_registry;
namespace sale = market::abi::uniform_sale;
namespace token = market::abi::model_token;
using namespace std::chrono_literals;
using nlohmann::json;
using node::test::must;
using node::test::TestWorld;

constexpr std::uint64_t kDay = 86'400;

U256 create_model(TestWorld& world) {
  models::Registration registration;
  registration.model_root = crypto::keccak256(as_bytes("a model"));
  registration.licence = "MIT";
  registration.binder = world.deployment.offering_factory;
  registration.context_length = 8;
  registration.vocabulary_size = 8;
  const auto receipt =
      must(world.author.transact(world.deployment.model_registry, models::register_(registration)));
  return must(eth::find_event<models::events::ModelRegistered>(receipt,
                                                               world.deployment.model_registry))
      .model_id;
}

TEST(RestTest, TellsTheLifeOfAnOffering) {
  TestWorld world;
  const auto model_id = create_model(world);
  const auto offering = world.offer(model_id);
  auto config = world.config(world.directory.path() / "data");
  config.models.clear();
  const auto node = must(node::Node::start(config, eth::anvil_key(1)));
  const auto show = [&](const std::string& reference) {
    const auto reply = show_offering(*node, reference);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body, nullptr, false);
  };
  const auto token_address = eth::to_checksum(offering.token);

  must(world.asker.transact(offering.sale, sale::bid(U256(2)), eth::kEther * U256(2)));
  const auto open = show(token_address);
  EXPECT_EQ(open["status"], "open");
  EXPECT_EQ(open["name"], "Tales");
  EXPECT_EQ(open["model_id"], to_hex(model_id.to_be()));
  EXPECT_EQ(open["bid_wei"], "2000000000000000000");
  EXPECT_EQ(open["floor_price_wei"], "10000000000000000");
  ASSERT_EQ(open["ladder"].size(), 4U);
  EXPECT_EQ(open["ladder"][2]["price_wei"], "12000000000000000");
  EXPECT_EQ(open["ladder"][2]["demand_wei"], "2000000000000000000");
  EXPECT_EQ(open["ladder"][1]["demand_wei"], "0");
  EXPECT_EQ(show(eth::to_checksum(offering.sale)), open);
  EXPECT_EQ(show(to_hex(model_id.to_be())), open);
  EXPECT_EQ(show(model_id.to_dec()), open);

  must(world.control.pass_time(std::chrono::seconds(kDay + 3'600)));
  must(world.asker.transact(offering.sale, sale::settle()));
  must(world.asker.transact(offering.sale, sale::claim(world.asker.address())));
  must(world.control.pass_time(std::chrono::seconds(kDay)));
  must(world.asker.transact(offering.token, eth::kEther));
  must(world.asker.transact(offering.token, token::snapshot()));
  const auto settled = show(token_address);
  EXPECT_EQ(settled["status"], "succeeded");
  // Two ether buy less than the supply: the lowest price clears.
  EXPECT_EQ(settled["clearing_price_wei"], "10000000000000000");
  EXPECT_EQ(settled["proceeds_wei"], "2000000000000000000");
  EXPECT_EQ(settled["sold"], "200000000000000000000");
  EXPECT_EQ(settled["snapshots"], 1);
  const auto& revenue = settled["revenue"];
  EXPECT_EQ(revenue["epoch_length"], kDay);
  ASSERT_EQ(revenue["snapshots"].size(), 1U);
  EXPECT_EQ(revenue["snapshots"][0]["id"], 1);
  EXPECT_EQ(revenue["snapshots"][0]["booked"][0], "800000000000000000");
  EXPECT_EQ(revenue["assets"][0]["claimable"], "800000000000000000");
  EXPECT_EQ(revenue["assets"][0]["redeemable"], "200000000000000000");
  EXPECT_EQ(revenue["assets"][0]["unbooked"], "0");

  const auto list = json::parse(list_offerings(*node).body);
  ASSERT_EQ(list["data"].size(), 1U);
  EXPECT_EQ(list["data"][0]["token"], token_address);
  EXPECT_EQ(show_offering(*node, eth::to_checksum(offering.vault)).status, 404);
  EXPECT_EQ(show_offering(*node, "nonsense").status, 400);
}

}  // namespace
}  // namespace imo::api
