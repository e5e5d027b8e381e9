// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Tokens that reach one beneficiary over time
/// @notice Nothing before the cliff; then linear in time since `start`, all of it at `start + duration`. Counts every
/// token the vault ever received. What the vault itself earns (ETH or any other token) passes through at once.
/// @dev The author's vault is an excluded holder of its ModelToken: tokens earn from the epoch they are released in.
interface IVestingVault {
    event Released(address indexed beneficiary, uint256 amount);
    event PassedThrough(address indexed beneficiary, address indexed asset, uint256 amount);

    error NothingToRelease(uint256 nextAt);
    error NotPassedThrough(address asset);

    /// @notice Sends the vested tokens to the beneficiary; anybody may call.
    function release() external returns (uint256 amount);

    /// @notice Claims the vault's revenue of the snapshots and passes it on, all assets; anybody may call.
    function claimRevenue(uint256[] calldata snapshotIds) external;

    /// @notice Passes the vault's whole balance of an asset on (address(0) is ETH; not the vested token).
    /// @return amount What was sent; zero when there is nothing or the transfer failed, then it stays for a retry.
    function passThrough(address asset) external returns (uint256 amount);

    function beneficiary() external view returns (address);

    /// @notice The vested ModelToken.
    function token() external view returns (address);

    function start() external view returns (uint256);

    /// @notice Seconds after start before anything vests.
    function cliff() external view returns (uint256);

    function duration() external view returns (uint256);

    /// @notice Base units released so far.
    function released() external view returns (uint256);

    /// @notice Base units that `release` would send now.
    function releasable() external view returns (uint256);

    /// @notice Base units vested at a time, of all that the vault has received until now.
    function vestedAt(uint256 timestamp) external view returns (uint256);
}
