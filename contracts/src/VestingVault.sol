// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IModelToken} from "./interfaces/IModelToken.sol";
import {IVestingVault} from "./interfaces/IVestingVault.sol";
import {CloneArgs} from "./libraries/CloneArgs.sol";
import {Payment} from "./libraries/Payment.sol";

/// @title Tokens that reach one beneficiary over time
/// @notice Rules and meanings are in IVestingVault.
/// @dev Clone arguments, one word each: token, beneficiary, start, cliff, duration.
contract VestingVault is IVestingVault {
    using SafeERC20 for IERC20;

    uint256 public released;

    /// @notice ETH revenue arrives by plain transfer.
    receive() external payable {}

    /// @inheritdoc IVestingVault
    function release() external returns (uint256 amount) {
        amount = releasable();
        if (amount == 0) revert NothingToRelease(start() + cliff());
        released += amount;
        emit Released(beneficiary(), amount);
        IERC20(token()).safeTransfer(beneficiary(), amount);
    }

    /// @inheritdoc IVestingVault
    function claimRevenue(uint256[] calldata snapshotIds) external {
        IModelToken share = IModelToken(token());
        share.claimMany(address(this), snapshotIds);
        address[] memory assets = share.assets();
        for (uint256 i = 0; i < assets.length; ++i) {
            _passThrough(assets[i]);
        }
    }

    /// @inheritdoc IVestingVault
    function passThrough(address asset) external returns (uint256) {
        return _passThrough(asset);
    }

    /// @inheritdoc IVestingVault
    function releasable() public view returns (uint256) {
        return vestedAt(block.timestamp) - released;
    }

    /// @inheritdoc IVestingVault
    function vestedAt(uint256 timestamp) public view returns (uint256) {
        uint256 total = IERC20(token()).balanceOf(address(this)) + released;
        if (timestamp < start() + cliff()) return 0;
        if (timestamp >= start() + duration()) return total;
        return total * (timestamp - start()) / duration();
    }

    /// @inheritdoc IVestingVault
    function token() public view returns (address) {
        return CloneArgs.account(0);
    }

    /// @inheritdoc IVestingVault
    function beneficiary() public view returns (address) {
        return CloneArgs.account(1);
    }

    /// @inheritdoc IVestingVault
    function start() public view returns (uint256) {
        return CloneArgs.word(2);
    }

    /// @inheritdoc IVestingVault
    function cliff() public view returns (uint256) {
        return CloneArgs.word(3);
    }

    /// @inheritdoc IVestingVault
    function duration() public view returns (uint256) {
        return CloneArgs.word(4);
    }

    /// @dev What cannot be sent now stays and does not hinder the other assets.
    function _passThrough(address asset) private returns (uint256 amount) {
        if (asset == token()) revert NotPassedThrough(asset);
        amount = Payment.balanceOf(asset);
        if (amount == 0 || !Payment.trySend(asset, beneficiary(), amount)) return 0;
        emit PassedThrough(beneficiary(), asset, amount);
    }
}
