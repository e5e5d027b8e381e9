// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";

/// @title Keccak trees with digests of 26 bytes, opened at many leaves at once
/// @notice The twin of src/imo/zkml/tree.cpp; docs/proof.md, "Trees", is normative. A node with its place is one word:
/// the digest in the first 26 bytes, the position in the last 6.
library ProofTree {
    /// @notice Checks that leaves stand under `root`, and reads the siblings that this takes.
    /// @param root In the first 26 bytes; the rest is zero.
    /// @param height At most 32.
    /// @param nodes At least one leaf with its position, positions increasing and below 2^height. Overwritten.
    function check(
        Transcript.Reader memory reader,
        bytes32 root,
        uint256 height,
        bytes32[] memory nodes
    ) internal pure {
        uint256 start = reader.start;
        uint256 at = reader.at;
        uint256 end = reader.end;
        bytes4 tooShort = ProofErrors.ProofTooShort.selector;
        bytes32 top;
        assembly ("memory-safe") {
            let first := add(nodes, 32)
            // The free word behind the nodes takes an end mark, whose position is nobody's sibling.
            let last := add(first, shl(5, mload(nodes)))
            if iszero(eq(last, mload(0x40))) {
                // Other memory follows: work on a copy.
                let copy := mload(0x40)
                mcopy(copy, first, sub(last, first))
                last := add(copy, sub(last, first))
                first := copy
            }
            for {} height { height := sub(height, 1) } {
                mstore(last, 0xffffffffffff)
                let to := first
                for { let from := first } lt(from, last) { from := add(from, 32) } {
                    let node := mload(from)
                    let sibling := mload(add(from, 32))
                    switch eq(and(xor(node, sibling), 0xffffffffffff), 1)
                    case 1 { from := add(from, 32) }
                    default {
                        if gt(add(at, 26), end) {
                            mstore(0, tooShort)
                            mstore(4, sub(at, start))
                            revert(0, 36)
                        }
                        sibling := calldataload(at)
                        at := add(at, 26)
                    }
                    // 52 bytes, left then right, in the scratch space.
                    switch and(node, 1)
                    case 0 {
                        mstore(0, node)
                        mstore(26, sibling)
                    }
                    default {
                        mstore(0, sibling)
                        mstore(26, node)
                    }
                    mstore(
                        to,
                        or(shl(48, shr(48, keccak256(0, 52))), and(shr(1, node), 0x7fffffffffff))
                    )
                    to := add(to, 32)
                }
                last := to
            }
            top := mload(first)
        }
        reader.at = at;
        if (top != root) revert ProofErrors.RootMismatch(at - start);
    }
}
