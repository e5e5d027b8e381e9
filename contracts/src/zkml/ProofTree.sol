// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";

/// @title Keccak trees with digests of 26 bytes, opened at many leaves at once
/// @notice The twin of src/imo/zkml/tree.cpp; docs/proof.md, "Trees", is normative. A node with its place is one word:
/// the digest in the first 26 bytes, the position in the last 6.
library ProofTree {
    uint256 private constant DIGEST =
        0xffffffffffffffffffffffffffffffffffffffffffffffffffff000000000000;

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
        uint256 first = reader.at;
        uint256 at = first;
        bytes32 top;
        assembly ("memory-safe") {
            let level := add(nodes, 32)
            // The free word behind the nodes takes an end mark, whose position is nobody's sibling.
            let last := add(level, shl(5, mload(nodes)))
            if iszero(eq(last, mload(0x40))) {
                // Other memory follows: work on a copy.
                let copy := mload(0x40)
                mcopy(copy, level, sub(last, level))
                last := add(copy, sub(last, level))
                level := copy
            }
            {
                // Levels below the first at which two of the nodes are siblings: there each goes up on its own.
                let nearest := 0xffffffffffff
                for { let node := add(level, 32) } lt(node, last) { node := add(node, 32) } {
                    let distance := and(xor(mload(node), mload(sub(node, 32))), 0xffffffffffff)
                    if lt(distance, nearest) { nearest := distance }
                }
                let alone := 0
                for {} and(lt(alone, height), gt(nearest, 1)) { alone := add(alone, 1) } {
                    nearest := shr(1, nearest)
                }
                height := sub(height, alone)
                let step := mul(26, shr(5, sub(last, level)))
                alone := mul(alone, step)
                for { let place := level } lt(place, last) { place := add(place, 32) } {
                    let node := mload(place)
                    let position := and(node, 0xffffffffffff)
                    let sibling := at
                    for { let end := add(at, alone) } lt(sibling, end) {
                        sibling := add(sibling, step)
                    } {
                        // As below.
                        switch and(position, 1)
                        case 1 {
                            mstore(0, calldataload(sibling))
                            mstore(26, node)
                        }
                        default {
                            mstore(0, node)
                            mstore(26, calldataload(sibling))
                        }
                        node := keccak256(0, 52)
                        position := shr(1, position)
                    }
                    mstore(place, or(and(node, DIGEST), position))
                    at := add(at, 26)
                }
                at := add(first, alone)
            }
            for {} height { height := sub(height, 1) } {
                mstore(last, 0xffffffffffff)
                let to := level
                for { let from := level } lt(from, last) {} {
                    let node := mload(from)
                    from := add(from, 32)
                    // 52 bytes, left then right, in the scratch space: the right one lands on what follows a digest.
                    switch and(node, 1)
                    case 1 {
                        mstore(0, calldataload(at))
                        mstore(26, node)
                        at := add(at, 26)
                    }
                    default {
                        mstore(0, node)
                        let right := mload(from)
                        switch and(xor(node, right), 0xffffffffffff)
                        case 1 {
                            mstore(26, right)
                            from := add(from, 32)
                        }
                        default {
                            mstore(26, calldataload(at))
                            at := add(at, 26)
                        }
                    }
                    mstore(to, or(and(keccak256(0, 52), DIGEST), and(shr(1, node), 0x7fffffffffff)))
                    to := add(to, 32)
                }
                last := to
            }
            top := mload(level)
        }
        // What lies behind the proof decides nothing: it was too short then.
        if (at > reader.end) {
            unchecked {
                uint256 fit = (reader.end - first) / 26;
                revert ProofErrors.ProofTooShort(first + 26 * fit - reader.start);
            }
        }
        reader.at = at;
        if (top != root) revert ProofErrors.RootMismatch(Transcript.offset(reader));
    }
}
