// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {IVestingVault} from "../../src/interfaces/IVestingVault.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

contract VestingVaultTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");

    uint256 private constant VESTING = TOTAL - FOR_SALE;

    function test_release_beforeTheCliff_reverts() public {
        vm.warp(END + 90 days - 1);
        assertEq(vault.releasable(), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IVestingVault.NothingToRelease.selector, END + 90 days)
        );
        vault.release();
    }

    function test_release_isLinearFromTheCliff() public {
        vm.warp(END + 90 days);
        vm.expectEmit();
        emit IVestingVault.Released(author, VESTING / 4);
        vm.prank(bob);
        assertEq(vault.release(), VESTING / 4);
        assertEq(token.balanceOf(author), VESTING / 4);
        assertEq(vault.releasable(), 0);
        vm.warp(END + 180 days);
        vault.release();
        assertEq(token.balanceOf(author), VESTING / 2);
        vm.warp(END + 3_650 days);
        vault.release();
        assertEq(token.balanceOf(author), VESTING);
        assertEq(vault.released(), VESTING);
    }

    function test_release_countsLaterDeposits() public {
        sellHalf(alice, bob);
        vm.warp(END + 180 days);
        vault.release();
        send(alice, address(vault), 1_000e18);
        assertEq(vault.releasable(), 500e18);
    }

    /// Any order of releases ends with the same sum, never ahead of the schedule.
    function testFuzz_release_neverAhead(uint256[6] memory waits) public {
        uint256 time = END;
        for (uint256 i = 0; i < waits.length; ++i) {
            time += bound(waits[i], 1, 100 days);
            vm.warp(time);
            if (vault.releasable() != 0) vault.release();
            uint256 elapsed = time - END;
            uint256 vested = elapsed >= 360 days ? VESTING : VESTING * elapsed / 360 days;
            assertEq(token.balanceOf(author), elapsed < 90 days ? 0 : vested);
        }
    }

    function test_unvestedTokens_earnNothing_releasedOnesDo() public {
        sellHalf(alice, bob);
        vm.warp(END + 90 days);
        vault.release();
        deal(address(token), 35 ether);
        nextEpoch();
        token.snapshot();
        // 150,000 of 350,000 earning tokens are the author's.
        assertEq(token.claimableRevenue(author, 1), 12 ether);
    }

    /// After a failed sale nobody else holds tokens; they and all revenue become the author's over time.
    function test_failedSale_vaultGoesOn() public {
        vm.warp(END);
        sale.settle();
        deal(address(token), 1 ether);
        vm.warp(END + 90 days);
        vault.release();
        nextEpoch();
        token.snapshot();
        assertEq(token.claimableRevenue(author, 1), 0.8 ether);
    }

    function test_buyersVault_passesItsRevenueThrough() public {
        sellHalf(alice, bob);
        IVestingVault own =
            IVestingVault(factory.createVault(modelId, alice, END, 10 days, 20 days));
        assertEq(own.token(), address(token));
        assertEq(own.beneficiary(), alice);
        send(alice, address(own), 100_000e18);
        deal(address(token), 10 ether);
        usd.mint(address(token), 10e6);
        nextEpoch();
        token.snapshot();
        uint256[] memory ids = new uint256[](1);
        ids[0] = 1;
        vm.expectEmit();
        emit IVestingVault.PassedThrough(alice, address(0), 4 ether);
        own.claimRevenue(ids);
        assertEq(alice.balance, 4 ether);
        assertEq(usd.balanceOf(alice), 4e6);
        own.claimRevenue(ids);
        assertEq(alice.balance, 4 ether);
        // The tokens themselves wait for the cliff.
        assertEq(token.balanceOf(address(own)), 100_000e18);
        vm.expectRevert(
            abi.encodeWithSelector(IVestingVault.NotPassedThrough.selector, address(token))
        );
        own.passThrough(address(token));
        vm.warp(END + 10 days);
        own.release();
        assertEq(token.balanceOf(alice), 20_000e18 + 50_000e18);
    }

    function test_passThrough_refusedEth_staysForARetry() public {
        IVestingVault own =
            IVestingVault(factory.createVault(modelId, address(registry), END, 0, 0));
        deal(address(own), 1 ether);
        usd.mint(address(own), 5e6);
        assertEq(own.passThrough(address(0)), 0);
        assertEq(own.passThrough(address(usd)), 5e6);
        assertEq(address(own).balance, 1 ether);
        assertEq(usd.balanceOf(address(registry)), 5e6);
    }

    function test_durationZero_vestsAtTheStart() public {
        sellHalf(alice, bob);
        IVestingVault own = IVestingVault(factory.createVault(modelId, alice, END + 5 days, 0, 0));
        send(alice, address(own), 100e18);
        assertEq(own.releasable(), 0);
        vm.warp(END + 5 days);
        assertEq(own.release(), 100e18);
    }
}
