// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {Fp3, ONE} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {Points} from "./Points.sol";
import {ProductSum} from "./ProductSum.sol";
import {join, layerEntries, powerOfTwo} from "./Terms.sol";
import {Transcript} from "./Transcript.sol";

/// @title Equations between columns, at the point rho where the sum of fractions ended
/// @notice An equation says what a virtual vector, or zero, is there: what columns are there, which is its left side, and sums of
/// products, its terms.
library EquationBuilder {
    using ColumnClaims for ColumnClaims.Known;
    using EquationBuilder for EquationBuilder.Context;

    /// @param m The model and its columns.
    /// @param rho Where the first coordinate of the point is.
    /// @param virtuals Values of virtual vectors there.
    /// @param lefts Of the equations so far: what their terms must add up to.
    /// @param terms Of all of them.
    /// @param equations Of each term, its equation.
    struct Context {
        ModelCircuit.Model m;
        Transcript.Reader reader;
        ColumnClaims.Known claims;
        uint256 rho;
        Fp3[] virtuals;
        Fp3[] lefts;
        uint256 count;
        ProductSum.Term[] terms;
        uint256[] equations;
        uint256 termCount;
    }

    uint256 private constant HALF = 0x7fffffff80000001; // (p + 1) / 2
    uint256 private constant MOST_EQUATIONS = 48;
    uint256 private constant MOST_TERMS = 96;

    function start(Context memory c) internal pure {
        c.lefts = new Fp3[](MOST_EQUATIONS);
        c.terms = new ProductSum.Term[](MOST_TERMS);
        c.equations = new uint256[](MOST_TERMS);
    }

    function column(Context memory c, uint256 id) internal pure returns (Fp3) {
        return c.claims.valueAtRho(c.m.circuit, c.reader, id);
    }

    function limbs(Context memory c, Circuit.Limbs memory number) internal pure returns (Fp3 sum) {
        for (uint256 i; i < number.columns.length; ++i) {
            sum = powerOfTwo(16 * i).mulAdd(c.column(number.columns[i]), sum);
        }
    }

    /// @dev At another point than rho.
    function limbsAt(Context memory c, Circuit.Limbs memory number, Fp3[] memory point)
        internal
        pure
        returns (Fp3 sum)
    {
        point = c.claims.met(point);
        for (uint256 i; i < number.columns.length; ++i) {
            Fp3 limb = c.claims.value(c.m.circuit, c.reader, number.columns[i], point);
            sum = powerOfTwo(16 * i).mulAdd(limb, sum);
        }
    }

    function remainder(Context memory c, Circuit.Remainder memory rest)
        internal
        pure
        returns (Fp3 sum)
    {
        sum = c.virtuals[rest.low];
        for (uint256 i; i < rest.high.length; ++i) {
            sum = powerOfTwo(16 * (i + 1)).mulAdd(c.column(rest.high[i]), sum);
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
        Fp3 half = box.inBounds * powerOfTwo(shift - 1);
        return quotient.mulAdd(powerOfTwo(shift), c.remainder(rest)) - half;
    }

    /// @dev A point of its own, of a part of rho.
    function part(Context memory c, uint256 from, uint256 count)
        internal
        pure
        returns (Fp3[] memory point)
    {
        return join(c.rho + 32 * from, count, 0, 0);
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
        return c.claims.value(c.m.circuit, c.reader, id, c.claims.met(point)) * powerOfTwo(bits);
    }

    function equation(Context memory c, Fp3 left) internal pure {
        c.lefts[c.count++] = left;
    }

    /// @dev A term of the equation that comes next.
    function term(
        Context memory c,
        uint256 variables,
        Fp3 scale,
        ProductSum.Form[] memory forms,
        uint256[] memory known
    ) internal pure {
        uint256 i = c.termCount++;
        c.terms[i] = ProductSum.Term(variables, scale, forms, known);
        c.equations[i] = c.count;
    }

    /// @dev The known factor of the variables from `first` on that count layers.
    function layers(Context memory c, uint256 first, uint256 layer, uint256[] memory factors)
        internal
        pure
        returns (uint256)
    {
        uint256 bits = c.m.bits.layer;
        return ProductSum.sparse(first, bits, layerEntries(layer, bits, c.m.shape.layers, factors));
    }

    /// @notice The equations, each times a power of chi, as one: its terms, and what they must add up to.
    function combine(Context memory c, Fp3 chi)
        internal
        pure
        returns (ProductSum.Term[] memory terms, Fp3 sum)
    {
        Fp3[] memory powers = new Fp3[](c.count);
        Fp3 power = ONE;
        for (uint256 i; i < c.count; ++i) {
            powers[i] = power;
            sum = power.mulAdd(c.lefts[i], sum);
            power = power * chi;
        }
        terms = c.terms;
        uint256 count = c.termCount;
        assembly ("memory-safe") {
            mstore(terms, count)
        }
        for (uint256 i; i < count; ++i) {
            terms[i].scale = terms[i].scale * powers[c.equations[i]];
        }
    }

    function activated(Context memory c, ModelCircuit.Activation memory out)
        internal
        pure
        returns (Fp3)
    {
        return c.rounded(out.rest, out.box, out.shift, c.column(out.values));
    }
}
