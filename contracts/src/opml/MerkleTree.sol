// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees of models and traces
/// @notice leaf = keccak256(0x00 || data), node = keccak256(0x01 || left || right); a place without a leaf is 32 zero
/// bytes. The same as src/imo/crypto/merkle.hpp, which says why.
library MerkleTree {
    /// @notice The least h with count <= 2^h.
    function heightOf(uint256 count) internal pure returns (uint256 height) {
        while (count > 1 << height) {
            unchecked {
                ++height;
            }
        }
    }

    function leafHash(bytes calldata data) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0)
            calldatacopy(add(free, 1), data.offset, data.length)
            hash := keccak256(free, add(data.length, 1))
        }
    }

    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            hash := keccak256(free, 65)
        }
    }

    /// @notice The node above 2^height leaves of `size` bytes each, of which `leaves` are the first: a whole number of
    /// them, not more than there are. The other places hold none.
    function nodeAboveLeaves(bytes calldata leaves, uint256 size, uint256 height)
        internal
        pure
        returns (bytes32)
    {
        bytes32[] memory level = new bytes32[](1 << height);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0)
            let to := add(level, 32)
            let from := leaves.offset
            for { let end := add(from, leaves.length) } lt(from, end) { from := add(from, size) } {
                calldatacopy(add(free, 1), from, size)
                mstore(to, keccak256(free, add(size, 1)))
                to := add(to, 32)
            }
        }
        return _reduced(level);
    }

    /// @notice The node above 2^n nodes, which are given from left to right. Their number must be a power of two.
    function nodeAbove(bytes32[] calldata nodes) internal pure returns (bytes32) {
        return _reduced(nodes);
    }

    /// @dev Overwrites `level`.
    function _reduced(bytes32[] memory level) private pure returns (bytes32) {
        for (uint256 n = level.length; n > 1; n >>= 1) {
            assembly ("memory-safe") {
                let from := add(level, 32)
                let to := from
                let end := add(from, shl(5, n))
                let free := mload(0x40)
                mstore8(free, 1)
                for {} lt(from, end) { from := add(from, 64) } {
                    mcopy(add(free, 1), from, 64)
                    mstore(to, keccak256(free, 65))
                    to := add(to, 32)
                }
            }
        }
        return level[0];
    }

    /// @notice The root of a tree in which `node` stands at `index` of its level.
    /// @param siblings From the node's level up.
    function rootOf(bytes32 node, uint256 index, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32)
    {
        for (uint256 i; i < siblings.length; ++i) {
            node = index & 1 == 0 ? nodeHash(node, siblings[i]) : nodeHash(siblings[i], node);
            index >>= 1;
        }
        return node;
    }

    /// @notice The node over 2^height places that hold no leaf.
    function padding(uint256 height) internal pure returns (bytes32 node) {
        for (uint256 i; i < height; ++i) {
            node = nodeHash(node, node);
        }
    }
}
