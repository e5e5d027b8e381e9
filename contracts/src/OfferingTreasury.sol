// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IOfferingTreasury} from "./interfaces/IOfferingTreasury.sol";
import {CloneArgs} from "./libraries/CloneArgs.sol";

/// @title Keeper of a sale's proceeds
/// @notice Rules and meanings are in IOfferingTreasury.
/// @dev Clone arguments, one word each: author, start, duration, upfrontBps.
contract OfferingTreasury is IOfferingTreasury {
    uint256 private constant BPS = 10_000;

    uint256 public released;

    /// @notice Proceeds arrive by plain transfer; so may a gift.
    receive() external payable {
        emit Received(msg.sender, msg.value);
    }

    /// @inheritdoc IOfferingTreasury
    function release() external returns (uint256 amount) {
        amount = releasable();
        if (amount == 0) revert NothingToRelease();
        released += amount;
        emit Released(author(), amount);
        SafeTransferLib.forceSafeTransferETH(author(), amount);
    }

    /// @inheritdoc IOfferingTreasury
    function releasable() public view returns (uint256) {
        // upfront + (1 - upfront) * elapsed / duration, of everything received, less what was paid
        if (block.timestamp < start()) return 0;
        uint256 elapsed = block.timestamp - start();
        uint256 total = received();
        if (elapsed >= duration()) return total - released;
        uint256 upfront = total * upfrontBps() / BPS;
        return upfront + (total - upfront) * elapsed / duration() - released;
    }

    /// @inheritdoc IOfferingTreasury
    function received() public view returns (uint256) {
        return address(this).balance + released;
    }

    /// @inheritdoc IOfferingTreasury
    function author() public view returns (address) {
        return CloneArgs.account(0);
    }

    /// @inheritdoc IOfferingTreasury
    function start() public view returns (uint256) {
        return CloneArgs.word(1);
    }

    /// @inheritdoc IOfferingTreasury
    function duration() public view returns (uint256) {
        return CloneArgs.word(2);
    }

    /// @inheritdoc IOfferingTreasury
    function upfrontBps() public view returns (uint256) {
        return CloneArgs.word(3);
    }
}
