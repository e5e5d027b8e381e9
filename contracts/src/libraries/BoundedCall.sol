// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Calls that the callee cannot turn against the caller
/// @notice The callee gets a fixed amount of gas, and nothing that it returns is copied beyond what the
/// caller asked for: a long return costs only the callee.
library BoundedCall {
    /// @notice Gas kept for what the caller does after the call: a storage write and an event.
    uint256 internal constant RESERVE = 40_000;

    /// @notice Gas that must be left so that the callee really gets `gasLimit`.
    /// @dev EIP-150: a callee gets at most 63/64 of what is left. Without this check whoever sends the
    /// transaction could starve the callee and blame it.
    function required(uint256 gasLimit) internal pure returns (uint256) {
        return (gasLimit + RESERVE) * 64 / 63 + 1;
    }

    /// @notice Calls `to` with `value` and `data`; the return data is dropped.
    function execute(address to, uint256 gasLimit, uint256 value, bytes memory data)
        internal
        returns (bool success)
    {
        assembly ("memory-safe") {
            success := call(gasLimit, to, value, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// @notice Sends `value` wei with all gas; the return data is dropped.
    function send(address to, uint256 value) internal returns (bool success) {
        assembly ("memory-safe") {
            success := call(gas(), to, value, 0, 0, 0, 0)
        }
    }

    /// @notice Reads from `to`; at most `output.length` bytes of the return data are copied.
    /// @return returned The number of bytes copied; zero when the call failed.
    function read(address to, uint256 gasLimit, bytes memory data, bytes memory output)
        internal
        view
        returns (uint256 returned)
    {
        assembly ("memory-safe") {
            let size := mload(output)
            if staticcall(gasLimit, to, add(data, 0x20), mload(data), add(output, 0x20), size) {
                returned := returndatasize()
                if gt(returned, size) { returned := size }
            }
        }
    }
}
