// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {OracleBase} from "./OracleBase.sol";
import {IAIOracle, IAIOracleCallback} from "./interfaces/IAIOracle.sol";
import {IModelVerifier} from "./interfaces/IModelVerifier.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {IProofRegistry} from "./interfaces/IProofRegistry.sol";
import {ISplitterFactory} from "./interfaces/ISplitterFactory.sol";
import {BoundedCall} from "./libraries/BoundedCall.sol";
import {PackedTokens} from "./libraries/PackedTokens.sol";

/// @title Oracle
/// @notice See IOracle. No owner, no pause; every transition can be made by anybody, except that
/// answers come from operators and strike-downs from the dispute game.
/// @dev No reentrancy lock: every function writes its state before it calls out, and a callback may
/// well ask the next question.
///
/// Why lying does not pay: a false answer earns at most the fee, and costs at least BOND_MULTIPLE
/// times the fee when one checker looks. It does not pay either to strike oneself down: with all
/// three roles in one hand at least bond / 2 - fee is burned.
contract Oracle is OracleBase {
    using PackedTokens for bytes;

    constructor(
        IOperatorRegistry operators,
        ISplitterFactory splitters,
        IProofRegistry proofs,
        address disputeGame_,
        uint64 window_,
        uint128 minimumBond_
    ) OracleBase(operators, splitters, proofs, disputeGame_, window_, minimumBond_) {}

    /// @dev The part of a slashed bond that this contract owes on.
    receive() external payable {
        if (msg.sender != address(_OPERATORS)) revert NotOperatorRegistry(msg.sender);
    }

    // ---------------------------------------------------------------- asking

    /// @inheritdoc IOracle
    function ask(Question calldata question) external payable returns (uint256 requestId) {
        if (question.sampling != GREEDY) revert UnsupportedSampling(question.sampling);
        uint256 latest = block.timestamp + MAX_RESPONSE_TIME;
        if (question.deadline <= block.timestamp || question.deadline > latest) {
            revert BadDeadline(question.deadline, block.timestamp + 1, latest);
        }
        _checkPrompt(question.modelId, question.promptTokens, question.maxTokens);
        if (question.operator != address(0)) {
            uint256 callbackGas = question.callback == address(0) ? 0 : question.callbackGas;
            uint256 required = _OPERATORS.quote(
                question.modelId,
                question.promptTokens.count(),
                question.maxTokens,
                callbackGas,
                question.operator
            );
            if (msg.value < required) revert FeeTooLow(msg.value, required);
        }
        return _open(question, question.promptTokens, false);
    }

    /// @inheritdoc IAIOracle
    function requestCallback(
        uint256 modelId,
        bytes calldata input,
        address callbackContract,
        uint64 gasLimit,
        bytes calldata callbackData
    ) external payable returns (uint256 requestId) {
        if (input.length == 0) revert EmptyPrompt();
        if (input.length > MAX_TEXT_BYTES) revert TextTooLong(input.length, MAX_TEXT_BYTES);
        uint256 required = estimateFee(modelId, callbackContract == address(0) ? 0 : gasLimit);
        if (msg.value < required) revert FeeTooLow(msg.value, required);
        Question memory question = Question({
            modelId: modelId,
            promptTokens: "",
            maxTokens: uint32(_textMaxTokens(modelId)),
            operator: address(0),
            beneficiary: address(0),
            sampling: GREEDY,
            bond: 0,
            deadline: uint64(block.timestamp) + TEXT_RESPONSE_TIME,
            callback: callbackContract,
            callbackGas: gasLimit,
            callbackData: callbackData
        });
        requestId = _open(question, input, true);
        emit AICallbackRequest(
            msg.sender, requestId, modelId, input, callbackContract, gasLimit, callbackData
        );
    }

    // ---------------------------------------------------------------- answering

    /// @inheritdoc IOracle
    function answer(uint256 requestId, Answer calldata posted) external {
        Record storage record = _records[requestId];
        _checkAnswerable(requestId, record, posted);
        bytes32 promptTokensHash = _checkAnsweredPrompt(requestId, record, posted.promptTokens);
        _checkOutput(record, posted.outputTokens);

        bytes32 textHash = keccak256(posted.text);
        bytes32 claimHash = _claimHash(
            requestId, record, promptTokensHash, keccak256(posted.outputTokens), textHash
        );
        if (_fates[claimHash].isStruckDown) revert ClaimWasStruckDown(requestId, claimHash);

        record.operator = msg.sender;
        record.status = Status.Answered;
        record.finalAt = uint64(block.timestamp) + window;
        record.claimHash = claimHash;
        record.textHash = textHash;
        if (record.isText) record.textPromptHash = promptTokensHash;
        _OPERATORS.lock(msg.sender, _bond(record));

        _emitAnswered(requestId, record, posted);
        _deliver(requestId, record, record.callbackGas, posted.text, posted.callbackData);
    }

    /// @inheritdoc IOracle
    function retryCallback(uint256 requestId, bytes calldata text, bytes calldata callbackData)
        external
    {
        Record storage record = _records[requestId];
        if (record.delivery != Delivery.Failed) {
            revert CallbackNotFailed(requestId, record.delivery);
        }
        bytes32 given = keccak256(text);
        if (given != record.textHash) revert WrongText(requestId, record.textHash, given);
        _checkCallbackData(requestId, record, callbackData);
        // Whoever retries may bring more gas than the asker thought would do, never less.
        uint256 affordable = gasleft() / 64 * 63;
        uint256 gasLimit =
            Math.max(record.callbackGas, Math.saturatingSub(affordable, 2 * BoundedCall.RESERVE));
        _deliver(requestId, record, gasLimit, text, callbackData);
    }

    // ---------------------------------------------------------------- ending

    /// @inheritdoc IOracle
    function finalise(uint256 requestId) external {
        Record storage record = _records[requestId];
        _checkStatus(requestId, record, Status.Answered);
        if (block.timestamp < record.finalAt) revert WindowOpen(requestId, record.finalAt);
        uint256 live = _fates[record.claimHash].liveDisputes;
        if (live != 0) revert DisputeLive(requestId, live);
        _finalise(requestId, record);
    }

    /// @inheritdoc IOracle
    function prove(
        uint256 requestId,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        IModelVerifier.VerifyingKey calldata key,
        bytes calldata proof
    ) external {
        Record storage record = _records[requestId];
        _checkStatus(requestId, record, Status.Answered);
        // No proof says that tokens are those of a text.
        if (record.isText) revert TextNotProvable(requestId);
        bytes32 claimHash = _claimHash(
            requestId, record, keccak256(promptTokens), keccak256(outputTokens), record.textHash
        );
        if (claimHash != record.claimHash) {
            revert ClaimMismatch(requestId, record.claimHash, claimHash);
        }
        bytes32 root = _MODELS.rootOf(record.modelId);
        if (key.modelRoot != root) revert WrongModel(requestId, root, key.modelRoot);
        if (address(_PROOFS) == address(0)) revert NoProofRegistry();
        _PROOFS.verify(key, proofContextOf(requestId), promptTokens, outputTokens, proof);
        _fates[claimHash].isProven = true;
        emit Proven(requestId, claimHash, msg.sender);
        _finalise(requestId, record);
    }

    /// @inheritdoc IOracle
    function refund(uint256 requestId) external {
        Record storage record = _records[requestId];
        _checkStatus(requestId, record, Status.Open);
        if (block.timestamp < record.deadline) {
            revert DeadlineNotPassed(requestId, record.deadline);
        }
        record.status = Status.Refunded;
        _openFees -= record.fee;
        emit Refunded(requestId, record.beneficiary, record.fee);
        _credit(record.beneficiary, record.fee);
    }

    // ---------------------------------------------------------------- disputes

    /// @inheritdoc IOracle
    function hold(uint256 requestId, bytes32 claimHash) external onlyDisputeGame {
        Record storage record = _records[requestId];
        _checkLiveClaim(requestId, record, claimHash);
        if (block.timestamp >= record.finalAt) revert WindowClosed(requestId, record.finalAt);
        uint256 live = ++_fates[claimHash].liveDisputes;
        emit DisputeHold(requestId, claimHash, true, live);
    }

    /// @inheritdoc IOracle
    function release(uint256 requestId, bytes32 claimHash) external onlyDisputeGame {
        _release(requestId, claimHash);
    }

    /// @inheritdoc IOracle
    function strikeDown(uint256 requestId, bytes32 claimHash, address challenger)
        external
        payable
        onlyDisputeGame
    {
        if (challenger == address(0)) revert ZeroAddress();
        Record storage record = _records[requestId];
        _checkLiveClaim(requestId, record, claimHash);
        _release(requestId, claimHash);

        address operator = record.operator;
        uint256 bond = _bond(record);
        _reopen(record);
        _fates[claimHash].isStruckDown = true;

        // bond >= 10 fees, so the compensation is the whole fee and most of the second half burns.
        uint256 reward = bond / 2;
        uint256 compensation = Math.min(record.fee, bond - reward);
        uint256 burned = bond - reward - compensation;
        emit StruckDown(
            requestId,
            operator,
            challenger,
            claimHash,
            reward,
            compensation,
            burned,
            record.deadline
        );
        _OPERATORS.slash(operator, bond, burned);
        _credit(challenger, reward + msg.value);
        _credit(record.beneficiary, compensation);
    }

    // ---------------------------------------------------------------- inside

    function _open(Question memory question, bytes calldata input, bool isText)
        private
        returns (uint256 requestId)
    {
        if (msg.value > type(uint96).max) revert FeeTooHigh(msg.value, type(uint96).max);
        if (question.callbackGas > MAX_CALLBACK_GAS) {
            revert CallbackGasTooHigh(question.callbackGas, MAX_CALLBACK_GAS);
        }
        if (question.callbackData.length > MAX_CALLBACK_DATA) {
            revert CallbackDataTooLong(question.callbackData.length, MAX_CALLBACK_DATA);
        }
        if (question.callback == address(0)) {
            question.callbackGas = 0;
        } else if (question.callback.code.length == 0) {
            revert CallbackWithoutCode(question.callback);
        }
        if (question.beneficiary == address(0)) question.beneficiary = msg.sender;

        requestId = ++requestCount;
        _openFees += uint128(msg.value);
        Record storage record = _records[requestId];
        record.modelId = question.modelId;
        record.beneficiary = question.beneficiary;
        record.deadline = question.deadline;
        record.maxTokens = question.maxTokens;
        record.operator = question.operator;
        record.status = Status.Open;
        record.isText = isText;
        record.responseTime = uint32(question.deadline - block.timestamp);
        record.askedAt = uint40(block.timestamp);
        record.callback = question.callback;
        record.callbackGas = uint32(question.callbackGas);
        record.fee = uint128(msg.value);
        record.minimumBond = question.bond;
        record.inputHash = keccak256(input);
        record.callbackDataHash = _hashOrZero(question.callbackData);
        _emitAsked(requestId, question, input, isText);
    }

    function _release(uint256 requestId, bytes32 claimHash) private {
        Fate storage fate = _fates[claimHash];
        if (fate.liveDisputes == 0) revert NoDispute(requestId, claimHash);
        uint256 live = --fate.liveDisputes;
        emit DisputeHold(requestId, claimHash, false, live);
    }

    function _finalise(uint256 requestId, Record storage record) private {
        address operator = record.operator;
        uint128 fee = record.fee;
        record.status = Status.Final;
        _openFees -= fee;
        address splitter = _SPLITTERS.splitterOf(record.modelId, operator);
        emit Finalised(requestId, operator, record.claimHash, splitter, fee);
        _OPERATORS.unlock(operator, _bond(record));
        // A splitter takes ETH without running code, deployed or not: this push cannot block.
        _send(splitter, fee);
    }

    function _reopen(Record storage record) private {
        record.status = Status.Open;
        record.delivery = Delivery.None;
        record.operator = address(0);
        record.deadline = uint64(block.timestamp) + record.responseTime;
        record.finalAt = 0;
        record.claimHash = 0;
        record.textHash = 0;
    }

    /// @dev The mark is set before the call, so that the callback cannot ask for a second delivery.
    function _deliver(
        uint256 requestId,
        Record storage record,
        uint256 gasLimit,
        bytes calldata text,
        bytes calldata callbackData
    ) private {
        address callback = record.callback;
        if (callback == address(0)) return;
        record.delivery = Delivery.Delivered;
        bytes memory data =
            abi.encodeCall(IAIOracleCallback.aiOracleCallback, (requestId, text, callbackData));
        BoundedCall.checkGas(gasLimit);
        bool success = callback.code.length != 0 && BoundedCall.execute(callback, gasLimit, data);
        if (!success) record.delivery = Delivery.Failed;
        emit CallbackDelivered(requestId, callback, success);
    }

    function _emitAsked(
        uint256 requestId,
        Question memory question,
        bytes calldata input,
        bool isText
    ) private {
        Terms memory terms = Terms({
            beneficiary: question.beneficiary,
            maxTokens: question.maxTokens,
            sampling: question.sampling,
            fee: uint128(msg.value),
            bond: uint128(_bond(_records[requestId])),
            deadline: question.deadline,
            callback: question.callback,
            callbackGas: question.callbackGas
        });
        emit Asked(
            requestId,
            question.modelId,
            question.operator,
            msg.sender,
            isText,
            input,
            terms,
            question.callbackData
        );
    }

    function _emitAnswered(uint256 requestId, Record storage record, Answer calldata posted)
        private
    {
        emit Answered({
            requestId: requestId,
            modelId: record.modelId,
            operator: msg.sender,
            claimHash: record.claimHash,
            promptTokens: posted.promptTokens,
            outputTokens: posted.outputTokens,
            text: posted.text,
            bond: _bond(record),
            finalAt: record.finalAt
        });
        if (record.isText) {
            emit AICallbackResult(record.beneficiary, requestId, msg.sender, posted.text);
        }
    }
}
