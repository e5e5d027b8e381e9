// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../interfaces/IOfferingFactory.sol";

/// @title The bounds of an offering
/// @dev An offering cannot be repaired after its creation, so every field is checked here, once.
library OfferingTerms {
    uint256 private constant UNIT = 1e18;
    uint256 private constant MAX_SUPPLY = 1e30;
    /// @dev Leaves room for supply * price and for demand * 1e18 in 256 bits.
    uint256 private constant MAX_PRICE = type(uint96).max;
    uint256 private constant MAX_TICKS = 1024;
    /// @dev A step of at least floor / 200 (0.5%).
    uint256 private constant STEP_DIVISOR = 200;
    uint256 private constant MAX_REVENUE_TOKENS = 8;
    uint256 private constant MAX_EXCLUDED = 4;
    uint256 private constant MAX_UPFRONT_BPS = 2_500;
    uint256 private constant BPS = 10_000;
    uint256 private constant TEN_YEARS = 3_650 days;

    /// @notice Reverts with the first field that is out of bounds; `start` must be filled in.
    function check(IOfferingFactory.Terms memory terms) internal view {
        _checkToken(terms.token);
        _checkSale(terms.sale, terms.token.totalSupply);
        _range("vesting.duration", terms.vesting.duration, 30 days, TEN_YEARS);
        _range("vesting.cliff", terms.vesting.cliff, 0, terms.vesting.duration);
        _range("treasury.duration", terms.treasury.duration, 30 days, TEN_YEARS);
        _range("treasury.upfrontBps", terms.treasury.upfrontBps, 0, MAX_UPFRONT_BPS);
    }

    /// @notice Bounds of a vault that somebody sets up for themselves.
    function checkVault(uint256 cliff, uint256 duration) internal pure {
        _range("duration", duration, 0, TEN_YEARS);
        _range("cliff", cliff, 0, duration);
    }

    function _checkToken(IOfferingFactory.TokenTerms memory terms) private view {
        _range("token.name", bytes(terms.name).length, 1, 64);
        _range("token.symbol", bytes(terms.symbol).length, 1, 16);
        _range("token.totalSupply", terms.totalSupply, UNIT, MAX_SUPPLY);
        _range("token.epochLength", terms.epochLength, 1 hours, 30 days);
        _range("token.claimableBps", terms.claimableBps, 0, BPS);
        _range("token.revenueTokens", terms.revenueTokens.length, 0, MAX_REVENUE_TOKENS);
        _range("token.excluded", terms.excluded.length, 0, MAX_EXCLUDED);
        for (uint256 i = 0; i < terms.revenueTokens.length; ++i) {
            // The offering's own token has no code yet, so it cannot be its own revenue either.
            address asset = terms.revenueTokens[i];
            if (asset.code.length == 0 || _contains(terms.revenueTokens, i, asset)) {
                revert IOfferingFactory.BadAddress("token.revenueTokens", asset);
            }
        }
        for (uint256 i = 0; i < terms.excluded.length; ++i) {
            if (terms.excluded[i] == address(0)) {
                revert IOfferingFactory.BadAddress("token.excluded", address(0));
            }
        }
    }

    function _checkSale(IOfferingFactory.SaleTerms memory terms, uint256 totalSupply) private view {
        // The author keeps something, so that revenue always has an owner, sale or no sale.
        _range("sale.supply", terms.supply, UNIT, totalSupply - 1);
        _range("sale.tickCount", terms.tickCount, 1, MAX_TICKS);
        _range("sale.floorPrice", terms.floorPrice, 1, MAX_PRICE);
        uint256 leastStep = (terms.floorPrice + STEP_DIVISOR - 1) / STEP_DIVISOR;
        _range("sale.priceStep", terms.priceStep, leastStep, MAX_PRICE);
        uint256 topPrice = terms.floorPrice + uint256(terms.tickCount - 1) * terms.priceStep;
        _range("sale.tickCount (highest price)", topPrice, 1, MAX_PRICE);
        _range("sale.start", terms.start, block.timestamp, block.timestamp + 30 days);
        _range("sale.duration", terms.duration, 1 hours, 30 days);
        _range("sale.minRaise", terms.minRaise, 1, terms.supply * topPrice / UNIT);
        // The least bid buys at least one base unit.
        _range("sale.minBid", terms.minBid, (topPrice + UNIT - 1) / UNIT, type(uint96).max);
        if (terms.buyerCap != 0) {
            _range("sale.buyerCap", terms.buyerCap, terms.minBid, type(uint128).max);
        }
    }

    function _contains(address[] memory list, uint256 length, address item)
        private
        pure
        returns (bool)
    {
        for (uint256 i = 0; i < length; ++i) {
            if (list[i] == item) return true;
        }
        return false;
    }

    function _range(string memory field, uint256 value, uint256 minimum, uint256 maximum)
        private
        pure
    {
        if (value < minimum || value > maximum) {
            revert IOfferingFactory.OutOfRange(field, value, minimum, maximum);
        }
    }
}
