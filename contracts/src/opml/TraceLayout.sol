// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {OpmlConstants as K} from "./OpmlConstants.sol";

/// @title Where everything lies in a trace
/// @notice The twin of src/imo/opml/shape.hpp. Nothing here can overflow: widths and counts of a descriptor have 32
/// bits, positions 14.
library TraceLayout {
    /// @notice Trace and tree of one dispute.
    /// @param leafBits Height of the node that covers one operator.
    struct Shape {
        uint256 operatorCount;
        uint256 operatorHeight;
        uint256 tail;
        uint256 positions;
        uint256 leafBits;
    }

    /// @notice The tensor of one operator.
    /// @param descriptor Calldata offset of its 64 bytes.
    /// @param size Bytes of an element of a row.
    /// @param valueWidth Columns of Mix's values; 0 for others.
    struct Tensor {
        uint256 index;
        uint256 descriptor;
        uint256 kind;
        uint256 size;
        uint256 width;
        uint256 valueWidth;
        bool isPerKey;
        bool isTail;
    }

    /// @notice An element by its meaning; of Mix's values, `index` is the column.
    struct Element {
        bool isValue;
        uint256 position;
        uint256 index;
    }

    /// @notice The shape that follows from a model's opening and the number of positions.
    function shapeOf(IStepVerifier.ModelOpening memory model, uint256 positions)
        internal
        pure
        returns (Shape memory shape)
    {
        _checkNumbers(model);
        uint256 limit = FixedPointMathLib.min(K.MAX_POSITIONS, model.contextLength);
        if (positions == 0 || positions > limit) {
            revert IStepVerifier.PositionsOutOfRange(positions, limit);
        }
        uint256 n = MerkleTree.heightOf(positions);
        uint256 logits = MerkleTree.heightOf(_leavesOf(4 * model.vocabularySize));
        shape.operatorCount = model.operatorCount;
        shape.operatorHeight = MerkleTree.heightOf(model.operatorCount);
        shape.tail = uint32(model.layersAndTail);
        shape.positions = positions;
        shape.leafBits =
            FixedPointMathLib.max(FixedPointMathLib.max(2 * n, n + K.ROW_LEAF_BITS), logits);
    }

    /// @notice A number of `length` bytes in the descriptor at `descriptor`.
    function field(uint256 descriptor, uint256 at, uint256 length)
        internal
        pure
        returns (uint256 value)
    {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, length)), calldataload(add(descriptor, at)))
        }
    }

    /// @notice The tensor of the descriptor at `descriptor`; fails as docs/dispute.md orders it.
    function tensorOf(Shape memory shape, uint256 index, uint256 descriptor)
        internal
        pure
        returns (Tensor memory tensor)
    {
        uint256 kind = field(descriptor, K.AT_KIND, 1);
        if (kind < K.EMBED || kind > K.ARGMAX) revert IStepVerifier.UnknownKind(index, kind);
        tensor.index = index;
        tensor.descriptor = descriptor;
        tensor.kind = kind;
        tensor.width = field(descriptor, K.AT_WIDTH, 4);
        tensor.size = _elementBytes(kind, descriptor);
        tensor.isPerKey = kind == K.SCORES || kind == K.EXP;
        tensor.isTail = index >= shape.tail;
        if (kind == K.MIX) tensor.valueWidth = _valueWidth(tensor);
        if (tensor.width == 0) revert IStepVerifier.BadDescriptor(index);
        uint256 count = leaves(shape, tensor);
        if (count > 1 << shape.leafBits) {
            revert IStepVerifier.TensorTooLarge(index, count, 1 << shape.leafBits);
        }
    }

    /// @notice Elements in the row of `position`.
    function rowSize(Tensor memory tensor, uint256 position) internal pure returns (uint256) {
        return tensor.isPerKey ? tensor.width * (position + 1) : tensor.width;
    }

    function hasPosition(Shape memory shape, Tensor memory tensor, uint256 position)
        internal
        pure
        returns (bool)
    {
        return position < shape.positions && (!tensor.isTail || position == shape.positions - 1);
    }

    /// @notice Byte offset of an element of a row that the tensor has.
    function offsetOf(Shape memory shape, Tensor memory tensor, uint256 position, uint256 index)
        internal
        pure
        returns (uint256)
    {
        uint256 rows = tensor.isTail ? 0 : (tensor.isPerKey ? _triangle(position) : position);
        return
            valueLeaves(shape, tensor) * K.LEAF_BYTES + (tensor.width * rows + index) * tensor.size;
    }

    /// @notice Leaves that Mix's values take; 0 for others.
    function valueLeaves(Shape memory shape, Tensor memory tensor) internal pure returns (uint256) {
        return _leavesOf(2 * tensor.valueWidth * shape.positions);
    }

    function leaves(Shape memory shape, Tensor memory tensor) internal pure returns (uint256) {
        return _leavesOf(_end(shape, tensor));
    }

    /// @notice Bytes of one element in `leaf`.
    function elementBytes(Shape memory shape, Tensor memory tensor, uint256 leaf)
        internal
        pure
        returns (uint256)
    {
        return leaf < valueLeaves(shape, tensor) ? 2 : tensor.size;
    }

    /// @notice How many elements stand in `leaf`, which is below `leaves`.
    function elementsIn(Shape memory shape, Tensor memory tensor, uint256 leaf)
        internal
        pure
        returns (uint256)
    {
        uint256 end = leaf < valueLeaves(shape, tensor)
            ? 2 * tensor.valueWidth * shape.positions
            : _end(shape, tensor);
        return FixedPointMathLib.min(K.LEAF_BYTES, end - leaf * K.LEAF_BYTES)
            / elementBytes(shape, tensor, leaf);
    }

    /// @notice The element `number` (below `elementsIn`) of `leaf`.
    function elementAt(Shape memory shape, Tensor memory tensor, uint256 leaf, uint256 number)
        internal
        pure
        returns (Element memory element)
    {
        uint256 values = valueLeaves(shape, tensor);
        if (leaf < values) {
            uint256 place = leaf * (K.LEAF_BYTES / 2) + number;
            return Element(true, place % shape.positions, place / shape.positions);
        }
        uint256 at = (leaf - values) * (K.LEAF_BYTES / tensor.size) + number;
        if (tensor.isTail) return Element(false, shape.positions - 1, at);
        uint256 position = at / tensor.width;
        uint256 rows = position;
        if (tensor.isPerKey) {
            // Row p takes the places p(p+1)/2 to (p+1)(p+2)/2, in units of `width`.
            position = (FixedPointMathLib.sqrt(8 * position + 1) - 1) / 2;
            rows = _triangle(position);
        }
        return Element(false, position, at - tensor.width * rows);
    }

    /// @dev A root may be the hash of anything; these numbers keep everything below within 256 bits.
    function _checkNumbers(IStepVerifier.ModelOpening memory model) private pure {
        uint256 limit = type(uint32).max;
        bool isSane = model.operatorCount != 0 && model.operatorCount <= limit
            && model.tensorCount <= limit && model.tableCount <= limit
            && model.vocabularySize <= limit;
        if (!isSane) revert IStepVerifier.NoModel(model.operatorCount, model.vocabularySize);
    }

    /// @dev The byte behind the tensor's last one.
    function _end(Shape memory shape, Tensor memory tensor) private pure returns (uint256) {
        return tensor.isTail
            ? offsetOf(shape, tensor, shape.positions - 1, rowSize(tensor, shape.positions - 1))
            : offsetOf(shape, tensor, shape.positions, 0);
    }

    /// @dev The type follows from the kind; see output_type in src/imo/model/program.cpp.
    function _elementBytes(uint256 kind, uint256 descriptor) private pure returns (uint256) {
        if (kind == K.MAT_MUL) {
            return field(descriptor, K.AT_BITS, 1) == K.ACTIVATION_BITS ? 2 : 4;
        }
        if (kind == K.SCALE || kind == K.ROPE || kind == K.ACTIVATION || kind == K.MULTIPLY) {
            return 2;
        }
        bool isWide = kind == K.SUM_SQUARES || kind == K.ROOT || kind == K.RECIPROCAL
            || kind == K.ROW_SUM || kind == K.MIX;
        return isWide ? 8 : 4;
    }

    /// @dev Mix must have whole heads.
    function _valueWidth(Tensor memory tensor) private pure returns (uint256) {
        uint256 groups = field(tensor.descriptor, K.AT_GROUPS, 4);
        uint256 kvGroups = field(tensor.descriptor, K.AT_KV_GROUPS, 4);
        bool isWhole =
            groups != 0 && kvGroups != 0 && groups % kvGroups == 0 && tensor.width % groups == 0;
        if (!isWhole) revert IStepVerifier.BadDescriptor(tensor.index);
        return tensor.width / groups * kvGroups;
    }

    function _triangle(uint256 n) private pure returns (uint256) {
        return n * (n + 1) / 2;
    }

    function _leavesOf(uint256 size) private pure returns (uint256) {
        return (size + K.LEAF_BYTES - 1) / K.LEAF_BYTES;
    }
}
