// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Handover} from "../../src/zkml/Handover.sol";
import {Transcript} from "../../src/zkml/Transcript.sol";

/// @dev Ends with a memory, or with a reason why not.
contract Next {
    error TooBad(uint256 why);

    function proceed() external pure {
        uint256 root = Handover.resume();
        uint256 base = Handover.begin();
        Handover.end(base, Handover.put(base, root, 2));
    }

    function fail() external pure {
        revert TooBad(7);
    }
}

/// @dev Hands its memory to another.
contract First {
    function check(address next, bytes4 selector, bytes calldata proof) external view {
        Transcript.Reader memory reader = Transcript.open("p", "s", proof);
        uint256[2] memory words = [uint256(5), 8];
        (uint256 root, uint256 there) = (0, 0);
        assembly ("memory-safe") {
            root := words
            there := reader
        }
        Handover.pass(next, selector, root, there);
    }
}

/// @notice A computation that goes on elsewhere counts only when it comes back with a memory.
contract HandoverTest is Test {
    address private first = address(new First());
    address private next = address(new Next());

    /// @dev What was in the memory of First, by way of Next.
    function take(address from, bytes calldata data) external view returns (uint256 a, uint256 b) {
        uint256 root = Handover.take(from, data);
        assembly ("memory-safe") {
            a := mload(root)
            b := mload(add(root, 32))
        }
    }

    function ask(address to, bytes4 selector) private pure returns (bytes memory) {
        return abi.encodeCall(First.check, (to, selector, "proof"));
    }

    function test_memory_goes_on_and_comes_back() public view {
        (uint256 a, uint256 b) = this.take(first, ask(next, Next.proceed.selector));
        assertEq(a, 5);
        assertEq(b, 8);
    }

    /// @dev A call of an account without code succeeds, and says nothing.
    function test_nobody_counts_not() public {
        bytes memory data = ask(makeAddr("nobody"), Next.proceed.selector);
        vm.expectRevert(Handover.StoppedInBetween.selector);
        this.take(first, data);
        vm.expectRevert(Handover.StoppedInBetween.selector);
        this.take(makeAddr("nobody"), data);
    }

    function test_reasons_come_through() public {
        bytes memory data = ask(next, Next.fail.selector);
        vm.expectRevert(abi.encodeWithSelector(Next.TooBad.selector, 7));
        this.take(first, data);
    }
}
