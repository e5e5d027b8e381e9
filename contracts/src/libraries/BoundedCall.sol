// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Payment} from "./Payment.sol";

/// @title Calls without money that the callee cannot turn against the caller
/// @notice The callee gets a fixed amount of gas, and nothing that it returns is copied beyond what the
/// caller asked for: a long return costs only the callee. Money moves by Payment.
library BoundedCall {
    /// @notice Gas kept for what the caller does after the call: a storage write and an event.
    uint256 internal constant RESERVE = 40_000;

    /// @notice Reverts unless enough gas is left so that the callee really gets `gasLimit`.
    /// @dev EIP-150: a callee gets at most 63/64 of what is left. Without this check whoever sends the
    /// transaction could starve the callee and blame it.
    function checkGas(uint256 gasLimit) internal view {
        uint256 needed = (gasLimit + RESERVE) * 64 / 63 + 1;
        if (gasleft() < needed) revert Payment.NotEnoughGas(gasleft(), needed);
    }

    /// @notice Calls `to` with `data`; the return data are dropped.
    function execute(address to, uint256 gasLimit, bytes memory data)
        internal
        returns (bool success)
    {
        assembly ("memory-safe") {
            success := call(gasLimit, to, 0, add(data, 0x20), mload(data), 0, 0)
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
