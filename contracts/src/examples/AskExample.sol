// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAIOracleCallback} from "../interfaces/IAIOracle.sol";
import {IOracle} from "../interfaces/IOracle.sol";

/// @title A contract that asks a model and keeps the answer
/// @notice The shortest useful caller: it forwards the fee, names its caller as the beneficiary (who
/// gets refunds and may mint the answer), and stores what the callback brings.
contract AskExample is IAIOracleCallback {
    /// @dev Storing the text costs 22,100 gas for each 32 bytes of it.
    uint64 public constant CALLBACK_GAS = 2_000_000;

    IOracle public immutable ORACLE;
    uint256 public immutable MODEL_ID;

    /// @notice The newest request of this contract.
    uint256 public lastRequestId;

    mapping(uint256 requestId => string) private _answers;

    event AnswerStored(uint256 indexed requestId, string text);

    error NotOracle(address caller);

    constructor(IOracle oracle, uint256 modelId) {
        ORACLE = oracle;
        MODEL_ID = modelId;
    }

    /// @notice Asks with the whole value as fee.
    /// @param promptTokens Packed tokens.
    /// @param operator Who may answer, or zero for anybody.
    /// @param responseTime Seconds; unanswered after them, the caller is refunded.
    function ask(
        bytes calldata promptTokens,
        uint32 maxTokens,
        address operator,
        uint64 responseTime
    ) external payable returns (uint256 requestId) {
        IOracle.Question memory question = IOracle.Question({
            modelId: MODEL_ID,
            promptTokens: promptTokens,
            maxTokens: maxTokens,
            operator: operator,
            beneficiary: msg.sender,
            sampling: 0,
            bond: 0,
            deadline: uint64(block.timestamp) + responseTime,
            callback: address(this),
            callbackGas: CALLBACK_GAS,
            callbackData: ""
        });
        requestId = ORACLE.ask{value: msg.value}(question);
        lastRequestId = requestId;
    }

    /// @inheritdoc IAIOracleCallback
    /// @dev A second call for the same request brings the answer that replaces a struck-down one.
    function aiOracleCallback(uint256 requestId, bytes calldata output, bytes calldata) external {
        if (msg.sender != address(ORACLE)) revert NotOracle(msg.sender);
        _answers[requestId] = string(output);
        emit AnswerStored(requestId, string(output));
    }

    /// @notice The stored answer, and whether it can still be struck down.
    function answerOf(uint256 requestId) external view returns (string memory text, bool isFinal) {
        return (_answers[requestId], ORACLE.isFinalized(requestId));
    }
}
