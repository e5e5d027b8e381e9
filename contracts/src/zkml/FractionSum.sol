// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FILL, Fp3, MASK, P, ZERO} from "./Fp3.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {MASK85, Transcript} from "./Transcript.sol";

/// @title Fractions that add up to zero
/// @notice The twin of check_zero_sum in src/imo/zkml/fraction_sum.cpp; docs/proof.md, "Sums of fractions", is
/// normative.
library FractionSum {
    using Transcript for Transcript.Reader;

    /// @param p0 Numerator of the left child; the others accordingly.
    struct Children {
        Fp3 p0;
        Fp3 p1;
        Fp3 q0;
        Fp3 q1;
    }

    /// @param variables Of the 2^variables leaves: at least 1.
    /// @return numerator The claim on the leaves' numerators, as a multilinear polynomial, at `point`.
    /// @return denominator The same for their denominators.
    /// @return point Coordinate j belongs to bit j of a leaf's index.
    function check(Transcript.Reader memory reader, uint256 variables)
        internal
        pure
        returns (Fp3 numerator, Fp3 denominator, Fp3[] memory point)
    {
        if (variables == 0) revert ProofErrors.NoVariables();
        point = new Fp3[](variables);
        Children memory node = _readChildren(reader);
        if (
            node.p0.mulAdd(node.q1, node.p1 * node.q0) != ZERO || node.q0 == ZERO || node.q1 == ZERO
        ) revert ProofErrors.SumNotZero(reader.offset());
        (numerator, denominator, point[0]) = _descend(reader, node);
        for (uint256 level = 1; level < variables; ++level) {
            Fp3 lambda = reader.challenge();
            Fp3 sum = _followRounds(reader, level, point, lambda.mulAdd(denominator, numerator));
            node = _readChildren(reader);
            // p0 q1 + (p1 + lambda q1) q0
            Fp3 value = node.p0.mulAdd(node.q1, lambda.mulAdd(node.q1, node.p1) * node.q0);
            if (value != sum) revert ProofErrors.LevelMismatch(reader.offset());
            (numerator, denominator, point[0]) = _descend(reader, node);
        }
    }

    /// @dev One round for each of the first `count` coordinates of the point, which move up by one place: the place of
    /// the first becomes free for the line between the children. Nothing was read since the last challenge.
    function _followRounds(
        Transcript.Reader memory reader,
        uint256 count,
        Fp3[] memory point,
        Fp3 sum
    ) private pure returns (Fp3) {
        uint256 at = reader.at;
        uint256 carries;
        assembly ("memory-safe") {
            // s - r (g1 + g2) + c (g1 + c g2), as s + (c - r) g1 + (c^2 - r) g2. Parts stay unreduced until the end: those of c - r
            // are below 2^66, of c^2 - r below 2^131.
            function next(s, r, c, g1, g2) -> sum_ {
                let t0
                let t1
                let t2
                {
                    // c^2 - r
                    let a0 := shr(128, c)
                    let a1 := and(shr(64, c), MASK)
                    let a2 := and(c, MASK)
                    t0 := add(sub(P, shr(128, r)), add(mul(a0, a0), shl(2, mul(a1, a2))))
                    t1 := add(sub(P, and(shr(64, r), MASK)), shl(1, add(mul(a0, a1), mul(a2, a2))))
                    t2 := add(sub(P, and(r, MASK)), add(shl(1, mul(a0, a2)), mul(a1, a1)))
                }
                {
                    // times g2
                    let b0 := shr(128, g2)
                    let b1 := and(shr(64, g2), MASK)
                    let b2 := and(g2, MASK)
                    let u0 := add(mul(t0, b0), shl(1, add(mul(t1, b2), mul(t2, b1))))
                    let u1 := add(add(mul(t0, b1), mul(t1, b0)), shl(1, mul(t2, b2)))
                    t2 := add(add(mul(t0, b2), mul(t1, b1)), mul(t2, b0))
                    t0 := u0
                    t1 := u1
                }
                t0 := add(t0, shr(128, s))
                t1 := add(t1, and(shr(64, s), MASK))
                t2 := add(t2, and(s, MASK))
                // (c - r) g1
                let a0 := add(shr(128, c), sub(P, shr(128, r)))
                let a1 := add(and(shr(64, c), MASK), sub(P, and(shr(64, r), MASK)))
                let a2 := add(and(c, MASK), sub(P, and(r, MASK)))
                let b0 := shr(128, g1)
                let b1 := and(shr(64, g1), MASK)
                let b2 := and(g1, MASK)
                sum_ := or(
                    or(
                        shl(
                            128,
                            mod(add(t0, add(mul(a0, b0), shl(1, add(mul(a1, b2), mul(a2, b1))))), P)
                        ),
                        shl(
                            64,
                            mod(add(t1, add(add(mul(a0, b1), mul(a1, b0)), shl(1, mul(a2, b2)))), P)
                        )
                    ),
                    mod(add(t2, add(add(mul(a0, b2), mul(a1, b1)), mul(a2, b0))), P)
                )
            }
            // State and block: what a challenge is a hash of.
            let hashed := mload(0x40)
            mstore(hashed, mload(reader))
            let place := add(point, 32)
            let r := mload(place)
            for { let end := add(at, mul(count, 48)) } lt(at, end) {} {
                let g1 := shr(64, calldataload(at))
                let g2 := shr(64, calldataload(add(at, 24)))
                // isCanonical(g1), isCanonical(g2), for all rounds at once
                carries := or(
                    carries,
                    or(xor(add(g1, FILL), xor(g1, FILL)), xor(add(g2, FILL), xor(g2, FILL)))
                )
                calldatacopy(add(hashed, 32), at, 48)
                at := add(at, 48)
                let c := keccak256(hashed, 80)
                mstore(hashed, c)
                c := or(
                    or(shl(128, mod(shr(170, c), P)), shl(64, mod(and(shr(85, c), MASK85), P))),
                    mod(and(c, MASK85), P)
                )
                sum := next(sum, r, c, g1, g2)
                place := add(place, 32)
                r := mload(place)
                mstore(place, c)
            }
            mstore(reader, mload(hashed))
        }
        reader.goTo(at, carries);
        return sum;
    }

    function _readChildren(Transcript.Reader memory reader)
        private
        pure
        returns (Children memory node)
    {
        node.p0 = reader.readFp3();
        node.p1 = reader.readFp3();
        node.q0 = reader.readFp3();
        node.q1 = reader.readFp3();
    }

    /// @dev From a node to a point between its children.
    function _descend(Transcript.Reader memory reader, Children memory node)
        private
        pure
        returns (Fp3 numerator, Fp3 denominator, Fp3 between)
    {
        between = reader.challenge();
        numerator = between.mulAdd(node.p1 - node.p0, node.p0);
        denominator = between.mulAdd(node.q1 - node.q0, node.q0);
    }
}
