// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Calls to strangers that cannot block the caller
/// @dev The callee gets a fixed amount of gas and at most one word of its reply is copied, so that neither a revert nor
/// an endless loop nor a huge reply reaches the caller. The asset address(0) is ETH.
library Payment {
    /// @dev More than four times what a transfer of a common token costs.
    uint256 internal constant CALL_GAS = 200_000;
    /// @dev A caller holds 1/64 back; the rest pays for what comes after the call.
    uint256 internal constant NEEDED_GAS = CALL_GAS + CALL_GAS / 63 + 20_000;

    /// @dev Without this check a caller could starve the callee on purpose and have the failure recorded.
    error NotEnoughGas(uint256 left, uint256 needed);

    /// @notice Sends `amount` of `asset`; false when the receiver or the token refused.
    function trySend(address asset, address to, uint256 amount) internal returns (bool) {
        if (asset == address(0)) return _call(to, amount, "");
        if (!_call(asset, 0, abi.encodeCall(IERC20.transfer, (to, amount)))) return false;
        (uint256 size, uint256 value) = _reply();
        // Some tokens reply nothing; then there must be code, or nothing was called at all.
        return size == 0 ? asset.code.length != 0 : (size >= 32 && value == 1);
    }

    /// @notice The own balance of `asset`; zero when the token does not tell.
    function balanceOf(address asset) internal view returns (uint256) {
        if (asset == address(0)) return address(this).balance;
        _checkGas();
        bytes memory data = abi.encodeCall(IERC20.balanceOf, (address(this)));
        bool success;
        assembly ("memory-safe") {
            success := staticcall(CALL_GAS, asset, add(data, 0x20), mload(data), 0, 0)
        }
        (uint256 size, uint256 value) = _reply();
        return success && size >= 32 ? value : 0;
    }

    function _call(address target, uint256 value, bytes memory data)
        private
        returns (bool success)
    {
        _checkGas();
        assembly ("memory-safe") {
            success := call(CALL_GAS, target, value, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// @dev Size of the last reply and its first word.
    function _reply() private pure returns (uint256 size, uint256 value) {
        assembly ("memory-safe") {
            size := returndatasize()
            if gt(size, 0x1f) {
                returndatacopy(0x00, 0x00, 0x20)
                value := mload(0x00)
            }
        }
    }

    function _checkGas() private view {
        if (gasleft() < NEEDED_GAS) revert NotEnoughGas(gasleft(), NEEDED_GAS);
    }
}
