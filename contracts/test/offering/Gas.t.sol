// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

/// @title What a user pays
/// @dev Every measured call runs as a transaction of its own (isolated: cold storage, 21,000 base and calldata
/// included). The figures are written to contracts/snapshots/Offering.json and bounded here.
/// forge-config: default.isolate = true
contract GasTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");

    function measured(string memory name, uint256 most) private {
        assertLe(vm.snapshotGasLastCall("Offering", name), most, name);
    }

    function test_gas_bid() public {
        bid(alice, 0, 1 ether);
        measured("bid, first of the sale", 110_000);
        bid(bob, 0, 1 ether);
        measured("bid, price in use", 60_000);
        bid(makeAddr("c"), 9, 1 ether);
        measured("bid, new price", 80_000);
        bid(bob, 0, 1 ether);
        measured("bid, added to an own bid", 45_000);
        bid(bob, 9, 1 ether);
        measured("bid, second price of an owner", 60_000);
        vm.prank(bob);
        sale.cancel(9);
        measured("cancel", 60_000);
    }

    function test_gas_settle_small() public {
        bid(alice, 3, 15 ether);
        bid(bob, 0, 20 ether);
        vm.warp(END);
        sale.settle();
        measured("settle, two prices", 250_000);
        sale.claim(alice);
        measured("claim of a sale, tokens", 150_000);
        sale.claim(bob);
        measured("claim of a sale, tokens again", 120_000);
    }

    function test_gas_settle_full() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.tickCount = 1024;
        terms.sale.buyerCap = 0;
        adopt(create(register(author, "full"), terms));
        deal(address(this), 1024 ether);
        for (uint160 i = 0; i < 1024; ++i) {
            bid(address(0xb1d000 + i), i, MIN_BID);
        }
        vm.warp(END);
        sale.settle();
        measured("settle, 1024 prices in use", 3_000_000);
    }

    function test_gas_transfer() public {
        sellHalf(alice, bob);
        vm.prank(alice);
        assertTrue(token.transfer(bob, 1e18));
        measured("transfer, within an epoch", 52_000);
        vm.prank(alice);
        assertTrue(token.transfer(makeAddr("d"), 1e18));
        measured("transfer, to a new holder", 60_000);
        nextEpoch();
        vm.prank(alice);
        assertTrue(token.transfer(bob, 1e18));
        measured("transfer, first of an epoch for both", 96_000);
    }

    function test_gas_revenue() public {
        sellHalf(alice, bob);
        deal(address(token), 1 ether);
        nextEpoch();
        token.snapshot();
        measured("snapshot, ETH", 160_000);
        vm.prank(alice);
        token.claim(1);
        measured("claim, ETH", 75_000);
        usd.mint(address(token), 1e9);
        deal(address(token), address(token).balance + 1 ether);
        nextEpoch();
        token.snapshot();
        measured("snapshot, ETH and one token", 180_000);
        vm.prank(alice);
        token.claim(2);
        measured("claim, ETH and one token", 120_000);
        vm.prank(alice);
        token.burn(1e18);
        measured("burn, redeems ETH and one token", 160_000);
    }

    function test_gas_create() public {
        vm.prank(author);
        uint256 id = registry.register(defaultRegistration("gas"));
        measured("register", 400_000);
        vm.prank(author);
        factory.createOffering(id, defaultTerms());
        measured("createOffering", 1_500_000);
        vm.warp(END + 90 days);
        vault.release();
        measured("vault release", 150_000);
    }
}
