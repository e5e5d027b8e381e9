// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IUniformSale} from "../interfaces/IUniformSale.sol";

/// @title The uniform clearing price of a ladder of bids
/// @dev Let S be the supply in base units, p_k the price of tick k per 1e18 base units, d_k the wei bid there and
/// a_k the wei bid above it. Selling everything at price p takes exactly S * p / 1e18 wei. Going down from the top,
/// the first tick with (a_k + d_k) * 1e18 >= S * p_k can absorb the supply at its price. Either a_k alone already
/// pays more than p_k, then the price lies between two ticks at ceil(a_k * 1e18 / S) and tick k gets nothing; or the
/// price is p_k and tick k shares what a_k leaves over. When no tick absorbs the supply, all bids are filled at the
/// greater of the floor and ceil(all * 1e18 / S).
/// The price is rounded up and fills are rounded down, so no more than S is ever sold.
library Clearing {
    uint256 internal constant UNIT = 1e18;
    uint256 internal constant MAX_TICKS = 1024;
    /// @dev One bit of the mask stands for this many ticks, which lie in four storage slots.
    uint256 internal constant TICKS_PER_BLOCK = 8;

    /// @param demand Wei bid at every tick, two ticks to a slot.
    struct Ladder {
        uint128[MAX_TICKS] demand;
    }

    /// @notice Clears the ladder. Reads every used block once: bounded by 512 slots.
    /// @param used Bit b is set when a bid was ever made at ticks 8b to 8b + 7.
    function clear(Ladder storage ladder, uint256 used, IUniformSale.Parameters memory grid)
        internal
        view
        returns (IUniformSale.Outcome memory outcome)
    {
        uint256 above = 0;
        for (uint256 end = MAX_TICKS; end != 0; end -= TICKS_PER_BLOCK) {
            if (used >> (end - 1) / TICKS_PER_BLOCK & 1 == 0) continue;
            for (uint256 i = 1; i <= TICKS_PER_BLOCK; ++i) {
                uint256 tick = end - i;
                uint256 here = ladder.demand[tick];
                if (here == 0) continue;
                uint256 needed = grid.supply * (grid.floorPrice + tick * grid.priceStep);
                if ((above + here) * UNIT >= needed) {
                    return _absorbed(grid, tick, above, here, needed);
                }
                above += here;
            }
        }
        outcome.price = _max(grid.floorPrice, _priceUp(above, grid.supply));
        outcome.marginalFill = ladder.demand[0];
        outcome.marginalDemand = ladder.demand[0];
        outcome.proceeds = above;
        outcome.sold = tokensDown(above, outcome.price);
    }

    /// @notice Base units that `amount` wei buy at `price`.
    function tokensDown(uint256 amount, uint256 price) internal pure returns (uint256) {
        return amount * UNIT / price;
    }

    function _absorbed(
        IUniformSale.Parameters memory grid,
        uint256 tick,
        uint256 above,
        uint256 here,
        uint256 needed
    ) private pure returns (IUniformSale.Outcome memory outcome) {
        outcome.marginalTick = tick;
        outcome.marginalDemand = here;
        if (above * UNIT > needed) {
            outcome.price = _priceUp(above, grid.supply);
        } else {
            outcome.price = grid.floorPrice + tick * grid.priceStep;
            outcome.marginalFill = needed / UNIT - above;
        }
        outcome.proceeds = above + outcome.marginalFill;
        outcome.sold = tokensDown(outcome.proceeds, outcome.price);
    }

    function _priceUp(uint256 amount, uint256 supply) private pure returns (uint256) {
        return (amount * UNIT + supply - 1) / supply;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
