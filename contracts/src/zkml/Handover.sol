// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A computation that goes on in another contract
/// @notice The verifier of a model is longer than a contract may be, so it is several, each of which goes on where the one before
/// stopped: with its memory, or a copy of what of it is still needed, and what is left of the proof.
/// @dev The call's data is a memory from 0x1c on (4 bytes of a selector, a word that says where to begin, then the free pointer,
/// the zero word and everything allocated, all where the callee will have them) and behind it the proof. Both contracts must be
/// compiled from the same structs.
library Handover {
    error StoppedInBetween();

    /// @notice Begins another memory behind all that is allocated; what is allocated from now on is in it.
    /// @return base Where it is: what the callee has at `at` is at base + at.
    function begin() internal pure returns (uint256 base) {
        assembly ("memory-safe") {
            base := mload(0x40)
            mstore(add(base, 0x60), 0)
            mstore(0x40, add(base, 0x80))
        }
    }

    /// @notice Copies words to the memory at `base`.
    /// @return at Where the callee has them.
    function put(uint256 base, uint256 from, uint256 words) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            let to := mload(0x40)
            mcopy(to, from, shl(5, words))
            mstore(0x40, add(to, shl(5, words)))
            at := sub(to, base)
        }
    }

    /// @notice Goes on in `next`; reverts as it does, and unless it says that it came to the end.
    /// @param base Of the memory that is handed over: 0 for all, or what begin() gave.
    /// @param root Where in the callee's memory it begins.
    /// @param reader Where in it the proof's reader is, which must not be used here any more.
    function pass(address next, bytes4 selector, uint256 base, uint256 root, uint256 reader)
        internal
        view
    {
        bool isDone;
        assembly ("memory-safe") {
            // Nothing else is needed any more, and memory costs the more the higher it is.
            let free := sub(mload(0x40), base)
            if base { mcopy(0, base, free) }
            mstore(0x40, free)
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
            let ok := staticcall(gas(), next, 0x1c, add(sub(free, 0x1c), size), 0, 0x20)
            if iszero(ok) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
            isDone := and(eq(returndatasize(), 0x20), eq(mload(0), 1))
        }
        if (!isDone) revert StoppedInBetween();
    }

    /// @notice The callee's half, before it allocates anything.
    function resume() internal pure returns (uint256 root) {
        assembly ("memory-safe") {
            root := calldataload(4)
            calldatacopy(0x40, 0x24, sub(calldataload(0x24), 0x40))
        }
    }
}
