// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {lookupOf} from "./CircuitWords.sol";
import {ModelShape} from "./ModelShape.sol";

/// @title The columns and lookups of a model's circuit
/// @notice The twin of src/imo/zkml/model_circuit.cpp; docs/proof.md, "The circuit of a model", is normative. What must hold
/// between the columns is in ModelEquations.
library ModelCircuit {
    using Circuit for Circuit.Builder;
    using ModelShape for ModelShape.Shape;

    /// @notice Bits of every axis; `group` those of a head's number within its group.
    struct Bits {
        uint256 feature;
        uint256 feedForward;
        uint256 head;
        uint256 heads;
        uint256 group;
        uint256 position;
        uint256 choice;
        uint256 layer;
        uint256 token;
        uint256 context;
    }

    /// @param cells [feature][row][layer].
    /// @param rows [row][layer].
    struct Norm {
        Circuit.Box cells;
        Circuit.Box rows;
        uint256 narrowShift;
        uint256[] narrowFactors;
        uint256 scaleShift;
        uint256[] scaleFactors;
        uint256[] epsilons;
        Circuit.Limbs narrowed;
        Circuit.Remainder narrowRest;
        Circuit.Limbs root;
        Circuit.Remainder aboveRoot;
        Circuit.Remainder belowNext;
        Circuit.Limbs reciprocal;
        Circuit.Remainder aboveProduct;
        Circuit.Remainder belowRoot;
        uint256 scaled;
        Circuit.Remainder scaleRest;
    }

    /// @notice An operator with int16 outputs.
    struct Activation {
        Circuit.Box box;
        uint256 shift;
        uint256[] factors;
        uint256 values;
        Circuit.Remainder rest;
    }

    /// @notice A matrix that adds to the residual stream.
    struct Residual {
        Circuit.Box box;
        uint256 shift;
        Circuit.Limbs values;
        Circuit.Remainder rest;
    }

    /// @param cells [key][query][head][layer], causal.
    /// @param rows [query][head][layer].
    struct Attention {
        Circuit.Box cells;
        Circuit.Box rows;
        uint256 shift;
        uint256[] factors;
        Circuit.Limbs maximum;
        uint256 expRow;
        Circuit.Limbs beyondTable;
        uint256 exp;
        Circuit.Remainder rest;
        uint256 isMaximum;
        Circuit.Limbs reciprocal;
        Circuit.Remainder aboveProduct;
        Circuit.Remainder belowSum;
    }

    /// @param cells [token][choice].
    /// @param rows [choice].
    struct Logits {
        Circuit.Box cells;
        Circuit.Box rows;
        uint256 shift;
        Circuit.Limbs best;
        Circuit.Limbs belowBest;
        Circuit.Remainder rest;
    }

    struct Registered {
        uint256 embedding;
        uint256[7] matrices;
        uint256[3] biases;
        uint256 logits;
        uint256 cosines;
        uint256 sines;
        uint256 exp;
        uint256 gate;
    }

    /// @param tokens Prompt and output.
    /// @param positions All tokens but the last.
    /// @param choices Tokens of the output.
    struct Model {
        ModelShape.Shape shape;
        uint256[] tokens;
        uint256 positions;
        uint256 choices;
        Bits bits;
        Circuit.Builder circuit;
        Registered registered;
        Norm attentionNorm;
        Norm feedForwardNorm;
        Norm tailNorm;
        Activation query;
        Activation key;
        Activation value;
        Activation turnedQuery;
        Activation turnedKey;
        Activation mixed;
        Activation gate;
        Activation up;
        Activation product;
        uint256 activated;
        Residual output;
        Residual down;
        Attention attention;
        Logits logits;
    }

    // Widths in bits, with the sign where there is one.
    uint256 private constant NARROWED = 19;
    uint256 private constant ROOT = 27;
    uint256 private constant ABOVE_ROOT = 28;
    uint256 private constant NORM_RECIPROCAL = 36;
    uint256 private constant EQUATION = 62;
    uint256 private constant MAXIMUM = 23;
    uint256 private constant BEYOND_TABLE = 24;
    uint256 private constant MIX_RECIPROCAL = 25;
    uint256 private constant EXP_FRACTION = 20;
    uint256 private constant BEST = 31;
    uint256 private constant BELOW_BEST = 30;

    uint256 internal constant ROPE_FRACTION = 14;
    uint256 private constant EXP_TAG = 32;
    uint256 private constant GATE_TAG = 33;
    uint256 private constant TABLE_BITS = 16;

    /// @notice The circuit of an answer that has passed the checks of ModelVerifier.
    function build(Model memory m) internal pure {
        _measure(m);
        m.circuit = Circuit.create(m.shape.layers, m.bits.layer);
        _declareRegistered(m);
        _declareResidual(m, m.output, ModelShape.OUTPUT);
        _declareResidual(m, m.down, ModelShape.DOWN);
        m.attentionNorm.cells = m.output.box;
        _declareLayerNorm(m, m.attentionNorm, ModelShape.ATTENTION_NORM);
        Circuit.Box memory queries = _headCells(m, m.bits.heads, m.shape.heads);
        Circuit.Box memory keys = _headCells(m, m.bits.heads - m.bits.group, m.shape.kvHeads);
        _declareMatrix(m, m.query, queries, ModelShape.QUERY);
        _declareMatrix(m, m.key, keys, ModelShape.KEY);
        _declareMatrix(m, m.value, keys, ModelShape.VALUE);
        _declareRope(m, m.turnedQuery, queries);
        _declareRope(m, m.turnedKey, keys);
        _declareAttention(m);
        (m.mixed.shift, m.mixed.factors) = m.shape.common(ModelShape.MIX_SHIFT);
        _declareActivation(m, m.mixed, queries);
        m.output.rest = m.circuit.remainder(m.output.box, m.output.shift);
        m.feedForwardNorm.cells = m.output.box;
        _declareLayerNorm(m, m.feedForwardNorm, ModelShape.FEED_FORWARD_NORM);
        _declareFeedForward(m);
        m.down.rest = m.circuit.remainder(m.down.box, m.down.shift);
        _declareTail(m);
    }

    /// @notice The registered columns alone, at their places: all that registration needs.
    /// @return Variables of their commitment.
    function buildRegistered(Model memory m) internal pure returns (uint256) {
        _measure(m);
        m.circuit = Circuit.create(m.shape.layers, m.bits.layer);
        _declareRegistered(m);
        (, uint256 end) = m.circuit.place();
        return Circuit.variablesFor(end);
    }

    function bitsFor(uint256 count) internal pure returns (uint256 bits) {
        while (1 << bits < count) ++bits;
    }

    function _measure(Model memory m) private pure {
        Bits memory b = m.bits;
        b.feature = bitsFor(m.shape.embedding);
        b.feedForward = bitsFor(m.shape.feedForward);
        b.head = bitsFor(m.shape.head);
        b.heads = bitsFor(m.shape.heads);
        b.group = bitsFor(m.shape.heads / m.shape.kvHeads);
        b.position = m.positions == 1 ? 1 : bitsFor(m.positions);
        b.choice = bitsFor(m.choices);
        b.layer = bitsFor(m.shape.layers);
        b.token = bitsFor(m.shape.vocabulary);
        b.context = bitsFor(m.shape.context);
    }

    function _declareRegistered(Model memory m) private pure {
        Bits memory b = m.bits;
        Registered memory r = m.registered;
        uint256 queries = b.head + b.heads;
        uint256 keys = queries - b.group;
        r.embedding = m.circuit.registered(b.feature + b.token);
        r.matrices[ModelShape.QUERY] = _layered(m, b.feature + queries);
        r.matrices[ModelShape.KEY] = _layered(m, b.feature + keys);
        r.matrices[ModelShape.VALUE] = _layered(m, b.feature + keys);
        r.matrices[ModelShape.OUTPUT] = _layered(m, queries + b.feature);
        r.matrices[ModelShape.GATE] = _layered(m, b.feature + b.feedForward);
        r.matrices[ModelShape.UP] = _layered(m, b.feature + b.feedForward);
        r.matrices[ModelShape.DOWN] = _layered(m, b.feedForward + b.feature);
        if (m.shape.hasBiases) {
            r.biases[ModelShape.QUERY] = _layered(m, queries);
            r.biases[ModelShape.KEY] = _layered(m, keys);
            r.biases[ModelShape.VALUE] = _layered(m, keys);
        }
        r.logits = m.circuit.registered(b.feature + b.token);
        r.cosines = m.circuit.registered(b.head - 1 + b.context);
        r.sines = m.circuit.registered(b.head - 1 + b.context);
        r.exp = m.circuit.registered(TABLE_BITS);
        r.gate = m.circuit.registered(TABLE_BITS);
    }

    function _layered(Model memory m, uint256 variables) private pure returns (uint256) {
        return m.circuit.registered(variables, m.bits.layer, m.shape.layers);
    }

    // Boxes.

    function _box2(Model memory m, uint256 bits0, uint256 bound0, uint256 bits1, uint256 bound1)
        private
        pure
        returns (Circuit.Box memory)
    {
        uint256[] memory bits = new uint256[](2);
        uint256[] memory bounds = new uint256[](2);
        (bits[0], bits[1]) = (bits0, bits1);
        (bounds[0], bounds[1]) = (bound0, bound1);
        return m.circuit.box(bits, bounds);
    }

    /// @dev [cell][position][layer].
    function _cells(Model memory m, uint256 bits0, uint256 bound0)
        private
        pure
        returns (Circuit.Box memory made)
    {
        uint256[] memory bits = new uint256[](3);
        uint256[] memory bounds = new uint256[](3);
        (bits[0], bits[1], bits[2]) = (bits0, m.bits.position, m.bits.layer);
        (bounds[0], bounds[1], bounds[2]) = (bound0, m.positions, m.shape.layers);
        made = m.circuit.box(bits, bounds);
        made.isLayered = true;
    }

    /// @dev [element or key][head or query][position or head][layer].
    function _box4(Model memory m, uint256[3] memory lowBits, uint256[3] memory lowBounds)
        private
        pure
        returns (Circuit.Box memory made)
    {
        uint256[] memory bits = new uint256[](4);
        uint256[] memory bounds = new uint256[](4);
        for (uint256 i; i < 3; ++i) {
            (bits[i], bounds[i]) = (lowBits[i], lowBounds[i]);
        }
        (bits[3], bounds[3]) = (m.bits.layer, m.shape.layers);
        made = m.circuit.box(bits, bounds);
        made.isLayered = true;
    }

    function _headCells(Model memory m, uint256 headBits, uint256 heads)
        private
        pure
        returns (Circuit.Box memory)
    {
        return
            _box4(m, [m.bits.head, headBits, m.bits.position], [m.shape.head, heads, m.positions]);
    }

    /// @dev A box without its lowest axis.
    function _rowsOf(Model memory m, Circuit.Box memory cells)
        private
        pure
        returns (Circuit.Box memory made)
    {
        uint256 count = cells.bits.length - 1;
        uint256[] memory bits = new uint256[](count);
        uint256[] memory bounds = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            (bits[i], bounds[i]) = (cells.bits[i + 1], cells.bounds[i + 1]);
        }
        made = m.circuit.box(bits, bounds);
        made.isLayered = cells.isLayered;
    }

    // Operators.

    function _declareResidual(Model memory m, Residual memory residual, uint256 matrix)
        private
        pure
    {
        residual.box = matrix == ModelShape.OUTPUT
            ? _cells(m, m.bits.feature, m.shape.embedding)
            : m.output.box;
        (residual.shift,) = m.shape.common(ModelShape.MATRIX_SHIFTS + matrix);
        uint256 width = EQUATION - residual.shift;
        residual.values = m.circuit.limbs(residual.box, width < 32 ? width : 32, true);
    }

    function _declareLayerNorm(Model memory m, Norm memory norm, uint256 field) private pure {
        (norm.narrowShift, norm.narrowFactors) = m.shape.common(field + ModelShape.NARROW_SHIFT);
        (norm.scaleShift, norm.scaleFactors) = m.shape.common(field + ModelShape.SCALE_SHIFT);
        norm.epsilons = new uint256[](m.shape.layers);
        for (uint256 i; i < norm.epsilons.length; ++i) {
            norm.epsilons[i] = m.shape.ofLayer(i, field + ModelShape.EPSILON, 8);
        }
        _declareNorm(m, norm);
    }

    function _declareNorm(Model memory m, Norm memory norm) private pure {
        norm.rows = _rowsOf(m, norm.cells);
        norm.narrowed = m.circuit.limbs(norm.cells, NARROWED, true);
        norm.narrowRest = m.circuit.remainder(norm.cells, norm.narrowShift);
        norm.root = m.circuit.limbs(norm.rows, ROOT, false);
        norm.aboveRoot = m.circuit.remainder(norm.rows, ABOVE_ROOT);
        norm.belowNext = m.circuit.remainder(norm.rows, ABOVE_ROOT);
        norm.reciprocal = m.circuit.limbs(norm.rows, NORM_RECIPROCAL, false);
        norm.aboveProduct = m.circuit.remainder(norm.rows, ROOT);
        norm.belowRoot = m.circuit.remainder(norm.rows, ROOT);
        norm.scaled = m.circuit.activation(norm.cells);
        norm.scaleRest = m.circuit.remainder(norm.cells, norm.scaleShift);
    }

    function _declareMatrix(
        Model memory m,
        Activation memory out,
        Circuit.Box memory box,
        uint256 matrix
    ) private pure {
        (out.shift, out.factors) = m.shape.common(ModelShape.MATRIX_SHIFTS + matrix);
        _declareActivation(m, out, box);
    }

    function _declareRope(Model memory m, Activation memory out, Circuit.Box memory box)
        private
        pure
    {
        out.shift = ROPE_FRACTION;
        _declareActivation(m, out, box);
    }

    function _declareActivation(Model memory m, Activation memory out, Circuit.Box memory box)
        private
        pure
    {
        out.box = box;
        out.values = m.circuit.activation(box);
        out.rest = m.circuit.remainder(box, out.shift);
    }

    function _declareAttention(Model memory m) private pure {
        Attention memory a = m.attention;
        uint256 bits = m.bits.position;
        a.cells = _box4(m, [bits, bits, m.bits.heads], [m.positions, m.positions, m.shape.heads]);
        a.cells.isCausal = true;
        a.rows = _rowsOf(m, a.cells);
        (a.shift, a.factors) = m.shape.common(ModelShape.SCORE_SHIFT);
        for (uint256 i; i < a.factors.length; ++i) {
            a.factors[i] *= m.shape.ofLayer(i, ModelShape.SCORE_MULTIPLIER, 4);
        }
        a.maximum = m.circuit.limbs(a.rows, MAXIMUM, true);
        a.expRow = m.circuit.witness(a.cells);
        a.beyondTable = m.circuit.limbs(a.cells, BEYOND_TABLE, false);
        a.exp = m.circuit.witness(a.cells);
        m.circuit.addTable(EXP_TAG, TABLE_BITS, false, m.registered.exp + 1);
        m.circuit.addLookup(lookupOf(EXP_TAG, a.expRow, false, 0, a.exp + 1, a.cells));
        a.rest = m.circuit.remainder(a.cells, a.shift);
        a.isMaximum = m.circuit.witness(a.cells);
        uint256 sumBits = EXP_FRACTION + bits;
        a.reciprocal = m.circuit.limbs(a.rows, MIX_RECIPROCAL, false);
        a.aboveProduct = m.circuit.remainder(a.rows, sumBits);
        a.belowSum = m.circuit.remainder(a.rows, sumBits);
    }

    function _declareFeedForward(Model memory m) private pure {
        Circuit.Box memory box = _cells(m, m.bits.feedForward, m.shape.feedForward);
        _declareMatrix(m, m.gate, box, ModelShape.GATE);
        _declareMatrix(m, m.up, box, ModelShape.UP);
        m.activated = m.circuit.witness(box);
        m.circuit.addTable(GATE_TAG, TABLE_BITS, true, m.registered.gate + 1);
        m.circuit.addLookup(lookupOf(GATE_TAG, m.gate.values, false, 0, m.activated + 1, box));
        (m.product.shift, m.product.factors) = m.shape.common(ModelShape.MULTIPLY_SHIFT);
        _declareActivation(m, m.product, box);
    }

    function _declareTail(Model memory m) private pure {
        Norm memory norm = m.tailNorm;
        uint256[] memory one = new uint256[](1);
        one[0] = 1;
        (norm.narrowFactors, norm.scaleFactors) = (one, one);
        norm.narrowShift = m.shape.at(ModelShape.TAIL_NORM + ModelShape.NARROW_SHIFT, 1);
        norm.scaleShift = m.shape.at(ModelShape.TAIL_NORM + ModelShape.SCALE_SHIFT, 1);
        norm.epsilons = new uint256[](1);
        norm.epsilons[0] = m.shape.at(ModelShape.TAIL_NORM + ModelShape.EPSILON, 8);
        // [feature][choice], and a layer of no bits, as in other norms.
        uint256[] memory bits = new uint256[](3);
        uint256[] memory bounds = new uint256[](3);
        (bits[0], bits[1]) = (m.bits.feature, m.bits.choice);
        (bounds[0], bounds[1], bounds[2]) = (m.shape.embedding, m.choices, 1);
        norm.cells = m.circuit.box(bits, bounds);
        _declareNorm(m, norm);

        Logits memory l = m.logits;
        l.shift = m.shape.at(ModelShape.LOGITS_SHIFT, 1);
        l.cells = _box2(m, m.bits.token, m.shape.vocabulary, m.bits.choice, m.choices);
        l.rows = _rowsOf(m, l.cells);
        l.best = m.circuit.limbs(l.rows, BEST, true);
        l.belowBest = m.circuit.limbs(l.cells, BELOW_BEST, false);
        l.rest = m.circuit.remainder(l.cells, l.shift);
    }
}
