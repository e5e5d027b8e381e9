// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "./Fp3.sol";
import {ProofTree} from "./ProofTree.sol";
import {Transcript} from "./Transcript.sol";

/// @title Rows of codewords, opened at drawn positions and folded
/// @notice docs/proof.md, "WHIR", is normative: `positions`, `rows` and `u_q` of "Open".
library WhirRows {
    using Transcript for Transcript.Reader;

    /// @dev The modulus, 64 bits of ones, and 2^64 - p in each of the four words that a machine word has.
    uint256 private constant P = 0xffffffff00000001;
    uint256 private constant MASK = 0xffffffffffffffff;
    uint256 private constant FILL =
        0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    /// @dev The bits that the lower three words carry into.
    uint256 private constant CARRIES = 1 << 192 | 1 << 128 | 1 << 64;

    /// @notice Reads a row at each position, checks that they stand under `root`, and folds them.
    /// @param height Of the tree.
    /// @param queries Positions to draw.
    /// @param isBase Rows are over F_p, not over F.
    /// @param weights Of a row's 16 elements.
    /// @return positions Increasing.
    /// @return values Of the folded rows.
    function open(
        Transcript.Reader memory reader,
        bytes32 root,
        uint256 height,
        uint256 queries,
        bool isBase,
        Fp3[] memory weights
    ) internal pure returns (uint256[] memory positions, Fp3[] memory values) {
        positions = reader.challengeIndices(queries, height);
        _sortAndDeduplicate(positions);
        values = new Fp3[](positions.length);
        bytes32[] memory nodes = new bytes32[](positions.length);
        uint256 size = isBase ? 128 : 384;
        unchecked {
            for (uint256 i; i < positions.length; ++i) {
                if (size > reader.end - reader.at) _refuse(reader, isBase);
                (uint256 row, bytes32 leaf, bool isCanonical) = _load(reader.at, size);
                if (!isCanonical) _refuse(reader, isBase);
                reader.at += size;
                nodes[i] = leaf | bytes32(positions[i]);
                values[i] = isBase ? _foldBase(row, weights) : _fold(row, weights);
            }
        }
        ProofTree.check(reader, root, height, nodes);
    }

    /// @dev Reads on, element by element, to the one that is at fault, and says what it is.
    function _refuse(Transcript.Reader memory reader, bool isBase) private pure {
        while (true) {
            if (isBase) reader.readFp();
            else reader.readFp3();
        }
    }

    /// @dev Insertion: there are at most some hundred, and a dozen in the later rounds.
    function _sortAndDeduplicate(uint256[] memory values) private pure {
        assembly ("memory-safe") {
            let first := add(values, 32)
            let end := add(first, shl(5, mload(values)))
            let to := first // behind those that are sorted already
            for { let from := first } lt(from, end) { from := add(from, 32) } {
                let value := mload(from)
                let at := to
                for {} gt(at, first) { at := sub(at, 32) } {
                    if iszero(gt(mload(sub(at, 32)), value)) { break }
                }
                // Between those that are not greater and those that are, unless it is among the former.
                let isNew := 1
                if gt(at, first) { isNew := lt(mload(sub(at, 32)), value) }
                if isNew {
                    mcopy(add(at, 32), at, sub(to, at))
                    mstore(at, value)
                    to := add(to, 32)
                }
            }
            mstore(values, shr(5, sub(to, first)))
        }
    }

    /// @dev Copies a row from calldata behind the free memory.
    /// @return row Where it is.
    /// @return leaf In the first 26 bytes.
    /// @return isCanonical Whether all words are below p; see isCanonical() of Fp3.
    function _load(uint256 at, uint256 size)
        private
        pure
        returns (uint256 row, bytes32 leaf, bool isCanonical)
    {
        assembly ("memory-safe") {
            row := mload(0x40)
            calldatacopy(row, at, size)
            leaf := shl(48, shr(48, keccak256(row, size)))
            let carries := 0
            let end := add(row, size)
            for { let from := row } lt(from, end) { from := add(from, 64) } {
                let words := mload(from)
                let sum := add(words, FILL)
                carries := or(carries, or(xor(xor(sum, words), FILL), shl(64, lt(sum, words))))
                words := mload(add(from, 32))
                sum := add(words, FILL)
                carries := or(carries, or(xor(xor(sum, words), FILL), shl(64, lt(sum, words))))
            }
            isCanonical := iszero(and(carries, CARRIES))
        }
    }

    /// @dev sum_c weights[c] row[c] for a row over F_p. Products are below 2^128 and reduced once.
    function _foldBase(uint256 row, Fp3[] memory weights) private pure returns (Fp3 value) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            let s2 := 0
            for { let end := add(row, 128) } lt(row, end) { row := add(row, 32) } {
                let words := mload(row)
                for { let shift := 256 } shift {} {
                    shift := sub(shift, 64)
                    weights := add(weights, 32)
                    let element := and(shr(shift, words), MASK)
                    let weight := mload(weights)
                    s0 := add(s0, mul(element, shr(128, weight)))
                    s1 := add(s1, mul(element, and(shr(64, weight), MASK)))
                    s2 := add(s2, mul(element, and(weight, MASK)))
                }
            }
            value := or(or(shl(128, mod(s0, P)), shl(64, mod(s1, P))), mod(s2, P))
        }
    }

    /// @dev The same for a row over F; X^3 = 2.
    function _fold(uint256 row, Fp3[] memory weights) private pure returns (Fp3 value) {
        assembly ("memory-safe") {
            let s1 := 0
            let s2 := 0
            for { let end := add(row, 384) } lt(row, end) { row := add(row, 24) } {
                weights := add(weights, 32)
                let a2 := shr(64, mload(row))
                let a0 := shr(128, a2)
                let a1 := and(shr(64, a2), MASK)
                a2 := and(a2, MASK)
                let b2 := mload(weights)
                let b0 := shr(128, b2)
                let b1 := and(shr(64, b2), MASK)
                b2 := and(b2, MASK)
                value := add(value, add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))))
                s1 := add(s1, add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2))))
                s2 := add(s2, add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0)))
            }
            value := or(or(shl(128, mod(value, P)), shl(64, mod(s1, P))), mod(s2, P))
        }
    }
}
