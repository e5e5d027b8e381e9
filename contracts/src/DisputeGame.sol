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
/// @dev The chain keeps two words of a dispute, because a word costs more to keep than all moves pay to repeat it: the
/// turn, and a hash of everything else. So every move says what it answers, and one that a reorganisation left behind
/// fails instead of meaning something else. Moves that a hash decides may be sent by anybody; a step is the challenger's
/// alone, who could otherwise lose by what somebody else computes.
contract DisputeGame is DisputeGameBase {
    using PackedTokens for bytes;
    using SafeCast for uint256;

    /// @dev An index fits the 64 bits it is kept in.
    uint256 private constant MAX_HEIGHT = 48;
    uint256 private constant MAX_SUM_BYTES = K.MAX_COLUMNS / K.SUM_COLUMNS * K.SUM_BYTES;
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
        Sides memory sides;
        sides.challenger = msg.sender;
        sides.requestId = claim.requestId;
        sides.claimHash = _ORACLE.claimHashOf(claim);
        (, sides.operator,,) = _ORACLE.answerOf(claim.requestId);
        disputeId = _begin(
            sides,
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
        _ORACLE.hold(claim.requestId, sides.claimHash);
    }

    /// @inheritdoc IDisputeGame
    function openReceipt(
        IOperatorRegistry.Receipt calldata receipt,
        bytes calldata signature,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        uint256 position
    ) external payable returns (uint256 disputeId) {
        Sides memory sides;
        sides.challenger = msg.sender;
        sides.operator = _OPERATORS.recoverOperator(receipt, signature);
        sides.payer = receipt.payer;
        sides.claimHash = _standingDigest(receipt);
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
            revert ReceiptOnItsFace(sides.claimHash);
        }
        disputeId = _begin(sides, claim, promptTokens, outputTokens);
        _holdStake(sides.operator);
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
        Subject calldata subject,
        uint256 token,
        bytes32[] calldata leftSiblings,
        bytes32[] calldata children
    ) external {
        Dispute memory dispute = _turn(disputeId, Phase.Commit);
        IStepVerifier.Claim memory claim = subject.claim;
        _checkStanding(dispute, _aboutOf(subject.sides, keccak256(abi.encode(claim, token))), 0);
        _checkOperator(disputeId, subject.sides);
        bytes32 root;
        (root, dispute.height) = _treeOf(subject, token, leftSiblings);
        _checkNode(root, _nodeAbove(children, _levelsLeft(dispute)));

        claim.traceRoot = root;
        dispute.standing = _pair(_aboutOf(subject.sides, keccak256(abi.encode(claim))), root);
        _pass(disputeId, dispute, Phase.Pick);
        emit Committed(disputeId, root, children);
    }

    /// @inheritdoc IDisputeGame
    function pick(uint256 disputeId, bytes32 rest, bytes32 node, uint256 index) external {
        Dispute memory dispute = _turn(disputeId, Phase.Pick);
        _checkStanding(dispute, _aboutOf(msg.sender, rest), node);
        uint256 left = _levelsLeft(dispute);
        uint256 levels = FixedPointMathLib.min(K.ROUND_BITS, left);
        if (index >> levels != 0) revert IndexOutOfRange(index, 1 << levels);
        dispute.leafIndex = (uint256(dispute.leafIndex) << levels | index).toUint64();
        dispute.depth += levels.toUint8();
        _pass(disputeId, dispute, left == levels ? Phase.OpenLeaves : Phase.Reveal);
        emit Picked(disputeId, index);
    }

    /// @inheritdoc IDisputeGame
    function reveal(
        uint256 disputeId,
        bytes32 about,
        bytes32[] calldata children,
        bytes32[] calldata siblings
    ) external {
        Dispute memory dispute = _turn(disputeId, Phase.Reveal);
        bytes32 node = _nodeAbove(children, _levelsLeft(dispute));
        _checkChosen(dispute, about, node, siblings);
        dispute.standing = _pair(about, node);
        _pass(disputeId, dispute, Phase.Pick);
        emit Revealed(disputeId, children);
    }

    /// @inheritdoc IDisputeGame
    function openLeaves(
        uint256 disputeId,
        bytes32 about,
        bytes calldata leaves,
        bytes32[] calldata siblings
    ) external {
        Dispute memory dispute = _turn(disputeId, Phase.OpenLeaves);
        uint256 bits = _groupBits(dispute);
        if (leaves.length % K.LEAF_BYTES != 0 || leaves.length > K.LEAF_BYTES << bits) {
            revert IStepVerifier.BadLeafLength(leaves.length, K.LEAF_BYTES << bits);
        }
        bytes32 node = MerkleTree.nodeAboveLeaves(leaves, K.LEAF_BYTES, bits);
        _checkChosen(dispute, about, node, siblings);
        dispute.standing = _pair(about, node);
        _pass(disputeId, dispute, Phase.Step);
        emit LeavesOpened(disputeId, leaves);
    }

    /// @inheritdoc IDisputeGame
    function step(
        uint256 disputeId,
        Subject calldata subject,
        Spot calldata spot,
        bytes calldata leaf,
        bytes32[] calldata siblings,
        bytes calldata witness
    ) external {
        Dispute memory dispute = _turn(disputeId, Phase.Step);
        IStepVerifier.Place memory place =
            _placeOf(dispute, spot, leaf.length == 0 ? bytes32(0) : MerkleTree.leafHash(leaf));
        bytes32 node = _nodeAboveLeaf(dispute, place.leafHash, spot.leaf, siblings);
        _checkStanding(dispute, _about(subject), node);
        _checkChallenger(disputeId, subject.sides);
        bool isRight = _ask(
            abi.encodeCall(IStepVerifier.step, (subject.model, subject.claim, place, leaf, witness))
        );
        _point(dispute, place);
        _end(disputeId, dispute, subject.sides, _outcomeOf(isRight));
    }

    /// @inheritdoc IDisputeGame
    function askSums(
        uint256 disputeId,
        bytes32 rest,
        bytes32 node,
        Spot calldata spot,
        bytes32 leafHash,
        bytes32[] calldata siblings
    ) external {
        Dispute memory dispute = _turn(disputeId, Phase.Step);
        bytes32 about = _aboutOf(msg.sender, rest);
        _checkStanding(dispute, about, node);
        _checkNode(node, _nodeAboveLeaf(dispute, leafHash, spot.leaf, siblings));
        if (spot.element >= K.LEAF_BYTES) revert IndexOutOfRange(spot.element, K.LEAF_BYTES);
        _point(dispute, _placeOf(dispute, spot, leafHash));
        dispute.standing = _pair(about, leafHash);
        _pass(disputeId, dispute, Phase.Sums);
        emit SumsAsked(disputeId, spot.leaf, spot.element);
    }

    /// @inheritdoc IDisputeGame
    function giveSums(uint256 disputeId, Standing calldata standing, bytes calldata sums) external {
        Dispute memory dispute = _turn(disputeId, Phase.Sums);
        _checkStanding(dispute, standing);
        _checkOperator(disputeId, standing.sides);
        // The challenger must repeat them: without a limit they could be more than he can pay for.
        if (sums.length % K.SUM_BYTES != 0 || sums.length > MAX_SUM_BYTES) {
            revert BadSums(sums.length, MAX_SUM_BYTES);
        }
        dispute.standing = _pair(
            _aboutOf(standing.sides, standing.statement), _pair(standing.node, keccak256(sums))
        );
        _pass(disputeId, dispute, Phase.StepSum);
        emit SumsGiven(disputeId, sums);
    }

    /// @inheritdoc IDisputeGame
    function stepSum(
        uint256 disputeId,
        Subject calldata subject,
        bytes32 leafHash,
        IStepVerifier.SumQuestion calldata question,
        bytes calldata witness
    ) external {
        Dispute memory dispute = _turn(disputeId, Phase.StepSum);
        _checkStanding(dispute, _about(subject), _pair(leafHash, keccak256(question.sums)));
        _checkChallenger(disputeId, subject.sides);
        IStepVerifier.Place memory place =
            IStepVerifier.Place(dispute.leafIndex, leafHash, dispute.element);
        bool isRight = _ask(
            abi.encodeCall(
                IStepVerifier.stepSum, (subject.model, subject.claim, place, question, witness)
            )
        );
        _end(disputeId, dispute, subject.sides, _outcomeOf(isRight));
    }

    /// @inheritdoc IDisputeGame
    function timeout(uint256 disputeId, Standing calldata standing) external {
        Dispute memory dispute = _live(disputeId);
        _checkStanding(dispute, standing);
        if (block.timestamp < dispute.deadline) revert ClockRunning(disputeId, dispute.deadline);
        _end(disputeId, dispute, standing.sides, _outcomeOf(_isChallengers(dispute.phase)));
    }

    /// @inheritdoc IDisputeGame
    function settle(uint256 disputeId, Standing calldata standing) external {
        Dispute memory dispute = _live(disputeId);
        _checkStanding(dispute, standing);
        (bool struckDown, bool proven) = _fateOf(standing.sides);
        if (!struckDown && !proven) revert ClaimStands(disputeId);
        _end(disputeId, dispute, standing.sides, Phase.Moot);
    }

    // ---------------------------------------------------------------- checks

    function _live(uint256 disputeId) private view returns (Dispute memory dispute) {
        dispute = _load(disputeId);
        Phase phase = dispute.phase;
        if (phase < Phase.Commit || phase > Phase.StepSum) revert WrongPhase(disputeId, phase);
    }

    function _turn(uint256 disputeId, Phase phase) private view returns (Dispute memory dispute) {
        dispute = _load(disputeId);
        if (dispute.phase != phase) revert WrongPhase(disputeId, dispute.phase);
        if (block.timestamp >= dispute.deadline) {
            revert ClockExpired(disputeId, dispute.deadline);
        }
    }

    function _checkChallenger(uint256 disputeId, Sides calldata sides) private view {
        if (msg.sender != sides.challenger) revert NotTheChallenger(disputeId, msg.sender);
    }

    function _checkOperator(uint256 disputeId, Sides calldata sides) private view {
        if (msg.sender != sides.operator) revert NotTheOperator(disputeId, msg.sender);
    }

    function _checkStanding(Dispute memory dispute, Standing calldata standing) private pure {
        _checkStanding(dispute, _aboutOf(standing.sides, standing.statement), standing.node);
    }

    function _checkStanding(Dispute memory dispute, bytes32 about, bytes32 node) private pure {
        bytes32 given = _pair(about, node);
        if (given != dispute.standing) revert WrongStanding(dispute.standing, given);
    }

    function _checkNode(bytes32 expected, bytes32 given) private pure {
        if (given != expected) revert WrongNode(expected, given);
    }

    /// @dev `chosen` is where the last pick went, below the node that was revealed last.
    function _checkChosen(
        Dispute memory dispute,
        bytes32 about,
        bytes32 chosen,
        bytes32[] calldata siblings
    ) private pure {
        // A round that is followed by another has decided as many levels as a round can.
        uint256 levels = dispute.phase == Phase.Reveal
            ? K.ROUND_BITS
            : (uint256(dispute.depth) - 1) % K.ROUND_BITS + 1;
        if (siblings.length != levels) revert SiblingCount(siblings.length, levels);
        _checkStanding(dispute, about, MerkleTree.rootOf(chosen, dispute.leafIndex, siblings));
    }

    function _about(Subject calldata subject) private pure returns (bytes32) {
        return _aboutOf(subject.sides, keccak256(abi.encode(subject.claim)));
    }

    /// @dev Root and height of the operator's tree.
    function _treeOf(Subject calldata subject, uint256 token, bytes32[] calldata leftSiblings)
        private
        view
        returns (bytes32 root, uint8)
    {
        IStepVerifier.Claim calldata claim = subject.claim;
        uint256 height;
        (root, height) = _VERIFIER.rootOfChoice(
            claim.modelRoot,
            subject.model,
            claim.promptCount + claim.outputPosition,
            token,
            leftSiblings
        );
        if (height > MAX_HEIGHT) revert TreeTooHigh(height, MAX_HEIGHT);
        return (root, height.toUint8());
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

    /// @dev How many levels above the leaves the rounds end. All leaves below are opened at once: what rounds of
    /// ROUND_BITS levels leave over, unless a round of its own costs less.
    function _groupBits(Dispute memory dispute) private pure returns (uint256 bits) {
        bits = dispute.height % K.ROUND_BITS;
        if (bits > K.GROUP_BITS) bits = 0;
    }

    /// @dev Levels that rounds have yet to decide.
    function _levelsLeft(Dispute memory dispute) private pure returns (uint256) {
        return uint256(dispute.height) - dispute.depth - _groupBits(dispute);
    }

    /// @dev Of an element of a leaf of the group where the rounds ended.
    function _placeOf(Dispute memory dispute, Spot calldata spot, bytes32 leafHash)
        private
        pure
        returns (IStepVerifier.Place memory)
    {
        uint256 leafIndex = uint256(dispute.leafIndex) << _groupBits(dispute) | spot.leaf;
        return IStepVerifier.Place(leafIndex, leafHash, spot.element);
    }

    /// @dev Everything is decided.
    function _point(Dispute memory dispute, IStepVerifier.Place memory place) private pure {
        dispute.leafIndex = place.leafIndex.toUint64();
        dispute.element = place.element.toUint16();
        dispute.depth = dispute.height;
    }

    /// @dev Whether the verifier finds the claimed right. What a program cannot compute is wrong whatever is claimed: who
    /// answers for a program must know that it can be disputed. Any other error is the sender's.
    function _ask(bytes memory question) private view returns (bool isRight) {
        (bool success, bytes memory data) = address(_VERIFIER).staticcall(question);
        if (success) return abi.decode(data, (bool));
        // forge-lint: disable-next-line(unsafe-typecast) an error begins with its selector
        if (data.length >= 4 && _isProgramFault(bytes4(data))) return false;
        assembly ("memory-safe") {
            revert(add(data, 32), mload(data))
        }
    }

    function _isProgramFault(bytes4 error) private pure returns (bool) {
        return error == IStepVerifier.UnknownKind.selector
            || error == IStepVerifier.BadDescriptor.selector
            || error == IStepVerifier.TensorTooLarge.selector
            || error == IStepVerifier.InputNotEarlier.selector
            || error == IStepVerifier.WrongInputType.selector
            || error == IStepVerifier.InputOutOfRange.selector
            || error == IStepVerifier.ValueOutOfBounds.selector
            || error == IStepVerifier.TensorOutOfRange.selector
            || error == IStepVerifier.RowOutOfRange.selector
            || error == IStepVerifier.TableOutOfRange.selector
            || error == IStepVerifier.EntryOutOfRange.selector;
    }

    function _outcomeOf(bool isOperatorRight) private pure returns (Phase) {
        return isOperatorRight ? Phase.OperatorWon : Phase.ChallengerWon;
    }

    function _nodeAboveLeaf(
        Dispute memory dispute,
        bytes32 leafHash,
        uint256 number,
        bytes32[] calldata siblings
    ) private pure returns (bytes32) {
        uint256 bits = _groupBits(dispute);
        if (siblings.length != bits) revert SiblingCount(siblings.length, bits);
        if (number >> bits != 0) revert IndexOutOfRange(number, 1 << bits);
        return MerkleTree.rootOf(leafHash, number, siblings);
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
