// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Keeper of a sale's proceeds
/// @notice Rule: nothing before `start` (the scheduled end of the sale); then at most a quarter at once; the rest
/// linear in time until `start + duration`. Only the author is ever paid and anybody may trigger it; nobody can
/// hasten, stop or redirect it.
interface IOfferingTreasury {
    event Received(address indexed from, uint256 amount);
    event Released(address indexed author, uint256 amount);

    error NothingToRelease();

    /// @notice Pays the author what is released by now.
    function release() external returns (uint256 amount);

    function author() external view returns (address);

    function start() external view returns (uint256);

    function duration() external view returns (uint256);

    /// @notice Share that is released at `start`, basis points, 2,500 at most.
    function upfrontBps() external view returns (uint256);

    /// @notice Wei paid out so far.
    function released() external view returns (uint256);

    /// @notice Wei that `release` would pay now.
    function releasable() external view returns (uint256);

    /// @notice Wei ever received: the balance and what was paid out.
    function received() external view returns (uint256);
}
