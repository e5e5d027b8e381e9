// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Handover} from "../../src/zkml/Handover.sol";
import {IProofPart} from "../../src/zkml/IProofPart.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";

/// @dev Says that it came to the end, or that it did not, or more than that, or why not.
contract Next {
    error TooBad(uint256 why);

    function proceed() external pure returns (bool) {
        return true;
    }

    function stop() external pure returns (bool) {
        return false;
    }

    function talk() external pure returns (bool, bool) {
        return (true, true);
    }

    function mumble() external pure returns (uint256) {
        return 2;
    }

    function fail() external pure {
        revert TooBad(7);
    }
}

/// @notice A computation that went on elsewhere counts only when it says that it came to its end.
contract HandoverTest is Test {
    Next private next = new Next();

    function pass(address to, bytes4 selector, bytes calldata proof) external view {
        Transcript.Reader memory reader = Transcript.open("p", "s", proof);
        uint256 there;
        assembly ("memory-safe") {
            there := reader
        }
        Handover.pass(to, selector, 0, 0, there);
    }

    function test_only_true_counts() public {
        this.pass(address(next), IProofPart.proceed.selector, "proof");
        bytes4[3] memory others = [Next.stop.selector, Next.talk.selector, Next.mumble.selector];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(Handover.StoppedInBetween.selector);
            this.pass(address(next), others[i], "proof");
        }
    }

    /// @dev A call of an account without code succeeds, and says nothing.
    function test_nobody_counts_not() public {
        vm.expectRevert(Handover.StoppedInBetween.selector);
        this.pass(makeAddr("nobody"), IProofPart.proceed.selector, "proof");
    }

    function test_reasons_come_through() public {
        vm.expectRevert(abi.encodeWithSelector(Next.TooBad.selector, 7));
        this.pass(address(next), Next.fail.selector, "proof");
    }
}
