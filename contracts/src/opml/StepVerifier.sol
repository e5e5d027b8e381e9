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
    function step(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        bytes calldata leaf,
        bytes calldata witness
    ) external pure returns (bool isRight) {
        bool isThere = leaf.length != 0;
        if (isThere) _checkLeafBytes(place, leaf);
        else if (place.leafHash != 0) revert LeafMismatch(place.leafHash, 0);
        Steps.Contest memory contest;
        contest.reader = _reader(model, claim, witness);
        (bool mustBe, uint256 at) = _placeOf(contest, place.leafIndex);
        if (!mustBe || !isThere) {
            Witness.finish(contest.reader, _offset(witness));
            return mustBe == isThere;
        }
        (int256 computed, uint256 size) = _compute(contest, at, place.element);
        Witness.finish(contest.reader, _offset(witness));
        return computed == Witness.load(_offset(leaf) + place.element * size, size);
    }

    /// @dev What must be in place `number` of a leaf that the trace has, and its bytes: an element, or zero behind the last.
    function _compute(Steps.Contest memory contest, uint256 leaf, uint256 number)
        private
        pure
        returns (int256 computed, uint256 size)
    {
        TraceLayout.Shape memory shape = contest.reader.shape;
        size = TraceLayout.elementBytes(shape, contest.self, leaf);
        if (number >= K.LEAF_BYTES / size) revert ElementOutOfRange(number, K.LEAF_BYTES / size);
        if (number >= TraceLayout.elementsIn(shape, contest.self, leaf)) return (0, size);
        contest.at = TraceLayout.elementAt(shape, contest.self, leaf, number);
        computed = Steps.compute(contest);
    }

    /// @inheritdoc IStepVerifier
    function stepSum(
        ModelOpening calldata model,
        Claim calldata claim,
        Place calldata place,
        SumQuestion calldata question,
        bytes calldata witness
    ) external pure returns (bool isRight) {
        uint256 count = question.sums.length / K.SUM_BYTES;
        if (question.number > count) revert SumOutOfRange(question.number, count);
        bool isElement = question.number == count;
        if (isElement) _checkLeafBytes(place, question.leaf);
        else if (question.leaf.length != 0) revert BadLeafLength(question.leaf.length, 0);
        Steps.Contest memory contest;
        contest.reader = _reader(model, claim, witness);
        uint256 size = _openElement(contest, place);
        (bool isWhole, int256 computed) =
            Steps.computeSum(contest, _offset(question.sums), question.number, count);
        Witness.finish(contest.reader, _offset(witness));
        if (!isWhole) return false;
        int256 claimed = isElement
            ? Witness.load(_offset(question.leaf) + place.element * size, size)
            : Witness.load(_offset(question.sums) + question.number * K.SUM_BYTES, K.SUM_BYTES);
        return computed == claimed;
    }

    /// @dev An element that the trace has, and its bytes.
    function _openElement(Steps.Contest memory contest, Place calldata place)
        private
        pure
        returns (uint256 size)
    {
        (bool hasLeaf, uint256 at) = _placeOf(contest, place.leafIndex);
        if (!hasLeaf) revert NoLeaf(place.leafIndex);
        TraceLayout.Shape memory shape = contest.reader.shape;
        uint256 elements = TraceLayout.elementsIn(shape, contest.self, at);
        if (place.element >= elements) revert ElementOutOfRange(place.element, elements);
        contest.at = TraceLayout.elementAt(shape, contest.self, at, place.element);
        return TraceLayout.elementBytes(shape, contest.self, at);
    }

    /// @dev Whether the trace has a leaf at this place; its operator is opened where there is one.
    function _placeOf(Steps.Contest memory contest, uint256 leafIndex)
        private
        pure
        returns (bool hasLeaf, uint256 leaf)
    {
        TraceLayout.Shape memory shape = contest.reader.shape;
        uint256 index = leafIndex >> shape.leafBits;
        if (index >= shape.operatorCount) return (false, 0);
        contest.self = Witness.open(contest.reader, index);
        leaf = leafIndex & ((1 << shape.leafBits) - 1);
        hasLeaf = leaf < TraceLayout.leaves(shape, contest.self);
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
