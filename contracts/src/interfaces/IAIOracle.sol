// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The asking side of ORA's on-chain AI oracle
/// @notice Selectors and topics are those of ora-io/OAO's AIOracle, so that contracts written for
/// it work against this oracle unchanged. The input is text (UTF-8 bytes).
interface IAIOracle {
    /// @notice A text question was asked.
    event AICallbackRequest(
        address indexed account,
        uint256 indexed requestId,
        uint256 modelId,
        bytes input,
        address callbackContract,
        uint64 gasLimit,
        bytes callbackData
    );

    /// @notice A text question was answered; `invoker` is the operator that posted the answer.
    event AICallbackResult(
        address indexed account, uint256 indexed requestId, address invoker, bytes output
    );

    /// @notice Asks `modelId` for a completion of the text `input`, open to every operator.
    /// @dev Selector 0x5b953806. The value must be at least `estimateFee(modelId, gasLimit)`; all of
    /// it is the fee. The default limits of `IOracle.TEXT_MAX_TOKENS` and
    /// `IOracle.TEXT_RESPONSE_TIME` apply.
    /// The caller is the beneficiary: a refund is owed to it, and a contract that can neither receive
    /// ETH nor call `IOracle.withdraw` cannot take it. Such a caller should use `IOracle.ask`, which
    /// names a beneficiary.
    /// @param callbackContract Receives `aiOracleCallback`, or zero for no callback.
    /// @param gasLimit Gas that the callback is given.
    /// @param callbackData Handed back to the callback as it is.
    /// @return requestId The number of the request, counted from 1.
    function requestCallback(
        uint256 modelId,
        bytes calldata input,
        address callbackContract,
        uint64 gasLimit,
        bytes calldata callbackData
    ) external payable returns (uint256 requestId);

    /// @notice The fee, in wei, that `requestCallback` asks for.
    /// @dev Selector 0x00e1d8d0. Priced as if the prompt filled the context, because the length of a
    /// text in tokens is not known on chain; the price list is that of the model's reference operator.
    function estimateFee(uint256 modelId, uint256 gasLimit) external view returns (uint256 fee);

    /// @notice Whether the answer of `requestId` can no longer be disputed.
    /// @dev Selector 0x33727c4d. False for unknown and unanswered requests.
    function isFinalized(uint256 requestId) external view returns (bool);
}

/// @title What a contract implements to receive answers
interface IAIOracleCallback {
    /// @notice Delivers an answer when it is posted, which is BEFORE it is final.
    /// @dev Selector 0xb0347814. Implementations must check that the caller is the oracle. The answer
    /// may still be struck down in a dispute, and then a new answer to the same request arrives by a
    /// second call: keep the last one, and act on value only once `isFinalized(requestId)`.
    /// @param output The text of the answer.
    /// @param callbackData What the asker handed in.
    function aiOracleCallback(uint256 requestId, bytes calldata output, bytes calldata callbackData)
        external;
}
