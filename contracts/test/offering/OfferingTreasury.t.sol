// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingTreasury} from "../../src/interfaces/IOfferingTreasury.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

contract OfferingTreasuryTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");

    function test_release_quarterAtOnce_restOverTime() public {
        sellHalf(alice, bob);
        assertEq(treasury.received(), 20 ether);
        vm.expectEmit();
        emit IOfferingTreasury.Released(author, 5 ether);
        vm.prank(bob);
        assertEq(treasury.release(), 5 ether);
        assertEq(author.balance, 5 ether);
        vm.expectRevert(IOfferingTreasury.NothingToRelease.selector);
        treasury.release();
        vm.warp(END + 90 days);
        assertEq(treasury.release(), 7.5 ether);
        vm.warp(END + 180 days);
        treasury.release();
        assertEq(author.balance, 20 ether);
        assertEq(treasury.released(), 20 ether);
    }

    function test_release_beforeTheScheduledEnd_reverts() public {
        deal(address(treasury), 1 ether);
        vm.warp(END - 1);
        vm.expectRevert(IOfferingTreasury.NothingToRelease.selector);
        treasury.release();
    }

    function test_receive_tells() public {
        vm.expectEmit();
        emit IOfferingTreasury.Received(address(this), 1 ether);
        deal(address(this), 1 ether);
        (bool success,) = address(treasury).call{value: 1 ether}("");
        assertTrue(success);
    }

    /// The author is paid even where the author's contract refuses ETH.
    function test_release_byForce() public {
        sellHalf(alice, bob);
        vm.etch(author, hex"fe");
        treasury.release();
        assertEq(author.balance, 5 ether);
    }

    /// However deposits and releases are mixed, the author is never ahead of the schedule and no wei is stuck.
    function testFuzz_release_neverAhead(uint256[6] memory waits, uint96[6] memory gifts) public {
        uint256 time = END;
        uint256 total = 0;
        for (uint256 i = 0; i < waits.length; ++i) {
            time += bound(waits[i], 1, 60 days);
            total += gifts[i];
            deal(address(treasury), address(treasury).balance + gifts[i]);
            vm.warp(time);
            if (treasury.releasable() != 0) treasury.release();
            uint256 elapsed = time - END;
            uint256 upfront = total / 4;
            uint256 most =
                elapsed >= 180 days ? total : upfront + (total - upfront) * elapsed / 180 days;
            assertEq(author.balance, most);
        }
        vm.warp(END + 180 days);
        if (treasury.releasable() != 0) treasury.release();
        assertEq(author.balance, total);
    }
}
