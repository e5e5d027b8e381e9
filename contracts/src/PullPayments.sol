// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPullPayments} from "./interfaces/IPullPayments.sol";
import {Payment} from "./libraries/Payment.sol";

/// @title PullPayments
/// @notice See IPullPayments.
abstract contract PullPayments is IPullPayments {
    using SafeCast for uint256;

    /// @inheritdoc IPullPayments
    mapping(address account => uint256) public owed;
    /// @dev Half a slot: what an heir declares first shares it, and whoever writes both pays for one.
    uint128 private _totalOwed;

    /// @inheritdoc IPullPayments
    function totalOwed() external view returns (uint256) {
        return _totalOwed;
    }

    /// @inheritdoc IPullPayments
    function withdraw(address to) external returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress();
        return _withdraw(msg.sender, to);
    }

    /// @inheritdoc IPullPayments
    function withdrawFor(address account) external returns (uint256 amount) {
        return _withdraw(account, account);
    }

    function _credit(address account, uint256 amount) internal {
        if (amount == 0) return;
        owed[account] += amount;
        _totalOwed += amount.toUint128();
        emit Credited(account, amount);
    }

    function _send(address to, uint256 amount) internal {
        if (amount != 0 && !Payment.trySend(address(0), to, amount)) {
            revert TransferFailed(to, amount);
        }
    }

    function _withdraw(address account, address to) private returns (uint256 amount) {
        amount = owed[account];
        if (amount == 0) revert NothingOwed(account);
        owed[account] = 0;
        _totalOwed -= amount.toUint128();
        emit Withdrawn(account, to, amount);
        _send(to, amount);
    }
}
