// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {Fp3, P, sumOfProducts} from "./Fp3.sol";
import {Points} from "./Points.sol";

/// @title A sum over the terms of all equations, at the point r where the sum of products ended
/// @notice A term is a product of columns and of factors that both sides know. Its first n coordinates are the first n of
/// r; it counts with the power of chi that belongs to its equation.
library TermSum {
    using ColumnClaims for ColumnClaims.Known;

    /// @param point r, of as many coordinates as the largest term has variables.
    /// @param r Where its first coordinate is.
    /// @param power Of chi, for the equation that the next terms belong to.
    /// @param halves See halvings(): a term is constant in the variables that it does not have.
    /// @param total Of the terms so far.
    struct Sum {
        EquationBuilder.Context c;
        Fp3[] point;
        uint256 r;
        Fp3 chi;
        Fp3 power;
        uint256[] halves;
        Fp3 total;
    }

    uint256 private constant HALF = 0x7fffffff80000001; // (p + 1) / 2

    /// @notice 1, 1/2, 1/4 .., of which there are n + 1.
    function halvings(uint256 n) internal pure returns (uint256[] memory halves) {
        halves = new uint256[](n + 1);
        uint256 power = 1;
        for (uint256 i; i <= n; ++i) {
            halves[i] = power;
            power = mulmod(power, HALF, P);
        }
    }

    /// @notice A term, or terms, of so many variables.
    function add(Sum memory s, uint256 variables, Fp3 product) internal pure {
        product = product.times(s.halves[s.point.length - variables]);
        s.total = product.mulAdd(s.power, s.total);
    }

    /// @notice The terms of an equation are through.
    function next(Sum memory s) internal pure {
        s.power = s.power * s.chi;
    }

    // Columns.

    /// @notice A column at a point as met() or here() or join() gives it.
    function value(Sum memory s, uint256 column, Fp3[] memory point) internal pure returns (Fp3) {
        return s.c.claims.value(s.c.m.circuit, s.c.reader, column, point);
    }

    /// @notice A number of several columns.
    function limbs(Sum memory s, Circuit.Limbs memory number, Fp3[] memory point)
        internal
        pure
        returns (Fp3)
    {
        return EquationBuilder.limbsAt(s.c, number, point);
    }

    /// @notice The point of r's coordinates first .. first + count - 1.
    function part(Sum memory s, uint256 first, uint256 count) internal pure returns (Fp3[] memory) {
        if (first == 0) return s.c.claims.metStart(s.point, count);
        return join(s, s.r + 32 * first, count, 0, 0);
    }

    /// @notice The point of two runs of coordinates, one behind the other.
    function join(Sum memory s, uint256 r1, uint256 count1, uint256 r2, uint256 count2)
        internal
        pure
        returns (Fp3[] memory)
    {
        return s.c.claims.met(Points.join(r1, count1, r2, count2));
    }

    /// @notice The same of three runs.
    function join(
        Sum memory s,
        uint256 r1,
        uint256 count1,
        uint256 r2,
        uint256 count2,
        uint256 r3,
        uint256 count3
    ) internal pure returns (Fp3[] memory) {
        return s.c.claims.met(Points.join(r1, count1, r2, count2, r3, count3));
    }

    // Known factors.

    /// @notice The sum of eq(l, a) eq(l, b) over the layers l, which are counted by the coordinates at a and at b.
    function layers(Sum memory s, uint256 a, uint256 b) internal pure returns (Fp3) {
        uint256 bits = s.c.m.bits.layer;
        Fp3[] memory weightsA = Points.tableOf(s.c.tables, a, bits);
        Fp3[] memory weightsB = Points.tableOf(s.c.tables, b, bits);
        return sumOfProducts(weightsA, 0, weightsB, 0, s.c.m.shape.layers);
    }

    /// @notice The same with a factor for each layer; `bits` coordinates count them.
    function layers(Sum memory s, uint256 a, uint256 b, uint256 bits, uint256[] memory factors)
        internal
        pure
        returns (Fp3 sum)
    {
        Fp3[] memory weightsA = Points.tableOf(s.c.tables, a, bits);
        Fp3[] memory weightsB = Points.tableOf(s.c.tables, b, bits);
        for (uint256 l; l < factors.length; ++l) {
            sum = weightsA[l].times(factors[l]).mulAdd(weightsB[l], sum);
        }
    }
}
