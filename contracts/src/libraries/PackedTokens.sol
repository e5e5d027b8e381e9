// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Packed tokens: 4 bytes each, big-endian
library PackedTokens {
    uint256 internal constant WIDTH = 4;

    /// @notice Whether the length is a whole number of tokens.
    function isPacked(bytes calldata tokens) internal pure returns (bool) {
        return tokens.length % WIDTH == 0;
    }

    /// @notice The number of tokens; the bytes must be packed.
    function count(bytes calldata tokens) internal pure returns (uint256) {
        return tokens.length / WIDTH;
    }

    /// @notice The token at `index`, which must be below `count`.
    function read(bytes calldata tokens, uint256 index) internal pure returns (uint256 token) {
        // One word is loaded and its upper 32 bits kept; calldata past the end reads as zero.
        assembly ("memory-safe") {
            token := shr(224, calldataload(add(tokens.offset, mul(index, WIDTH))))
        }
    }

    /// @notice Index of the first token that is not below `bound`; `count` when all are.
    function firstNotBelow(bytes calldata tokens, uint256 bound)
        internal
        pure
        returns (uint256 index)
    {
        uint256 n = count(tokens);
        while (index < n && read(tokens, index) < bound) {
            unchecked {
                ++index;
            }
        }
    }

    /// @notice Index of the first token that equals `token`; `count` when none does.
    function firstEqual(bytes calldata tokens, uint256 token)
        internal
        pure
        returns (uint256 index)
    {
        uint256 n = count(tokens);
        while (index < n && read(tokens, index) != token) {
            unchecked {
                ++index;
            }
        }
    }
}
