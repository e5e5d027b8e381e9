// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofErrors} from "./ProofErrors.sol";

/// @title What of a model its circuit depends on
/// @notice The twin of ModelShape::decode in src/imo/zkml/model_shape.cpp: sizes, shifts and constants, but no weight.
library ModelShape {
    /// @param isHalfSplit Rotary pairs are (i, i + head / 2), else (2i, 2i + 1).
    /// @param layers How many.
    /// @param encoded The bytes, for what differs between layers.
    struct Shape {
        uint256 context;
        uint256 vocabulary;
        uint256 endToken;
        uint256 embedding;
        uint256 heads;
        uint256 kvHeads;
        uint256 head;
        uint256 feedForward;
        bool isHalfSplit;
        bool hasBiases;
        uint256 layers;
        bytes encoded;
    }

    // Where things are in the encoding; norms are narrow shift (1 byte), scale shift (1), epsilon (8).
    uint256 internal constant TAIL_NORM = 35;
    uint256 internal constant LOGITS_SHIFT = 45;
    uint256 private constant LAYERS = 46;
    uint256 private constant FIRST_LAYER = 47;
    uint256 private constant LAYER_SIZE = 34;

    // Within a layer.
    uint256 internal constant ATTENTION_NORM = 0;
    uint256 internal constant FEED_FORWARD_NORM = 10;
    uint256 internal constant MATRIX_SHIFTS = 20;
    uint256 internal constant SCORE_SHIFT = 27;
    uint256 internal constant SCORE_MULTIPLIER = 28;
    uint256 internal constant MIX_SHIFT = 32;
    uint256 internal constant MULTIPLY_SHIFT = 33;

    // Within a norm.
    uint256 internal constant NARROW_SHIFT = 0;
    uint256 internal constant SCALE_SHIFT = 1;
    uint256 internal constant EPSILON = 2;

    // Matrices by number.
    uint256 internal constant QUERY = 0;
    uint256 internal constant KEY = 1;
    uint256 internal constant VALUE = 2;
    uint256 internal constant OUTPUT = 3;
    uint256 internal constant GATE = 4;
    uint256 internal constant UP = 5;
    uint256 internal constant DOWN = 6;

    // The largest shifts of: matrices and mixes, matrices that add to the residual stream, scores, logits, narrowing,
    // products.
    uint256 private constant MOST_ACTIVATION = 46;
    uint256 private constant MOST_RESIDUAL = 40;
    uint256 private constant MOST_SCORE = 38;
    uint256 private constant MOST_LOGITS = 30;
    uint256 private constant MOST_NARROW = 16;
    uint256 private constant MOST_MULTIPLY = 31;

    /// @notice Reverts with BadShape for what the C++ side does not encode either.
    function decode(bytes memory encoded) internal pure returns (Shape memory shape) {
        shape.encoded = encoded;
        _require(encoded.length > FIRST_LAYER && at(shape, 0, 1) == 1);
        shape.context = at(shape, 1, 4);
        shape.vocabulary = at(shape, 5, 4);
        shape.endToken = at(shape, 9, 4);
        shape.embedding = at(shape, 13, 4);
        shape.heads = at(shape, 17, 4);
        shape.kvHeads = at(shape, 21, 4);
        shape.head = at(shape, 25, 4);
        shape.feedForward = at(shape, 29, 4);
        uint256 halfSplit = at(shape, 33, 1);
        uint256 biases = at(shape, 34, 1);
        shape.isHalfSplit = halfSplit == 1;
        shape.hasBiases = biases == 1;
        shape.layers = at(shape, LAYERS, 1);
        _require(halfSplit < 2 && biases < 2);
        _require(encoded.length == FIRST_LAYER + LAYER_SIZE * shape.layers);
        _checkSizes(shape);
        _checkShifts(shape);
    }

    /// @notice A number of `size` bytes of the encoding.
    function at(Shape memory shape, uint256 offset, uint256 size)
        internal
        pure
        returns (uint256 value)
    {
        bytes memory encoded = shape.encoded;
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(encoded, 32), offset)))
        }
    }

    /// @notice The same within a layer.
    function ofLayer(Shape memory shape, uint256 layer, uint256 field, uint256 size)
        internal
        pure
        returns (uint256)
    {
        return at(shape, startOf(layer) + field, size);
    }

    /// @notice Where a layer begins in the encoding.
    function startOf(uint256 layer) internal pure returns (uint256) {
        unchecked {
            return FIRST_LAYER + LAYER_SIZE * layer;
        }
    }

    /// @notice One shift of all layers, brought to the greatest of them, S.
    /// @return most S.
    /// @return factors 2^(S - s) for each layer's s.
    function common(Shape memory shape, uint256 field)
        internal
        pure
        returns (uint256 most, uint256[] memory factors)
    {
        unchecked {
            factors = new uint256[](shape.layers);
            uint256 at_ = _first(shape, field);
            assembly ("memory-safe") {
                let to := add(factors, 32)
                let end := add(to, shl(5, mload(factors)))
                for {} lt(to, end) { to := add(to, 32) } {
                    let shift := byte(0, mload(at_))
                    if gt(shift, most) { most := shift }
                    mstore(to, shift)
                    at_ := add(at_, LAYER_SIZE)
                }
                for { to := add(factors, 32) } lt(to, end) { to := add(to, 32) } {
                    mstore(to, shl(sub(most, mload(to)), 1))
                }
            }
        }
    }

    /// @dev Where in memory a field of the first layer is; LAYER_SIZE bytes further on is that of the next one.
    function _first(Shape memory shape, uint256 field) private pure returns (uint256 at_) {
        bytes memory encoded = shape.encoded;
        assembly ("memory-safe") {
            at_ := add(add(encoded, 32), add(FIRST_LAYER, field))
        }
    }

    function _checkSizes(Shape memory shape) private pure {
        _require(_within(shape.context, 2, 1 << 13) && _within(shape.vocabulary, 2, 1 << 18));
        _require(_within(shape.embedding, 2, 1 << 14) && _within(shape.feedForward, 2, 1 << 14));
        _require(_within(shape.layers, 1, 1 << 7) && _within(shape.heads, 1, 1 << 8));
        _require(shape.kvHeads >= 1 && shape.heads % shape.kvHeads == 0);
        _require(_isPowerOfTwo(shape.heads / shape.kvHeads));
        _require(shape.head % 2 == 0 && _within(shape.head, 4, 1 << 9));
    }

    function _checkShifts(Shape memory shape) private pure {
        for (uint256 i; i < 7; ++i) {
            bool isWide = i == OUTPUT || i == DOWN;
            _checkShift(shape, MATRIX_SHIFTS + i, isWide ? MOST_RESIDUAL : MOST_ACTIVATION, 16);
        }
        _checkShift(shape, SCORE_SHIFT, MOST_SCORE, 3);
        _checkShift(shape, MIX_SHIFT, MOST_ACTIVATION, 2);
        _checkShift(shape, MULTIPLY_SHIFT, MOST_MULTIPLY, 16);
        _checkShift(shape, ATTENTION_NORM + SCALE_SHIFT, MOST_ACTIVATION, 6);
        _checkShift(shape, FEED_FORWARD_NORM + SCALE_SHIFT, MOST_ACTIVATION, 6);
        for (uint256 i; i < shape.layers; ++i) {
            uint256 layer = startOf(i);
            _checkNorm(shape, layer + ATTENTION_NORM);
            _checkNorm(shape, layer + FEED_FORWARD_NORM);
            _require(_within(ofLayer(shape, i, SCORE_MULTIPLIER, 4), 1, (1 << 20) - 1));
        }
        _checkNorm(shape, TAIL_NORM);
        _require(_within(at(shape, LOGITS_SHIFT, 1), 1, MOST_LOGITS));
    }

    function _checkShift(Shape memory shape, uint256 field, uint256 most, uint256 spread)
        private
        pure
    {
        uint256 low = type(uint256).max;
        uint256 high;
        (uint256 at_, uint256 layers) = (_first(shape, field), shape.layers);
        assembly ("memory-safe") {
            for {} layers { layers := sub(layers, 1) } {
                let shift := byte(0, mload(at_))
                if lt(shift, low) { low := shift }
                if gt(shift, high) { high := shift }
                at_ := add(at_, LAYER_SIZE)
            }
        }
        _require(low >= 1 && high <= most && high - low <= spread);
    }

    function _checkNorm(Shape memory shape, uint256 offset) private pure {
        _require(
            _within(at(shape, offset + NARROW_SHIFT, 1), 1, MOST_NARROW)
                && _within(at(shape, offset + SCALE_SHIFT, 1), 1, MOST_ACTIVATION)
                && _within(at(shape, offset + EPSILON, 8), 1, (1 << 52) - 1)
        );
    }

    function _within(uint256 value, uint256 low, uint256 high) private pure returns (bool) {
        return value >= low && value <= high;
    }

    function _isPowerOfTwo(uint256 value) private pure returns (bool) {
        return value != 0 && value & (value - 1) == 0;
    }

    function _require(bool condition) private pure {
        if (!condition) revert ProofErrors.BadShape();
    }
}
