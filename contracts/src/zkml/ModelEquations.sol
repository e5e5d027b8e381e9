// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ColumnClaims} from "./ColumnClaims.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {Fp3, ZERO, sumOfProducts} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {ModelShape} from "./ModelShape.sol";
import {Points} from "./Points.sol";
import {TokenWeights} from "./TokenWeights.sol";

/// @title What must hold between the columns of a model's circuit: the left sides of all equations
/// @notice The twin of src/imo/zkml/model_circuit.cpp and model_circuit_attention.cpp; docs/proof.md, "The circuit of a model",
/// is normative. The terms of each equation are in ModelTerms and AttentionTerms, in the same order.
library ModelEquations {
    using ColumnClaims for ColumnClaims.Known;
    using EquationBuilder for EquationBuilder.Context;

    uint256 private constant NORM_RECIPROCAL = 40;
    uint256 private constant SOFTMAX_RECIPROCAL = 44;

    /// @notice Reads the columns that equations need besides those looked up, and makes all left sides.
    function build(EquationBuilder.Context memory c) internal pure {
        c.start();
        ModelCircuit.Model memory m = c.m;
        ModelCircuit.Bits memory b = m.bits;
        uint256 queryBits = b.head + b.heads;
        uint256 keyBits = queryBits - b.group;
        _norm(c, m.attentionNorm);
        _matrix(c, m.query, ModelShape.QUERY, queryBits);
        _matrix(c, m.key, ModelShape.KEY, keyBits);
        _matrix(c, m.value, ModelShape.VALUE, keyBits);
        c.equation(c.activated(m.turnedQuery));
        c.equation(c.activated(m.turnedKey));
        _scores(c);
        _mixReciprocal(c);
        c.equation(c.activated(m.mixed));
        _residual(c, m.output);
        _norm(c, m.feedForwardNorm);
        c.equation(c.activated(m.gate));
        c.equation(c.activated(m.up));
        c.equation(c.activated(m.product));
        _residual(c, m.down);
        _norm(c, m.tailNorm);
        _logits(c);
        _maximum(c);
        c.equation(ZERO); // The chosen token's logit is the greatest.
    }

    function _norm(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm) private pure {
        Fp3 narrowed = c.limbs(norm.narrowed);
        c.equation(c.rounded(norm.narrowRest, norm.cells, norm.narrowShift, narrowed));
        // v - t^2, v the sum of squares and the constant
        c.equation(c.remainder(norm.aboveRoot) - _constants(c, norm));
        Fp3 root = c.limbs(norm.root);
        Fp3 aboveRoot = c.remainder(norm.aboveRoot);
        // 2 t - (v - t^2)
        c.equation(c.remainder(norm.belowNext) + aboveRoot - root.twice());
        // 2^40 - r t
        Fp3 one = norm.rows.inBounds.times(1 << NORM_RECIPROCAL);
        c.equation(c.remainder(norm.aboveProduct) - one);
        // t - 1 - (2^40 - r t)
        Fp3 left = c.remainder(norm.belowRoot) + c.remainder(norm.aboveProduct);
        c.equation(left + norm.rows.inBounds - root);
        Fp3 scaled = c.column(norm.scaled);
        c.equation(c.rounded(norm.scaleRest, norm.cells, norm.scaleShift, scaled));
    }

    /// @dev The constants of a norm, in all its rows.
    function _constants(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm)
        private
        pure
        returns (Fp3 constants)
    {
        uint256 rowBits = norm.rows.bits[0];
        Fp3[] memory layers = Points.tableOf(c.tables, c.rho + 32 * rowBits, norm.rows.bits[1]);
        for (uint256 l; l < norm.epsilons.length; ++l) {
            constants = constants + layers[l].times(norm.epsilons[l]);
        }
        constants = constants * Points.below(norm.rows.bounds[0], c.rho, rowBits);
    }

    /// @dev A matrix that may have biases.
    function _matrix(
        EquationBuilder.Context memory c,
        ModelCircuit.Activation memory out,
        uint256 matrix,
        uint256 rowBits
    ) private pure {
        Fp3 bias = _bias(c, matrix, rowBits);
        c.equation(c.activated(out) - bias);
    }

    /// @dev The biases of a matrix at rho.
    function _bias(EquationBuilder.Context memory c, uint256 matrix, uint256 rowBits)
        private
        pure
        returns (Fp3)
    {
        if (!c.m.shape.hasBiases) return ZERO;
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 position = c.rho + 32 * rowBits;
        Fp3[] memory point =
            c.claims.met(Points.join(c.rho, rowBits, position + 32 * b.position, b.layer));
        Fp3 bias = c.claims.value(c.m.circuit, c.reader, c.m.registered.biases[matrix], point);
        return bias * Points.below(c.m.positions, position, b.position);
    }

    function _residual(EquationBuilder.Context memory c, ModelCircuit.Residual memory out)
        private
        pure
    {
        c.equation(c.rounded(out.rest, out.box, out.shift, c.limbs(out.values)));
    }

    // Attention.

    function _scores(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Attention memory a = c.m.attention;
        ModelCircuit.Bits memory b = c.m.bits;
        Fp3 maximum = c.limbsAt(a.maximum, c.part(b.position, a.rows.variables));
        maximum = maximum * Points.below(c.m.positions, c.rho, b.position);
        // 2^S (maximum - difference) is what the product is rounded to.
        Fp3 score = maximum - c.column(a.expRow) - c.limbs(a.beyondTable);
        c.equation(c.rounded(a.rest, a.cells, a.shift, score));
    }

    /// @dev 2^44 - r Z, and Z - 1 less that.
    function _mixReciprocal(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Attention memory a = c.m.attention;
        Fp3 above = c.remainder(a.aboveProduct);
        c.equation(above - a.rows.inBounds.times(1 << SOFTMAX_RECIPROCAL));
        Fp3 left = c.remainder(a.belowSum) + a.rows.inBounds + above;
        c.equation(left - c.rowSum(a.exp, a.rows.variables));
    }

    function _maximum(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Attention memory a = c.m.attention;
        c.equation(ZERO); // A key with the maximum has it, and is no later one.
        c.equation(a.rows.inBounds - c.rowSum(a.isMaximum, a.rows.variables));
        c.equation(ZERO); // Beyond the table e is 0,
        c.equation(ZERO); // and of later keys.
    }

    // The choice of tokens.

    function _logits(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Logits memory l = c.m.logits;
        ModelCircuit.Bits memory b = c.m.bits;
        Fp3 best = c.limbsAt(l.best, c.part(b.token, b.choice));
        best = best * Points.below(c.m.shape.vocabulary, c.rho, b.token);
        // logit = best - below - [token < chosen]
        Fp3 logit = best - c.limbs(l.belowBest) - _before(c);
        c.equation(c.rounded(l.rest, l.cells, l.shift, logit));
    }

    /// @dev The polynomial of [token < chosen token].
    function _before(EquationBuilder.Context memory c) private pure returns (Fp3) {
        ModelCircuit.Bits memory b = c.m.bits;
        Fp3[] memory choices = Points.tableOf(c.tables, c.rho + 32 * b.token, b.choice);
        uint256 first = c.m.positions + 1 - c.m.choices;
        Fp3[] memory less = TokenWeights.below(c.m.tokens, first, c.rho, b.token);
        return sumOfProducts(choices, 0, less, 0, less.length);
    }
}
