// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title ERC-7641, intrinsic revenue sharing token
/// @dev The five functions of https://eips.ethereum.org/EIPS/eip-7641; the ids of its draft are
/// 0x2be2bb11, 0x379607f5, 0x9711715a, 0x24888f98 and 0x42966c68, together 0xed7b2e4e.
interface IERC7641 is IERC20 {
    /// @notice Wei that `account` can still claim for `snapshotId`; zero once claimed and for an unknown id.
    function claimableRevenue(address account, uint256 snapshotId) external view returns (uint256);

    /// @notice Pays the caller's revenue of a snapshot.
    function claim(uint256 snapshotId) external;

    /// @notice Books the revenue that came in since the last snapshot. Anybody may call, once an epoch.
    /// @return The id of the new snapshot; ids are dense and start at 1.
    function snapshot() external returns (uint256);

    /// @notice Wei that burning `amount` redeems now: its share of what the snapshots so far put into the redeem pool.
    function redeemableOnBurn(uint256 amount) external view returns (uint256);

    /// @notice Burns the caller's tokens and pays their share of the redeem pool.
    function burn(uint256 amount) external;
}
