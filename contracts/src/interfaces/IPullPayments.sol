// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ETH that a contract owes, until it is fetched
/// @notice What is owed to an account waits here, so that an account which refuses money blocks nobody.
interface IPullPayments {
    /// @notice `amount` became withdrawable by `account`.
    event Credited(address indexed account, uint256 amount);

    /// @notice `amount` owed to `account` was sent to `to`.
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    error ZeroAddress();
    error NothingOwed(address account);
    error TransferFailed(address to, uint256 amount);

    /// @notice Sends what is owed to the caller to `to`.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Sends what is owed to `account` to `account`. By anybody.
    function withdrawFor(address account) external returns (uint256 amount);

    /// @notice What `withdraw` would send, in wei.
    function owed(address account) external view returns (uint256);

    /// @notice Sum of everything owed, in wei.
    function totalOwed() external view returns (uint256);
}
