// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Immutable arguments of a clone, read word by word
/// @dev Solady's LibClone appends the arguments to the 45 bytes of the ERC-1167 proxy. Reading one word from the
/// own code costs about 110 gas (a cold storage slot 2,100) and, unlike storage, nothing can ever write to it.
library CloneArgs {
    /// @dev Length of the ERC-1167 runtime code.
    uint256 internal constant PROXY_SIZE = 0x2d;

    /// @notice The 32-byte word number `index` of the arguments of this very clone.
    function word(uint256 index) internal view returns (uint256 value) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0x00, add(PROXY_SIZE, shl(5, index)), 0x20)
            value := mload(0x00)
        }
    }

    /// @notice As `word`, for an address.
    function account(uint256 index) internal view returns (address) {
        return address(uint160(word(index)));
    }

    /// @notice Copies the first `count` words to memory at `pointer`, which must have room for them.
    function load(uint256 pointer, uint256 count) internal view {
        assembly ("memory-safe") {
            extcodecopy(address(), pointer, PROXY_SIZE, shl(5, count))
        }
    }
}
