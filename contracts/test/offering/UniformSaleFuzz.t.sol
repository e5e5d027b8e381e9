// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {IUniformSale} from "../../src/interfaces/IUniformSale.sol";
import {OfferingFixture} from "./OfferingFixture.sol";
import {SlowSale} from "./SlowSale.sol";

/// @title Random sales against the slow definition, to the wei
contract UniformSaleFuzzTest is OfferingFixture {
    uint256 private constant OWNERS = 6;
    uint256 private constant MOST_BIDS = 24;

    SlowSale.Bid[] private bids;
    IOfferingFactory.Terms private terms;
    uint256 private seed;

    function testFuzz_sale_matchesDefinition(uint256 seed_) public {
        seed = seed_;
        makeSale();
        uint256 paidIn = makeBids();
        vm.warp(sale.endTime());
        SlowSale.Result memory expected =
            SlowSale.clear(bids, terms.sale.supply, terms.sale.floorPrice, terms.sale.priceStep);
        IUniformSale.Outcome memory quoted = sale.quote();
        assertEq(quoted.price, expected.price, "price");
        assertEq(quoted.proceeds, expected.proceeds, "proceeds");
        bool succeeds = expected.proceeds >= terms.sale.minRaise;

        sale.settle();
        assertEq(sale.status() == IUniformSale.Status.Succeeded, succeeds);
        assertEq(address(treasury).balance, succeeds ? expected.proceeds : 0);
        (uint256 tokens, uint256 refunds) = claimAll(expected, succeeds);

        // Nothing is sold twice, nothing is lost: what stays in the sale is rounding.
        assertLe(tokens, sale.tokensSold());
        assertLe(sale.tokensSold(), terms.sale.supply);
        assertEq(address(sale).balance, paidIn - refunds - address(treasury).balance);
        assertLe(address(sale).balance, succeeds ? bids.length : 0);
        assertEq(token.balanceOf(address(sale)), sale.tokensSold() - tokens);
        uint256 dust = (bids.length + 2) * (1e18 / terms.sale.floorPrice + 2);
        assertLe(token.balanceOf(address(sale)), dust);
        // Above the floor everything is sold, but for what a wei of price and proceeds is worth.
        if (succeeds && expected.price > terms.sale.floorPrice) {
            uint256 slack = terms.sale.supply / expected.price + dust;
            assertGe(sale.tokensSold() + slack, terms.sale.supply);
        }
    }

    function claimAll(SlowSale.Result memory expected, bool succeeds)
        private
        returns (uint256 tokens, uint256 refunds)
    {
        for (uint256 i = 0; i < OWNERS; ++i) {
            address owner = ownerAt(i);
            (uint256 owed, uint256 paid) = SlowSale.allocation(
                bids, expected, owner, terms.sale.floorPrice, terms.sale.priceStep
            );
            if (!succeeds) (owed, paid) = (0, 0);
            uint256 total = totalOf(owner);
            (uint256 got, uint256 refund) = sale.claim(owner);
            assertEq(got, owed, "tokens");
            assertEq(refund, total - paid, "refund");
            assertEq(token.balanceOf(owner), got);
            assertEq(owner.balance, refund);
            tokens += got;
            refunds += refund;
        }
    }

    function makeSale() private {
        IOfferingFactory.Terms memory made = defaultTerms();
        made.sale.floorPrice = uint128(10 ** draw(0, 17)) * uint128(draw(1, 9));
        made.sale.priceStep = uint128((made.sale.floorPrice + 199) / 200 * draw(1, 100));
        made.sale.tickCount = uint16(draw(1, 40));
        made.sale.supply = draw(1e18, TOTAL - 1);
        made.sale.buyerCap = 0;
        uint256 top = made.sale.floorPrice + (made.sale.tickCount - 1) * made.sale.priceStep;
        made.sale.minBid = uint128((top + 1e18 - 1) / 1e18);
        made.sale.minRaise = uint128(draw(1, made.sale.supply * made.sale.floorPrice / 1e18 + 1));
        adopt(create(register(author, bytes32(seed)), made));
        terms = made;
    }

    /// @dev Bids around the size that makes the supply scarce, some aimed at a price to the wei; every seventh is
    /// cancelled again.
    function makeBids() private returns (uint256 paidIn) {
        uint256 count = draw(0, MOST_BIDS);
        uint256 scarce = terms.sale.supply * terms.sale.floorPrice / 1e18;
        uint256 most = scarce * draw(1, 40) / 4 / (count + 1) + 2 * terms.sale.minBid;
        for (uint256 i = 0; i < count; ++i) {
            address owner = ownerAt(draw(0, OWNERS - 1));
            uint256 tick = draw(0, terms.sale.tickCount - 1);
            uint256 amount = draw(0, 2) == 0 ? aimed(tick) : draw(terms.sale.minBid, most);
            if (sale.bidsOf(owner).length == 8) continue;
            uint256 before = owner.balance;
            bid(owner, tick, amount);
            merge(owner, tick, amount);
            paidIn += amount;
            if (draw(0, 6) == 0) {
                vm.prank(owner);
                paidIn -= sale.cancel(tick);
                remove(owner, tick);
                vm.deal(owner, before);
            }
        }
    }

    /// @dev What is missing until the bids above some lower price pay exactly that price for the supply, or a wei more or
    /// less than that.
    function aimed(uint256 tick) private returns (uint256) {
        uint256 floor = terms.sale.floorPrice;
        uint256 price = floor + draw(0, tick) * terms.sale.priceStep;
        uint256 wanted = (terms.sale.supply * price + 1e18 - 1) / 1e18 + draw(0, 2);
        uint256 have = SlowSale.strictlyAbove(bids, price, floor, terms.sale.priceStep) + 1;
        uint256 least = terms.sale.minBid;
        return wanted < have + least ? least : wanted - have;
    }

    /// @dev A bid at an own price adds to it, which matters for rounding.
    function merge(address owner, uint256 tick, uint256 amount) private {
        for (uint256 i = 0; i < bids.length; ++i) {
            if (bids[i].owner == owner && bids[i].tick == tick) {
                bids[i].amount += amount;
                return;
            }
        }
        bids.push(SlowSale.Bid({owner: owner, tick: tick, amount: amount}));
    }

    function remove(address owner, uint256 tick) private {
        for (uint256 i = 0; i < bids.length; ++i) {
            if (bids[i].owner == owner && bids[i].tick == tick) {
                bids[i] = bids[bids.length - 1];
                bids.pop();
                return;
            }
        }
    }

    function totalOf(address owner) private view returns (uint256 sum) {
        for (uint256 i = 0; i < bids.length; ++i) {
            if (bids[i].owner == owner) sum += bids[i].amount;
        }
    }

    function ownerAt(uint256 index) private pure returns (address) {
        return vm.addr(index + 1);
    }

    function draw(uint256 low, uint256 high) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return low + seed % (high - low + 1);
    }
}
