// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CARRIES, FILL, Fp3, MASK} from "./Fp3.sol";
import {LANES, Lanes} from "./Lanes.sol";
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
        _sortAndDeduplicate(positions, height);
        values = new Fp3[](positions.length);
        uint256 first = weights.length - 16;
        uint256 table = isBase ? Lanes.forBase(weights, first) : Lanes.forExtension(weights, first);
        bytes32[] memory nodes = new bytes32[](positions.length);
        unchecked {
            uint256 end = 32 * (positions.length + 1);
            for (uint256 i = 32; i != end; i += 32) {
                (bytes32 leaf, Fp3 value) = _readRow(reader, isBase, table);
                assembly ("memory-safe") {
                    mstore(add(nodes, i), or(leaf, mload(add(positions, i))))
                    mstore(add(values, i), value)
                }
            }
        }
        ProofTree.check(reader, root, height, nodes);
    }

    /// @param weights The table of them.
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

    /// @dev Hashing that keeps order: a value's place is given by its highest bits, or is behind that; places before it
    /// have lesser values, and a greater one that is met moves on.
    /// @param values Uniform, below 2^bits.
    function _sortAndDeduplicate(uint256[] memory values, uint256 bits) private pure {
        assembly ("memory-safe") {
            let first := add(values, 32)
            let count := mload(values)
            let slots := 1
            for {} and(lt(slots, count), gt(bits, 0)) {} {
                slots := shl(1, slots)
                bits := sub(bits, 1)
            }
            let table := mload(0x40)
            let size := shl(5, add(slots, count))
            calldatacopy(table, calldatasize(), size) // zeros
            for { let end := add(first, shl(5, count)) } lt(first, end) { first := add(first, 32) }
            {
                let value := add(mload(first), 1)
                let at := add(table, shl(5, shr(bits, mload(first))))
                for {} 1 { at := add(at, 32) } {
                    let other := mload(at)
                    if iszero(lt(other, value)) {
                        if eq(other, value) { break }
                        mstore(at, value)
                        value := other
                        continue
                    }
                    if iszero(other) {
                        mstore(at, value)
                        break
                    }
                }
            }
            let to := add(values, 32)
            for { let end := add(table, size) } lt(table, end) { table := add(table, 32) } {
                let value := mload(table)
                if value {
                    mstore(to, sub(value, 1))
                    to := add(to, 32)
                }
            }
            mstore(values, sub(shr(5, sub(to, values)), 1))
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

    /// @dev sum_c weights[c] row[c] for a row over F_p; `weights` is a table of Lanes.
    /// `carries` meets CARRIES when a word is p or more, as in isCanonical() of Fp3; of four words, the highest carries
    /// out.
    function _foldBase(uint256 row, uint256 weights)
        private
        pure
        returns (Fp3 value, uint256 carries)
    {
        uint256 lanes;
        uint256 third;
        assembly ("memory-safe") {
            for { let end := add(row, 128) } lt(row, end) { row := add(row, 32) } {
                let words := mload(row)
                {
                    let sum := add(words, FILL4)
                    carries := or(carries, or(xor(xor(sum, words), FILL4), shl(64, lt(sum, words))))
                }
                {
                    let a := shr(192, words)
                    lanes := add(lanes, mulmod(a, mload(weights), LANES))
                    third := add(third, mul(a, mload(add(weights, 32))))
                }
                {
                    let a := and(shr(128, words), MASK)
                    lanes := add(lanes, mulmod(a, mload(add(weights, 64)), LANES))
                    third := add(third, mul(a, mload(add(weights, 96))))
                }
                {
                    let a := and(shr(64, words), MASK)
                    lanes := add(lanes, mulmod(a, mload(add(weights, 128)), LANES))
                    third := add(third, mul(a, mload(add(weights, 160))))
                }
                {
                    let a := and(words, MASK)
                    lanes := add(lanes, mulmod(a, mload(add(weights, 192)), LANES))
                    third := add(third, mul(a, mload(add(weights, 224))))
                }
                weights := add(weights, 256)
            }
        }
        value = Lanes.join(lanes, third);
    }

    /// @dev The same for a row over F.
    function _fold(uint256 row, uint256 weights) private pure returns (Fp3 value, uint256 carries) {
        uint256 lanes;
        uint256 third;
        assembly ("memory-safe") {
            for { let end := add(row, 384) } lt(row, end) { row := add(row, 48) } {
                {
                    let a2 := shr(64, mload(row))
                    carries := or(carries, xor(add(a2, FILL), xor(a2, FILL)))
                    let a0 := shr(128, a2)
                    let a1 := and(shr(64, a2), MASK)
                    a2 := and(a2, MASK)
                    lanes := add(
                        lanes,
                        add(
                            add(
                                mulmod(a0, mload(weights), LANES),
                                mulmod(a1, mload(add(weights, 32)), LANES)
                            ),
                            mulmod(a2, mload(add(weights, 64)), LANES)
                        )
                    )
                    third := add(
                        third,
                        add(
                            add(
                                mul(a0, mload(add(weights, 96))),
                                mul(a1, mload(add(weights, 128)))
                            ),
                            mul(a2, mload(add(weights, 160)))
                        )
                    )
                }
                {
                    let a2 := shr(64, mload(add(row, 24)))
                    carries := or(carries, xor(add(a2, FILL), xor(a2, FILL)))
                    let a0 := shr(128, a2)
                    let a1 := and(shr(64, a2), MASK)
                    a2 := and(a2, MASK)
                    lanes := add(
                        lanes,
                        add(
                            add(
                                mulmod(a0, mload(add(weights, 192)), LANES),
                                mulmod(a1, mload(add(weights, 224)), LANES)
                            ),
                            mulmod(a2, mload(add(weights, 256)), LANES)
                        )
                    )
                    third := add(
                        third,
                        add(
                            add(
                                mul(a0, mload(add(weights, 288))),
                                mul(a1, mload(add(weights, 320)))
                            ),
                            mul(a2, mload(add(weights, 352)))
                        )
                    )
                }
                weights := add(weights, 384)
            }
        }
        value = Lanes.join(lanes, third);
    }
}
