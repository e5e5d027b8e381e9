// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {OpmlConstants as K} from "./OpmlConstants.sol";
import {Steps} from "./Steps.sol";
import {TraceLayout} from "./TraceLayout.sol";
import {Witness} from "./Witness.sol";

/// @title StepVerifier
/// @notice See IStepVerifier. No state, no owner: one instance serves every game on a chain.
contract StepVerifier is IStepVerifier {
    /// @inheritdoc IStepVerifier
    function rootOfChoice(
        bytes32 modelRoot,
        ModelOpening calldata model,
        uint256 positions,
        uint256 token,
        bytes32[] calldata leftSiblings
    ) external pure returns (bytes32 node, uint256 height) {
        TraceLayout.Shape memory shape = _shape(modelRoot, model, positions);
        height = shape.leafBits + shape.operatorHeight;
        bytes32 padding;
        node = _choiceLeaf(token);
        for (uint256 h; h < shape.leafBits; ++h) {
            node = MerkleTree.nodeHash(node, padding);
            padding = MerkleTree.nodeHash(padding, padding);
        }
        uint256 last = model.operatorCount - 1;
        uint256 taken;
        for (uint256 h; h < shape.operatorHeight; ++h) {
            if ((last >> h) & 1 == 0) {
                node = MerkleTree.nodeHash(node, padding);
            } else {
                if (taken == leftSiblings.length) {
                    revert SiblingCount(leftSiblings.length, _ones(last));
                }
                node = MerkleTree.nodeHash(leftSiblings[taken++], node);
            }
            padding = MerkleTree.nodeHash(padding, padding);
        }
        if (taken != leftSiblings.length) revert SiblingCount(leftSiblings.length, taken);
    }

    /// @inheritdoc IStepVerifier
    function checkLeaf(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        bytes calldata leaf,
        bytes calldata operatorOpening
    ) external pure returns (uint256 elements) {
        _checkLeafBytes(place, leaf);
        Witness.Reader memory reader = _reader(model, claim, operatorOpening);
        (TraceLayout.Tensor memory self, uint256 at) = _openLeaf(reader, place.leafIndex);
        Witness.finish(reader, _offset(operatorOpening));
        elements = TraceLayout.elementsIn(reader.shape, self, at);
        uint256 used = elements * TraceLayout.elementBytes(reader.shape, self, at);
        for (uint256 i = used; i < K.LEAF_BYTES; ++i) {
            if (leaf[i] != 0) revert NonZeroPadding(i);
        }
    }

    /// @inheritdoc IStepVerifier
    function checkPadding(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        bytes calldata operatorOpening
    ) external pure returns (bool isPadding) {
        Witness.Reader memory reader = _reader(model, claim, operatorOpening);
        isPadding = true;
        uint256 index = place.leafIndex >> reader.shape.leafBits;
        if (index < reader.shape.operatorCount) {
            TraceLayout.Tensor memory self = Witness.open(reader, index);
            isPadding = _leafOf(reader, place.leafIndex) >= TraceLayout.leaves(reader.shape, self);
        }
        Witness.finish(reader, _offset(operatorOpening));
        return isPadding && place.leafHash == 0;
    }

    /// @inheritdoc IStepVerifier
    function step(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        bytes calldata leaf,
        bytes calldata witness
    ) external pure returns (bool isRight) {
        _checkLeafBytes(place, leaf);
        Steps.Contest memory contest;
        contest.reader = _reader(model, claim, witness);
        uint256 at;
        (contest.self, at) = _openLeaf(contest.reader, place.leafIndex);
        TraceLayout.Shape memory shape = contest.reader.shape;
        uint256 elements = TraceLayout.elementsIn(shape, contest.self, at);
        if (place.element >= elements) revert ElementOutOfRange(place.element, elements);
        contest.at = TraceLayout.elementAt(shape, contest.self, at, place.element);
        int256 computed = Steps.compute(contest);
        Witness.finish(contest.reader, _offset(witness));
        uint256 size = TraceLayout.elementBytes(shape, contest.self, at);
        return computed == Witness.load(_offset(leaf) + place.element * size, size);
    }

    function _shape(bytes32 modelRoot, ModelOpening memory model, uint256 positions)
        private
        pure
        returns (TraceLayout.Shape memory)
    {
        Witness.checkModel(modelRoot, model);
        return TraceLayout.shapeOf(model, positions);
    }

    function _reader(ModelOpening calldata model, Claim calldata claim, bytes calldata witness)
        private
        pure
        returns (Witness.Reader memory reader)
    {
        if (claim.outputPosition > claim.outputCount || claim.outputCount > K.MAX_POSITIONS) {
            revert PositionsOutOfRange(claim.outputPosition, claim.outputCount);
        }
        reader.model = model;
        reader.claim = claim;
        reader.shape = _shape(
            claim.modelRoot,
            reader.model,
            FixedPointMathLib.saturatingAdd(claim.promptCount, claim.outputPosition)
        );
        reader.at = _offset(witness);
        reader.end = reader.at + witness.length;
    }

    function _checkLeafBytes(Place calldata place, bytes calldata leaf) private pure {
        if (leaf.length != K.LEAF_BYTES) revert BadLeafLength(leaf.length, K.LEAF_BYTES);
        bytes32 opened = MerkleTree.leafHash(leaf);
        if (opened != place.leafHash) revert LeafMismatch(place.leafHash, opened);
    }

    function _openLeaf(Witness.Reader memory reader, uint256 leafIndex)
        private
        pure
        returns (TraceLayout.Tensor memory self, uint256 leaf)
    {
        uint256 index = leafIndex >> reader.shape.leafBits;
        if (index >= reader.shape.operatorCount) {
            revert OperatorOutOfRange(index, reader.shape.operatorCount);
        }
        self = Witness.open(reader, index);
        leaf = _leafOf(reader, leafIndex);
        uint256 count = TraceLayout.leaves(reader.shape, self);
        if (leaf >= count) revert LeafOutOfRange(leaf, count);
    }

    function _leafOf(Witness.Reader memory reader, uint256 leafIndex)
        private
        pure
        returns (uint256)
    {
        return leafIndex & ((1 << reader.shape.leafBits) - 1);
    }

    /// @dev The leaf of Argmax: the token as an int32, then zeros.
    function _choiceLeaf(uint256 token) private pure returns (bytes32 hash) {
        uint256 leafBytes = K.LEAF_BYTES;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, calldatasize(), add(leafBytes, 1)) // zeros
            mstore(add(free, 1), shl(224, token))
            hash := keccak256(free, add(leafBytes, 1))
        }
    }

    function _ones(uint256 x) private pure returns (uint256 count) {
        for (; x != 0; x &= x - 1) {
            ++count;
        }
    }

    function _offset(bytes calldata data) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }
}
