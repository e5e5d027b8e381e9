// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {OpmlConstants as K} from "./OpmlConstants.sol";
import {TraceLayout} from "./TraceLayout.sol";

/// @title Reads a witness section by section, and proves each
/// @notice The twin of src/imo/opml/replay_access.cpp: the same checks in the same order. Offsets are into calldata,
/// where witnesses stay.
library Witness {
    using TraceLayout for TraceLayout.Shape;

    /// @notice What has been agreed, and how far the witness has been read.
    /// @param at Calldata offset of the next section.
    /// @param end Calldata offset behind the witness.
    struct Reader {
        IStepVerifier.ModelOpening model;
        IStepVerifier.Claim claim;
        TraceLayout.Shape shape;
        uint256 at;
        uint256 end;
    }

    /// @notice Proven numbers, one behind the other in calldata.
    /// @param at Offset of the first.
    /// @param size Bytes of each.
    struct Values {
        uint256 at;
        uint256 count;
        uint256 size;
    }

    /// @notice A proven row of weights.
    /// @param at Offset of the first of `columns` weights, one byte each.
    struct Row {
        int256 multiplier;
        int256 bias;
        uint256 at;
        uint256 columns;
    }

    function finish(Reader memory reader, uint256 start) internal pure {
        if (reader.at != reader.end) {
            revert IStepVerifier.WitnessTooLong(reader.at - start, reader.end - start);
        }
    }

    /// @notice Number `i` of `values`.
    function get(Values memory values, uint256 i) internal pure returns (int256) {
        return load(values.at + i * values.size, values.size);
    }

    /// @notice The big-endian two's complement number of `size` bytes at a calldata offset.
    function load(uint256 at, uint256 size) internal pure returns (int256 value) {
        assembly ("memory-safe") {
            value := sar(sub(256, shl(3, size)), calldataload(at))
        }
    }

    /// @notice Reverts unless `model` is what `modelRoot` is the hash of.
    function checkModel(bytes32 modelRoot, IStepVerifier.ModelOpening memory model) internal pure {
        bytes32 opened = keccak256(abi.encodePacked(K.MODEL_TAG, abi.encode(model)));
        if (opened != modelRoot) revert IStepVerifier.ModelMismatch(modelRoot, opened);
    }

    /// @notice Section O: the tensor of operator `index`, which is below operatorCount.
    function open(Reader memory reader, uint256 index)
        internal
        pure
        returns (TraceLayout.Tensor memory)
    {
        return TraceLayout.tensorOf(reader.shape, index, descriptor(reader, index));
    }

    /// @notice Section O: the offset of the descriptor of operator `index`, which is below operatorCount.
    function descriptor(Reader memory reader, uint256 index) internal pure returns (uint256 at) {
        bytes32 root;
        (at, root) = _takeLeaf(reader, K.DESCRIPTOR_BYTES, index, reader.model.operatorCount);
        if (root != reader.model.operators) revert IStepVerifier.OperatorMismatch(index);
    }

    /// @notice Section R: `count` elements from `first` on of the row at `position`.
    function row(
        Reader memory reader,
        TraceLayout.Tensor memory from,
        uint256 position,
        uint256 first,
        uint256 count
    ) internal pure returns (Values memory) {
        bool isThere =
            TraceLayout.hasPosition(reader.shape, from, position) && count != 0;
        uint256 size = isThere ? TraceLayout.rowSize(from, position) : 0;
        if (first >= size || count > size - first) {
            revert IStepVerifier.InputOutOfRange(from.index, position, first);
        }
        return _read(
            reader,
            from.index,
            TraceLayout.offsetOf(reader.shape, from, position, first),
            count,
            from.size
        );
    }

    /// @notice Section C: the first `count` positions of column `column` of Mix's own values.
    function column(
        Reader memory reader,
        TraceLayout.Tensor memory self,
        uint256 column_,
        uint256 count
    ) internal pure returns (Values memory) {
        return _read(reader, self.index, 2 * column_ * reader.shape.positions, count, 2);
    }

    /// @notice Section W: row `index` of weight tensor `tensor`.
    function weights(Reader memory reader, uint256 tensor, uint256 index)
        internal
        pure
        returns (Row memory opened)
    {
        uint256 header = weightTensor(reader, tensor);
        uint256 rows = TraceLayout.field(header, 0, 4);
        opened.columns = TraceLayout.field(header, 4, 4);
        if (index >= rows) revert IStepVerifier.RowOutOfRange(tensor, index);
        (uint256 at, bytes32 root) = _takeLeaf(reader, 12 + opened.columns, index, rows);
        if (root != bytes32(TraceLayout.field(header, 8, 32))) {
            revert IStepVerifier.RowMismatch(tensor, index);
        }
        opened.multiplier = int256(TraceLayout.field(at, 0, 4));
        opened.bias = load(at + 4, 8);
        opened.at = at + 12;
    }

    /// @notice The first part of section W: the offset of the 40 bytes of weight tensor `tensor`.
    function weightTensor(Reader memory reader, uint256 tensor)
        internal
        pure
        returns (uint256 header)
    {
        uint256 tensors = reader.model.tensorCount;
        if (tensor >= tensors) revert IStepVerifier.TensorOutOfRange(tensor, tensors);
        bytes32 root;
        (header, root) = _takeLeaf(reader, 40, tensor, tensors);
        if (root != reader.model.tensors) revert IStepVerifier.TensorMismatch(tensor);
    }

    /// @notice Section T: `count` entries from `first` on of table `table`, which must be of `kind`. Where there are
    /// two, the first is even, so that one leaf has both.
    /// @param index The contested operator.
    function entries(
        Reader memory reader,
        uint256 index,
        uint256 table,
        uint256 kind,
        uint256 first,
        uint256 count
    ) internal pure returns (Values memory) {
        uint256 header = tableHeader(reader, table);
        if (TraceLayout.field(header, 0, 1) != kind) revert IStepVerifier.BadDescriptor(index);
        uint256 total = TraceLayout.field(header, 2, 4);
        if (first >= total || count > total - first) {
            revert IStepVerifier.EntryOutOfRange(table, first);
        }
        uint256 size = kind == K.EXP_TABLE ? 4 : 2;
        uint256 leaf = first * size / K.LEAF_BYTES;
        uint256 leaves = (total * size + K.LEAF_BYTES - 1) / K.LEAF_BYTES;
        (uint256 at, bytes32 root) = _takeLeaf(reader, K.LEAF_BYTES, leaf, leaves);
        if (root != bytes32(TraceLayout.field(header, 6, 32))) {
            revert IStepVerifier.EntryMismatch(table, leaf);
        }
        return Values(at + first * size % K.LEAF_BYTES, count, size);
    }

    /// @notice The first part of section T: the offset of the 38 bytes of table `table`.
    function tableHeader(Reader memory reader, uint256 table)
        internal
        pure
        returns (uint256 header)
    {
        uint256 tables = reader.model.tableCount;
        if (table >= tables) revert IStepVerifier.TableOutOfRange(table, tables);
        bytes32 root;
        (header, root) = _takeLeaf(reader, 38, table, tables);
        if (root != reader.model.tables) revert IStepVerifier.TableMismatch(table);
    }

    /// @notice Section K: the token at `position`.
    function token(Reader memory reader, uint256 position) internal pure returns (uint256) {
        IStepVerifier.Claim memory claim = reader.claim;
        bool isPrompt = position < claim.promptCount;
        uint256 count = isPrompt ? claim.promptCount : claim.outputCount;
        uint256 at = _take(reader, 4 * count);
        bytes32 expected = isPrompt ? claim.promptHash : claim.outputHash;
        bytes32 opened = _hash(at, 4 * count);
        if (opened != expected) revert IStepVerifier.TokensMismatch(expected, opened);
        return
            TraceLayout.field(at + 4 * (isPrompt ? position : position - claim.promptCount), 0, 4);
    }

    function _take(Reader memory reader, uint256 size) private pure returns (uint256 at) {
        at = reader.at;
        if (size > reader.end - at) {
            revert IStepVerifier.WitnessTooShort(size, reader.end - at);
        }
        reader.at = at + size;
    }

    /// @dev A leaf of `size` bytes with its siblings in a tree over `count` leaves, and the root that they give.
    function _takeLeaf(Reader memory reader, uint256 size, uint256 index, uint256 count)
        private
        pure
        returns (uint256 at, bytes32 root)
    {
        uint256 height = MerkleTree.heightOf(count);
        at = _take(reader, size + 32 * height);
        root = _leafHash(at, size);
        assembly ("memory-safe") {
            let free := mload(0x40)
            let sibling := add(at, size)
            mstore8(free, 1)
            for { let end := add(sibling, shl(5, height)) } lt(sibling, end) {
                sibling := add(sibling, 32)
            } {
                let side := shl(5, and(index, 1))
                mstore(add(add(free, 1), side), root)
                mstore(add(add(free, 1), sub(32, side)), calldataload(sibling))
                root := keccak256(free, 65)
                index := shr(1, index)
            }
        }
    }

    /// @dev `count` numbers of `size` bytes from byte `offset` of the tensor of operator `index` on, proven against
    /// the trace.
    function _read(Reader memory reader, uint256 index, uint256 offset, uint256 count, uint256 size)
        private
        pure
        returns (Values memory)
    {
        uint256 first = offset / K.LEAF_BYTES;
        uint256 last = (offset + count * size - 1) / K.LEAF_BYTES;
        uint256 lo = index << reader.shape.leafBits | first;
        uint256 hi = index << reader.shape.leafBits | last;
        uint256 height = reader.shape.leafBits + reader.shape.operatorHeight;
        uint256 bytesOfLeaves = (last - first + 1) * K.LEAF_BYTES;
        uint256 at = _take(reader, bytesOfLeaves + 32 * _siblingCount(lo, hi, height));
        bytes32 root = _rangeRoot(at, lo, hi, height);
        if (root != reader.claim.traceRoot) revert IStepVerifier.TraceMismatch(index, first);
        return Values(at + offset % K.LEAF_BYTES, count, size);
    }

    /// @dev The left sibling of `lo` where it is odd, the right one of `hi` where it is even, at every level.
    function _siblingCount(uint256 lo, uint256 hi, uint256 height)
        private
        pure
        returns (uint256 count)
    {
        for (uint256 h; h < height; ++h) {
            count += (lo & 1) + (~hi & 1);
            lo >>= 1;
            hi >>= 1;
        }
    }

    /// @dev The root over the leaves lo to hi at `at`, whose siblings follow them. The nodes of a level stand in
    /// memory behind each other, with a place in front for the left sibling.
    function _rangeRoot(uint256 at, uint256 lo, uint256 hi, uint256 height)
        private
        pure
        returns (bytes32 root)
    {
        uint256 leafBytes = K.LEAF_BYTES;
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            let message := add(scratch, 320) // behind the bytes of one leaf
            let nodes := add(message, 128) // nodes[-1] may take a left sibling
            let count := add(sub(hi, lo), 1)
            mstore8(scratch, 0)
            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                calldatacopy(add(scratch, 1), at, leafBytes)
                mstore(add(nodes, shl(5, i)), keccak256(scratch, add(leafBytes, 1)))
                at := add(at, leafBytes)
            }
            mstore8(message, 1)
            for {} height { height := sub(height, 1) } {
                let from := nodes
                if and(lo, 1) {
                    from := sub(nodes, 32)
                    mstore(from, calldataload(at))
                    at := add(at, 32)
                    count := add(count, 1)
                }
                if iszero(and(hi, 1)) {
                    mstore(add(from, shl(5, count)), calldataload(at))
                    at := add(at, 32)
                    count := add(count, 1)
                }
                count := shr(1, count)
                for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                    mcopy(add(message, 1), add(from, shl(6, i)), 64)
                    mstore(add(nodes, shl(5, i)), keccak256(message, 65))
                }
                lo := shr(1, lo)
                hi := shr(1, hi)
            }
            root := mload(nodes)
        }
    }

    function _leafHash(uint256 at, uint256 size) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0)
            calldatacopy(add(free, 1), at, size)
            hash := keccak256(free, add(size, 1))
        }
    }

    function _hash(uint256 at, uint256 size) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, at, size)
            hash := keccak256(free, size)
        }
    }
}
