// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CARRIES, FILL, Fp3, MASK, P} from "./Fp3.sol";
import {ProofTree} from "./ProofTree.sol";
import {Transcript} from "./Transcript.sol";

/// @title Rows of codewords, opened at drawn positions and folded
/// @notice docs/proof.md, "WHIR", is normative: `positions`, `rows` and `u_q` of "Open".
library WhirRows {
    using Transcript for Transcript.Reader;

    /// @dev FILL of Fp3, for four parts in place of three.
    uint256 private constant FILL4 =
        0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @notice Reads a row at each position, checks that they stand under `root`, and folds them.
    /// @param height Of the tree.
    /// @param queries Positions to draw.
    /// @param isBase Rows are over F_p, not over F.
    /// @param weights Of a row's 16 elements, at the end.
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
        uint256 first = _endOf(weights) - 16 * 32;
        unchecked {
            for (uint256 i; i < positions.length; ++i) {
                (bytes32 leaf, Fp3 value) = _readRow(reader, isBase, first);
                nodes[i] = leaf | bytes32(positions[i]);
                values[i] = value;
            }
        }
        ProofTree.check(reader, root, height, nodes);
    }

    /// @param weights Where they are.
    /// @return leaf In the first 26 bytes.
    /// @return value Of the folded row.
    function _readRow(Transcript.Reader memory reader, bool isBase, uint256 weights)
        private
        pure
        returns (bytes32 leaf, Fp3 value)
    {
        unchecked {
            uint256 size = isBase ? 128 : 384;
            uint256 at = reader.at;
            if (size > reader.end - at) _refuse(reader, isBase);
            uint256 row;
            (row, leaf) = _load(at, size);
            uint256 carries;
            (value, carries) = isBase ? _foldBase(row, weights) : _fold(row, weights);
            if (carries & CARRIES != 0) _refuse(reader, isBase);
            reader.at = at + size;
        }
    }

    /// @dev Reads on, element by element, to the one that is at fault, and says what it is.
    function _refuse(Transcript.Reader memory reader, bool isBase) private pure {
        while (true) {
            if (isBase) reader.readFp();
            else reader.readFp3();
        }
    }

    /// @dev Each is inserted where bisection finds its place among those before it.
    function _sortAndDeduplicate(uint256[] memory values) private pure {
        assembly ("memory-safe") {
            let first := add(values, 32)
            let end := add(first, shl(5, mload(values)))
            let last := first // behind those that are sorted already
            for { let from := first } lt(from, end) { from := add(from, 32) } {
                let value := mload(from)
                let at := first // behind those that are known to be less
                for { let size := sub(last, first) } size {} {
                    let half := and(shr(1, size), not(31))
                    switch lt(mload(add(at, half)), value)
                    case 1 {
                        at := add(at, add(half, 32))
                        size := sub(size, add(half, 32))
                    }
                    default { size := half }
                }
                if iszero(and(lt(at, last), eq(mload(at), value))) {
                    mcopy(add(at, 32), at, sub(last, at))
                    mstore(at, value)
                    last := add(last, 32)
                }
            }
            mstore(values, shr(5, sub(last, first)))
        }
    }

    /// @dev Copies a row from calldata behind the free memory.
    /// @return row Where it is.
    /// @return leaf In the first 26 bytes.
    function _load(uint256 at, uint256 size) private pure returns (uint256 row, bytes32 leaf) {
        assembly ("memory-safe") {
            row := mload(0x40)
            calldatacopy(row, at, size)
            leaf := shl(48, shr(48, keccak256(row, size)))
        }
    }

    function _endOf(Fp3[] memory weights) private pure returns (uint256 end) {
        assembly ("memory-safe") {
            end := add(weights, shl(5, add(mload(weights), 1)))
        }
    }

    /// @dev sum_c weights[c] row[c] for a row over F_p. Products are below 2^128 and reduced once.
    /// `carries` meets CARRIES when a word is p or more, as in isCanonical() of Fp3; of four words, the highest carries
    /// out.
    function _foldBase(uint256 row, uint256 weights)
        private
        pure
        returns (Fp3 value, uint256 carries)
    {
        assembly ("memory-safe") {
            let s1 := 0
            let s2 := 0
            for { let end := add(row, 128) } lt(row, end) { row := add(row, 32) } {
                let words := mload(row)
                {
                    let sum := add(words, FILL4)
                    carries := or(carries, or(xor(xor(sum, words), FILL4), shl(64, lt(sum, words))))
                }
                {
                    let element := shr(192, words)
                    let weight := mload(weights)
                    value := add(value, mul(element, shr(128, weight)))
                    s1 := add(s1, mul(element, and(shr(64, weight), MASK)))
                    s2 := add(s2, mul(element, and(weight, MASK)))
                }
                {
                    let element := and(shr(128, words), MASK)
                    let weight := mload(add(weights, 32))
                    value := add(value, mul(element, shr(128, weight)))
                    s1 := add(s1, mul(element, and(shr(64, weight), MASK)))
                    s2 := add(s2, mul(element, and(weight, MASK)))
                }
                {
                    let element := and(shr(64, words), MASK)
                    let weight := mload(add(weights, 64))
                    value := add(value, mul(element, shr(128, weight)))
                    s1 := add(s1, mul(element, and(shr(64, weight), MASK)))
                    s2 := add(s2, mul(element, and(weight, MASK)))
                }
                {
                    let element := and(words, MASK)
                    let weight := mload(add(weights, 96))
                    value := add(value, mul(element, shr(128, weight)))
                    s1 := add(s1, mul(element, and(shr(64, weight), MASK)))
                    s2 := add(s2, mul(element, and(weight, MASK)))
                }
                weights := add(weights, 128)
            }
            value := or(or(shl(128, mod(value, P)), shl(64, mod(s1, P))), mod(s2, P))
        }
    }

    /// @dev The same for a row over F; X^3 = 2.
    function _fold(uint256 row, uint256 weights) private pure returns (Fp3 value, uint256 carries) {
        assembly ("memory-safe") {
            let s1 := 0
            let s2 := 0
            for { let end := add(row, 384) } lt(row, end) { row := add(row, 48) } {
                {
                    let a2 := shr(64, mload(row))
                    carries := or(carries, xor(add(a2, FILL), xor(a2, FILL)))
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
                {
                    let a2 := shr(64, mload(add(row, 24)))
                    carries := or(carries, xor(add(a2, FILL), xor(a2, FILL)))
                    let a0 := shr(128, a2)
                    let a1 := and(shr(64, a2), MASK)
                    a2 := and(a2, MASK)
                    let b2 := mload(add(weights, 32))
                    let b0 := shr(128, b2)
                    let b1 := and(shr(64, b2), MASK)
                    b2 := and(b2, MASK)
                    value := add(value, add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1)))))
                    s1 := add(s1, add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2))))
                    s2 := add(s2, add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0)))
                }
                weights := add(weights, 64)
            }
            value := or(or(shl(128, mod(value, P)), shl(64, mod(s1, P))), mod(s2, P))
        }
    }
}
