// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {DotProduct} from "./DotProduct.sol";
import {OpmlConstants as K} from "./OpmlConstants.sol";
import {TraceLayout} from "./TraceLayout.sol";
import {Witness} from "./Witness.sol";

/// @title Each operator's element
/// @notice The twin of src/imo/opml/step.hpp: what an element must be, from inputs that the witness proves. Inputs may
/// be anything an operator of the trace claimed, so every result is defined for any of them; 256 bits hold them all.
library Steps {
    using Witness for Witness.Reader;
    using Witness for Witness.Values;

    /// @notice The contested element.
    struct Contest {
        Witness.Reader reader;
        TraceLayout.Tensor self;
        TraceLayout.Element at;
    }

    /// @notice What the element must be.
    function compute(Contest memory c) internal pure returns (int256) {
        uint256 kind = c.self.kind;
        if (kind == K.MAT_MUL) return _matMul(c);
        if (kind == K.EMBED) return _embed(c);
        if (kind == K.NARROW) return _rescale(c, _element(c, 0, 4, c.at.index));
        if (kind == K.SUM_SQUARES) return _sumSquares(c);
        if (kind == K.ROOT) return _root(_element(c, 0, 8, 0));
        if (kind == K.RECIPROCAL) return _reciprocal(c);
        if (kind == K.SCALE) return _scale(c);
        if (kind == K.ADD) return _add(c);
        if (kind == K.ROPE) return _rope(c);
        if (kind == K.SCORES) return _scores(c);
        if (kind == K.ROW_MAX) return _rowMax(c);
        if (kind == K.EXP) return _exp(c);
        if (kind == K.ROW_SUM) return _rowSum(c);
        if (kind == K.MIX) return c.at.isValue ? _element(c, 1, 2, c.at.index) : _mix(c);
        if (kind == K.ACTIVATION) return _activation(c);
        if (kind == K.MULTIPLY) {
            int256 x = _element(c, 0, 2, c.at.index);
            return _rescale(c, x * _element(c, 1, 2, c.at.index));
        }
        if (kind == K.BLOCK_MAX) return _blockMax(c);
        return _argmax(c);
    }

    // ---------------------------------------------------------------- inputs

    function _field(Contest memory c, uint256 at, uint256 length) private pure returns (uint256) {
        return TraceLayout.field(c.self.descriptor, at, length);
    }

    function _check(Contest memory c, bool holds) private pure {
        if (!holds) revert IStepVerifier.BadDescriptor(c.self.index);
    }

    function _input(Contest memory c, uint256 slot)
        private
        pure
        returns (TraceLayout.Tensor memory)
    {
        return c.reader.open(_inputIndex(c, slot));
    }

    function _inputIndex(Contest memory c, uint256 slot) private pure returns (uint256 index) {
        index = _field(c, K.AT_INPUTS + 4 * slot, 4);
        if (index >= c.self.index) revert IStepVerifier.InputNotEarlier(c.self.index, index);
    }

    /// @dev An input whose elements must have `size` bytes.
    function _input(Contest memory c, uint256 slot, uint256 size)
        private
        pure
        returns (TraceLayout.Tensor memory tensor)
    {
        tensor = _input(c, slot);
        if (tensor.size != size) {
            revert IStepVerifier.WrongInputType(c.self.index, tensor.index);
        }
    }

    /// @dev One element of an input, in its row at this position.
    function _element(Contest memory c, uint256 slot, uint256 size, uint256 index)
        private
        pure
        returns (int256)
    {
        TraceLayout.Tensor memory from = _input(c, slot, size);
        return c.reader.row(from, c.at.position, index, 1).get(0);
    }

    /// @dev The elements of this head in a row of Scores or Exp, which is input 0.
    function _keysOfHead(Contest memory c, uint256 head)
        private
        pure
        returns (Witness.Values memory)
    {
        TraceLayout.Tensor memory from = _input(c, 0, 4);
        uint256 keys = c.at.position + 1;
        return c.reader.row(from, c.at.position, head * keys, keys);
    }

    // ---------------------------------------------------------------- rescaling

    /// @dev Rb(x, s) = clamp_b((x + 2^(s-1)) >> s), for |x| < 2^60.
    function _rescale(Contest memory c, int256 x) private pure returns (int256) {
        uint256 shift = _field(c, K.AT_SHIFT, 1);
        uint256 bits = _field(c, K.AT_BITS, 1);
        _check(c, shift >= 1 && shift <= K.MAX_SHIFT && bits >= 1 && bits <= K.RESIDUAL_BITS);
        int256 bound = int256(1 << K.RESCALE_BITS);
        if (x >= bound || x <= -bound) revert IStepVerifier.ValueOutOfBounds(c.self.index);
        return rescaled(x, shift, bits);
    }

    /// @notice clamp((x + 2^(shift-1)) >> shift) to `bits` bits and a sign, for 1 <= shift <= MAX_SHIFT.
    function rescaled(int256 x, uint256 shift, uint256 bits) internal pure returns (int256) {
        return _clamp((x + int256(1 << (shift - 1))) >> shift, bits);
    }

    function _clamp(int256 x, uint256 bits) private pure returns (int256) {
        int256 limit = int256((1 << bits) - 1);
        return x > limit ? limit : (x < -limit ? -limit : x);
    }

    // ---------------------------------------------------------------- operators

    function _embed(Contest memory c) private pure returns (int256) {
        uint256 token = c.reader.token(c.at.position);
        Witness.Row memory row = c.reader.weights(_field(c, K.AT_TENSOR, 4), token);
        _check(c, row.columns == c.self.width);
        return _rescale(c, Witness.load(row.at + c.at.index, 1) * row.multiplier);
    }

    function _sumSquares(Contest memory c) private pure returns (int256) {
        TraceLayout.Tensor memory u = _input(c, 0, 4);
        Witness.Values memory row = c.reader.row(u, c.at.position, 0, u.width);
        return
            DotProduct.mixed(row.at, 4, row.at, 4, row.count) + int256(_field(c, K.AT_CONSTANT, 8));
    }

    function _root(int256 v) private pure returns (int256) {
        // forge-lint: disable-next-line(unsafe-typecast) positive
        return v <= 0 ? int256(0) : int256(FixedPointMathLib.sqrt(uint256(v)));
    }

    function _reciprocal(Contest memory c) private pure returns (int256) {
        uint256 exponent = _field(c, K.AT_CONSTANT, 8);
        _check(c, exponent <= K.MAX_SHIFT);
        int256 z = _element(c, 0, 8, c.at.index);
        // forge-lint: disable-next-line(unsafe-typecast) at most 2^62
        return z <= 0 ? int256(0) : int256(1 << exponent) / z;
    }

    function _scale(Contest memory c) private pure returns (int256) {
        uint256 groups = _field(c, K.AT_GROUPS, 4);
        _check(c, groups != 0 && c.self.width % groups == 0);
        TraceLayout.Tensor memory scaled = _input(c, 0);
        int256 x = c.reader.row(scaled, c.at.position, c.at.index, 1).get(0);
        return _rescale(c, x * _element(c, 1, 8, c.at.index / (c.self.width / groups)));
    }

    /// @notice What sum `number` of the `count` at `sums` must be, one behind the other in calldata; or, where `number`
    /// is `count`, the element.
    /// @return isWhole Whether a row has so many sums; if not, nothing more is read nor computed.
    function computeSum(Contest memory c, uint256 sums, uint256 number, uint256 count)
        internal
        pure
        returns (bool isWhole, int256 computed)
    {
        if (c.self.kind != K.MAT_MUL) revert IStepVerifier.NoSums(c.self.index);
        Witness.Row memory w = c.reader.weights(_field(c, K.AT_TENSOR, 4), c.at.index);
        _check(c, w.columns <= K.MAX_COLUMNS);
        if (count != (w.columns + K.SUM_COLUMNS - 1) / K.SUM_COLUMNS) return (false, 0);
        if (number != 0) computed = Witness.load(sums + (number - 1) * K.SUM_BYTES, K.SUM_BYTES);
        if (number == count) return (true, _product(c, w, computed));
        uint256 first = number * K.SUM_COLUMNS;
        uint256 columns = FixedPointMathLib.min(K.SUM_COLUMNS, w.columns - first);
        Witness.Values memory x =
            c.reader.row(_plainInput(c, w.columns), c.at.position, first, columns);
        computed += DotProduct.weighted(w.at + first, x.at, columns);
        return (true, computed);
    }

    /// @dev The row that is multiplied with a row of `width` weights, which is as long and of int16, or the program is none:
    /// so its descriptor need not be shown.
    function _plainInput(Contest memory c, uint256 width)
        private
        pure
        returns (TraceLayout.Tensor memory from)
    {
        from.index = _inputIndex(c, 0);
        from.size = 2;
        from.width = width;
        from.isTail = from.index >= c.reader.shape.tail;
    }

    function _matMul(Contest memory c) private pure returns (int256) {
        TraceLayout.Tensor memory from = _factors(c);
        Witness.Values memory x = c.reader.row(from, c.at.position, 0, from.width);
        Witness.Row memory w = _weights(c, from);
        return _product(c, w, DotProduct.weighted(w.at, x.at, x.count));
    }

    /// @dev The row that is multiplied with weights.
    function _factors(Contest memory c) private pure returns (TraceLayout.Tensor memory from) {
        from = _input(c, 0, 2);
        _check(c, from.width <= K.MAX_COLUMNS);
    }

    function _weights(Contest memory c, TraceLayout.Tensor memory from)
        private
        pure
        returns (Witness.Row memory w)
    {
        w = c.reader.weights(_field(c, K.AT_TENSOR, 4), c.at.index);
        _check(c, w.columns == from.width);
    }

    /// @dev The element, when all products of weights and activations add up to `sum`.
    function _product(Contest memory c, Witness.Row memory w, int256 sum)
        private
        pure
        returns (int256)
    {
        sum += w.bias;
        bool isBounded = uint256(w.multiplier) <= K.ROW_MULTIPLIER_MAX
            && sum <= int256(K.ACCUMULATOR_MAX) && sum >= -int256(K.ACCUMULATOR_MAX);
        if (!isBounded) revert IStepVerifier.ValueOutOfBounds(c.self.index);
        return _rescale(c, sum * w.multiplier);
    }

    function _add(Contest memory c) private pure returns (int256) {
        int256 x = _element(c, 0, 4, c.at.index);
        return _clamp(x + _element(c, 1, 4, c.at.index), K.RESIDUAL_BITS);
    }

    /// @dev A pair that one rotation turns.
    /// @param first Index of its first element in the row; the second is `distance` behind it.
    /// @param isFirst Whether the contested element is the first.
    struct Pair {
        uint256 number;
        uint256 first;
        uint256 distance;
        bool isFirst;
    }

    function _rope(Contest memory c) private pure returns (int256) {
        uint256 groups = _field(c, K.AT_GROUPS, 4);
        _check(c, groups != 0 && c.self.width % groups == 0);
        uint256 head = c.self.width / groups;
        uint256 rotated = _field(c, K.AT_ROTATED, 4);
        uint256 pairing = _field(c, K.AT_PAIRING, 1);
        _check(c, rotated & 1 == 0 && rotated <= head && pairing <= K.HALF_SPLIT);
        uint256 within = c.at.index % head;
        if (within >= rotated) return _element(c, 0, 2, c.at.index);
        Pair memory pair = _pairOf(within, rotated, pairing == K.INTERLEAVED);
        pair.first += c.at.index - within;
        return _turn(c, pair, c.at.position * rotated + 2 * pair.number);
    }

    /// @dev `entry` is the place of the pair's cosine in the table.
    function _turn(Contest memory c, Pair memory pair, uint256 entry)
        private
        pure
        returns (int256)
    {
        TraceLayout.Tensor memory from = _input(c, 0, 2);
        Witness.Values memory x = c.reader.row(from, c.at.position, pair.first, pair.distance + 1);
        uint256 table = _field(c, K.AT_TABLE, 4);
        Witness.Values memory turn = c.reader.entries(c.self.index, table, K.ROPE_TABLE, entry, 2);
        return _turned(x.get(0), x.get(pair.distance), turn, pair.isFirst);
    }

    function _pairOf(uint256 within, uint256 rotated, bool isInterleaved)
        private
        pure
        returns (Pair memory pair)
    {
        if (isInterleaved) {
            return Pair(within / 2, within & ~uint256(1), 1, within & 1 == 0);
        }
        uint256 half = rotated / 2;
        uint256 first = within < half ? within : within - half;
        return Pair(first, first, half, within < half);
    }

    function _turned(int256 x0, int256 x1, Witness.Values memory turn, bool isFirst)
        private
        pure
        returns (int256)
    {
        (int256 cosine, int256 sine) = (turn.get(0), turn.get(1));
        int256 sum = isFirst ? x0 * cosine - x1 * sine : x0 * sine + x1 * cosine;
        return rescaled(sum, K.ROPE_FRACTION, K.ACTIVATION_BITS);
    }

    function _scores(Contest memory c) private pure returns (int256) {
        uint256 groups = _field(c, K.AT_GROUPS, 4);
        uint256 kvGroups = _field(c, K.AT_KV_GROUPS, 4);
        _check(c, groups != 0 && kvGroups != 0 && groups % kvGroups == 0 && c.self.width == groups);
        uint256 keys = c.at.position + 1;
        uint256 h = c.at.index / keys;
        TraceLayout.Tensor memory queries = _input(c, 0, 2);
        _check(c, queries.width % groups == 0);
        uint256 head = queries.width / groups;
        Witness.Values memory q = c.reader.row(queries, c.at.position, h * head, head);
        TraceLayout.Tensor memory cache = _input(c, 1, 2);
        Witness.Values memory k =
        // forge-lint: disable-next-line(divide-before-multiply) whole heads
        c.reader.row(cache, c.at.index % keys, h / (groups / kvGroups) * head, head);
        int256 sum = DotProduct.mixed(q.at, 2, k.at, 2, head);
        return _rescale(c, sum * int256(_field(c, K.AT_MULTIPLIER, 4)));
    }

    function _rowMax(Contest memory c) private pure returns (int256 best) {
        Witness.Values memory z = _keysOfHead(c, c.at.index);
        (best,) = DotProduct.greatest(z.at, z.count);
    }

    function _exp(Contest memory c) private pure returns (int256) {
        int256 z = _element(c, 0, 4, c.at.index);
        int256 m = _element(c, 1, 4, c.at.index / (c.at.position + 1));
        if (m < z) revert IStepVerifier.ValueOutOfBounds(c.self.index);
        // forge-lint: disable-next-line(unsafe-typecast) not negative
        uint256 entry = FixedPointMathLib.min(uint256(m - z), K.EXP_ENTRIES - 1);
        return
            c.reader.entries(c.self.index, _field(c, K.AT_TABLE, 4), K.EXP_TABLE, entry, 1).get(0);
    }

    function _rowSum(Contest memory c) private pure returns (int256) {
        Witness.Values memory e = _keysOfHead(c, c.at.index);
        return DotProduct.total(e.at, e.count);
    }

    function _mix(Contest memory c) private pure returns (int256) {
        uint256 groups = _field(c, K.AT_GROUPS, 4);
        uint256 head = c.self.width / groups; // whole heads: TraceLayout.tensorOf
        uint256 h = c.at.index / head;
        Witness.Values memory e = _keysOfHead(c, h);
        uint256 kvHead = h / (groups / _field(c, K.AT_KV_GROUPS, 4));
        Witness.Values memory v =
            c.reader.column(c.self, kvHead * head + c.at.index % head, c.at.position + 1);
        return DotProduct.mixed(e.at, 4, v.at, 2, e.count);
    }

    function _activation(Contest memory c) private pure returns (int256) {
        int256 x = _element(c, 0, 2, c.at.index);
        return c.reader.
            // forge-lint: disable-next-line(unsafe-typecast) an int16
            entries(c.self.index, _field(c, K.AT_TABLE, 4), K.SILU_TABLE, uint256(x + 32768), 1)
            .get(0);
    }

    function _blockMax(Contest memory c) private pure returns (int256) {
        TraceLayout.Tensor memory logits = _input(c, 0, 4);
        uint256 first = c.at.index / 2 * K.ARGMAX_BLOCK;
        _check(c, first < logits.width);
        Witness.Values memory block_ = c.reader
            .row(
                logits,
                c.at.position,
                first,
                FixedPointMathLib.min(K.ARGMAX_BLOCK, logits.width - first)
            );
        (int256 best, uint256 at) = DotProduct.greatest(block_.at, block_.count);
        // forge-lint: disable-next-line(unsafe-typecast) 32 bits and a bit
        return c.at.index & 1 == 0 ? best : int256(first + at);
    }

    /// @dev Over (value, id) pairs: the greatest value, of equals the lowest id.
    function _argmax(Contest memory c) private pure returns (int256) {
        TraceLayout.Tensor memory blocks = _input(c, 0, 4);
        _check(c, blocks.width & 1 == 0);
        Witness.Values memory pairs = c.reader.row(blocks, c.at.position, 0, blocks.width);
        return DotProduct.greatestPair(pairs.at, pairs.count / 2);
    }
}
