// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Where the money of one model and one operator arrives
/// @notice Takes ETH and ERC-20 by plain transfer (fees of final answers, HTTP payments, royalties).
/// `split` divides it by the registry's immutable shares: operator and parents rounded down, the
/// holders of the model get all the rest.
interface ISplitter {
    /// @notice `amount` of `token` (zero: ETH) was divided.
    event Split(
        address indexed token,
        uint256 amount,
        uint256 toHolders,
        uint256 toOperator,
        uint256 toParents
    );

    /// @notice `amount` was paid to `account`, or is owed to it because it would not take it.
    event Paid(address indexed token, address indexed account, uint256 amount, bool owed);

    /// @notice `amount` owed to `account` was sent to `to`.
    event Withdrawn(
        address indexed token, address indexed account, address indexed to, uint256 amount
    );

    error NothingToSplit(address token);
    error NotRevenueToken(address modelToken, address token);
    error NothingOwed(address token, address account);
    error TransferFailed(address token, address to, uint256 amount);

    /// @notice Divides everything undivided of `token` (zero: ETH). By anybody.
    function split(address token) external;

    /// @notice Sends what is owed to the caller to `to`.
    function withdraw(address token, address to) external returns (uint256 amount);

    /// @notice Sends what is owed to `account` to `account`. By anybody.
    function withdrawFor(address token, address account) external returns (uint256 amount);

    /// @notice What `split` would divide.
    function pending(address token) external view returns (uint256);

    /// @notice What `withdraw` would send.
    function owed(address token, address account) external view returns (uint256);

    /// @notice Sum of everything owed of `token`.
    function totalOwed(address token) external view returns (uint256);

    /// @notice How `amount` of `token` would be divided now. Rounds in the holders' favour.
    /// @dev A model's part goes to its ModelToken. A model without a token belongs to its author, and
    /// so does the part of a parent whose token does not take this asset.
    /// @return accounts Holders first, then the operator, then the parents.
    /// @return amounts Their sum is `amount`.
    function sharesDown(address token, uint256 amount)
        external
        view
        returns (address[] memory accounts, uint256[] memory amounts);

    function modelId() external view returns (uint256);
    function operator() external view returns (address);
}
