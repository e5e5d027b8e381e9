// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Transcript} from "./Transcript.sol";

/// @title A computation that goes on in another contract
/// @notice The verifier of a model is longer than a contract may be, so it is several, each of which goes on where the one before
/// stopped: with its memory, at the same addresses, and what is left of the proof.
/// @dev The call's data is the memory from 0x1c on (4 bytes of a selector, a word that says where to begin, then the free pointer,
/// the zero word and everything allocated, all where they are) and behind it the proof. Both contracts must be compiled from the
/// same structs.
library Handover {
    error StoppedInBetween();

    /// @notice Goes on in `next`; reverts as it does, and unless it says that it came to the end.
    /// @param root Where in memory the callee begins.
    /// @param reader Part of what is handed over; it must not be used here any more.
    function pass(address next, bytes4 selector, uint256 root, Transcript.Reader memory reader)
        internal
        view
    {
        bool isDone;
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
