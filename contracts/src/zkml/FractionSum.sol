// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ZERO} from "./Fp3.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";

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
    /// the first becomes free for the line between the children.
    function _followRounds(
        Transcript.Reader memory reader,
        uint256 count,
        Fp3[] memory point,
        Fp3 sum
    ) private pure returns (Fp3) {
        Fp3 r = point[0];
        for (uint256 i = 1; i <= count; ++i) {
            Fp3 g1 = reader.readFp3();
            Fp3 g2 = reader.readFp3();
            Fp3 g0 = sum - r * (g1 + g2);
            Fp3 c = reader.challenge();
            sum = c.mulAdd(c.mulAdd(g2, g1), g0);
            r = point[i];
            point[i] = c;
        }
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
