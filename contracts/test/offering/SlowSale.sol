// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The sale by its definition, without any cleverness: the judge of UniformSale
/// @dev Works on a plain list of bids. The clearing price is the least price, not below the floor, at which the bids
/// *strictly above* it do not ask for more than the supply. It is found by bisection over single wei; each trial
/// adds up all bids. Bids above the price are filled, bids at it share what is left, the others get nothing.
library SlowSale {
    uint256 internal constant UNIT = 1e18;

    struct Bid {
        address owner;
        uint256 tick;
        uint256 amount;
    }

    struct Result {
        uint256 price;
        uint256 proceeds;
        uint256 left;
        uint256 atPrice;
    }

    function clear(Bid[] memory bids, uint256 supply, uint256 floor, uint256 step)
        internal
        pure
        returns (Result memory result)
    {
        uint256 low = floor;
        uint256 high = type(uint128).max;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (strictlyAbove(bids, middle, floor, step) * UNIT <= supply * middle) high = middle;
            else low = middle + 1;
        }
        uint256 above = strictlyAbove(bids, low, floor, step);
        result.price = low;
        result.atPrice = strictlyAbove(bids, low - 1, floor, step) - above;
        uint256 room = supply * low / UNIT - above;
        result.left = room < result.atPrice ? room : result.atPrice;
        result.proceeds = above + result.left;
    }

    /// @return tokens Rounded down for each bid.
    /// @return paid Rounded up for each bid.
    function allocation(
        Bid[] memory bids,
        Result memory result,
        address owner,
        uint256 floor,
        uint256 step
    ) internal pure returns (uint256 tokens, uint256 paid) {
        for (uint256 i = 0; i < bids.length; ++i) {
            if (bids[i].owner != owner) continue;
            uint256 limit = floor + bids[i].tick * step;
            if (limit > result.price) {
                tokens += bids[i].amount * UNIT / result.price;
                paid += bids[i].amount;
            } else if (limit == result.price) {
                uint256 part = bids[i].amount * result.left;
                tokens += part / result.atPrice * UNIT / result.price;
                paid += (part + result.atPrice - 1) / result.atPrice;
            }
        }
    }

    function strictlyAbove(Bid[] memory bids, uint256 price, uint256 floor, uint256 step)
        internal
        pure
        returns (uint256 sum)
    {
        for (uint256 i = 0; i < bids.length; ++i) {
            if (floor + bids[i].tick * step > price) sum += bids[i].amount;
        }
    }
}
