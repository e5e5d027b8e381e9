// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7007Enumerable, IERC7007Updatable} from "./IERC7007.sol";

/// @title Answers of the oracle as ERC-7007 tokens
/// @notice prompt  = abi.encode(uint256 modelId, bytes promptTokens, uint32 maxTokens,
///                              uint256 requestId), canonically encoded
///         tokenId = uint256(keccak256(prompt))
///         aigcData = the text of the answer
///         proof   = abi.encode(uint256 requestId), or empty
///
/// Only the beneficiary of the request can mint it, and the request's number is part of the prompt,
/// so that there is nothing to front-run: whoever copies a question gets a request, a prompt and a
/// token of his own, with a higher number.
///
/// A token may be minted as soon as there is an answer. `verify` is true only once it is final.
interface IContentToken is IERC7007Enumerable, IERC7007Updatable {
    /// @notice The content of a token, readable, at every addition and update.
    event Content(
        uint256 indexed tokenId,
        uint256 indexed requestId,
        uint256 indexed modelId,
        bytes prompt,
        bytes aigcData
    );

    error BadRoyalty(uint256 bps, uint256 limit);
    error MalformedPrompt();
    error PromptMismatch(uint256 requestId);
    error MalformedProof(uint256 requestId);
    error NotBeneficiary(uint256 requestId, address beneficiary, address caller);
    error NotAnswered(uint256 requestId);
    error NotMinted(uint256 tokenId);
    error WrongToken(uint256 tokenId, uint256 expected);
    error ContentExists(uint256 tokenId);
    error ContentMissing(uint256 tokenId);
    error ContentUnchanged(uint256 tokenId);
    error ContentTooLong(uint256 length, uint256 limit);
    error WrongContent(uint256 requestId, bytes32 expected, bytes32 given);

    /// @notice Mints the token of `prompt` to `to` and adds its content, in one call.
    /// @dev By the request's beneficiary, once there is an answer.
    /// @return id keccak256(prompt)
    function mint(address to, bytes calldata prompt, bytes calldata aigcData)
        external
        returns (uint256 id);

    /// @notice Mints the token of `prompt` without content; `addAigcData` follows, by anybody.
    /// @dev By the request's beneficiary, once there is an answer.
    function reserve(address to, bytes calldata prompt) external returns (uint256 id);

    /// @notice The prompt bytes for a request.
    /// @param promptTokens Packed; checked against the oracle, reverts when they are others.
    function encodePrompt(uint256 requestId, bytes calldata promptTokens)
        external
        view
        returns (bytes memory prompt);

    /// @notice The prompt bytes of a minted token; empty while it has no content.
    function promptOf(uint256 tokenId) external view returns (bytes memory);

    /// @notice The text of a minted token; empty while it has no content.
    function contentOf(uint256 tokenId) external view returns (bytes memory);

    /// @notice The request that a minted token comes from.
    function requestOf(uint256 tokenId) external view returns (uint256 requestId);

    function oracle() external view returns (address);

    /// @notice The share of a sale that is owed to the model's splitter, in 1/10000.
    function royaltyBps() external view returns (uint96);
}
