// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OpmlConstants as K} from "../opml/OpmlConstants.sol";
import {ModelShape} from "./ModelShape.sol";

/// @title The program that a shape stands for
/// @notice The twin of src/imo/zkml/model_program.cpp: what each operator and tensor of it must be.
library ModelProgram {
    using ModelShape for ModelShape.Shape;

    /// @notice An operator, as its descriptor has it; `first` and `second` are its inputs.
    struct Operator {
        uint256 kind;
        uint256 outputType;
        uint256 bits;
        uint256 shift;
        uint256 pairing;
        uint256 first;
        uint256 second;
        uint256 tensor;
        uint256 table;
        uint256 width;
        uint256 groups;
        uint256 kvGroups;
        uint256 multiplier;
        uint256 rotated;
        uint256 constant_;
    }

    uint256 internal constant EXP_TABLE = 0;
    uint256 internal constant ROPE_TABLE = 1;
    uint256 internal constant GATE_TABLE = 2;
    uint256 internal constant TABLE_COUNT = 3;

    uint256 private constant NONE = type(uint32).max;
    uint256 internal constant MATRICES = 7;

    // Operators of a layer, from its first one.
    uint256 private constant QUERY = 5;
    uint256 private constant KEY = 6;
    uint256 private constant VALUE = 7;
    uint256 private constant TURNED_QUERY = 8;
    uint256 private constant TURNED_KEY = 9;
    uint256 private constant SCORES = 10;
    uint256 private constant ROW_MAX = 11;
    uint256 private constant EXP = 12;
    uint256 private constant ROW_SUM = 13;
    uint256 private constant MIX = 14;
    uint256 private constant MIX_RECIPROCAL = 15;
    uint256 private constant MIX_SCALED = 16;
    uint256 private constant OUTPUT = 17;
    uint256 private constant ADD_ATTENTION = 18;
    uint256 private constant FEED_FORWARD_NORM = 19;
    uint256 private constant GATE = 24;
    uint256 private constant ACTIVATION = 25;
    uint256 private constant UP = 26;
    uint256 private constant MULTIPLY = 27;
    uint256 private constant DOWN = 28;
    uint256 private constant LAYER_OPERATORS = 30;

    uint256 private constant NORM_OPERATORS = 5;
    uint256 private constant TAIL_OPERATORS = NORM_OPERATORS + 3;

    /// @dev What no circuit depends on: the fraction (byte 4) and the layer (bytes 6 and 7).
    uint256 private constant FREE = 0xff << 216 | 0xffff << 192;
    /// @dev Byte 3: the shift of operator 0 is in the registered rows.
    uint256 private constant SHIFT = 0xff << 224;

    function operatorCount(ModelShape.Shape memory shape) internal pure returns (uint256) {
        return tail(shape) + TAIL_OPERATORS;
    }

    /// @notice The first operator behind all layers.
    function tail(ModelShape.Shape memory shape) internal pure returns (uint256) {
        return 1 + LAYER_OPERATORS * shape.layers;
    }

    function tensorCount(ModelShape.Shape memory shape) internal pure returns (uint256) {
        return 2 + MATRICES * shape.layers;
    }

    /// @notice The tensor of a matrix of a layer. Tensor 0 is the embedding's, the last one that of the logits.
    function tensorOf(uint256 layer, uint256 matrix) internal pure returns (uint256) {
        return 1 + MATRICES * layer + matrix;
    }

    /// @notice Whether the two words of a descriptor are those of operator `index`, which the program has.
    function isExpected(ModelShape.Shape memory shape, uint256 index, uint256 high, uint256 low)
        internal
        pure
        returns (bool)
    {
        Operator memory op = operatorAt(shape, index);
        uint256 mask = ~FREE;
        if (index == 0) mask &= ~SHIFT;
        return _high(op) & mask == high & mask && _low(op) == low;
    }

    /// @notice Rows and columns of tensor `index`, which the program has.
    function tensorSize(ModelShape.Shape memory shape, uint256 index)
        internal
        pure
        returns (uint256 rows, uint256 columns)
    {
        if (!_isOfLayer(shape, index)) return (shape.vocabulary, shape.embedding);
        uint256 matrix = (index - 1) % MATRICES;
        uint256 queries = shape.heads * shape.head;
        if (matrix == ModelShape.QUERY) return (queries, shape.embedding);
        if (matrix == ModelShape.OUTPUT) return (shape.embedding, queries);
        if (matrix == ModelShape.DOWN) return (shape.embedding, shape.feedForward);
        if (matrix == ModelShape.GATE || matrix == ModelShape.UP) {
            return (shape.feedForward, shape.embedding);
        }
        return (shape.kvHeads * shape.head, shape.embedding);
    }

    /// @notice Whether rows of tensor `index` may have biases other than zero.
    function mayHaveBias(ModelShape.Shape memory shape, uint256 index)
        internal
        pure
        returns (bool)
    {
        return shape.hasBiases && _isOfLayer(shape, index)
            && (index - 1) % MATRICES <= ModelShape.VALUE;
    }

    /// @notice What the rows of tensor `index` are multiplied with, to bring the shifts of all layers to the greatest.
    function factorOf(ModelShape.Shape memory shape, uint256 index)
        internal
        pure
        returns (uint256)
    {
        if (!_isOfLayer(shape, index)) return 1;
        (uint256 layer, uint256 matrix) = ((index - 1) / MATRICES, (index - 1) % MATRICES);
        (, uint256[] memory factors) = shape.common(ModelShape.MATRIX_SHIFTS + matrix);
        return factors[layer];
    }

    /// @notice Kind and entries of table `index`, which the program has.
    function tableOf(ModelShape.Shape memory shape, uint256 index)
        internal
        pure
        returns (uint256 kind, uint256 entries)
    {
        if (index == EXP_TABLE) return (K.EXP_TABLE, K.EXP_ENTRIES);
        if (index == ROPE_TABLE) return (K.ROPE_TABLE, shape.context * shape.head);
        return (K.SILU_TABLE, K.ACTIVATION_ENTRIES);
    }

    function _isOfLayer(ModelShape.Shape memory shape, uint256 tensor) private pure returns (bool) {
        return tensor != 0 && tensor + 1 != tensorCount(shape);
    }

    function operatorAt(ModelShape.Shape memory shape, uint256 index)
        internal
        pure
        returns (Operator memory op)
    {
        if (index == 0) {
            op = _operator(K.EMBED, K.INT32, NONE, NONE, shape.embedding);
            (op.tensor, op.bits) = (0, K.RESIDUAL_BITS);
            return op;
        }
        (uint256 layer, uint256 k) = ((index - 1) / LAYER_OPERATORS, (index - 1) % LAYER_OPERATORS);
        uint256 base = index - k;
        if (layer == shape.layers) return _tail(shape, k, base);
        uint256 norm = ModelShape.startOf(layer) + ModelShape.ATTENTION_NORM;
        if (k < NORM_OPERATORS) return _norm(shape, k, norm, base, base - 1);
        if (k < FEED_FORWARD_NORM) return _attention(shape, layer, k, base);
        if (k >= FEED_FORWARD_NORM + NORM_OPERATORS) return _feedForward(shape, layer, k, base);
        norm = ModelShape.startOf(layer) + ModelShape.FEED_FORWARD_NORM;
        return
            _norm(
                shape, k - FEED_FORWARD_NORM, norm, base + FEED_FORWARD_NORM, base + ADD_ATTENTION
            );
    }

    /// @dev Operator `k` of the norm at `offset` of the encoding, which begins with operator `first` and reads
    /// `residual`.
    function _norm(
        ModelShape.Shape memory shape,
        uint256 k,
        uint256 offset,
        uint256 first,
        uint256 residual
    ) private pure returns (Operator memory op) {
        if (k == 0) {
            op = _operator(K.NARROW, K.INT32, residual, NONE, shape.embedding);
            op.shift = shape.at(offset + ModelShape.NARROW_SHIFT, 1);
            op.bits = K.NARROW_BITS;
        } else if (k == 1) {
            op = _operator(K.SUM_SQUARES, K.INT64, first, NONE, 1);
            op.constant_ = shape.at(offset + ModelShape.EPSILON, 8);
        } else if (k == 2) {
            op = _operator(K.ROOT, K.INT64, first + 1, NONE, 1);
        } else if (k == 3) {
            op = _operator(K.RECIPROCAL, K.INT64, first + 2, NONE, 1);
            op.constant_ = K.NORM_RECIPROCAL;
        } else {
            op = _operator(K.SCALE, K.INT16, first, first + 3, shape.embedding);
            op.groups = 1;
            op.shift = shape.at(offset + ModelShape.SCALE_SHIFT, 1);
            op.bits = K.ACTIVATION_BITS;
        }
    }

    function _matrix(ModelShape.Shape memory shape, uint256 layer, uint256 matrix, uint256 input)
        private
        pure
        returns (Operator memory op)
    {
        bool isWide = matrix == ModelShape.OUTPUT || matrix == ModelShape.DOWN;
        uint256 tensor = tensorOf(layer, matrix);
        (uint256 rows,) = tensorSize(shape, tensor);
        op = _operator(K.MAT_MUL, isWide ? K.INT32 : K.INT16, input, NONE, rows);
        op.tensor = tensor;
        op.shift = shape.ofLayer(layer, ModelShape.MATRIX_SHIFTS + matrix, 1);
        op.bits = isWide ? K.RESIDUAL_BITS : K.ACTIVATION_BITS;
    }

    function _rope(ModelShape.Shape memory shape, uint256 input, uint256 heads)
        private
        pure
        returns (Operator memory op)
    {
        op = _operator(K.ROPE, K.INT16, input, NONE, heads * shape.head);
        (op.table, op.groups, op.rotated) = (ROPE_TABLE, heads, shape.head);
        (op.shift, op.bits) = (K.ROPE_FRACTION, K.ACTIVATION_BITS);
        op.pairing = shape.isHalfSplit ? K.HALF_SPLIT : K.INTERLEAVED;
    }

    function _attention(ModelShape.Shape memory shape, uint256 layer, uint256 k, uint256 base)
        private
        pure
        returns (Operator memory op)
    {
        if (k <= VALUE) {
            // Query, key and value are the first matrices, in this order.
            return _matrix(shape, layer, k - QUERY, base + NORM_OPERATORS - 1);
        }
        if (k == TURNED_QUERY) return _rope(shape, base + QUERY, shape.heads);
        if (k == TURNED_KEY) return _rope(shape, base + KEY, shape.kvHeads);
        if (k == SCORES) {
            op = _operator(K.SCORES, K.INT32, base + TURNED_QUERY, base + TURNED_KEY, shape.heads);
            (op.groups, op.kvGroups) = (shape.heads, shape.kvHeads);
            op.multiplier = shape.ofLayer(layer, ModelShape.SCORE_MULTIPLIER, 4);
            op.shift = shape.ofLayer(layer, ModelShape.SCORE_SHIFT, 1);
            op.bits = K.SCORE_BITS;
        } else if (k == ROW_MAX) {
            op = _operator(K.ROW_MAX, K.INT32, base + SCORES, NONE, shape.heads);
        } else if (k == EXP) {
            op = _operator(K.EXP, K.INT32, base + SCORES, base + ROW_MAX, shape.heads);
            op.table = EXP_TABLE;
        } else if (k == ROW_SUM) {
            op = _operator(K.ROW_SUM, K.INT64, base + EXP, NONE, shape.heads);
        } else if (k == MIX) {
            op = _operator(K.MIX, K.INT64, base + EXP, base + VALUE, shape.heads * shape.head);
            (op.groups, op.kvGroups) = (shape.heads, shape.kvHeads);
        } else if (k == MIX_RECIPROCAL) {
            op = _operator(K.RECIPROCAL, K.INT64, base + ROW_SUM, NONE, shape.heads);
            op.constant_ = K.SOFTMAX_RECIPROCAL;
        } else if (k == MIX_SCALED) {
            op = _operator(
                K.SCALE, K.INT16, base + MIX, base + MIX_RECIPROCAL, shape.heads * shape.head
            );
            op.groups = shape.heads;
            op.shift = shape.ofLayer(layer, ModelShape.MIX_SHIFT, 1);
            op.bits = K.ACTIVATION_BITS;
        } else if (k == OUTPUT) {
            op = _matrix(shape, layer, ModelShape.OUTPUT, base + MIX_SCALED);
        } else {
            op = _operator(K.ADD, K.INT32, base - 1, base + OUTPUT, shape.embedding);
        }
    }

    function _feedForward(ModelShape.Shape memory shape, uint256 layer, uint256 k, uint256 base)
        private
        pure
        returns (Operator memory op)
    {
        uint256 normed = base + FEED_FORWARD_NORM + NORM_OPERATORS - 1;
        if (k == GATE) return _matrix(shape, layer, ModelShape.GATE, normed);
        if (k == UP) return _matrix(shape, layer, ModelShape.UP, normed);
        if (k == DOWN) return _matrix(shape, layer, ModelShape.DOWN, base + MULTIPLY);
        if (k == ACTIVATION) {
            op = _operator(K.ACTIVATION, K.INT16, base + GATE, NONE, shape.feedForward);
            op.table = GATE_TABLE;
        } else if (k == MULTIPLY) {
            op = _operator(K.MULTIPLY, K.INT16, base + ACTIVATION, base + UP, shape.feedForward);
            op.shift = shape.ofLayer(layer, ModelShape.MULTIPLY_SHIFT, 1);
            op.bits = K.ACTIVATION_BITS;
        } else {
            op = _operator(K.ADD, K.INT32, base + ADD_ATTENTION, base + DOWN, shape.embedding);
        }
    }

    function _tail(ModelShape.Shape memory shape, uint256 k, uint256 first)
        private
        pure
        returns (Operator memory op)
    {
        if (k < NORM_OPERATORS) {
            return _norm(shape, k, ModelShape.TAIL_NORM, first, first - 1);
        }
        uint256 input = first + k - 1;
        if (k == NORM_OPERATORS) {
            op = _operator(K.MAT_MUL, K.INT32, input, NONE, shape.vocabulary);
            op.tensor = tensorCount(shape) - 1;
            op.shift = shape.at(ModelShape.LOGITS_SHIFT, 1);
            op.bits = K.RESIDUAL_BITS;
        } else if (k == NORM_OPERATORS + 1) {
            uint256 blocks = (shape.vocabulary + K.ARGMAX_BLOCK - 1) / K.ARGMAX_BLOCK;
            op = _operator(K.BLOCK_MAX, K.INT32, input, NONE, 2 * blocks);
        } else {
            op = _operator(K.ARGMAX, K.INT32, input, NONE, 1);
        }
    }

    function _operator(
        uint256 kind,
        uint256 outputType,
        uint256 first,
        uint256 second,
        uint256 width
    ) private pure returns (Operator memory op) {
        (op.kind, op.outputType) = (kind, outputType);
        (op.first, op.second, op.width) = (first, second, width);
        (op.tensor, op.table) = (NONE, NONE);
    }

    /// @dev Bytes 0 to 31 of the descriptor; see src/imo/model/model_root.hpp.
    function _high(Operator memory op) private pure returns (uint256) {
        return op.kind << 248 | op.outputType << 240 | op.bits << 232 | op.shift << 224 | op.pairing
            << 208 | op.first << 160 | op.second << 128 | op.tensor << 96 | op.table << 64
            | op.width << 32 | op.groups;
    }

    /// @dev Bytes 32 to 63.
    function _low(Operator memory op) private pure returns (uint256) {
        return op.kvGroups << 224 | op.multiplier << 192 | op.rotated << 160 | op.constant_ << 64;
    }
}
