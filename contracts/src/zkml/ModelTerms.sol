// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttentionTerms} from "./AttentionTerms.sol";
import {Circuit} from "./Circuit.sol";
import {EquationBuilder} from "./EquationBuilder.sol";
import {Fp3, ZERO, sumOfProducts} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {ModelShape} from "./ModelShape.sol";
import {Points} from "./Points.sol";
import {TermSum} from "./TermSum.sol";
import {TokenWeights} from "./TokenWeights.sol";

/// @title The terms of a model's equations
/// @notice The twin of src/imo/zkml/model_circuit.cpp; docs/proof.md, "The circuit of a model", is normative. What terms
/// must add up to is in ModelEquations, in the same order.
library ModelTerms {
    using TermSum for TermSum.Sum;

    /// @dev What terms of more than one equation need.
    /// @param tokens eq(token, r) for each token.
    /// @param embedded Of the tokens at all positions: eq(token, r) eq(position, rho), added up.
    struct Tokens {
        Fp3[] tokens;
        Fp3 embedded;
    }

    /// @notice The variables of the largest term.
    function variables(ModelCircuit.Model memory m) internal pure returns (uint256 most) {
        ModelCircuit.Bits memory b = m.bits;
        most = b.head + b.heads + b.layer; // scores
        uint256 rope = b.head - 1 + b.position;
        if (rope > most) most = rope;
        if (m.attentionNorm.cells.variables > most) most = m.attentionNorm.cells.variables;
        if (m.attention.cells.variables > most) most = m.attention.cells.variables;
        if (m.product.box.variables > most) most = m.product.box.variables;
        if (m.tailNorm.cells.variables > most) most = m.tailNorm.cells.variables;
        if (m.logits.cells.variables > most) most = m.logits.cells.variables;
    }

    /// @notice Reads the columns that terms need, and adds all terms.
    function add(TermSum.Sum memory s) internal pure {
        ModelCircuit.Model memory m = s.c.m;
        ModelCircuit.Bits memory b = m.bits;
        Tokens memory tokens = _tokens(s);
        uint256 queryBits = b.head + b.heads;
        uint256 keyBits = queryBits - b.group;
        _layerNorm(s, m.attentionNorm, tokens, false);
        uint256 input = m.attentionNorm.scaled;
        _matrix(s, ModelShape.QUERY, input, b.feature, queryBits);
        _matrix(s, ModelShape.KEY, input, b.feature, keyBits);
        _matrix(s, ModelShape.VALUE, input, b.feature, keyBits);
        AttentionTerms.rope(s, m.query);
        AttentionTerms.rope(s, m.key);
        AttentionTerms.scores(s);
        AttentionTerms.mixReciprocal(s);
        AttentionTerms.mix(s);
        _matrix(s, ModelShape.OUTPUT, m.mixed.values, queryBits, b.feature);
        _layerNorm(s, m.feedForwardNorm, tokens, true);
        input = m.feedForwardNorm.scaled;
        _matrix(s, ModelShape.GATE, input, b.feature, b.feedForward);
        _matrix(s, ModelShape.UP, input, b.feature, b.feedForward);
        _product(s);
        _matrix(s, ModelShape.DOWN, m.product.values, b.feedForward, b.feature);
        _tailNorm(s, tokens);
        _logits(s);
        AttentionTerms.maximum(s);
        _chosen(s, tokens);
    }

    function _tokens(TermSum.Sum memory s) private pure returns (Tokens memory made) {
        ModelCircuit.Bits memory b = s.c.m.bits;
        made.tokens = TokenWeights.all(s.c.m.tokens, s.r, b.token);
        Fp3[] memory positions = Points.tableOf(s.c.tables, s.c.rho + 32 * b.feature, b.position);
        uint256 count = s.c.m.positions;
        for (uint256 p; p < count; ++p) {
            made.embedded = made.tokens[p].mulAdd(positions[p], made.embedded);
        }
    }

    // Norms.

    /// @dev The input of layers' norms is the residual stream: the embedding and all that earlier layers added, and behind
    /// attention what this layer's did.
    function _layerNorm(
        TermSum.Sum memory s,
        ModelCircuit.Norm memory norm,
        Tokens memory tokens,
        bool isBehindAttention
    ) private pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        (Fp3 total, Fp3 attention, Fp3 feedForward) =
            _layersBehind(s, norm.narrowFactors, isBehindAttention);
        _embedding(s, total * tokens.embedded);
        Fp3[] memory point = s.join(s.c.rho, b.feature + b.position, s.r, b.layer);
        attention = attention * s.limbs(s.c.m.output.values, point);
        s.add(b.layer, feedForward.mulAdd(s.limbs(s.c.m.down.values, point), attention));
        _norm(s, norm);
    }

    /// @dev With w_l the weight of layer l at rho, times its factor.
    /// @return total The sum of all w_l.
    /// @return attention The sum of eq(l, r) w_m over m > l, or m >= l behind attention: what attention adds.
    /// @return feedForward The sum of eq(l, r) w_m over m > l.
    function _layersBehind(TermSum.Sum memory s, uint256[] memory factors, bool isBehindAttention)
        private
        pure
        returns (Fp3 total, Fp3 attention, Fp3 feedForward)
    {
        ModelCircuit.Bits memory b = s.c.m.bits;
        Fp3[] memory there = Points.tableOf(s.c.tables, s.r, b.layer);
        Fp3[] memory here =
            Points.tableOf(s.c.tables, s.c.rho + 32 * (b.feature + b.position), b.layer);
        for (uint256 l = factors.length; l > 0; --l) {
            feedForward = there[l - 1].mulAdd(total, feedForward);
            total = total + here[l - 1].times(factors[l - 1]);
            if (isBehindAttention) attention = there[l - 1].mulAdd(total, attention);
        }
        if (!isBehindAttention) attention = feedForward;
    }

    /// @dev The embedding of tokens whose weights in rows, `tokens`, are in r.
    function _embedding(TermSum.Sum memory s, Fp3 tokens) private pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        Fp3[] memory point = s.join(s.c.rho, b.feature, s.r, b.token);
        s.add(b.token, tokens * s.value(s.c.m.registered.embedding, point));
    }

    /// @dev The input is the residual stream behind the last layer, at positions whose next token is of the output.
    function _tailNorm(TermSum.Sum memory s, Tokens memory tokens) private pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 first = s.c.m.positions - s.c.m.choices;
        Fp3[] memory choices = Points.tableOf(s.c.tables, s.c.rho + 32 * b.feature, b.choice);
        Fp3[] memory positions = Points.tableOf(s.c.tables, s.r, b.position);
        Fp3 embedded;
        Fp3 chosen;
        for (uint256 i; i < s.c.m.choices; ++i) {
            embedded = choices[i].mulAdd(tokens.tokens[first + i], embedded);
            chosen = choices[i].mulAdd(positions[first + i], chosen);
        }
        _embedding(s, embedded);
        chosen = chosen * Points.below(s.c.m.shape.layers, s.r + 32 * b.position, b.layer);
        Fp3[] memory point = s.join(s.c.rho, b.feature, s.r, b.position + b.layer);
        Fp3 added = s.limbs(s.c.m.output.values, point);
        added = added + s.limbs(s.c.m.down.values, point);
        s.add(b.position + b.layer, chosen * added);
        _norm(s, s.c.m.tailNorm);
    }

    /// @dev All equations of a norm; the terms of its first one, the input, are there.
    function _norm(TermSum.Sum memory s, ModelCircuit.Norm memory norm) private pure {
        s.next();
        uint256 rows = norm.rows.variables;
        // v - t^2
        _squares(s, norm);
        Fp3[] memory point = s.part(0, rows);
        Fp3 root = s.limbs(norm.root, point);
        Fp3 known = _rows(s, norm, 0);
        s.add(rows, ZERO - root * root * known);
        s.next();
        s.next();
        // 2^40 - r t
        Fp3 reciprocal = s.limbs(norm.reciprocal, point);
        s.add(rows, ZERO - reciprocal * root * known);
        s.next();
        s.next();
        _scale(s, norm, reciprocal);
        s.next();
    }

    function _squares(TermSum.Sum memory s, ModelCircuit.Norm memory norm) private pure {
        uint256 feature = norm.cells.bits[0];
        uint256 all = norm.cells.variables;
        Fp3 narrowed = s.limbs(norm.narrowed, s.part(0, all));
        Fp3 known = Points.below(norm.cells.bounds[0], s.r, feature) * _rows(s, norm, feature);
        s.add(all, narrowed * narrowed * known);
    }

    /// @dev eq(rho, row) for a norm's rows that there are, in variables from `first` on.
    function _rows(TermSum.Sum memory s, ModelCircuit.Norm memory norm, uint256 first)
        private
        pure
        returns (Fp3)
    {
        uint256 rowBits = norm.rows.bits[0];
        uint256 r = s.r + 32 * first;
        uint256 skip = 32 * rowBits;
        Fp3[] memory here = Points.tableOf(s.c.tables, s.c.rho + skip, norm.rows.bits[1]);
        Fp3[] memory there = Points.tableOf(s.c.tables, r + skip, norm.rows.bits[1]);
        Fp3 layers = sumOfProducts(here, 0, there, 0, norm.epsilons.length);
        return layers * Points.equal(s.c.rho, r, rowBits);
    }

    function _scale(TermSum.Sum memory s, ModelCircuit.Norm memory norm, Fp3 reciprocal)
        private
        pure
    {
        uint256 rows = norm.rows.variables;
        uint256 rowBits = norm.rows.bits[0];
        uint256 feature = norm.cells.bits[0];
        uint256 row = s.c.rho + 32 * feature;
        Fp3 narrowed = s.limbs(norm.narrowed, s.join(s.c.rho, feature, s.r, rows));
        Fp3 known = Points.equal(s.r, row, rowBits)
            * s.layers(s.r + 32 * rowBits, row + 32 * rowBits, norm.rows.bits[1], norm.scaleFactors);
        s.add(rows, narrowed * reciprocal * known);
    }

    // Matrices.

    /// @dev The products of a matrix at rho: [row][position][layer].
    /// @param input Its columns are [input][position][layer], 2^inputBits inputs.
    function _matrix(
        TermSum.Sum memory s,
        uint256 matrix,
        uint256 input,
        uint256 inputBits,
        uint256 rowBits
    ) private pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 position = s.c.rho + 32 * rowBits;
        Fp3 product = _rowOf(s, s.c.m.registered.matrices[matrix], inputBits, s.c.rho, rowBits);
        product = product * _rowOf(s, input, inputBits, position, b.position);
        product = product * s.layers(s.r + 32 * inputBits, position + 32 * b.position);
        s.add(inputBits + b.layer, product);
        s.next();
    }

    /// @dev A column [input][row][layer] at a row whose `rowBits` coordinates are at `row`.
    function _rowOf(
        TermSum.Sum memory s,
        uint256 column,
        uint256 inputBits,
        uint256 row,
        uint256 rowBits
    ) private pure returns (Fp3) {
        Fp3[] memory point = s.join(
            s.r, inputBits, row, rowBits, s.r + 32 * inputBits, s.c.m.bits.layer
        );
        return s.value(column, point);
    }

    function _product(TermSum.Sum memory s) private pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        ModelCircuit.Activation memory out = s.c.m.product;
        uint256 variables_ = out.box.variables;
        uint256 first = b.feedForward + b.position;
        Fp3[] memory point = s.part(0, variables_);
        Fp3 product = s.value(s.c.m.activated, point);
        product = product * s.value(s.c.m.up.values, point);
        product = product * Points.equal(s.c.rho, s.r, first);
        product = product * s.layers(s.r + 32 * first, s.c.rho + 32 * first, b.layer, out.factors);
        s.add(variables_, product);
        s.next();
    }

    // The choice of tokens.

    function _logits(TermSum.Sum memory s) private pure {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 choice = s.c.rho + 32 * b.token;
        Fp3 weights = s.value(s.c.m.registered.logits, s.join(s.r, b.feature, s.c.rho, b.token));
        Fp3 input = s.value(s.c.m.tailNorm.scaled, s.join(s.r, b.feature, choice, b.choice));
        s.add(b.feature, weights * input);
        s.next();
    }

    /// @dev How far the chosen tokens' logits are below the greatest.
    function _chosen(TermSum.Sum memory s, Tokens memory tokens) private pure {
        ModelCircuit.Logits memory l = s.c.m.logits;
        uint256 all = l.cells.variables;
        s.add(all, _chosenTokens(s, tokens) * s.limbs(l.belowBest, s.part(0, all)));
    }

    /// @dev eq(token, r) eq(choice, rho) eq(choice, r), added up.
    function _chosenTokens(TermSum.Sum memory s, Tokens memory tokens)
        private
        pure
        returns (Fp3 sum)
    {
        ModelCircuit.Bits memory b = s.c.m.bits;
        uint256 first = s.c.m.positions + 1 - s.c.m.choices;
        Fp3[] memory here = Points.tableOf(s.c.tables, s.c.rho + 32 * b.token, b.choice);
        Fp3[] memory there = Points.tableOf(s.c.tables, s.r + 32 * b.token, b.choice);
        for (uint256 i; i < s.c.m.choices; ++i) {
            sum = tokens.tokens[first + i].mulAdd(here[i] * there[i], sum);
        }
    }
}
