// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A computation that goes on in another contract, and comes back
/// @notice The verifier of a model is longer than a contract may be, so it is several. One goes on where another stopped, with its
/// memory and what is left of the proof; and one ends with a memory that another takes over.
/// @dev A memory that is handed on is a word that says where to begin, then the free pointer, the zero word and everything
/// allocated, all where the other contract will have them. Behind it, in a call, is the proof. Both must be compiled from the same
/// structs.
library Handover {
    error StoppedInBetween();

    /// @notice Begins another memory behind all that is allocated; what is allocated from now on is in it.
    /// @return base Where it is: what the other contract has at `at` is at base + at.
    function begin() internal pure returns (uint256 base) {
        assembly ("memory-safe") {
            base := mload(0x40)
            mstore(add(base, 0x60), 0)
            mstore(0x40, add(base, 0x80))
        }
    }

    /// @notice Copies words to the memory at `base`.
    /// @return at Where the other contract has them.
    function put(uint256 base, uint256 from, uint256 words) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            let to := mload(0x40)
            mcopy(to, from, shl(5, words))
            mstore(0x40, add(to, shl(5, words)))
            at := sub(to, base)
        }
    }

    /// @notice Goes on in `next` with all memory and what is left of the proof, and ends as it does.
    /// @param root Where in the memory it begins.
    /// @param reader Where the proof's reader is.
    function pass(address next, bytes4 selector, uint256 root, uint256 reader) internal view {
        assembly ("memory-safe") {
            let free := mload(0x40)
            // What was absorbed since the last challenge goes along.
            let from := mload(add(reader, 0x20))
            let size := sub(mload(add(reader, 0x60)), from)
            calldatacopy(free, from, size)
            let moved := sub(sub(free, 0x1c), from)
            for { let field := 0x20 } lt(field, 0xa0) { field := add(field, 0x20) } {
                mstore(add(reader, field), add(mload(add(reader, field)), moved))
            }
            mstore(0, shr(224, selector))
            mstore(0x20, root)
            let ok := staticcall(gas(), next, 0x1c, add(sub(free, 0x1c), size), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    /// @notice The callee's half, before it allocates anything.
    function resume() internal pure returns (uint256 root) {
        assembly ("memory-safe") {
            root := calldataload(4)
            calldatacopy(0x40, 0x24, sub(calldataload(0x24), 0x40))
        }
    }

    /// @notice Ends the call with the memory at `base`, which begin() gave.
    /// @param root Where in it the taker begins.
    function end(uint256 base, uint256 root) internal pure {
        assembly ("memory-safe") {
            let size := sub(mload(0x40), base)
            mstore(add(base, 0x20), root)
            mstore(add(base, 0x40), size)
            return(add(base, 0x20), sub(size, 0x20))
        }
    }

    /// @notice Calls `from`, and takes over the memory that it ends with: whatever was allocated here is gone. Reverts as it does,
    /// or if it ends with none: a call of an account without code succeeds.
    function take(address from, bytes memory data) internal view returns (uint256 root) {
        assembly ("memory-safe") {
            if iszero(staticcall(gas(), from, add(data, 0x20), mload(data), 0, 0)) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
            if returndatasize() {
                returndatacopy(0x20, 0, returndatasize())
                root := mload(0x20)
            }
        }
        if (root == 0) revert StoppedInBetween();
    }
}
