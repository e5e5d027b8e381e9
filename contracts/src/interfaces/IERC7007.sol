// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @title ERC-7007 Verifiable AI-Generated Content Token
/// @dev ERC-165 id 0x702c55a6, which covers the two functions and not ERC-721's.
interface IERC7007 is IERC721 {
    /// @dev The indexed bytes are only hashes in the log; see IContentToken.Content for the readable.
    event AigcData(
        uint256 indexed tokenId, bytes indexed prompt, bytes indexed aigcData, bytes proof
    );

    /// @notice Adds the generated content to a minted token. Selector 0xaea30507.
    function addAigcData(
        uint256 tokenId,
        bytes calldata prompt,
        bytes calldata aigcData,
        bytes calldata proof
    ) external;

    /// @notice Whether `aigcData` is, finally, what the model made of `prompt`. Selector 0xde8f50a1.
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        external
        view
        returns (bool success);
}

/// @title ERC-7007's enumeration extension
/// @dev ERC-165 id 0xfa1a557a.
interface IERC7007Enumerable is IERC7007 {
    /// @notice The token of a prompt: keccak256(prompt).
    function tokenId(bytes calldata promptBytes) external view returns (uint256);

    /// @notice The prompt bytes of a token. They are binary; see IContentToken.promptOf.
    function prompt(uint256 id) external view returns (string memory);
}

/// @title ERC-7007's extension for content that may change while it can be disputed
/// @dev ERC-165 id 0x3f37dce2.
interface IERC7007Updatable is IERC7007 {
    event Update(uint256 indexed tokenId, bytes indexed prompt, bytes indexed aigcData);

    /// @notice Replaces the content by the oracle's present answer.
    function update(bytes calldata prompt, bytes calldata aigcData) external;
}
