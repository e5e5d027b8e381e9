// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommonBase} from "forge-std/Base.sol";
import {StdCheats} from "forge-std/StdCheats.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {IUniformSale} from "../../../src/interfaces/IUniformSale.sol";

/// @title Random valid actions on one sale, with a book of its own
contract SaleHandler is CommonBase, StdCheats, StdUtils {
    uint256 private constant OWNERS = 5;

    IUniformSale private immutable SALE;

    /// @dev Wei in bids, by owner and by tick, from this side of the calls.
    mapping(address owner => uint256) public committed;
    mapping(uint256 tick => uint256) public demand;
    mapping(address owner => mapping(uint256 tick => uint256)) public bids;
    uint256 public total;
    uint256 public refunded;
    uint256 public delivered;

    constructor(IUniformSale sale_) {
        SALE = sale_;
    }

    function bid(uint256 owner, uint256 tick, uint256 amount) external {
        if (SALE.status() != IUniformSale.Status.Open) return;
        address who = ownerAt(owner);
        IUniformSale.Parameters memory terms = SALE.parameters();
        tick = bound(tick, 0, terms.tickCount - 1);
        if (bids[who][tick] == 0 && SALE.bidsOf(who).length == 8) return;
        if (committed[who] + terms.minBid > terms.buyerCap) return;
        amount = bound(amount, terms.minBid, terms.buyerCap - committed[who]);
        deal(who, who.balance + amount);
        vm.prank(who);
        SALE.bid{value: amount}(tick);
        note(who, tick, amount, 0);
    }

    function cancel(uint256 owner, uint256 index) external {
        if (SALE.status() != IUniformSale.Status.Open) return;
        if (block.timestamp >= SALE.parameters().cancelUntil) return;
        address who = ownerAt(owner);
        IUniformSale.Bid[] memory list = SALE.bidsOf(who);
        if (list.length == 0) return;
        uint256 tick = list[index % list.length].tick;
        uint256 before = who.balance;
        vm.prank(who);
        SALE.cancel(tick);
        note(who, tick, 0, who.balance - before);
    }

    /// @dev Small steps, so that there is time for bids; now and then a leap.
    function pass(uint256 time) external {
        uint256 step = time % 9 == 0 ? 2 days : 2 hours;
        vm.warp(block.timestamp + bound(time, 0, step));
    }

    function settle() external {
        if (SALE.status() != IUniformSale.Status.Ended) return;
        SALE.settle();
    }

    function claim(uint256 owner) external {
        IUniformSale.Status status = SALE.status();
        if (status != IUniformSale.Status.Succeeded && status != IUniformSale.Status.Failed) {
            return;
        }
        address who = ownerAt(owner);
        (uint256 tokens, uint256 refund) = SALE.claim(who);
        delivered += tokens;
        refunded += refund;
    }

    function note(address who, uint256 tick, uint256 added, uint256 removed) private {
        bids[who][tick] = bids[who][tick] + added - removed;
        committed[who] = committed[who] + added - removed;
        demand[tick] = demand[tick] + added - removed;
        total = total + added - removed;
    }

    function ownerAt(uint256 index) public pure returns (address) {
        return vm.addr(index % OWNERS + 1);
    }

    function ownerCount() external pure returns (uint256) {
        return OWNERS;
    }
}
