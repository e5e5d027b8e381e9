// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {IUniformSale} from "../../src/interfaces/IUniformSale.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

/// @title A buyer that is a contract and refuses ETH
contract Refuser {
    function bid(IUniformSale sale, uint256 tick) external payable {
        sale.bid{value: msg.value}(tick);
    }
}

/// @title A buyer that calls back while it is paid
contract Reenterer {
    IUniformSale private immutable SALE;
    bytes private _call;
    uint256 public attempts;
    uint256 public successes;

    constructor(IUniformSale sale_) {
        SALE = sale_;
    }

    receive() external payable {
        ++attempts;
        (bool success,) = address(SALE).call(_call);
        if (success) ++successes;
    }

    function setCall(bytes calldata call_) external {
        _call = call_;
    }

    function bid(uint256 tick) external payable {
        SALE.bid{value: msg.value}(tick);
    }

    function cancel(uint256 tick) external {
        SALE.cancel(tick);
    }
}

contract UniformSaleTest is OfferingFixture {
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private carol = makeAddr("carol");

    function test_status_goesThroughItsTimes() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.start = START + 10;
        adopt(create(register(author, "later"), terms));
        assertStatus(IUniformSale.Status.Pending);
        vm.warp(START + 9);
        assertStatus(IUniformSale.Status.Pending);
        vm.warp(START + 10);
        assertStatus(IUniformSale.Status.Open);
        vm.warp(END + 9);
        assertStatus(IUniformSale.Status.Open);
        vm.warp(END + 10);
        assertStatus(IUniformSale.Status.Ended);
        vm.warp(END + 10 + 7 days - 1);
        assertStatus(IUniformSale.Status.Ended);
        vm.warp(END + 10 + 7 days);
        assertStatus(IUniformSale.Status.Failed);
    }

    // bid

    function test_bid_isRecorded() public {
        vm.expectEmit();
        emit IUniformSale.BidPlaced(alice, 5, 1 ether, 1 ether);
        bid(alice, 5, 1 ether);
        vm.expectEmit();
        emit IUniformSale.BidPlaced(alice, 5, 2 ether, 3 ether);
        bid(alice, 5, 2 ether);
        bid(bob, 5, 1 ether);
        bid(alice, 6, 4 ether);

        IUniformSale.Bid[] memory bids = sale.bidsOf(alice);
        assertEq(bids.length, 2);
        assertEq(bids[0].tick, 5);
        assertEq(bids[0].amount, 3 ether);
        assertEq(bids[1].tick, 6);
        assertEq(bids[1].amount, 4 ether);
        assertEq(sale.demandAt(5), 4 ether);
        assertEq(sale.demandAt(6), 4 ether);
        uint256[] memory demands = sale.ladder();
        assertEq(demands.length, TICKS);
        assertEq(demands[5], 4 ether);
        assertEq(demands[7], 0);
        assertEq(sale.priceAt(5), FLOOR + 5 * STEP);
    }

    function test_bid_beforeStart_reverts() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.start = START + 10;
        adopt(create(register(author, "later"), terms));
        refusedBid(0, 1 ether, wrongStatus(IUniformSale.Status.Pending));
    }

    function test_bid_atTheEnd_reverts() public {
        vm.warp(END - 1);
        bid(alice, 0, MIN_BID);
        vm.warp(END);
        refusedBid(0, 1 ether, wrongStatus(IUniformSale.Status.Ended));
    }

    function test_bid_unknownTick_reverts() public {
        refusedBid(
            TICKS, 1 ether, abi.encodeWithSelector(IUniformSale.UnknownTick.selector, TICKS, TICKS)
        );
        bid(alice, TICKS - 1, 1 ether);
    }

    function test_bid_belowMinimum_reverts() public {
        refusedBid(
            0,
            MIN_BID - 1,
            abi.encodeWithSelector(IUniformSale.BidTooSmall.selector, MIN_BID - 1, MIN_BID)
        );
    }

    function test_bid_overTheCap_reverts() public {
        bid(alice, 0, CAP - 1 ether);
        bid(alice, 1, 1 ether);
        bytes memory refusal =
            abi.encodeWithSelector(IUniformSale.OverBuyerCap.selector, CAP + MIN_BID, CAP);
        refusedBid(0, MIN_BID, refusal);
        refusedBid(1, MIN_BID, refusal);
        refusedBid(2, MIN_BID, refusal);
        vm.prank(alice);
        sale.cancel(1);
        bid(alice, 2, 1 ether);
    }

    function test_bid_ninePrices_reverts() public {
        for (uint256 tick = 0; tick < 8; ++tick) {
            bid(alice, tick * 3, MIN_BID + tick);
        }
        refusedBid(50, 1 ether, abi.encodeWithSelector(IUniformSale.TooManyBids.selector, alice, 8));
        bid(alice, 21, MIN_BID);
        vm.prank(alice);
        sale.cancel(6);
        bid(alice, 50, 1 ether);

        // The last bid took the place of the cancelled one.
        IUniformSale.Bid[] memory bids = sale.bidsOf(alice);
        assertEq(bids.length, 8);
        assertEq(bids[2].tick, 21);
        assertEq(bids[2].amount, 2 * MIN_BID + 7);
        assertEq(bids[7].tick, 50);
        assertEq(bids[7].amount, 1 ether);
    }

    function test_bid_above96Bits_reverts() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.buyerCap = 0;
        adopt(create(register(author, "uncapped"), terms));
        bid(alice, 0, type(uint96).max);
        uint256 total = uint256(type(uint96).max) + MIN_BID;
        refusedBid(
            0,
            MIN_BID,
            abi.encodeWithSelector(IUniformSale.BidTooLarge.selector, total, type(uint96).max)
        );
    }

    function test_plainTransfer_isRefused() public {
        deal(alice, 1 ether);
        vm.prank(alice);
        (bool success,) = address(sale).call{value: 1 ether}("");
        assertFalse(success);
    }

    // soft close

    function test_softClose_largeLateBid_extends() public {
        vm.warp(END - 10 minutes);
        bid(alice, 0, 1 ether);
        assertEq(sale.endTime(), END);
        vm.warp(END - 10 minutes + 1);
        vm.expectEmit();
        emit IUniformSale.SaleExtended(END + 1);
        bid(alice, 0, 1 ether);
        assertEq(sale.endTime(), END + 1);
        vm.warp(END);
        assertStatus(IUniformSale.Status.Open);
        bid(bob, 0, MIN_RAISE / 100);
        assertEq(sale.endTime(), END + 10 minutes);
    }

    function test_softClose_smallLateBid_doesNotExtend() public {
        vm.warp(END - 1);
        bid(alice, 0, MIN_RAISE / 100 - 1);
        assertEq(sale.endTime(), END);
    }

    /// Who gains: a bidder who would keep the sale open until others give up.
    function test_softClose_lastsAnHourAtMost() public {
        for (uint256 time = END - 1; time < END + 1 hours; time += 5 minutes) {
            vm.warp(time);
            bid(makeAddr(vm.toString(time)), 0, 1 ether);
        }
        assertEq(sale.endTime(), END + 1 hours);
        vm.warp(END + 1 hours);
        assertStatus(IUniformSale.Status.Ended);
    }

    // cancel

    function test_cancel_returnsTheBid() public {
        bid(alice, 5, 1 ether);
        bid(alice, 6, 2 ether);
        bid(bob, 5, 1 ether);
        vm.warp(FREEZE - 1);
        vm.expectEmit();
        emit IUniformSale.BidCancelled(alice, 5, 1 ether);
        vm.prank(alice);
        assertEq(sale.cancel(5), 1 ether);
        assertEq(alice.balance, 1 ether);
        assertEq(sale.demandAt(5), 1 ether);
        assertEq(sale.bidsOf(alice).length, 1);
        assertEq(sale.bidsOf(alice)[0].tick, 6);
    }

    function test_cancel_frozen_reverts() public {
        bid(alice, 5, 1 ether);
        vm.warp(FREEZE);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IUniformSale.Frozen.selector, FREEZE));
        sale.cancel(5);
    }

    function test_cancel_withoutABid_reverts() public {
        bid(bob, 5, 1 ether);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IUniformSale.NoBid.selector, alice, 5));
        sale.cancel(5);
    }

    function test_cancel_afterTheEnd_reverts() public {
        bid(alice, 5, 1 ether);
        vm.warp(END);
        vm.prank(alice);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Ended));
        sale.cancel(5);
    }

    function test_cancel_reentered_paysOnce() public {
        bid(bob, 5, 10 ether);
        Reenterer buyer = new Reenterer(sale);
        deal(address(this), 1 ether);
        buyer.bid{value: 1 ether}(5);
        buyer.setCall(abi.encodeCall(IUniformSale.cancel, (5)));
        buyer.cancel(5);
        assertEq(buyer.attempts(), 1);
        assertEq(buyer.successes(), 0);
        assertEq(address(buyer).balance, 1 ether);
        assertEq(address(sale).balance, 10 ether);
    }

    // settle

    function test_settle_beforeTheEnd_reverts() public {
        vm.warp(END - 1);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Open));
        sale.settle();
    }

    function test_settle_twice_reverts() public {
        bid(alice, 0, 12 ether);
        vm.warp(END);
        sale.settle();
        vm.expectRevert(wrongStatus(IUniformSale.Status.Succeeded));
        sale.settle();
        vm.warp(END + 30 days);
        assertStatus(IUniformSale.Status.Succeeded);
    }

    /// 60 ETH at ticks 5, 4 and 3 for 400,000 tokens: at tick 5 (0.00015) the supply costs 60, at tick 4 56 ETH.
    function test_settle_marginalPrice_isShared() public {
        address dave = makeAddr("dave");
        bid(alice, 5, 25 ether);
        bid(bob, 4, 30 ether);
        bid(carol, 4, 10 ether);
        bid(dave, 3, 20 ether);
        vm.warp(END);
        vm.expectEmit();
        emit IUniformSale.SaleSettled(true, 1.4e14, FOR_SALE, 56 ether, 0);
        sale.settle();

        assertEq(sale.clearingPrice(), 1.4e14);
        assertEq(sale.tokensSold(), FOR_SALE);
        assertEq(address(treasury).balance, 56 ether);
        IUniformSale.Outcome memory outcome = sale.quote();
        assertEq(outcome.marginalTick, 4);
        assertEq(outcome.marginalFill, 31 ether);
        assertEq(outcome.marginalDemand, 40 ether);
        assertAllocation(alice, uint256(25 ether) * 1e18 / 1.4e14, 25 ether, 0);
        assertAllocation(bob, uint256(23.25 ether) * 1e18 / 1.4e14, 23.25 ether, 6.75 ether);
        assertAllocation(carol, uint256(7.75 ether) * 1e18 / 1.4e14, 7.75 ether, 2.25 ether);
        assertAllocation(dave, 0, 0, 20 ether);
    }

    /// The bids above tick 4 pay exactly its price for the whole supply, then a wei more.
    function test_settle_boundaryBetweenTwoCases() public {
        bid(alice, 5, 28 ether);
        bid(bob, 5, 28 ether);
        bid(carol, 4, 10 ether);
        IUniformSale.Outcome memory outcome = sale.quote();
        assertEq(outcome.price, 1.4e14);
        assertEq(outcome.marginalFill, 0);
        assertEq(outcome.sold, FOR_SALE);
        bid(alice, 5, 1 ether);
        vm.startPrank(alice);
        sale.cancel(5);
        vm.stopPrank();
        bid(alice, 5, 28 ether + 1);
        outcome = sale.quote();
        assertEq(outcome.price, 1.4e14 + 1);
        assertEq(outcome.marginalFill, 0);
        assertEq(outcome.proceeds, 56 ether + 1);
    }

    /// The bids above tick 4 alone pay 0.000145: more than tick 4, less than tick 5.
    function test_settle_priceBetweenTwoTicks() public {
        bid(alice, 5, 30 ether);
        bid(bob, 6, 28 ether);
        bid(carol, 4, 10 ether);
        vm.warp(END);
        sale.settle();
        assertEq(sale.clearingPrice(), 1.45e14);
        assertAllocation(alice, uint256(30 ether) * 1e18 / 1.45e14, 30 ether, 0);
        assertAllocation(carol, 0, 0, 10 ether);
    }

    function test_settle_undersubscribed_burnsTheRest() public {
        bid(alice, 7, 12 ether);
        vm.warp(END);
        sale.settle();
        assertEq(sale.clearingPrice(), FLOOR);
        assertEq(sale.tokensSold(), 120_000e18);
        assertEq(token.totalSupply(), TOTAL - FOR_SALE + 120_000e18);
        assertEq(token.balanceOf(address(sale)), 120_000e18);
    }

    function test_settle_exactlyTheMinimum_succeeds() public {
        bid(alice, 7, MIN_RAISE);
        vm.warp(END);
        sale.settle();
        assertStatus(IUniformSale.Status.Succeeded);
    }

    function test_settle_oneWeiShort_fails() public {
        bid(alice, 7, MIN_RAISE - 1);
        vm.warp(END);
        vm.expectEmit();
        emit IUniformSale.SaleSettled(false, 0, 0, 0, FOR_SALE);
        sale.settle();
        assertStatus(IUniformSale.Status.Failed);
        assertEq(sale.quote().price, 0);
        assertAllocation(alice, 0, 0, MIN_RAISE - 1);
        assertEq(token.totalSupply(), TOTAL - FOR_SALE);
    }

    /// Money that was bid but not accepted does not count as raised.
    function test_settle_minimum_countsProceedsNotBids() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.minRaise = 60 ether;
        adopt(create(register(author, "high"), terms));
        bid(alice, 0, 30 ether);
        bid(bob, 0, 30 ether);
        vm.warp(END);
        sale.settle();
        assertStatus(IUniformSale.Status.Failed);
    }

    // claim

    function test_claim_paysTheOwnerAlone() public {
        bid(alice, 5, 25 ether);
        bid(bob, 4, 30 ether);
        bid(carol, 4, 10 ether);
        vm.warp(END);
        sale.settle();
        (uint256 tokens,, uint256 refund) = sale.allocationOf(bob);
        vm.expectEmit();
        emit IUniformSale.SaleClaimed(bob, tokens, refund);
        vm.prank(carol);
        (uint256 gotTokens, uint256 gotRefund) = sale.claim(bob);
        assertEq(gotTokens, tokens);
        assertEq(gotRefund, refund);
        assertEq(token.balanceOf(bob), tokens);
        assertEq(bob.balance, refund);
        assertEq(token.balanceOf(carol), 0);
        assertTrue(sale.hasClaimed(bob));
        assertFalse(sale.hasClaimed(carol));
    }

    function test_claim_secondTime_paysNothing() public {
        bid(alice, 5, 25 ether);
        bid(bob, 5, 30 ether);
        bid(carol, 5, 30 ether);
        vm.warp(END);
        sale.settle();
        sale.claim(alice);
        (uint256 tokens, uint256 refund) = (token.balanceOf(alice), alice.balance);
        (uint256 again, uint256 refundAgain) = sale.claim(alice);
        assertEq(again + refundAgain, 0);
        assertEq(token.balanceOf(alice), tokens);
        assertEq(alice.balance, refund);
        // The record of bids and fills stays readable.
        assertEq(sale.bidsOf(alice).length, 1);
        assertAllocation(alice, tokens, 25 ether - refund, refund);
    }

    function test_claim_withoutABid_paysNothing() public {
        bid(alice, 5, 25 ether);
        vm.warp(END);
        sale.settle();
        (uint256 tokens, uint256 refund) = sale.claim(carol);
        assertEq(tokens + refund, 0);
        assertFalse(sale.hasClaimed(carol));
    }

    function test_claim_beforeSettlement_reverts() public {
        bid(alice, 5, 25 ether);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Open));
        sale.claim(alice);
        vm.warp(END);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Ended));
        sale.claim(alice);
        address[] memory owners = new address[](1);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Ended));
        sale.claimMany(owners);
    }

    function test_claimMany_passesOverWhoHasClaimed() public {
        bid(alice, 5, 25 ether);
        bid(bob, 5, 30 ether);
        vm.warp(END);
        sale.settle();
        sale.claim(alice);
        address[] memory owners = new address[](4);
        (owners[0], owners[1], owners[2], owners[3]) = (alice, bob, carol, bob);
        sale.claimMany(owners);
        (uint256 tokens,,) = sale.allocationOf(bob);
        assertEq(token.balanceOf(bob), tokens);
    }

    /// Who gains: nobody, but one owner's contract could stop a batch and keep its own money locked.
    function test_claim_contractThatRefusesEth_isPaid() public {
        Refuser refuser = new Refuser();
        deal(address(this), 20 ether);
        refuser.bid{value: 5 ether}(sale, 0);
        vm.warp(END);
        sale.settle();
        assertStatus(IUniformSale.Status.Failed);
        sale.claim(address(refuser));
        assertEq(address(refuser).balance, 5 ether);
    }

    function test_claim_reentered_paysOnce() public {
        Reenterer buyer = new Reenterer(sale);
        deal(address(this), 1 ether);
        bid(alice, 0, 2 ether);
        buyer.bid{value: 1 ether}(0);
        buyer.setCall(abi.encodeCall(IUniformSale.claim, (address(buyer))));
        vm.warp(END);
        sale.settle();
        sale.claim(address(buyer));
        assertEq(buyer.attempts(), 1);
        assertEq(buyer.successes(), 0);
        assertEq(address(buyer).balance, 1 ether);
        assertEq(address(sale).balance, 2 ether);
    }

    // failure: nothing here is done by the author

    function test_failed_everybodyGetsEverythingBack() public {
        bid(alice, 5, 3 ether);
        bid(alice, 9, 1 ether);
        bid(bob, 0, 2 ether);
        vm.warp(END);
        sale.settle();
        sale.claim(alice);
        sale.claim(bob);
        assertEq(alice.balance, 4 ether);
        assertEq(bob.balance, 2 ether);
        assertEq(address(sale).balance, 0);
        assertEq(address(treasury).balance, 0);
    }

    function test_failed_zeroBids_burnsTheSupply() public {
        vm.warp(END);
        sale.settle();
        assertStatus(IUniformSale.Status.Failed);
        assertEq(token.balanceOf(address(sale)), 0);
        assertEq(token.totalSupply(), TOTAL - FOR_SALE);
    }

    function test_neverSettled_isRefundedAfterSevenDays() public {
        bid(alice, 5, 25 ether);
        vm.warp(END + 7 days - 1);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Ended));
        sale.claim(alice);
        vm.warp(END + 7 days);
        sale.claim(alice);
        assertEq(alice.balance, 25 ether);
        assertEq(token.balanceOf(alice), 0);

        // Settling now can only record the failure.
        sale.settle();
        assertStatus(IUniformSale.Status.Failed);
        assertEq(token.balanceOf(address(sale)), 0);
        assertEq(address(treasury).balance, 0);
        vm.expectRevert(wrongStatus(IUniformSale.Status.Failed));
        sale.settle();
    }

    function assertStatus(IUniformSale.Status expected) private view {
        assertEq(uint256(sale.status()), uint256(expected));
    }

    function assertAllocation(address owner, uint256 tokens, uint256 paid, uint256 refund)
        private
        view
    {
        (uint256 a, uint256 b, uint256 c) = sale.allocationOf(owner);
        assertEq(a, tokens, "tokens");
        assertEq(b, paid, "paid");
        assertEq(c, refund, "refund");
    }

    function refusedBid(uint256 tick, uint256 amount, bytes memory refusal) private {
        deal(alice, amount);
        vm.prank(alice);
        vm.expectRevert(refusal);
        sale.bid{value: amount}(tick);
    }

    function wrongStatus(IUniformSale.Status status) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IUniformSale.WrongStatus.selector, status);
    }
}
