// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The prompt bytes of an ERC-7007 token made from an answer
/// @notice prompt = abi.encode(uint256 modelId, bytes promptTokens, uint32 maxTokens,
///                             uint256 requestId)
/// laid out as 32-byte words:
///
///     0x00 modelId   0x20 0x80   0x40 maxTokens   0x60 requestId
///     0x80 length of promptTokens, then its bytes, padded with zeros to whole words
///
/// Only this one encoding is accepted: other bytes that a lenient decoder would read as the same four
/// values would hash to a second token for the same answer.
library ContentPrompt {
    uint256 private constant HEAD = 0xa0;

    function encode(uint256 modelId, bytes memory promptTokens, uint32 maxTokens, uint256 requestId)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(modelId, promptTokens, maxTokens, requestId);
    }

    /// @notice keccak256 of the tokens inside canonical prompt bytes.
    function tokensHash(bytes memory prompt) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let tokens := add(prompt, 0xa0) // the length word at 0x80, after prompt's own
            hash := keccak256(add(tokens, 0x20), mload(tokens))
        }
    }

    /// @notice Reads canonical prompt bytes; total: never reverts.
    /// @return valid Whether `prompt` is the one encoding of the other results.
    function tryDecode(bytes calldata prompt)
        internal
        pure
        returns (
            bool valid,
            uint256 modelId,
            bytes calldata promptTokens,
            uint32 maxTokens,
            uint256 requestId
        )
    {
        promptTokens = prompt[:0];
        if (prompt.length < HEAD) return (false, 0, promptTokens, 0, 0);
        (uint256 model,, uint256 max, uint256 request, uint256 length) =
            abi.decode(prompt[:HEAD], (uint256, uint256, uint256, uint256, uint256));
        if (max > type(uint32).max || length > prompt.length - HEAD) {
            return (false, 0, promptTokens, 0, 0);
        }
        modelId = model;
        // forge-lint: disable-next-line(unsafe-typecast) bounded above
        maxTokens = uint32(max);
        requestId = request;
        promptTokens = prompt[HEAD:HEAD + length];
        valid = keccak256(encode(modelId, promptTokens, maxTokens, requestId)) == keccak256(prompt);
    }
}
