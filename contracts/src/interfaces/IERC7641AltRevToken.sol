// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC7641} from "./IERC7641.sol";

/// @title ERC-7641's optional extension for revenue in ERC-20 tokens
/// @dev Ids 0x41273d45 and 0x1c3fc4c3, together 0x5d18f986. `claim` and `burn` pay the tokens as well as ETH.
interface IERC7641AltRevToken is IERC7641 {
    /// @notice Amount of `token` that `account` can still claim for `snapshotId`.
    function claimableERC20(address account, uint256 snapshotId, address token)
        external
        view
        returns (uint256);

    /// @notice Amount of `token` that burning `amount` redeems now.
    function redeemableERC20OnBurn(uint256 amount, address token) external view returns (uint256);
}
