// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttentionEquations} from "./AttentionEquations.sol";
import {Circuit} from "./Circuit.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {ModelShape} from "./ModelShape.sol";
import {Points} from "./Points.sol";
import {ProductSum} from "./ProductSum.sol";
import {
    allVariables,
    formOf,
    forms,
    join,
    layerEntries,
    list,
    minus,
    noFactors,
    powerOfTwo
} from "./Terms.sol";

/// @title What must hold between the columns of a model's circuit
/// @notice The twin of src/imo/zkml/model_circuit.cpp and model_circuit_attention.cpp; docs/proof.md, "The circuit of a model",
/// is normative.
library ModelEquations {
    using ColumnClaims for ColumnClaims.Known;
    using EquationBuilder for EquationBuilder.Context;

    uint256 private constant NORM_RECIPROCAL = 40;

    /// @notice Reads the columns that equations need besides those looked up, and makes all equations.
    function build(EquationBuilder.Context memory c) internal pure {
        c.start();
        ModelCircuit.Model memory m = c.m;
        ModelCircuit.Bits memory b = m.bits;
        uint256 queryBits = b.head + b.heads;
        uint256 keyBits = queryBits - b.group;
        _layerNorm(c, m.attentionNorm, false);
        uint256 input = m.attentionNorm.scaled;
        _matrix(c, m.query, ModelShape.QUERY, input, b.feature, queryBits);
        _matrix(c, m.key, ModelShape.KEY, input, b.feature, keyBits);
        _matrix(c, m.value, ModelShape.VALUE, input, b.feature, keyBits);
        AttentionEquations.rope(c, m.query, m.turnedQuery);
        AttentionEquations.rope(c, m.key, m.turnedKey);
        AttentionEquations.scores(c);
        AttentionEquations.mixReciprocal(c);
        AttentionEquations.mix(c);
        _residual(c, m.output, ModelShape.OUTPUT, m.mixed.values, queryBits);
        _layerNorm(c, m.feedForwardNorm, true);
        input = m.feedForwardNorm.scaled;
        _matrix(c, m.gate, ModelShape.GATE, input, b.feature, b.feedForward);
        _matrix(c, m.up, ModelShape.UP, input, b.feature, b.feedForward);
        _product(c);
        _residual(c, m.down, ModelShape.DOWN, m.product.values, b.feedForward);
        _tailNorm(c);
        _logits(c);
        AttentionEquations.checkMaximum(c);
        _checkChosen(c);
    }

    // Norms.

    function _layerNorm(
        EquationBuilder.Context memory c,
        ModelCircuit.Norm memory norm,
        bool isBehindAttention
    ) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 layer = c.rho + 32 * (b.feature + b.position);
        Fp3[] memory weights = Points.weights(layer, b.layer);
        for (uint256 l; l < norm.narrowFactors.length; ++l) {
            weights[l] = weights[l] * Fp3.wrap(norm.narrowFactors[l] << 128);
        }
        _residualBefore(c, weights, isBehindAttention);
        _norm(c, norm);
    }

    /// @dev The residual stream in front of layers' norms: the embedding and all that earlier layers added, and behind
    /// attention what this layer's did.
    function _residualBefore(
        EquationBuilder.Context memory c,
        Fp3[] memory weights,
        bool isBehindAttention
    ) private pure {
        uint256 layers = c.m.shape.layers;
        uint256[] memory attention = new uint256[](2 * layers);
        uint256[] memory feedForward = new uint256[](2 * layers);
        Fp3 total; // of the weights of all layers behind
        for (uint256 l = layers; l > 0; --l) {
            uint256 at = 2 * (l - 1);
            attention[at] = feedForward[at] = l - 1;
            feedForward[at + 1] = Fp3.unwrap(total);
            if (!isBehindAttention) attention[at + 1] = Fp3.unwrap(total);
            total = total + weights[l - 1];
            if (isBehindAttention) attention[at + 1] = Fp3.unwrap(total);
        }
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 position = c.rho + 32 * b.feature;
        Fp3[] memory positions = Points.weights(position, b.position);
        uint256[] memory tokens = new uint256[](2 * c.m.positions);
        for (uint256 p; p < c.m.positions; ++p) {
            tokens[2 * p] = c.m.tokens[p];
            tokens[2 * p + 1] = Fp3.unwrap(positions[p] * total);
        }
        _embedded(c, tokens);
        _added(c, c.m.output.values, attention);
        _added(c, c.m.down.values, feedForward);
    }

    function _embedded(EquationBuilder.Context memory c, uint256[] memory tokens) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256[] memory coordinates =
            list(ProductSum.fixedAt(c.rho, b.feature), ProductSum.variables(0, b.token));
        c.term(
            b.token,
            ONE,
            forms(formOf(c.m.registered.embedding, coordinates)),
            list(ProductSum.sparse(0, b.token, tokens))
        );
    }

    function _added(
        EquationBuilder.Context memory c,
        Circuit.Limbs memory values,
        uint256[] memory entries
    ) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256[] memory coordinates = list(
            ProductSum.fixedAt(c.rho, b.feature + b.position), ProductSum.variables(0, b.layer)
        );
        c.term(
            b.layer,
            ONE,
            forms(formOf(values, coordinates)),
            list(ProductSum.sparse(0, b.layer, entries))
        );
    }

    function _tailNorm(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 choices = c.m.choices;
        uint256 first = c.m.positions - choices;
        Fp3[] memory weights = Points.weights(c.rho + 32 * b.feature, b.choice);
        uint256[] memory tokens = new uint256[](2 * choices);
        uint256[] memory positions = new uint256[](2 * choices);
        for (uint256 i; i < choices; ++i) {
            (tokens[2 * i], positions[2 * i]) = (c.m.tokens[first + i], first + i);
            tokens[2 * i + 1] = positions[2 * i + 1] = Fp3.unwrap(weights[i]);
        }
        _embedded(c, tokens);
        _chosen(c, c.m.output.values, positions);
        _chosen(c, c.m.down.values, positions);
        _norm(c, c.m.tailNorm);
    }

    function _chosen(
        EquationBuilder.Context memory c,
        Circuit.Limbs memory values,
        uint256[] memory positions
    ) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 variables = b.position + b.layer;
        uint256[] memory coordinates =
            list(ProductSum.fixedAt(c.rho, b.feature), ProductSum.variables(0, variables));
        c.term(
            variables,
            ONE,
            forms(formOf(values, coordinates)),
            list(
                ProductSum.sparse(0, b.position, positions),
                ProductSum.below(b.position, b.layer, c.m.shape.layers)
            )
        );
    }

    /// @dev All equations of a norm; the terms of its first one, the input, are there.
    function _norm(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm) private pure {
        Fp3 narrowed = c.limbs(norm.narrowed);
        c.equation(c.rounded(norm.narrowRest, norm.cells, norm.narrowShift, narrowed));
        _aboveRoot(c, norm);
        Fp3 root = c.limbs(norm.root);
        Fp3 aboveRoot = c.remainder(norm.aboveRoot);
        // 2 t - (v - t^2)
        c.equation(c.remainder(norm.belowNext) + aboveRoot - root.twice());
        _aboveProduct(c, norm);
        // t - 1 - (2^40 - r t)
        Fp3 left = c.remainder(norm.belowRoot) + c.remainder(norm.aboveProduct);
        c.equation(left + norm.rows.inBounds - root);
        _scale(c, norm);
    }

    /// @dev v - t^2, v the sum of squares and the constant.
    function _aboveRoot(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm)
        private
        pure
    {
        uint256 rowBits = norm.rows.bits[0];
        uint256 layer = c.rho + 32 * rowBits;
        _squares(c, norm);
        ProductSum.Form memory root = formOf(norm.root, allVariables(norm.rows.variables));
        uint256[] memory known = _rowFactors(norm, 0, c.rho, noFactors());
        c.term(norm.rows.variables, minus(ONE), forms(root, root), known);
        uint256 layers = norm.epsilons.length;
        uint256[] memory epsilons = layerEntries(layer, norm.rows.bits[1], layers, norm.epsilons);
        Fp3 constants;
        for (uint256 l; l < layers; ++l) {
            constants = constants + Fp3.wrap(epsilons[2 * l + 1]);
        }
        constants = constants * Points.below(norm.rows.bounds[0], c.rho, rowBits);
        c.equation(c.remainder(norm.aboveRoot) - constants);
    }

    function _squares(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm)
        private
        pure
    {
        uint256 feature = norm.cells.bits[0];
        uint256[] memory rows = _rowFactors(norm, feature, c.rho, noFactors());
        uint256[] memory known =
            list(ProductSum.below(0, feature, norm.cells.bounds[0]), rows[0], rows[1]);
        ProductSum.Form memory form = formOf(norm.narrowed, allVariables(norm.cells.variables));
        c.term(norm.cells.variables, ONE, forms(form, form), known);
    }

    /// @dev 2^40 - r t.
    function _aboveProduct(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm)
        private
        pure
    {
        uint256 rows = norm.rows.variables;
        c.term(
            rows,
            minus(ONE),
            forms(
                formOf(norm.reciprocal, allVariables(rows)), formOf(norm.root, allVariables(rows))
            ),
            _rowFactors(norm, 0, c.rho, noFactors())
        );
        Fp3 one = norm.rows.inBounds * powerOfTwo(NORM_RECIPROCAL);
        c.equation(c.remainder(norm.aboveProduct) - one);
    }

    /// @dev The known factors of a norm's rows, whose coordinates are at `r`; variables from `first` on.
    function _rowFactors(
        ModelCircuit.Norm memory norm,
        uint256 first,
        uint256 r,
        uint256[] memory factors
    ) private pure returns (uint256[] memory) {
        uint256 rowBits = norm.rows.bits[0];
        uint256 layerBits = norm.rows.bits[1];
        uint256[] memory entries =
            layerEntries(r + 32 * rowBits, layerBits, norm.epsilons.length, factors);
        return list(
            ProductSum.equal(first, r, rowBits),
            ProductSum.sparse(first + rowBits, layerBits, entries)
        );
    }

    function _scale(EquationBuilder.Context memory c, ModelCircuit.Norm memory norm) private pure {
        uint256 rows = norm.rows.variables;
        uint256 feature = norm.cells.bits[0];
        uint256[] memory cell =
            list(ProductSum.fixedAt(c.rho, feature), ProductSum.variables(0, rows));
        c.term(
            rows,
            ONE,
            forms(formOf(norm.narrowed, cell), formOf(norm.reciprocal, allVariables(rows))),
            _rowFactors(norm, 0, c.rho + 32 * feature, norm.scaleFactors)
        );
        Fp3 scaled = c.column(norm.scaled);
        c.equation(c.rounded(norm.scaleRest, norm.cells, norm.scaleShift, scaled));
    }

    // Matrices.

    /// @dev The products of a matrix at rho: [row][position][layer].
    /// @param input Its columns are [input][position][layer], 2^inputBits inputs.
    function _products(
        EquationBuilder.Context memory c,
        uint256 matrix,
        uint256 input,
        uint256 inputBits,
        uint256 rowBits
    ) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 layer = c.rho + 32 * (rowBits + b.position);
        uint256[] memory known = list(c.layers(inputBits, layer, noFactors()));
        uint256 weights = c.m.registered.matrices[matrix];
        ProductSum.Form[] memory factors = forms(
            _rowOf(c, weights, inputBits, 0, rowBits),
            _rowOf(c, input, inputBits, rowBits, b.position)
        );
        c.term(inputBits + b.layer, ONE, factors, known);
    }

    /// @dev A column [input][row][layer] at a row whose `rowBits` coordinates are rho's from `first` on.
    function _rowOf(
        EquationBuilder.Context memory c,
        uint256 column,
        uint256 inputBits,
        uint256 first,
        uint256 rowBits
    ) private pure returns (ProductSum.Form memory) {
        uint256[] memory coordinates = list(
            ProductSum.variables(0, inputBits),
            ProductSum.fixedAt(c.rho + 32 * first, rowBits),
            ProductSum.variables(inputBits, c.m.bits.layer)
        );
        return formOf(column, coordinates);
    }

    /// @dev The biases of a matrix at rho.
    function _bias(EquationBuilder.Context memory c, uint256 matrix, uint256 rowBits)
        private
        pure
        returns (Fp3)
    {
        if (!c.m.shape.hasBiases || matrix > ModelShape.VALUE) return ZERO;
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 position = c.rho + 32 * rowBits;
        Fp3[] memory point = join(c.rho, rowBits, position + 32 * b.position, b.layer);
        uint256 column = c.m.registered.biases[matrix];
        Fp3 bias = c.claims.value(c.m.circuit, c.reader, column, c.claims.met(point));
        return bias * Points.below(c.m.positions, position, b.position);
    }

    function _matrix(
        EquationBuilder.Context memory c,
        ModelCircuit.Activation memory out,
        uint256 matrix,
        uint256 input,
        uint256 inputBits,
        uint256 rowBits
    ) private pure {
        _products(c, matrix, input, inputBits, rowBits);
        Fp3 bias = _bias(c, matrix, rowBits);
        c.equation(c.activated(out) - bias);
    }

    function _residual(
        EquationBuilder.Context memory c,
        ModelCircuit.Residual memory out,
        uint256 matrix,
        uint256 input,
        uint256 inputBits
    ) private pure {
        _products(c, matrix, input, inputBits, c.m.bits.feature);
        c.equation(c.rounded(out.rest, out.box, out.shift, c.limbs(out.values)));
    }

    function _product(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        ModelCircuit.Activation memory out = c.m.product;
        uint256 variables = out.box.variables;
        uint256 first = b.feedForward + b.position;
        c.term(
            variables,
            ONE,
            forms(
                formOf(c.m.activated, allVariables(variables)),
                formOf(c.m.up.values, allVariables(variables))
            ),
            list(
                ProductSum.equal(0, c.rho, first), c.layers(first, c.rho + 32 * first, out.factors)
            )
        );
        c.equation(c.activated(out));
    }

    // The choice of tokens.

    function _logits(EquationBuilder.Context memory c) private pure {
        _logitTerm(c);
        ModelCircuit.Logits memory l = c.m.logits;
        ModelCircuit.Bits memory b = c.m.bits;
        Fp3 best = c.limbsAt(l.best, c.part(b.token, b.choice));
        best = best * Points.below(c.m.shape.vocabulary, c.rho, b.token);
        // logit = best - below - [token < chosen]
        Fp3 logit = best - c.limbs(l.belowBest) - _before(c, c.rho + 32 * b.token);
        Fp3 half = l.cells.inBounds * powerOfTwo(l.shift - 1);
        c.equation(logit.mulAdd(powerOfTwo(l.shift), c.remainder(l.rest)) - half);
    }

    function _logitTerm(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 choice = c.rho + 32 * b.token;
        uint256 columns = ProductSum.variables(0, b.feature);
        ProductSum.Form memory inputs =
            formOf(c.m.tailNorm.scaled, list(columns, ProductSum.fixedAt(choice, b.choice)));
        ProductSum.Form memory weights =
            formOf(c.m.registered.logits, list(columns, ProductSum.fixedAt(c.rho, b.token)));
        c.term(b.feature, ONE, forms(weights, inputs), new uint256[](0));
    }

    /// @dev The polynomial of [token < chosen token].
    function _before(EquationBuilder.Context memory c, uint256 choice)
        private
        pure
        returns (Fp3 sum)
    {
        uint256 bits = c.m.bits.token;
        Fp3[] memory weights = Points.weights(choice, c.m.bits.choice);
        uint256 first = c.m.positions + 1 - c.m.choices;
        for (uint256 i; i < c.m.choices; ++i) {
            sum = weights[i].mulAdd(Points.below(c.m.tokens[first + i], c.rho, bits), sum);
        }
    }

    /// @dev The chosen token's logit is the greatest.
    function _checkChosen(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Logits memory l = c.m.logits;
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 first = c.m.positions + 1 - c.m.choices;
        Fp3[] memory weights = Points.weights(c.rho + 32 * b.token, b.choice);
        uint256[] memory chosen = new uint256[](2 * c.m.choices);
        for (uint256 i; i < c.m.choices; ++i) {
            chosen[2 * i] = c.m.tokens[first + i] | i << b.token;
            chosen[2 * i + 1] = Fp3.unwrap(weights[i]);
        }
        uint256 variables = l.cells.variables;
        c.term(
            variables,
            ONE,
            forms(formOf(l.belowBest, allVariables(variables))),
            list(ProductSum.sparse(0, variables, chosen))
        );
        c.equation(ZERO);
    }
}
