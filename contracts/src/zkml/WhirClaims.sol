// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, MASK, ONE, P, horner, sumOfTwo} from "./Fp3.sol";
import {LANES, Lanes} from "./Lanes.sol";
import {Points} from "./Points.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {LANE, Spread, spread} from "./Spread.sol";
import {WhirBinding} from "./WhirBinding.sol";
import {WhirPrefixes} from "./WhirPrefixes.sol";
import {WhirWeights} from "./WhirWeights.sol";

/// @title Claims on blocks of a committed vector
/// @notice docs/proof.md, "WHIR", is normative: a block is 2^v neighbours, at a multiple of that; claims speak of blocks
/// that follow each other, each with a scale.
library WhirClaims {
    /// @param point Where; claims may share it. Only the first `variables` coordinates count.
    /// @param variables Of a block.
    /// @param first The first block's number: the offset of its first element, divided by 2^variables.
    /// @param scales One for each block.
    /// @param value What the blocks' multilinear polynomials are there, each times its scale, in all.
    struct Claim {
        Fp3[] point;
        uint256 variables;
        uint256 first;
        Fp3[] scales;
        Fp3 value;
    }

    /// @notice A commitment, and what is claimed of it.
    /// @param root In the first 26 bytes.
    struct Committed {
        bytes32 root;
        WhirBinding.OutOfDomain binding;
        Claim[] claims;
    }

    /// @dev Variables whose weights are tabulated together.
    uint256 private constant GROUP = 4;
    /// @dev Logarithm of how many neighbouring blocks have their weights in one run.
    uint256 private constant RUN = 3;
    /// @dev Weights that are kept of each group, and runs, less one: powers of two, less one.
    uint256 private constant UPPER_MASK = 7;
    uint256 private constant RUNS_MASK = 127;
    /// @dev The modulus in each part of a Spread.
    uint256 private constant SPREAD_P =
        0x3fffffffc0000000400001fffffffe0000000200000ffffffff00000001;

    /// @dev Weights at r that many claims have in common.
    /// @param groups For each group of variables its weights.
    /// @param upper For each group weights of numbers that count what is behind it: which, see _block(), and in the next word the
    /// weight; a word of zero is free.
    /// @param runs Weights of neighbouring blocks: which, see _run(), and in the lowest 32 bits where they are; zero is free.
    /// @param bases See WhirPrefixes.
    struct Weights {
        Fp3[] r;
        Fp3[][] groups;
        uint256[] upper;
        uint256[] runs;
        uint256[] bases;
    }

    /// @notice Refuses claims that a vector of 2^n elements cannot have, and moves the others.
    /// @param end Behind the elements that claims may speak of, at most 2^n.
    /// @param offset Where the vector's first element will be: added to what claims say, a multiple of 2^n.
    /// @param room The most claims.
    function place(Claim[] memory claims, uint256 n, uint256 end, uint256 offset, uint256 room)
        internal
        pure
    {
        if (claims.length > room) revert ProofErrors.BadClaimCount(claims.length);
        uint256 fault;
        assembly ("memory-safe") {
            let at := add(claims, 32)
            for { let last := add(at, shl(5, mload(claims))) } lt(at, last) { at := add(at, 32) } {
                let claim := mload(at)
                let v := mload(add(claim, 0x20))
                let first := mload(add(claim, 0x40))
                if or(
                    or(gt(v, n), gt(v, mload(mload(claim)))),
                    or(gt(first, end), gt(add(first, mload(mload(add(claim, 0x60)))), shr(v, end)))
                ) {
                    fault := claim
                    break
                }
                mstore(add(claim, 0x40), add(first, shr(v, offset)))
            }
        }
        if (fault != 0) _refuse(fault, n, end);
    }

    /// @dev Says what is wrong with the claim at `at`.
    function _refuse(uint256 at, uint256 n, uint256 end) private pure {
        Claim memory claim;
        assembly ("memory-safe") {
            claim := at
        }
        uint256 v = claim.variables;
        if (v > n) revert ProofErrors.BadDimension(v, n);
        if (v > claim.point.length) revert ProofErrors.BadDimension(claim.point.length, v);
        revert ProofErrors.BadBlocks(claim.first, claim.scales.length, end >> v);
    }

    /// @notice v_1 + gamma v_2 + gamma^2 v_3 .. gamma^(k-1) v_k + gamma^k behind
    function values(Claim[] memory claims, Fp3 behind, Fp3 gamma) internal pure returns (Fp3) {
        Fp3[] memory all = new Fp3[](claims.length);
        assembly ("memory-safe") {
            let to := add(all, 32)
            let at := add(claims, 32)
            for { let end := add(at, shl(5, mload(claims))) } lt(at, end) { at := add(at, 32) } {
                mstore(to, mload(add(mload(at), 0x80)))
                to := add(to, 32)
            }
        }
        return horner(all, gamma, behind);
    }

    /// @notice What weights() of claims look up.
    function weightsAt(Fp3[] memory r) internal pure returns (Weights memory known) {
        uint256 count = (r.length + GROUP - 1) / GROUP;
        known.r = r;
        known.groups = new Fp3[][](count);
        for (uint256 i; i < count; ++i) {
            uint256 left = r.length - GROUP * i;
            known.groups[i] = WhirWeights.pointWeights(r, GROUP * i, left < GROUP ? left : GROUP);
        }
        known.upper = new uint256[](2 * (UPPER_MASK + 1) * count);
        known.runs = new uint256[](RUNS_MASK + 1);
        known.bases = WhirPrefixes.noBases();
    }

    /// @notice w_1(r) + gamma w_2(r) + .. gamma^(k-1) w_k(r) + gamma^k behind. Points are of no use afterwards.
    function weights(Claim[] memory claims, Weights memory known, Fp3 behind, Fp3 gamma)
        internal
        pure
        returns (Fp3 sum)
    {
        sum = behind;
        Claim memory claim;
        unchecked {
            for (uint256 left = claims.length; left > 0; --left) {
                assembly ("memory-safe") {
                    claim := mload(add(claims, shl(5, left)))
                }
                Fp3 prefix = WhirPrefixes.weight(known.bases, known.r, claim.point, claim.variables);
                sum = sumOfTwo(sum, gamma, prefix, _blocks(known, claim));
            }
        }
    }

    /// @dev What multiplies the weight within a block: the scales, each times the weight of its block's number.
    function _blocks(Weights memory known, Claim memory claim) private pure returns (Fp3 sum) {
        Fp3[] memory scales = claim.scales;
        if (scales.length != 1) return _manyBlocks(known, claim.variables, claim.first, scales);
        sum = _block(known, claim.variables, claim.first);
        if (scales[0] != ONE) sum = sum * scales[0];
    }

    function _manyBlocks(Weights memory known, uint256 v, uint256 first, Fp3[] memory scales)
        private
        pure
        returns (Fp3)
    {
        unchecked {
            (uint256 factors, uint256 left) = _factorsOf(scales);
            uint256 lanes;
            uint256 third;
            while (left != 0) {
                uint256 run = _run(known, v, first >> RUN);
                uint256 from = first % (1 << RUN);
                uint256 count = (1 << RUN) - from;
                if (count > left) count = left;
                assembly ("memory-safe") {
                    let at := add(run, shl(5, from))
                    for { let end := add(at, shl(5, count)) } lt(at, end) { at := add(at, 32) } {
                        let a2 := mload(at)
                        let a0 := shr(170, a2)
                        let a1 := and(shr(85, a2), LANE)
                        a2 := and(a2, LANE)
                        lanes := add(
                            lanes,
                            add(
                                add(
                                    mulmod(a0, mload(factors), LANES),
                                    mulmod(a1, mload(add(factors, 32)), LANES)
                                ),
                                mulmod(a2, mload(add(factors, 64)), LANES)
                            )
                        )
                        third := add(
                            third,
                            add(
                                add(
                                    mul(a0, mload(add(factors, 96))),
                                    mul(a1, mload(add(factors, 128)))
                                ),
                                mul(a2, mload(add(factors, 160)))
                            )
                        )
                        factors := add(factors, 192)
                    }
                }
                first += count;
                left -= count;
            }
            return Lanes.join(lanes, third);
        }
    }

    /// @dev Scales as Lanes.forExtension() has them. In place of their number scales get, when they are first met, 2^128 times where
    /// that table is, plus their number.
    function _factorsOf(Fp3[] memory scales) private pure returns (uint256 table, uint256 count) {
        uint256 word = scales.length;
        table = word >> 128;
        count = word & type(uint128).max;
        if (table == 0) {
            table = Lanes.forExtension(scales, 0);
            assembly ("memory-safe") {
                mstore(scales, or(shl(128, table), count))
            }
        }
    }

    /// @dev eq(i, r) for all 2^n indices i, each times `scale`, as Spread has them; parts are below p 2^n. See Points.weights().
    /// @return table Where they are in memory.
    function _weights(Fp3 scale, uint256 r, uint256 n) private pure returns (uint256 table) {
        Spread first = spread(scale);
        assembly ("memory-safe") {
            table := mload(0x40)
            let end := add(table, 32)
            mstore(table, first)
            for { let last := add(r, shl(5, n)) } lt(r, last) { r := add(r, 32) } {
                let x2 := mload(r)
                let x0 := shr(128, x2)
                let x1 := and(shr(64, x2), MASK)
                x2 := and(x2, MASK)
                let size := sub(end, table)
                for { let at := table } lt(at, end) { at := add(at, 32) } {
                    let w2 := mload(at)
                    let w0 := shr(170, w2)
                    let w1 := and(shr(85, w2), LANE)
                    w2 := and(w2, LANE)
                    let one := mod(add(mul(w0, x0), shl(1, add(mul(w1, x2), mul(w2, x1)))), P)
                    one := or(
                        shl(85, one),
                        mod(add(add(mul(w0, x1), mul(w1, x0)), shl(1, mul(w2, x2))), P)
                    )
                    one := or(shl(85, one), mod(add(add(mul(w0, x2), mul(w1, x1)), mul(w2, x0)), P))
                    mstore(add(at, size), one)
                    mstore(at, sub(add(mload(at), SPREAD_P), one))
                }
                end := add(end, size)
            }
            mstore(0x40, end)
        }
    }

    /// @dev The weight of a block's number, for variables v and up: of its lowest bits, as far as v's group of variables goes, times
    /// that of the rest, which is looked up where it is known; its place may be taken.
    function _block(Weights memory known, uint256 v, uint256 number_)
        private
        pure
        returns (Fp3 weight)
    {
        (Fp3[][] memory groups, uint256 n) = (known.groups, known.r.length);
        if (v == n) return ONE;
        unchecked {
            uint256 end = (v | (GROUP - 1)) + 1;
            bool isLast = end >= n;
            if (isLast) end = n;
            assembly ("memory-safe") {
                let group := mload(add(groups, shl(5, add(div(v, GROUP), 1))))
                let size := shl(sub(end, v), 1)
                weight := mload(add(group, shl(5, add(1, or(size, and(number_, sub(size, 1)))))))
                number_ := shr(sub(end, v), number_)
            }
            return isLast ? weight : weight * _upper(known, end, number_);
        }
    }

    /// @dev The same from the beginning of a group on.
    function _upper(Weights memory known, uint256 v, uint256 number_)
        private
        pure
        returns (Fp3 weight)
    {
        uint256[] memory upper = known.upper;
        uint256 at;
        bool isKnown;
        assembly ("memory-safe") {
            // 8 places for each group of 4 variables, of two words.
            at := add(add(upper, 32), shl(6, or(shl(1, v), and(number_, UPPER_MASK))))
            isKnown := eq(mload(at), add(number_, 1))
            weight := mload(add(at, 32))
        }
        if (isKnown) return weight;
        weight = _block(known, v, number_);
        assembly ("memory-safe") {
            mstore(at, add(number_, 1))
            mstore(add(at, 32), weight)
        }
    }

    /// @dev Where in memory _weights() are of the 2^RUN blocks of 2^v elements from number_ * 2^RUN on, or of all there are.
    function _run(Weights memory known, uint256 v, uint256 number_)
        private
        pure
        returns (uint256 run)
    {
        unchecked {
            uint256 key = number_ << 8 | v + 1;
            uint256 at;
            uint256 word;
            uint256[] memory runs = known.runs;
            assembly ("memory-safe") {
                at := add(add(runs, 32), shl(5, and(add(number_, mul(v, 37)), RUNS_MASK)))
                word := mload(at)
                run := and(word, 0xffffffff)
            }
            if (word >> 32 == key) return run;
            Fp3[] memory r = known.r;
            uint256 end = v + RUN < r.length ? v + RUN : r.length;
            run = _weights(_block(known, end, number_), Points.start(r) + 32 * v, end - v);
            assembly ("memory-safe") {
                mstore(at, or(shl(32, key), run))
            }
        }
    }
}
