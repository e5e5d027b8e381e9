// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

import {PullPayments} from "./PullPayments.sol";
import {IDisputeGame} from "./interfaces/IDisputeGame.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {IStepVerifier} from "./interfaces/IStepVerifier.sol";
import {PackedTokens} from "./libraries/PackedTokens.sol";

/// @title The money, the clocks and the endings of disputes
/// @dev Money in here: the bonds of live disputes and what is owed. Stakes and bonds of operators stay in their
/// registry until they are slashed.
///
/// Why half of every lost bond burns: somebody who plays both sides of a dispute, to end it before others win it or to
/// keep an answer from becoming final, pays for it each time.
abstract contract DisputeGameBase is IDisputeGame, PullPayments {
    using PackedTokens for bytes;
    using SafeCast for uint256;

    IModelRegistry internal immutable _MODELS;
    IOperatorRegistry internal immutable _OPERATORS;
    IOracle internal immutable _ORACLE;
    IStepVerifier internal immutable _VERIFIER;
    /// @inheritdoc IDisputeGame
    uint64 public immutable clock;
    /// @inheritdoc IDisputeGame
    uint64 public immutable extension;
    /// @inheritdoc IDisputeGame
    uint128 public immutable challengerBond;
    /// @inheritdoc IDisputeGame
    uint128 public immutable receiptStake;

    /// @dev Both beside what is owed, in a slot that is never empty, so that no dispute pays for a fresh one.
    uint64 private _nextDispute = 1;
    uint64 private _liveCount;
    /// @inheritdoc IDisputeGame
    mapping(bytes32 digest => bool) public isReceiptStruckDown;
    /// @inheritdoc IDisputeGame
    mapping(address operator => uint256) public stakeOf;
    /// @inheritdoc IDisputeGame
    mapping(address operator => uint256) public liveReceiptDisputes;

    /// @dev A Dispute; its turn is packed by hand, so that a move writes it once.
    struct Kept {
        uint256 turn;
        bytes32 standing;
    }

    mapping(uint256 disputeId => Kept) private _kept;

    /// @param operators Names this contract, and the oracle that names it too.
    constructor(
        IOperatorRegistry operators,
        IStepVerifier verifier,
        uint64 clock_,
        uint64 extension_,
        uint128 challengerBond_,
        uint128 receiptStake_
    ) {
        if (address(verifier) == address(0)) revert ZeroAddress();
        if (clock_ == 0 || extension_ > clock_ || clock_ > 30 days) {
            revert BadClocks(clock_, extension_);
        }
        if (challengerBond_ == 0 || receiptStake_ == 0) revert ZeroBond();
        if (operators.disputeGame() != address(this)) revert RegistryMismatch(address(operators));
        _MODELS = IModelRegistry(operators.modelRegistry());
        _OPERATORS = operators;
        _ORACLE = IOracle(operators.oracle());
        _VERIFIER = verifier;
        clock = clock_;
        extension = extension_;
        challengerBond = challengerBond_;
        receiptStake = receiptStake_;
    }

    /// @dev The part of a slashed stake that this contract owes on.
    receive() external payable {
        if (msg.sender != address(_OPERATORS)) revert NotOperatorRegistry(msg.sender);
    }

    /// @inheritdoc IDisputeGame
    function disputeOf(uint256 disputeId) external view returns (Dispute memory) {
        return _load(disputeId);
    }

    /// @inheritdoc IDisputeGame
    function disputeCount() external view returns (uint256) {
        return _nextDispute - 1;
    }

    /// @inheritdoc IDisputeGame
    function openBonds() external view returns (uint256) {
        return uint256(_liveCount) * challengerBond;
    }

    /// @inheritdoc IDisputeGame
    function oracle() external view returns (address) {
        return address(_ORACLE);
    }

    /// @inheritdoc IDisputeGame
    function stepVerifier() external view returns (address) {
        return address(_VERIFIER);
    }

    // ---------------------------------------------------------------- beginning and ending

    function _begin(
        Sides memory sides,
        IStepVerifier.Claim memory claim,
        bytes calldata promptTokens,
        bytes calldata outputTokens
    ) internal returns (uint256 disputeId) {
        if (msg.value != challengerBond) {
            revert WrongBond(msg.value, challengerBond);
        }
        if (claim.outputPosition >= claim.outputCount) {
            revert OutputPositionOutOfRange(claim.outputPosition, claim.outputCount);
        }
        uint256 token = outputTokens.read(claim.outputPosition);
        Dispute memory dispute;
        dispute.phase = Phase.Commit;
        dispute.deadline = (block.timestamp + clock).toUint40();
        dispute.otherTime = uint256(clock).toUint40();
        bytes32 statement = keccak256(abi.encode(claim, token));
        dispute.standing = _pair(_aboutOf(sides, statement), 0);
        disputeId = _nextDispute++;
        ++_liveCount;
        _store(disputeId, dispute);
        // Of an answer the oracle's events have said them.
        if (sides.requestId != 0) {
            promptTokens = promptTokens[:0];
            outputTokens = outputTokens[:0];
        }
        _emitOpened(disputeId, sides, claim, promptTokens, outputTokens);
    }

    function _emitOpened(
        uint256 disputeId,
        Sides memory sides,
        IStepVerifier.Claim memory claim,
        bytes calldata promptTokens,
        bytes calldata outputTokens
    ) private {
        emit Opened({
            disputeId: disputeId,
            claimHash: sides.claimHash,
            operator: sides.operator,
            challenger: sides.challenger,
            payer: sides.payer,
            requestId: sides.requestId,
            modelRoot: claim.modelRoot,
            position: claim.outputPosition,
            deadline: block.timestamp + clock,
            promptTokens: promptTokens,
            outputTokens: outputTokens
        });
    }

    /// @dev The claim that a dispute is about, before there is a trace.
    function _claimOf(
        bytes32 modelRoot,
        bytes32 promptHash,
        bytes32 outputHash,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        uint256 position
    ) internal pure returns (IStepVerifier.Claim memory claim) {
        _checkTokens(promptHash, promptTokens);
        _checkTokens(outputHash, outputTokens);
        claim.modelRoot = modelRoot;
        claim.promptHash = promptHash;
        claim.outputHash = outputHash;
        claim.promptCount = promptTokens.count();
        claim.outputCount = outputTokens.count();
        claim.outputPosition = position;
    }

    function _checkTokens(bytes32 expected, bytes calldata tokens) internal pure {
        if (!tokens.isPacked()) revert NotPacked(tokens.length);
        bytes32 given = keccak256(tokens);
        if (given != expected) revert WrongTokens(expected, given);
    }

    /// @dev A claim falls once: whoever would have won a second time gets his bond back. One that was proven does not fall.
    function _end(uint256 disputeId, Dispute memory dispute, Sides calldata sides, Phase outcome)
        internal
    {
        (bool struckDown, bool proven) = _fateOf(sides);
        if (struckDown) outcome = Phase.Moot;
        if (proven) outcome = Phase.OperatorWon;
        dispute.phase = outcome;
        _store(disputeId, dispute);
        --_liveCount;
        emit Ended(disputeId, outcome);
        if (outcome == Phase.ChallengerWon) return _strikeDown(sides);
        _release(sides);
        if (outcome == Phase.OperatorWon) {
            uint256 burned = challengerBond / 2;
            _credit(sides.operator, challengerBond - burned);
            _send(address(0), burned);
        } else {
            _credit(sides.challenger, challengerBond);
        }
    }

    /// @dev The bond goes back with the reward, so that there is one debt to write down and one to withdraw.
    function _strikeDown(Sides calldata sides) private {
        if (sides.requestId == 0) {
            _strikeReceipt(sides.claimHash, sides.operator, sides.payer, sides.challenger);
            _releaseStake(sides.operator);
            _credit(sides.challenger, challengerBond);
        } else {
            _ORACLE.strikeDown{value: challengerBond}(
                sides.requestId, sides.claimHash, sides.challenger
            );
        }
    }

    function _release(Sides calldata sides) private {
        if (sides.requestId == 0) _releaseStake(sides.operator);
        else _ORACLE.release(sides.requestId, sides.claimHash);
    }

    /// @dev Of the claim. Receipts cannot be proven.
    function _fateOf(Sides calldata sides) internal view returns (bool struckDown, bool proven) {
        if (sides.requestId != 0) return _ORACLE.fateOf(sides.claimHash);
        struckDown = isReceiptStruckDown[sides.claimHash];
    }

    function _aboutOf(Sides memory sides, bytes32 statement) internal pure returns (bytes32) {
        bytes32 others =
            keccak256(abi.encode(sides.operator, sides.payer, sides.requestId, sides.claimHash));
        return _aboutOf(sides.challenger, _pair(others, statement));
    }

    function _aboutOf(address challenger, bytes32 rest) internal pure returns (bytes32) {
        return _pair(bytes32(uint256(uint160(challenger))), rest);
    }

    /// @dev keccak256 of two words.
    function _pair(bytes32 first, bytes32 second) internal pure returns (bytes32) {
        return EfficientHashLib.hash(first, second);
    }

    // ---------------------------------------------------------------- stakes for receipts

    /// @dev All disputes over an operator's receipts share one stake, so that opening many of them cannot tie up its
    /// deposit. Who is first to prove one false takes it; then it is filled up again, as far as the deposit goes.
    function _holdStake(address operator) internal {
        ++liveReceiptDisputes[operator];
        _fillStake(operator);
        if (stakeOf[operator] == 0) revert NothingAtStake(operator);
    }

    function _releaseStake(address operator) internal {
        if (--liveReceiptDisputes[operator] != 0) return;
        uint256 stake = stakeOf[operator];
        stakeOf[operator] = 0;
        if (stake != 0) _OPERATORS.unlock(operator, stake);
    }

    function _fillStake(address operator) private {
        uint256 stake = stakeOf[operator];
        if (stake < receiptStake) {
            stakeOf[operator] = stake + _OPERATORS.seize(operator, receiptStake - stake);
        }
    }

    /// @dev Half of the stake is the challenger's, a quarter the payer's, who paid before he had the answer; the rest
    /// burns. While others dispute receipts of the same operator the stake is filled up again.
    function _strikeReceipt(bytes32 digest, address operator, address payer, address challenger)
        internal
    {
        isReceiptStruckDown[digest] = true;
        uint256 stake = stakeOf[operator];
        uint256 reward = stake / 2;
        uint256 compensation = payer == address(0) ? 0 : stake / 4;
        uint256 burned = stake - reward - compensation;
        stakeOf[operator] = 0;
        emit ReceiptStruckDown(digest, operator, challenger, reward, compensation, burned);
        if (stake != 0) _OPERATORS.slash(operator, stake, burned);
        _credit(challenger, reward);
        _credit(payer, compensation);
        if (liveReceiptDisputes[operator] > 1) _fillStake(operator);
    }

    // ---------------------------------------------------------------- what is kept

    function _load(uint256 disputeId) internal view returns (Dispute memory dispute) {
        uint256 turn = _kept[disputeId].turn;
        // forge-lint: disable-start(unsafe-typecast) each has as many bits as are kept of it
        dispute.phase = Phase(uint8(turn));
        dispute.height = uint8(turn >> 8);
        dispute.depth = uint8(turn >> 16);
        dispute.operatorExtended = (turn >> 24) & 1 != 0;
        dispute.challengerExtended = (turn >> 25) & 1 != 0;
        dispute.element = uint16(turn >> 32);
        dispute.deadline = uint40(turn >> 48);
        dispute.otherTime = uint40(turn >> 88);
        dispute.leafIndex = uint64(turn >> 128);
        // forge-lint: disable-end(unsafe-typecast)
        dispute.standing = _kept[disputeId].standing;
    }

    function _store(uint256 disputeId, Dispute memory dispute) internal {
        uint256 turn = uint256(dispute.phase) | uint256(dispute.height) << 8
            | uint256(dispute.depth) << 16 | uint256(dispute.element) << 32
            | uint256(dispute.deadline) << 48 | uint256(dispute.otherTime) << 88
            | uint256(dispute.leafIndex) << 128;
        if (dispute.operatorExtended) turn |= 1 << 24;
        if (dispute.challengerExtended) turn |= 1 << 25;
        _kept[disputeId] = Kept(turn, dispute.standing);
    }

    // ---------------------------------------------------------------- clocks

    /// @dev The turn passes: this side's clock stops, the other side's runs. A side that has less than the extension
    /// left gets the extension, once.
    function _pass(uint256 disputeId, Dispute memory dispute, Phase next) internal {
        bool isChallengers = _isChallengers(next);
        uint256 time = dispute.otherTime;
        bool isExtended = isChallengers ? dispute.challengerExtended : dispute.operatorExtended;
        if (time < extension && !isExtended) {
            time = extension;
            if (isChallengers) dispute.challengerExtended = true;
            else dispute.operatorExtended = true;
        }
        dispute.phase = next;
        dispute.otherTime = (dispute.deadline - block.timestamp).toUint40();
        dispute.deadline = (block.timestamp + time).toUint40();
        _store(disputeId, dispute);
    }

    /// @dev Of the phases of a live dispute.
    function _isChallengers(Phase phase) internal pure returns (bool) {
        return phase == Phase.Pick || phase == Phase.Step || phase == Phase.StepSum;
    }
}
