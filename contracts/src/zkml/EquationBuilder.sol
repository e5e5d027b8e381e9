// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {Fp3} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {Points} from "./Points.sol";
import {Transcript} from "./Transcript.sol";

/// @title Equations between columns, at the point rho where the sum of fractions ended
/// @notice An equation says what a virtual vector, or zero, is there: what columns are there, which is its left side, and sums of
/// products, its terms (TermSum).
library EquationBuilder {
    using ColumnClaims for ColumnClaims.Known;
    using EquationBuilder for EquationBuilder.Context;

    /// @param m The model and its columns.
    /// @param rho Where the first coordinate of the point is.
    /// @param virtuals Values of virtual vectors there.
    /// @param lefts Of the equations so far: what their terms must add up to.
    /// @param tables See Points.tableOf().
    struct Context {
        ModelCircuit.Model m;
        Transcript.Reader reader;
        ColumnClaims.Known claims;
        uint256 rho;
        Fp3[] virtuals;
        Fp3[] lefts;
        uint256 count;
        uint256[] tables;
    }

    uint256 private constant HALF = 0x7fffffff80000001; // (p + 1) / 2
    uint256 private constant MOST_EQUATIONS = 48;

    function start(Context memory c) internal pure {
        c.lefts = new Fp3[](MOST_EQUATIONS);
        c.tables = Points.noTables();
    }

    function column(Context memory c, uint256 id) internal pure returns (Fp3) {
        return c.claims.valueAtRho(c.m.circuit, c.reader, id);
    }

    function limbs(Context memory c, Circuit.Limbs memory number) internal pure returns (Fp3 sum) {
        for (uint256 i; i < number.columns.length; ++i) {
            sum = sum + c.column(number.columns[i]).times(1 << 16 * i);
        }
    }

    /// @dev At another point than rho, as ColumnClaims.met() gives it.
    function limbsAt(Context memory c, Circuit.Limbs memory number, Fp3[] memory point)
        internal
        pure
        returns (Fp3 sum)
    {
        for (uint256 i; i < number.columns.length; ++i) {
            Fp3 limb = c.claims.value(c.m.circuit, c.reader, number.columns[i], point);
            sum = sum + limb.times(1 << 16 * i);
        }
    }

    function remainder(Context memory c, Circuit.Remainder memory rest)
        internal
        pure
        returns (Fp3 sum)
    {
        sum = c.virtuals[rest.low];
        for (uint256 i; i < rest.high.length; ++i) {
            sum = sum + c.column(rest.high[i]).times(1 << 16 * (i + 1));
        }
    }

    /// @dev What is rounded to `quotient` with a shift: the remainder less 2^(S-1), plus 2^S times the quotient.
    function rounded(
        Context memory c,
        Circuit.Remainder memory rest,
        Circuit.Box memory box,
        uint256 shift,
        Fp3 quotient
    ) internal pure returns (Fp3) {
        Fp3 half = box.inBounds.times(1 << (shift - 1));
        return quotient.times(1 << shift) + c.remainder(rest) - half;
    }

    function activated(Context memory c, ModelCircuit.Activation memory out)
        internal
        pure
        returns (Fp3)
    {
        return c.rounded(out.rest, out.box, out.shift, c.column(out.values));
    }

    /// @dev A point of its own, of a part of rho.
    function part(Context memory c, uint256 from, uint256 count)
        internal
        pure
        returns (Fp3[] memory point)
    {
        return c.claims.met(Points.join(c.rho + 32 * from, count, 0, 0));
    }

    /// @dev The sum of a column over its lowest 2^bits indices: 2^bits times its value at 1/2 in those.
    function rowSum(Context memory c, uint256 id, uint256 rows) internal pure returns (Fp3) {
        uint256 bits = c.m.bits.position;
        Fp3[] memory point = new Fp3[](bits + rows);
        for (uint256 j; j < bits; ++j) {
            point[j] = Fp3.wrap(HALF << 128);
        }
        for (uint256 j; j < rows; ++j) {
            point[bits + j] = Points.coordinate(c.rho, j);
        }
        return c.claims.value(c.m.circuit, c.reader, id, c.claims.met(point)).times(1 << bits);
    }

    function equation(Context memory c, Fp3 left) internal pure {
        c.lefts[c.count++] = left;
    }

    /// @notice The left sides, each times a power of chi.
    function combine(Context memory c, Fp3 chi) internal pure returns (Fp3 sum) {
        for (uint256 i = c.count; i > 0; --i) {
            sum = sum.mulAdd(chi, c.lefts[i - 1]);
        }
    }
}
