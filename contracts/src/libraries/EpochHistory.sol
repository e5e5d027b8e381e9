// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A value over time, remembered as it stood at the end of every epoch
/// @dev The newest point sits in the head, beside the number of older points, so a write in an epoch that was written
/// before touches one slot, the first write of an epoch two. Writes must come in order of epochs.
library EpochHistory {
    /// @param value The value since `epoch`, at the end of it and until the next point.
    /// @param epoch When the value was last written.
    struct Point {
        uint128 value;
        uint48 epoch;
    }

    /// @param value Newest value.
    /// @param epoch Epoch of the newest value.
    /// @param count Number of older points.
    /// @param flag Free for the owner of the history; shares the slot.
    /// @param past Older points, oldest first.
    struct History {
        uint128 value;
        uint48 epoch;
        uint48 count;
        bool flag;
        mapping(uint256 index => Point) past;
    }

    /// @notice Sets the value from `epoch` on.
    function write(History storage self, uint48 epoch, uint128 value) internal {
        uint48 count = self.count;
        // A zero that nothing precedes says what an empty history says.
        if (self.epoch != epoch && (self.value != 0 || count != 0)) {
            self.past[count] = Point({value: self.value, epoch: self.epoch});
            self.count = count + 1;
        }
        self.epoch = epoch;
        self.value = value;
    }

    /// @notice The value at the end of `epoch`; zero before the first write.
    function lookup(History storage self, uint256 epoch) internal view returns (uint256) {
        if (epoch >= self.epoch) return self.value;
        uint256 low = 0;
        uint256 high = self.count;
        // Mostly the epoch just finished is asked for: try the newest of the older points first.
        if (high != 0 && self.past[high - 1].epoch <= epoch) return self.past[high - 1].value;
        // Invariant: points below low are not later than epoch, points from high on are later.
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (self.past[middle].epoch <= epoch) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : self.past[low - 1].value;
    }
}
