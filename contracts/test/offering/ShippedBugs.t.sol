// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {IOfferingTreasury} from "../../src/interfaces/IOfferingTreasury.sol";
import {IUniformSale} from "../../src/interfaces/IUniformSale.sol";
import {IVestingVault} from "../../src/interfaces/IVestingVault.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

/// @title Mistakes that other sales and revenue tokens shipped, each as a test
/// @dev More of the list lives where its subject is: unbounded walks in Gas.t.sol (1,024 prices), rounding in
/// UniformSaleFuzz.t.sol, rewards lost at zero supply, claims that expire and snapshots for borrowed balances in
/// Revenue.t.sol, settlements nobody makes in UniformSale.t.sol.
contract ShippedBugsTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private carol = makeAddr("carol");

    /// Partial fills that together exit with more than there was.
    function test_partialFills_cannotOverExit() public {
        // Three equal bids share 40 ETH: thirds that do not divide.
        bid(alice, 0, 20 ether);
        bid(bob, 0, 20 ether);
        bid(carol, 0, 20 ether);
        vm.warp(END);
        sale.settle();
        uint256 tokens = 0;
        uint256 refunds = 0;
        address[3] memory owners = [alice, bob, carol];
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 got, uint256 refund) = sale.claim(owners[i]);
            tokens += got;
            refunds += refund;
        }
        assertLe(tokens, FOR_SALE);
        assertGe(tokens, FOR_SALE - 3 * 1e4);
        assertEq(address(treasury).balance, 40 ether);
        assertLe(refunds, 20 ether);
        assertGe(refunds, 20 ether - 3);
    }

    /// A settlement that somebody advances before the (extended) end.
    function test_settlement_waitsForTheExtension() public {
        vm.warp(END - 1);
        bid(alice, 0, 20 ether);
        vm.warp(END);
        vm.expectRevert(
            abi.encodeWithSelector(IUniformSale.WrongStatus.selector, IUniformSale.Status.Open)
        );
        sale.settle();
        bid(bob, 0, 5 ether);
        vm.warp(sale.endTime());
        sale.settle();
    }

    /// Bid and settlement both valid in one and the same second.
    function test_endTimestamp_belongsToOneSide() public {
        bid(alice, 0, 20 ether);
        vm.warp(END);
        deal(bob, 1 ether);
        vm.prank(bob);
        vm.expectPartialRevert(IUniformSale.WrongStatus.selector);
        sale.bid{value: 1 ether}(0);
        sale.settle();
    }

    /// Proceeds or tokens swept twice through a stale status.
    function test_proceeds_moveOnce() public {
        bid(alice, 0, 12 ether);
        vm.warp(END);
        sale.settle();
        vm.warp(END + 8 days);
        vm.expectPartialRevert(IUniformSale.WrongStatus.selector);
        sale.settle();
        assertEq(address(treasury).balance, 12 ether);
        (uint256 tokens, uint256 refund) = sale.claim(alice);
        assertEq(tokens, 120_000e18);
        assertEq(refund, 0);
    }

    /// Unsold tokens locked in the sale after a success.
    function test_unsoldTokens_areBurned() public {
        sellHalf(alice, bob);
        assertEq(token.balanceOf(address(sale)), 0);
        assertEq(token.totalSupply(), TOTAL - FOR_SALE / 2);
    }

    /// A reserve for the team stuck after a failure.
    function test_reserve_isNotStuckAfterFailure() public {
        vm.warp(END);
        sale.settle();
        vm.warp(END + 360 days);
        vault.release();
        assertEq(token.balanceOf(author), token.totalSupply());
    }

    /// A claim that erases what others read later.
    function test_claim_keepsTheRecord() public {
        bid(alice, 0, 30 ether);
        bid(bob, 0, 30 ether);
        vm.warp(END);
        sale.settle();
        (uint256 tokens, uint256 paid, uint256 refund) = sale.allocationOf(alice);
        sale.claim(alice);
        (uint256 tokens2, uint256 paid2, uint256 refund2) = sale.allocationOf(alice);
        assertEq(abi.encode(tokens, paid, refund), abi.encode(tokens2, paid2, refund2));
        assertEq(sale.bidsOf(alice)[0].amount, 30 ether);
        assertEq(sale.demandAt(0), 60 ether);
    }

    /// A right that survives its cancellation.
    function test_cancelledBid_hasNoRights() public {
        bid(alice, 3, 15 ether);
        bid(bob, 3, 15 ether);
        vm.startPrank(alice);
        sale.cancel(3);
        vm.expectRevert(abi.encodeWithSelector(IUniformSale.NoBid.selector, alice, 3));
        sale.cancel(3);
        vm.stopPrank();
        vm.warp(END);
        sale.settle();
        (uint256 tokens, uint256 refund) = sale.claim(alice);
        assertEq(tokens + refund, 0);
        assertEq(alice.balance, 15 ether);
    }

    /// A key with rights over the escrow.
    function test_author_hasNoRightsOverTheEscrow() public {
        bid(alice, 0, 12 ether);
        vm.startPrank(author);
        vm.expectPartialRevert(IUniformSale.WrongStatus.selector);
        sale.settle();
        vm.expectPartialRevert(IUniformSale.NoBid.selector);
        sale.cancel(0);
        vm.expectRevert(IOfferingTreasury.NothingToRelease.selector);
        treasury.release();
        vm.expectPartialRevert(IVestingVault.NothingToRelease.selector);
        vault.release();
        vm.stopPrank();
        assertEq(address(sale).balance, 12 ether);
    }

    /// ERC-20 rules broken for the sake of revenue: transfers to oneself and of nothing.
    function test_transfer_toSelfAndOfNothing_work() public {
        sellHalf(alice, bob);
        vm.startPrank(alice);
        assertTrue(token.transfer(alice, 120_000e18));
        assertEq(token.balanceOf(alice), 120_000e18);
        assertTrue(token.transfer(alice, 0));
        assertTrue(token.transfer(carol, 0));
        vm.stopPrank();
        vm.prank(carol);
        assertTrue(token.transfer(alice, 0));
        nextEpoch();
        assertEq(token.eligibleSupplyAt(token.currentEpoch() - 1), 200_000e18);
    }

    /// Tokens sent to the sale or the token by mistake must not raise or starve anybody.
    function test_tokensSentToTheSale_doNotBreakClaims() public {
        bid(alice, 0, 12 ether);
        bid(bob, 0, 8 ether);
        vm.warp(END);
        sale.settle();
        sale.claim(alice);
        send(alice, address(sale), 1e18);
        sale.claim(bob);
        assertEq(token.balanceOf(bob), 80_000e18);
        assertEq(token.balanceOf(address(sale)), 1e18);
    }

    /// Arguments read from the wrong place of a clone's code.
    function test_cloneArguments_areThoseOfOpenZeppelin() public view {
        bytes memory args = Clones.fetchCloneArgs(address(sale));
        assertEq(args, abi.encode(sale.parameters()));
        args = Clones.fetchCloneArgs(address(treasury));
        assertEq(args, abi.encode(author, END, 180 days, 2_500));
    }
}
