// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {PullPayments} from "./PullPayments.sol";
import {IAIOracle} from "./interfaces/IAIOracle.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {IOracle} from "./interfaces/IOracle.sol";
import {IProofRegistry} from "./interfaces/IProofRegistry.sol";
import {ISplitterFactory} from "./interfaces/ISplitterFactory.sol";
import {PackedTokens} from "./libraries/PackedTokens.sol";

/// @title OracleBase
/// @notice What the oracle remembers, what it can be asked, and what it checks; nothing in here
/// changes state. The transitions are in Oracle.
abstract contract OracleBase is IOracle, PullPayments {
    using PackedTokens for bytes;

    /// @dev Storage of a request. What follows from other members is computed: the bond, and
    /// `sampling`, which is always greedy.
    struct Record {
        uint256 modelId;
        address beneficiary;
        uint64 deadline;
        uint32 maxTokens;
        address operator;
        Status status;
        Delivery delivery;
        bool isText;
        uint32 responseTime;
        uint40 askedAt;
        address callback;
        uint32 callbackGas;
        uint64 finalAt;
        uint128 fee;
        uint128 minimumBond;
        bytes32 inputHash;
        bytes32 callbackDataHash; // zero when there are no data
        bytes32 claimHash;
        bytes32 textHash;
        bytes32 textPromptHash; // promptTokensHash of a text question's answer
    }

    /// @dev What became of a claim; one slot, which its first dispute has written when it falls.
    struct Fate {
        uint64 liveDisputes;
        bool isStruckDown;
        bool isProven;
    }

    /// @inheritdoc IOracle
    uint256 public constant BOND_MULTIPLE = 10;
    /// @inheritdoc IOracle
    uint256 public constant MAX_CALLBACK_GAS = 5_000_000;
    /// @inheritdoc IOracle
    uint256 public constant MAX_CALLBACK_DATA = 4096;
    /// @dev The longest prompt and answer together stay far below EIP-7825's 16.7M gas.
    /// @inheritdoc IOracle
    uint256 public constant MAX_PROMPT_TOKENS = 8192;
    /// @inheritdoc IOracle
    uint256 public constant MAX_OUTPUT_TOKENS = 4096;
    /// @inheritdoc IOracle
    uint256 public constant MAX_TEXT_BYTES = 8192;
    /// @inheritdoc IOracle
    uint256 public constant MAX_RESPONSE_TIME = 30 days;
    /// @inheritdoc IOracle
    uint256 public constant TEXT_MAX_TOKENS = 256;
    /// @inheritdoc IOracle
    uint64 public constant TEXT_RESPONSE_TIME = 1 hours;

    bytes32 internal constant GREEDY = 0;

    IModelRegistry internal immutable _MODELS;
    IOperatorRegistry internal immutable _OPERATORS;
    ISplitterFactory internal immutable _SPLITTERS;
    IProofRegistry internal immutable _PROOFS;
    /// @inheritdoc IOracle
    address public immutable disputeGame;
    /// @inheritdoc IOracle
    uint64 public immutable window;
    /// @inheritdoc IOracle
    uint128 public immutable minimumBond;

    /// @dev Beside what is owed: while a request is open their slot is not a fresh one.
    uint128 internal _openFees;
    /// @inheritdoc IOracle
    uint256 public requestCount;

    mapping(bytes32 claimHash => Fate) internal _fates;
    mapping(uint256 requestId => Record) internal _records;

    modifier onlyDisputeGame() {
        _checkDisputeGame();
        _;
    }

    /// @param operators Registry that was deployed with this contract's address and `disputeGame_`.
    /// @param splitters Where fees of final answers go.
    /// @param proofs Whose keys may prove answers; zero when none may.
    /// @param disputeGame_ The only address that may strike down; zero when answers are beyond dispute.
    /// @param window_ Seconds.
    /// @param minimumBond_ Wei.
    constructor(
        IOperatorRegistry operators,
        ISplitterFactory splitters,
        IProofRegistry proofs,
        address disputeGame_,
        uint64 window_,
        uint128 minimumBond_
    ) {
        if (window_ == 0) revert ZeroWindow();
        address models = operators.modelRegistry();
        bool wired = operators.oracle() == address(this) && operators.disputeGame() == disputeGame_
            && splitters.modelRegistry() == models;
        if (!wired) revert RegistryMismatch(address(operators));
        if (operators.exitDelay() <= window_) {
            revert ExitDelayTooShort(operators.exitDelay(), window_);
        }
        _MODELS = IModelRegistry(models);
        _OPERATORS = operators;
        _SPLITTERS = splitters;
        _PROOFS = proofs;
        disputeGame = disputeGame_;
        window = window_;
        minimumBond = minimumBond_;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IOracle
    function requestOf(uint256 requestId) external view returns (Request memory request) {
        Record storage record = _records[requestId];
        bool answered = record.claimHash != 0;
        request.modelId = record.modelId;
        request.beneficiary = record.beneficiary;
        request.operator = record.operator;
        request.status = record.status;
        request.delivery = record.delivery;
        request.isText = record.isText;
        request.maxTokens = record.maxTokens;
        request.askedAt = record.askedAt;
        request.responseTime = record.responseTime;
        request.deadline = record.deadline;
        request.fee = record.fee;
        request.minimumBond = record.minimumBond;
        request.sampling = GREEDY;
        request.inputHash = record.inputHash;
        request.callback = record.callback;
        request.callbackGas = record.callbackGas;
        request.callbackDataHash = record.callbackDataHash;
        request.finalAt = record.finalAt;
        request.bond = record.status == Status.Answered ? uint128(_bond(record)) : 0;
        request.claimHash = record.claimHash;
        request.textHash = record.textHash;
        if (record.isText) {
            request.promptTokensHash = answered ? record.textPromptHash : bytes32(0);
        } else {
            request.promptTokensHash = record.inputHash;
        }
    }

    /// @inheritdoc IOracle
    function answerOf(uint256 requestId)
        external
        view
        returns (Status status, address operator, bytes32 claimHash, bytes32 textHash)
    {
        Record storage record = _records[requestId];
        status = record.status;
        claimHash = record.claimHash;
        textHash = record.textHash;
        // Before an answer the member holds the operator that was asked for.
        if (claimHash != 0) operator = record.operator;
    }

    /// @inheritdoc IOracle
    function openFees() external view returns (uint256) {
        return _openFees;
    }

    /// @inheritdoc IOracle
    function isStruckDown(bytes32 claimHash) external view returns (bool) {
        return _fates[claimHash].isStruckDown;
    }

    /// @inheritdoc IOracle
    function isProven(bytes32 claimHash) external view returns (bool) {
        return _fates[claimHash].isProven;
    }

    /// @inheritdoc IOracle
    function fateOf(bytes32 claimHash) external view returns (bool struckDown, bool proven) {
        Fate storage fate = _fates[claimHash];
        return (fate.isStruckDown, fate.isProven);
    }

    /// @inheritdoc IOracle
    function liveDisputes(bytes32 claimHash) external view returns (uint256) {
        return _fates[claimHash].liveDisputes;
    }

    /// @inheritdoc IOracle
    function questionHashOf(uint256 requestId) external view returns (bytes32) {
        return _questionHash(_records[requestId]);
    }

    /// @inheritdoc IOracle
    function bondOf(uint256 requestId) external view returns (uint256 bond) {
        return _bond(_records[requestId]);
    }

    /// @inheritdoc IAIOracle
    function isFinalized(uint256 requestId) external view returns (bool) {
        return _records[requestId].status == Status.Final;
    }

    /// @inheritdoc IOracle
    function claimHashOf(Claim memory claim) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), claim));
    }

    /// @inheritdoc IOracle
    function proofContextOf(uint256 requestId) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), requestId));
    }

    /// @inheritdoc IOracle
    function proofRegistry() external view returns (address) {
        return address(_PROOFS);
    }

    /// @inheritdoc IOracle
    function modelRegistry() external view returns (address) {
        return address(_MODELS);
    }

    /// @inheritdoc IOracle
    function operatorRegistry() external view returns (address) {
        return address(_OPERATORS);
    }

    /// @inheritdoc IOracle
    function splitterFactory() external view returns (address) {
        return address(_SPLITTERS);
    }

    /// @inheritdoc IOracle
    function quote(
        uint256 modelId,
        uint256 promptTokens,
        uint256 maxTokens,
        uint256 callbackGas,
        address operator
    ) external view returns (uint256 fee) {
        _checkLengths(modelId, promptTokens, maxTokens);
        if (callbackGas > MAX_CALLBACK_GAS) {
            revert CallbackGasTooHigh(callbackGas, MAX_CALLBACK_GAS);
        }
        return _OPERATORS.quote(modelId, promptTokens, maxTokens, callbackGas, operator);
    }

    /// @inheritdoc IAIOracle
    function estimateFee(uint256 modelId, uint256 gasLimit) public view returns (uint256 fee) {
        (uint32 contextLength,,) = _MODELS.limitsOf(modelId);
        uint256 maxTokens = _textMaxTokens(modelId);
        uint256 promptTokens = Math.min(contextLength - maxTokens, MAX_PROMPT_TOKENS);
        return _OPERATORS.quote(modelId, promptTokens, maxTokens, gasLimit, address(0));
    }

    // ---------------------------------------------------------------- checks

    function _checkDisputeGame() internal view {
        if (msg.sender != disputeGame) revert NotDisputeGame(msg.sender);
    }

    function _checkStatus(uint256 requestId, Record storage record, Status wanted) internal view {
        if (record.status != wanted) revert WrongStatus(requestId, record.status);
    }

    function _checkLiveClaim(uint256 requestId, Record storage record, bytes32 claimHash)
        internal
        view
    {
        _checkStatus(requestId, record, Status.Answered);
        if (record.claimHash != claimHash) {
            revert ClaimMismatch(requestId, record.claimHash, claimHash);
        }
    }

    function _checkAnswerable(uint256 requestId, Record storage record, Answer calldata posted)
        internal
        view
    {
        _checkStatus(requestId, record, Status.Open);
        if (block.timestamp >= record.deadline) revert DeadlinePassed(requestId, record.deadline);
        if (record.operator != address(0) && record.operator != msg.sender) {
            revert NotTheOperator(requestId, record.operator, msg.sender);
        }
        bytes32 question = _questionHash(record);
        if (question != posted.questionHash) {
            revert WrongQuestion(requestId, question, posted.questionHash);
        }
        _checkCallbackData(requestId, record, posted.callbackData);
    }

    function _checkCallbackData(uint256 requestId, Record storage record, bytes calldata data)
        internal
        view
    {
        bytes32 given = _hashOrZero(data);
        if (given != record.callbackDataHash) {
            revert WrongCallbackData(requestId, record.callbackDataHash, given);
        }
    }

    /// @dev The prompt of a token question was checked when it was asked; that of a text question is
    /// the operator's tokenisation, part of the claim, and disputable like the rest of it.
    function _checkAnsweredPrompt(
        uint256 requestId,
        Record storage record,
        bytes calldata promptTokens
    ) internal view returns (bytes32) {
        if (!record.isText) {
            if (promptTokens.length != 0) {
                revert PromptNotWanted(requestId);
            }
            return record.inputHash;
        }
        _checkPrompt(record.modelId, promptTokens, record.maxTokens);
        return keccak256(promptTokens);
    }

    function _checkPrompt(uint256 modelId, bytes calldata tokens, uint256 maxTokens) internal view {
        if (!tokens.isPacked()) revert NotPacked(tokens.length);
        uint256 vocabularySize = _checkLengths(modelId, tokens.count(), maxTokens);
        _checkVocabulary(tokens, vocabularySize);
    }

    function _checkLengths(uint256 modelId, uint256 promptTokens, uint256 maxTokens)
        internal
        view
        returns (uint256 vocabularySize)
    {
        uint256 contextLength;
        (contextLength, vocabularySize,) = _MODELS.limitsOf(modelId);
        if (promptTokens == 0) revert EmptyPrompt();
        uint256 limit = Math.min(contextLength, MAX_PROMPT_TOKENS);
        if (promptTokens > limit) revert PromptTooLong(promptTokens, limit);
        limit = Math.min(contextLength - promptTokens, MAX_OUTPUT_TOKENS);
        if (maxTokens == 0 || maxTokens > limit) revert BadMaxTokens(maxTokens, limit);
    }

    function _checkVocabulary(bytes calldata tokens, uint256 vocabularySize) internal pure {
        uint256 index = tokens.firstNotBelow(vocabularySize);
        if (index != tokens.count()) {
            revert TokenOutOfVocabulary(index, tokens.read(index), vocabularySize);
        }
    }

    /// @dev An answer stops at the end token or at the limit, and nowhere else: stopping early or
    /// late is then a wrong token like any other, and needs no game of its own.
    function _checkOutput(Record storage record, bytes calldata tokens) internal view {
        if (!tokens.isPacked()) revert NotPacked(tokens.length);
        uint256 n = tokens.count();
        if (n == 0) revert EmptyAnswer();
        if (n > record.maxTokens) revert AnswerTooLong(n, record.maxTokens);
        (, uint32 vocabularySize, uint32 endToken) = _MODELS.limitsOf(record.modelId);
        _checkVocabulary(tokens, vocabularySize);
        uint256 end = tokens.firstEqual(endToken);
        if (end < n - 1) revert EndTokenInside(end);
        if (end == n && n != record.maxTokens) revert AnswerUnfinished(n, record.maxTokens);
    }

    // ---------------------------------------------------------------- inside

    function _claimHash(
        uint256 requestId,
        Record storage record,
        bytes32 promptTokensHash,
        bytes32 outputTokensHash,
        bytes32 textHash
    ) internal view returns (bytes32) {
        return claimHashOf(
            Claim({
                requestId: requestId,
                modelId: record.modelId,
                modelRoot: _MODELS.rootOf(record.modelId),
                inputHash: record.isText ? record.inputHash : bytes32(0),
                promptTokensHash: promptTokensHash,
                outputTokensHash: outputTokensHash,
                textHash: textHash,
                maxTokens: record.maxTokens,
                sampling: GREEDY
            })
        );
    }

    function _questionHash(Record storage record) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                record.modelId,
                record.isText,
                record.inputHash,
                record.maxTokens,
                GREEDY,
                record.fee,
                _bond(record)
            )
        );
    }

    function _bond(Record storage record) internal view returns (uint256) {
        uint256 asked = Math.max(minimumBond, record.minimumBond);
        return Math.max(asked, BOND_MULTIPLE * record.fee);
    }

    function _textMaxTokens(uint256 modelId) internal view returns (uint256) {
        (uint32 contextLength,,) = _MODELS.limitsOf(modelId);
        // At least one token for the prompt and one for the answer; half the context when it is small.
        if (contextLength < 2) revert BadMaxTokens(1, 0);
        return Math.min(TEXT_MAX_TOKENS, contextLength / 2);
    }

    function _hashOrZero(bytes memory data) internal pure returns (bytes32) {
        return data.length == 0 ? bytes32(0) : keccak256(data);
    }
}
