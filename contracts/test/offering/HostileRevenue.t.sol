// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelToken} from "../../src/interfaces/IModelToken.sol";
import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {HostileToken} from "../tokens/HostileToken.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

/// @title A revenue token that fails hurts only itself
/// @dev Assets are ETH, the hostile token, the honest one; alice has 60% of the earning tokens.
contract HostileRevenueTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    HostileToken private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileToken();
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.token.revenueTokens = new address[](2);
        (terms.token.revenueTokens[0], terms.token.revenueTokens[1]) =
        (address(hostile), address(usd));
        adopt(create(register(author, "hostile"), terms));
        sellHalf(alice, bob);
        hostile.mint(address(token), 1_000);
        usd.mint(address(token), 1_000);
        deal(address(token), 1 ether);
        nextEpoch();
    }

    function test_noReply_isPaid() public {
        token.snapshot();
        hostile.setMode(HostileToken.Mode.NoReply);
        token.claimFor(alice, 1);
        assertEq(hostile.balanceOf(alice), 480);
        assertEq(token.owedTo(alice, address(hostile)), 0);
    }

    function test_repliesFalse_isOwed() public {
        assertOwed(HostileToken.Mode.RepliesFalse);
    }

    function test_paused_isOwed() public {
        assertOwed(HostileToken.Mode.Paused);
    }

    function test_burnsGas_isOwed() public {
        assertOwed(HostileToken.Mode.BurnsGas);
    }

    function test_hugeReply_isPaid() public {
        token.snapshot();
        hostile.setMode(HostileToken.Mode.HugeReply);
        token.claimFor(alice, 1);
        assertEq(hostile.balanceOf(alice), 480);
    }

    function test_fee_countsWhatArrived() public {
        hostile.mint(bob, 1_000);
        hostile.setMode(HostileToken.Mode.Fee);
        vm.prank(bob);
        assertTrue(hostile.transfer(address(token), 1_000));
        token.snapshot();
        assertEq(token.bookedAt(1, address(hostile)), 1_900 * 8_000 / 10_000);
    }

    function test_hiddenBalance_isNoRevenue() public {
        assertNotBooked(HostileToken.Mode.HidesBalance);
    }

    function test_gasBurningBalance_isNoRevenue() public {
        assertNotBooked(HostileToken.Mode.BurnsGas);
    }

    /// Who gains: an issuer who would stop all revenue by reporting an absurd balance.
    function test_hugeBalance_staysIn128Bits() public {
        hostile.setMode(HostileToken.Mode.HugeBalance);
        token.snapshot();
        nextEpoch();
        token.snapshot();
        (uint256 claimable, uint256 redeemable) = token.reservesOf(address(hostile));
        assertEq(claimable + redeemable, type(uint128).max);
        token.claimFor(alice, 1);
        token.claimFor(alice, 2);
        assertEq(usd.balanceOf(alice), 480);
        vm.prank(bob);
        token.burn(80_000e18);
        assertGt(bob.balance, 0);
    }

    function test_codeGone_isOwed() public {
        token.snapshot();
        vm.etch(address(hostile), "");
        token.claimFor(alice, 1);
        assertEq(token.owedTo(alice, address(hostile)), 480);
        assertEq(usd.balanceOf(alice), 480);
        nextEpoch();
        assertEq(token.snapshot(), 2);
    }

    function test_reentrantToken_cannotClaimAgain() public {
        token.snapshot();
        hostile.setReentry(address(token), abi.encodeCall(IModelToken.claimFor, (bob, 1)));
        token.claimFor(alice, 1);
        assertFalse(hostile.reentered());
        assertEq(hostile.balanceOf(alice), 480);
        assertEq(bob.balance, 0);
    }

    function test_owed_isPaidWhenItWorksAgain() public {
        assertOwed(HostileToken.Mode.Paused);
        vm.expectPartialRevert(IModelToken.PaymentFailed.selector);
        token.withdrawOwed(alice, address(hostile), alice);
        hostile.setMode(HostileToken.Mode.Honest);
        vm.expectEmit();
        emit IModelToken.OwedWithdrawn(alice, address(hostile), alice, 480);
        token.withdrawOwed(alice, address(hostile), alice);
        assertEq(hostile.balanceOf(alice), 480);
        // What was owed was never counted as new revenue.
        assertEq(token.unbookedRevenue(address(hostile)), 0);
    }

    function test_burn_pausedToken_isOwed() public {
        token.snapshot();
        hostile.setMode(HostileToken.Mode.Paused);
        vm.prank(bob);
        token.burn(80_000e18);
        assertEq(token.owedTo(bob, address(hostile)), 20);
        assertEq(usd.balanceOf(bob), 20);
        assertEq(bob.balance, 0.02 ether);
    }

    function assertOwed(HostileToken.Mode mode) private {
        token.snapshot();
        hostile.setMode(mode);
        vm.expectEmit();
        emit IModelToken.PaymentOwed(alice, address(hostile), 480);
        token.claimFor(alice, 1);
        assertEq(alice.balance, 0.48 ether);
        assertEq(usd.balanceOf(alice), 480);
        assertEq(token.owedTo(alice, address(hostile)), 480);
    }

    function assertNotBooked(HostileToken.Mode mode) private {
        hostile.setMode(mode);
        token.snapshot();
        assertEq(token.bookedAt(1, address(hostile)), 0);
        assertEq(token.bookedAt(1, address(usd)), 800);
        hostile.setMode(HostileToken.Mode.Honest);
        nextEpoch();
        token.snapshot();
        assertEq(token.bookedAt(2, address(hostile)), 800);
    }
}
