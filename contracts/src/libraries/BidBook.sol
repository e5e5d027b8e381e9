// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IUniformSale} from "../interfaces/IUniformSale.sol";

/// @title The bids of one owner, two to a storage slot
/// @dev A bid is 96 bits of wei below 16 bits of tick. The top 32 bits of the first word hold the number of bids and the
/// claimed flag, so that an owner's first bid writes a single new slot.
library BidBook {
    uint256 internal constant MAX_BIDS = 8;
    uint256 internal constant MAX_AMOUNT = type(uint96).max;

    uint256 private constant BID_BITS = 112;
    uint256 private constant TICK_SHIFT = 96;
    uint256 private constant BID_MASK = (1 << BID_BITS) - 1;
    uint256 private constant COUNT_SHIFT = 224;
    uint256 private constant COUNT_MASK = 0xff;
    uint256 private constant ONE_MORE = 1 << COUNT_SHIFT;
    uint256 private constant CLAIMED = 1 << 255;

    struct Book {
        uint256[MAX_BIDS / 2] words;
    }

    /// @notice Number of bids.
    function count(Book storage self) internal view returns (uint256) {
        return self.words[0] >> COUNT_SHIFT & COUNT_MASK;
    }

    function isClaimed(Book storage self) internal view returns (bool) {
        return self.words[0] & CLAIMED != 0;
    }

    function setClaimed(Book storage self) internal {
        self.words[0] |= CLAIMED;
    }

    /// @notice Bid number `index`.
    function at(Book storage self, uint256 index)
        internal
        view
        returns (uint256 tick, uint256 amount)
    {
        uint256 packed = self.words[index / 2] >> _shift(index) & BID_MASK;
        return (packed >> TICK_SHIFT, packed & MAX_AMOUNT);
    }

    /// @notice The index of the bid at `tick` and its amount; `index == count` when there is none. `total` is the sum
    /// of all bids.
    function find(Book storage self, uint256 tick)
        internal
        view
        returns (uint256 index, uint256 amount, uint256 total)
    {
        uint256 length = count(self);
        index = length;
        for (uint256 i = 0; i < length; ++i) {
            (uint256 otherTick, uint256 otherAmount) = at(self, i);
            total += otherAmount;
            if (otherTick == tick) (index, amount) = (i, otherAmount);
        }
    }

    /// @notice Writes bid number `index`, which `isNew` when it is the number of bids so far. `amount` must not exceed
    /// MAX_AMOUNT.
    function set(Book storage self, uint256 index, uint256 tick, uint256 amount, bool isNew)
        internal
    {
        uint256 shift = _shift(index);
        uint256 word = self.words[index / 2] & ~(BID_MASK << shift);
        word |= (tick << TICK_SHIFT | amount) << shift;
        // The number of bids shares a slot with the first two, which then is written once.
        if (isNew && index < 2) word += ONE_MORE;
        if (isNew && index >= 2) self.words[0] += ONE_MORE;
        self.words[index / 2] = word;
    }

    /// @notice Removes bid number `index`; the last one takes its place.
    function remove(Book storage self, uint256 index) internal {
        uint256 last = count(self) - 1;
        (uint256 tick, uint256 amount) = at(self, last);
        set(self, index, tick, amount, false);
        set(self, last, 0, 0, false);
        self.words[0] -= ONE_MORE;
    }

    /// @notice All bids.
    function list(Book storage self) internal view returns (IUniformSale.Bid[] memory bids) {
        bids = new IUniformSale.Bid[](count(self));
        for (uint256 i = 0; i < bids.length; ++i) {
            (bids[i].tick, bids[i].amount) = at(self, i);
        }
    }

    function _shift(uint256 index) private pure returns (uint256) {
        return index % 2 * BID_BITS;
    }
}
