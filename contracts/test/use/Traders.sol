// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ContentMarket} from "../../src/examples/ContentMarket.sol";

/// @dev Buys again from inside its own purchase.
contract ReentrantBuyer {
    ContentMarket private immutable _MARKET;
    uint256 private _price;
    bool public boughtTwice;

    constructor(ContentMarket market) {
        _MARKET = market;
    }

    function buy(address collection, uint256 id, uint256 price) external {
        _price = price;
        _MARKET.buy{value: price}(collection, id);
    }

    function onERC721Received(address, address, uint256 id, bytes calldata)
        external
        returns (bytes4)
    {
        try _MARKET.buy{value: _price}(msg.sender, id) {
            boughtTwice = true;
        } catch {}
        return this.onERC721Received.selector;
    }
}

/// @dev A collection that keeps no promise: it delivers nothing, and about royalties it answers 1 too
/// much, 2 nothing, 3 by reverting, 4 by burning its gas, 5 half a reply, 6 no receiver.
contract Collection {
    uint256 private immutable _MODE;

    constructor(uint256 mode) {
        _MODE = mode;
    }

    function transferFrom(address, address, uint256) external pure {}

    function ownerOf(uint256) external pure returns (address) {
        return address(0xDEAD);
    }

    function royaltyInfo(uint256, uint256 price) external view returns (address, uint256) {
        uint256 mode = _MODE;
        if (mode == 1) return (address(0xBEEF), 2 * price);
        assembly {
            if eq(mode, 2) { return(0, 0) }
            if eq(mode, 3) { revert(0, 100000) }
            if eq(mode, 4) { invalid() }
            if eq(mode, 5) { return(0, 32) }
        }
        return (address(0), price);
    }
}
