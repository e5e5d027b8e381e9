// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

import {DisputeGameBase} from "./DisputeGameBase.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {IStepVerifier} from "./interfaces/IStepVerifier.sol";
import {PackedTokens} from "./libraries/PackedTokens.sol";
import {MerkleTree} from "./opml/MerkleTree.sol";
import {OpmlConstants as K} from "./opml/OpmlConstants.sol";

/// @title DisputeGame
/// @notice See IDisputeGame. No owner, no pause.
/// @dev Every move names what it answers (a node, or the path to it), so one that a reorganisation left behind fails
/// instead of meaning something else. Moves that a hash decides may be sent by anybody.
contract DisputeGame is DisputeGameBase {
    using PackedTokens for bytes;
    using SafeCast for uint256;

    /// @dev An index fits the 64 bits it is kept in.
    uint256 private constant MAX_HEIGHT = 48;
    bytes32 private constant GREEDY = 0;

    constructor(
        IOperatorRegistry operators,
        IStepVerifier verifier,
        uint64 clock_,
        uint64 extension_,
        uint128 challengerBond_,
        uint128 receiptStake_
    ) DisputeGameBase(operators, verifier, clock_, extension_, challengerBond_, receiptStake_) {}

    // ---------------------------------------------------------------- opening

    /// @inheritdoc IDisputeGame
    function open(
        IOracle.Claim calldata claim,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        uint256 position
    ) external payable returns (uint256 disputeId) {
        Dispute memory made;
        made.requestId = claim.requestId.toUint96();
        made.claimHash = _ORACLE.claimHashOf(claim);
        (, made.operator,,) = _ORACLE.answerOf(claim.requestId);
        disputeId = _begin(
            made,
            _claimOf(
                claim.modelRoot,
                claim.promptTokensHash,
                claim.outputTokensHash,
                promptTokens,
                outputTokens,
                position
            ),
            promptTokens,
            outputTokens
        );
        _ORACLE.hold(claim.requestId, made.claimHash);
    }

    /// @inheritdoc IDisputeGame
    function openReceipt(
        IOperatorRegistry.Receipt calldata receipt,
        bytes calldata signature,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        uint256 position
    ) external payable returns (uint256 disputeId) {
        Dispute memory made;
        made.operator = _OPERATORS.recoverOperator(receipt, signature);
        made.payer = receipt.payer;
        made.claimHash = _standingDigest(receipt);
        IStepVerifier.Claim memory claim = _claimOf(
            receipt.modelRoot,
            receipt.promptHash,
            receipt.outputHash,
            promptTokens,
            outputTokens,
            position
        );
        // No trace can be made of it, so the operator could never defend it nor the game be played.
        if (_isFalseOnItsFace(receipt, promptTokens, outputTokens)) {
            revert ReceiptOnItsFace(made.claimHash);
        }
        disputeId = _begin(made, claim, promptTokens, outputTokens);
        _holdStake(made.operator);
    }

    /// @inheritdoc IDisputeGame
    function strikeReceipt(
        IOperatorRegistry.Receipt calldata receipt,
        bytes calldata signature,
        bytes calldata promptTokens,
        bytes calldata outputTokens
    ) external {
        address operator = _OPERATORS.recoverOperator(receipt, signature);
        bytes32 digest = _standingDigest(receipt);
        // Tokens in an odd number of bytes can be nobody's but the operator's, who signed their hash.
        _checkTokens(receipt.promptHash, promptTokens);
        _checkTokens(receipt.outputHash, outputTokens);
        if (!_isFalseOnItsFace(receipt, promptTokens, outputTokens)) revert ReceiptStands(digest);
        _holdStake(operator);
        _strikeReceipt(digest, operator, receipt.payer, msg.sender);
        _releaseStake(operator);
    }

    // ---------------------------------------------------------------- moves

    /// @inheritdoc IDisputeGame
    function commit(
        uint256 disputeId,
        IStepVerifier.Claim calldata claim,
        uint256 token,
        IStepVerifier.ModelOpening calldata model,
        bytes32[] calldata leftSiblings,
        bytes32[] calldata children
    ) external {
        Dispute storage dispute = _turn(disputeId, Phase.Commit);
        if (msg.sender != dispute.operator) revert NotTheOperator(disputeId, msg.sender);
        _checkStatement(dispute, keccak256(abi.encode(claim, token)));
        uint256 positions = claim.promptCount + claim.outputPosition;
        (bytes32 root, uint256 height) =
            _VERIFIER.rootOfChoice(claim.modelRoot, model, positions, token, leftSiblings);
        if (height > MAX_HEIGHT) revert TreeTooHigh(height, MAX_HEIGHT);
        _checkNode(root, _nodeAbove(children, height));

        IStepVerifier.Claim memory committed = claim;
        committed.traceRoot = root;
        dispute.statement = keccak256(abi.encode(committed));
        dispute.node = root;
        dispute.height = height.toUint8();
        _pass(dispute, Phase.Pick);
        emit Committed(disputeId, root, children, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function pick(uint256 disputeId, bytes32 node, uint256 index) external {
        Dispute storage dispute = _challengersTurn(disputeId, Phase.Pick, node);
        uint256 left = dispute.height - dispute.depth;
        uint256 levels = FixedPointMathLib.min(K.ROUND_BITS, left);
        if (index >> levels != 0) revert IndexOutOfRange(index, 1 << levels);
        dispute.leafIndex = (uint256(dispute.leafIndex) << levels | index).toUint64();
        dispute.depth += levels.toUint8();
        _pass(dispute, left == levels ? Phase.OpenLeaf : Phase.Reveal);
        emit Picked(disputeId, index, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function reveal(uint256 disputeId, bytes32[] calldata children, bytes32[] calldata siblings)
        external
    {
        Dispute storage dispute = _turn(disputeId, Phase.Reveal);
        bytes32 node = _nodeAbove(children, dispute.height - dispute.depth);
        _checkChosen(dispute, node, siblings, K.ROUND_BITS);
        dispute.node = node;
        _pass(dispute, Phase.Pick);
        emit Revealed(disputeId, children, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function openLeaf(
        uint256 disputeId,
        IStepVerifier.Claim calldata claim,
        IStepVerifier.ModelOpening calldata model,
        bytes calldata leaf,
        bytes32[] calldata siblings,
        bytes calldata operatorOpening
    ) external {
        Dispute storage dispute = _turn(disputeId, Phase.OpenLeaf);
        _checkStatement(dispute, keccak256(abi.encode(claim)));
        bytes32 hash = MerkleTree.leafHash(leaf);
        _checkChosen(dispute, hash, siblings, _lastLevels(dispute));
        uint256 elements =
            _VERIFIER.checkLeaf(model, claim, _place(dispute, hash), leaf, operatorOpening);
        dispute.node = hash;
        dispute.element = (elements - 1).toUint64();
        _pass(dispute, Phase.Point);
        emit LeafOpened(disputeId, leaf, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function showPadding(
        uint256 disputeId,
        IStepVerifier.Claim calldata claim,
        IStepVerifier.ModelOpening calldata model,
        bytes32[] calldata siblings,
        bytes calldata operatorOpening
    ) external {
        Dispute storage dispute = _turn(disputeId, Phase.OpenLeaf);
        _checkStatement(dispute, keccak256(abi.encode(claim)));
        _checkChosen(dispute, 0, siblings, _lastLevels(dispute));
        if (!_VERIFIER.checkPadding(model, claim, _place(dispute, 0), operatorOpening)) {
            revert NotPadding(dispute.leafIndex);
        }
        _end(disputeId, Phase.OperatorWon);
    }

    /// @inheritdoc IDisputeGame
    function point(uint256 disputeId, bytes32 leafHash, uint256 element) external {
        Dispute storage dispute = _challengersTurn(disputeId, Phase.Point, leafHash);
        if (element > dispute.element) revert IndexOutOfRange(element, dispute.element + 1);
        dispute.element = element.toUint64();
        _pass(dispute, Phase.Step);
        emit Pointed(disputeId, element, dispute.deadline);
    }

    /// @inheritdoc IDisputeGame
    function step(
        uint256 disputeId,
        IStepVerifier.Claim calldata claim,
        IStepVerifier.ModelOpening calldata model,
        bytes calldata leaf,
        bytes calldata witness
    ) external {
        Dispute storage dispute = _turn(disputeId, Phase.Step);
        _checkStatement(dispute, keccak256(abi.encode(claim)));
        bool isRight = _VERIFIER.step(model, claim, _place(dispute, dispute.node), leaf, witness);
        _end(disputeId, isRight ? Phase.OperatorWon : Phase.ChallengerWon);
    }

    /// @inheritdoc IDisputeGame
    function timeout(uint256 disputeId) external {
        Dispute storage dispute = _live(disputeId);
        if (block.timestamp < dispute.deadline) revert ClockRunning(disputeId, dispute.deadline);
        bool isChallengers = dispute.phase == Phase.Pick || dispute.phase == Phase.Point;
        _end(disputeId, isChallengers ? Phase.OperatorWon : Phase.ChallengerWon);
    }

    /// @inheritdoc IDisputeGame
    function settle(uint256 disputeId) external {
        Dispute storage dispute = _live(disputeId);
        (bool struckDown, bool proven) = _fateOf(dispute);
        if (!struckDown && !proven) revert ClaimStands(disputeId);
        _end(disputeId, Phase.Moot);
    }

    // ---------------------------------------------------------------- checks

    function _live(uint256 disputeId) private view returns (Dispute storage dispute) {
        dispute = _disputes[disputeId];
        Phase phase = dispute.phase;
        if (phase < Phase.Commit || phase > Phase.Step) revert WrongPhase(disputeId, phase);
    }

    function _turn(uint256 disputeId, Phase phase) private view returns (Dispute storage dispute) {
        dispute = _disputes[disputeId];
        if (dispute.phase != phase) revert WrongPhase(disputeId, dispute.phase);
        if (block.timestamp >= dispute.deadline) {
            revert ClockExpired(disputeId, dispute.deadline);
        }
    }

    function _challengersTurn(uint256 disputeId, Phase phase, bytes32 node)
        private
        view
        returns (Dispute storage dispute)
    {
        dispute = _turn(disputeId, phase);
        if (msg.sender != dispute.challenger) revert NotTheChallenger(disputeId, msg.sender);
        _checkNode(dispute.node, node);
    }

    function _checkStatement(Dispute storage dispute, bytes32 given) private view {
        if (given != dispute.statement) revert WrongStatement(dispute.statement, given);
    }

    function _checkNode(bytes32 expected, bytes32 given) private pure {
        if (given != expected) revert WrongNode(expected, given);
    }

    /// @dev `chosen` is where the last pick went, `levels` below the node that was revealed last.
    function _checkChosen(
        Dispute storage dispute,
        bytes32 chosen,
        bytes32[] calldata siblings,
        uint256 levels
    ) private view {
        if (siblings.length != levels) {
            revert SiblingCount(siblings.length, levels);
        }
        _checkNode(dispute.node, MerkleTree.rootOf(chosen, dispute.leafIndex, siblings));
    }

    /// @dev The node of `height` above all its descendants of the next round.
    function _nodeAbove(bytes32[] calldata children, uint256 height)
        private
        pure
        returns (bytes32)
    {
        uint256 expected = 1 << FixedPointMathLib.min(K.ROUND_BITS, height);
        if (children.length != expected) revert ChildCount(children.length, expected);
        return MerkleTree.nodeAbove(children);
    }

    /// @dev How many levels the last pick decided.
    function _lastLevels(Dispute storage dispute) private view returns (uint256) {
        return (uint256(dispute.height) - 1) % K.ROUND_BITS + 1;
    }

    function _place(Dispute storage dispute, bytes32 leafHash)
        private
        view
        returns (IStepVerifier.Place memory)
    {
        return IStepVerifier.Place(dispute.leafIndex, leafHash, dispute.element);
    }

    function _standingDigest(IOperatorRegistry.Receipt calldata receipt)
        private
        view
        returns (bytes32 digest)
    {
        digest = _OPERATORS.receiptDigest(receipt);
        if (isReceiptStruckDown[digest]) revert AlreadyStruckDown(digest);
    }

    /// @dev What the oracle refuses when an answer is posted, an operator can still sign. A model that nobody
    /// registered has no limits and reverts: there is nothing to hold the receipt against.
    function _isFalseOnItsFace(
        IOperatorRegistry.Receipt calldata receipt,
        bytes calldata promptTokens,
        bytes calldata outputTokens
    ) private view returns (bool) {
        if (receipt.modelRoot != _MODELS.rootOf(receipt.modelId)) {
            return true;
        }
        if (receipt.sampling != GREEDY) return true;
        (uint32 contextLength, uint32 vocabularySize, uint32 endToken) =
            _MODELS.limitsOf(receipt.modelId);
        uint256 prompt = promptTokens.count();
        uint256 output = outputTokens.count();
        if (prompt == 0 || output == 0 || output > receipt.maxTokens) return true;
        if (prompt + output > contextLength) return true;
        if (promptTokens.firstNotBelow(vocabularySize) != prompt) return true;
        if (outputTokens.firstNotBelow(vocabularySize) != output) return true;
        uint256 end = outputTokens.firstEqual(endToken);
        return end < output - 1 || (end == output && output != receipt.maxTokens);
    }
}
