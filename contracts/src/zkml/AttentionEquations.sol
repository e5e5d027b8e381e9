// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {Points} from "./Points.sol";
import {ProductSum} from "./ProductSum.sol";
import {allVariables, formOf, forms, list, minus, noFactors, powerOfTwo} from "./Terms.sol";

/// @title What must hold between the columns of attention
/// @notice The twin of src/imo/zkml/model_circuit_attention.cpp.
library AttentionEquations {
    using EquationBuilder for EquationBuilder.Context;

    uint256 private constant SOFTMAX_RECIPROCAL = 44;

    function rope(
        EquationBuilder.Context memory c,
        ModelCircuit.Activation memory from,
        ModelCircuit.Activation memory out
    ) internal pure {
        uint256 pairBits = c.m.bits.head - 1;
        Fp3 second = Points.coordinate(c.rho, 0); // which element of the pair
        Fp3 first = ONE - second;
        uint256[] memory known = list(
            ProductSum.equal(0, c.rho + 32, pairBits),
            ProductSum.equal(
                pairBits, c.rho + 32 * (c.m.bits.head + out.box.bits[1]), c.m.bits.position
            )
        );
        _turned(c, _turn(c, first, second), _element(c, from, 0), known);
        _turned(c, _turn(c, second, minus(first)), _element(c, from, 1), known);
        c.equation(c.activated(out));
    }

    function _turned(
        EquationBuilder.Context memory c,
        ProductSum.Form memory turn,
        ProductSum.Form memory element,
        uint256[] memory known
    ) private pure {
        uint256 variables = c.m.bits.head - 1 + c.m.bits.position;
        c.term(variables, ONE, forms(turn, element), known);
    }

    function _turn(EquationBuilder.Context memory c, Fp3 cosine, Fp3 sine)
        private
        pure
        returns (ProductSum.Form memory form)
    {
        ModelCircuit.Bits memory b = c.m.bits;
        form.columns = list(c.m.registered.cosines, c.m.registered.sines);
        form.scales = new Fp3[](2);
        (form.scales[0], form.scales[1]) = (cosine, sine);
        form.coordinates = list(
            ProductSum.variables(0, b.head - 1 + b.position),
            ProductSum.bitsOf(0, b.context - b.position)
        );
    }

    function _element(
        EquationBuilder.Context memory c,
        ModelCircuit.Activation memory from,
        uint256 which
    ) private pure returns (ProductSum.Form memory) {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 pairBits = b.head - 1;
        uint256 headBits = from.box.bits[1];
        uint256 heads = c.rho + 32 * b.head;
        uint256[] memory coordinates = new uint256[](5);
        coordinates[0] = ProductSum.bitsOf(which, 1);
        coordinates[1] = ProductSum.variables(0, pairBits);
        coordinates[2] = ProductSum.fixedAt(heads, headBits);
        coordinates[3] = ProductSum.variables(pairBits, b.position);
        coordinates[4] = ProductSum.fixedAt(heads + 32 * (headBits + b.position), b.layer);
        return formOf(from.values, coordinates);
    }

    function scores(EquationBuilder.Context memory c) internal pure {
        ModelCircuit.Attention memory a = c.m.attention;
        _scoreTerm(c);
        ModelCircuit.Bits memory b = c.m.bits;
        Fp3 unit = powerOfTwo(a.shift);
        Fp3 maximum = c.limbsAt(a.maximum, c.part(b.position, a.rows.variables));
        maximum = maximum * Points.below(c.m.positions, c.rho, b.position);
        // unit (maximum - difference) is what the product is rounded to.
        Fp3 score = maximum - c.column(a.expRow) - c.limbs(a.beyondTable);
        Fp3 half = a.cells.inBounds * powerOfTwo(a.shift - 1);
        c.equation(score.mulAdd(unit, c.remainder(a.rest)) - half);
    }

    function _scoreTerm(EquationBuilder.Context memory c) private pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 first = b.head + b.heads;
        uint256 heads = c.rho + 64 * b.position;
        uint256[] memory known = list(
            // What cells behind a head's last element hold has no say.
            ProductSum.below(0, b.head, c.m.shape.head),
            ProductSum.equal(b.head, heads, b.heads),
            c.layers(first, heads + 32 * b.heads, c.m.attention.factors)
        );
        c.term(first + b.layer, ONE, _scoreForms(c, first), known);
    }

    /// @dev Query and key, in variables for element, head and, from `first` on, layer.
    function _scoreForms(EquationBuilder.Context memory c, uint256 first)
        private
        pure
        returns (ProductSum.Form[] memory)
    {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 layers = ProductSum.variables(first, b.layer);
        uint256 position = ProductSum.fixedAt(c.rho + 32 * b.position, b.position);
        uint256[] memory query = list(ProductSum.variables(0, first), position, layers);
        uint256[] memory key = list(
            ProductSum.variables(0, b.head),
            ProductSum.variables(b.head + b.group, b.heads - b.group),
            ProductSum.fixedAt(c.rho, b.position),
            layers
        );
        return forms(formOf(c.m.turnedQuery.values, query), formOf(c.m.turnedKey.values, key));
    }

    /// @dev 2^44 - r Z, and Z - 1 less that.
    function mixReciprocal(EquationBuilder.Context memory c) internal pure {
        ModelCircuit.Attention memory a = c.m.attention;
        _mixReciprocalTerm(c, a);
        Fp3 above = c.remainder(a.aboveProduct);
        c.equation(above - a.rows.inBounds * powerOfTwo(SOFTMAX_RECIPROCAL));
        Fp3 left = c.remainder(a.belowSum) + a.rows.inBounds + above;
        c.equation(left - c.rowSum(a.exp, a.rows.variables));
    }

    function _mixReciprocalTerm(EquationBuilder.Context memory c, ModelCircuit.Attention memory a)
        private
        pure
    {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 inLayer = b.position + b.heads;
        uint256[] memory known = list(
            ProductSum.equal(b.position, c.rho, inLayer),
            c.layers(b.position + inLayer, c.rho + 32 * inLayer, noFactors())
        );
        uint256[] memory row = list(ProductSum.variables(b.position, a.rows.variables));
        uint256 variables = a.cells.variables;
        ProductSum.Form[] memory product =
            forms(formOf(a.reciprocal, row), formOf(a.exp, allVariables(variables)));
        c.term(variables, minus(ONE), product, known);
    }

    function mix(EquationBuilder.Context memory c) internal pure {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256 head = 2 * b.position;
        // At rho: element, head, position, layer.
        uint256 heads = c.rho + 32 * b.head;
        uint256 position = heads + 32 * b.heads;
        uint256[] memory known = list(
            ProductSum.equal(b.position, position, b.position),
            ProductSum.equal(head, heads, b.heads),
            c.layers(head + b.heads, position + 32 * b.position, c.m.mixed.factors)
        );
        uint256 variables = c.m.attention.cells.variables;
        c.term(variables, ONE, _mixForms(c, head, variables), known);
        c.equation(c.activated(c.m.mixed));
    }

    /// @dev Reciprocal, exp and value, in variables for key, query, head and layer.
    function _mixForms(EquationBuilder.Context memory c, uint256 head, uint256 variables)
        private
        pure
        returns (ProductSum.Form[] memory product)
    {
        ModelCircuit.Bits memory b = c.m.bits;
        uint256[] memory row = list(ProductSum.variables(b.position, variables - b.position));
        uint256[] memory value = list(
            ProductSum.fixedAt(c.rho, b.head),
            ProductSum.variables(head + b.group, b.heads - b.group),
            ProductSum.variables(0, b.position),
            ProductSum.variables(head + b.heads, b.layer)
        );
        product = new ProductSum.Form[](3);
        product[0] = formOf(c.m.attention.reciprocal, row);
        product[1] = formOf(c.m.attention.exp, allVariables(variables));
        product[2] = formOf(c.m.value.values, value);
    }

    function checkMaximum(EquationBuilder.Context memory c) internal pure {
        ModelCircuit.Attention memory a = c.m.attention;
        uint256 all = a.cells.variables;
        ProductSum.Form memory isMaximum = formOf(a.isMaximum, allVariables(all));
        ProductSum.Form memory exp = formOf(a.exp, allVariables(all));
        ProductSum.Form memory beyond = formOf(a.beyondTable, allVariables(all));
        uint256 here = ProductSum.equal(0, c.rho, all);
        uint256[] memory earlier = list(here, ProductSum.causal(0, c.m.bits.position, false));
        uint256[] memory later = list(here, ProductSum.causal(0, c.m.bits.position, true));
        c.term(all, ONE, forms(isMaximum, _difference(a, beyond)), earlier);
        c.term(all, ONE, forms(isMaximum), later);
        c.equation(ZERO);
        c.equation(a.rows.inBounds - c.rowSum(a.isMaximum, a.rows.variables));
        c.term(all, ONE, forms(exp, beyond), earlier);
        c.equation(ZERO);
        c.term(all, ONE, forms(exp), later);
        c.equation(ZERO);
    }

    /// @dev How far a score is below the greatest: both parts.
    function _difference(ModelCircuit.Attention memory a, ProductSum.Form memory beyond)
        private
        pure
        returns (ProductSum.Form memory form)
    {
        uint256 limbs = beyond.columns.length;
        form.columns = new uint256[](limbs + 1);
        form.scales = new Fp3[](limbs + 1);
        for (uint256 i; i < limbs; ++i) {
            (form.columns[i], form.scales[i]) = (beyond.columns[i], beyond.scales[i]);
        }
        (form.columns[limbs], form.scales[limbs]) = (a.expRow, ONE);
        form.coordinates = beyond.coordinates;
    }
}
