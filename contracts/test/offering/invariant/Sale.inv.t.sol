// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOfferingFactory} from "../../../src/interfaces/IOfferingFactory.sol";
import {IUniformSale} from "../../../src/interfaces/IUniformSale.sol";
import {OfferingFixture} from "../OfferingFixture.sol";
import {SaleHandler} from "./SaleHandler.sol";

/// @title What holds of a sale after any sequence of actions
contract SaleInvariants is OfferingFixture {
    SaleHandler private handler;

    function setUp() public override {
        super.setUp();
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.tickCount = 12;
        terms.sale.duration = 1 days;
        adopt(create(register(author, "invariant"), terms));
        handler = new SaleHandler(sale);
        targetContract(address(handler));
    }

    /// One campaign checks all; five would play the same actions five times.
    function invariant_sale() public view {
        checkMoneyIsConserved();
        checkMoneyCoversOpenRefunds();
        checkTokensCoverOpenDeliveries();
        checkLadderIsTheSumOfBids();
        checkClearingIsFair();
    }

    /// The sale holds exactly what is in bids; later, what it paid out is accounted for to the wei.
    function checkMoneyIsConserved() private view {
        uint256 out = handler.refunded() + address(treasury).balance;
        assertEq(address(sale).balance, handler.total() - out);
    }

    function checkMoneyCoversOpenRefunds() private view {
        (, uint256 refunds) = unclaimed();
        assertGe(address(sale).balance, refunds);
    }

    function checkTokensCoverOpenDeliveries() private view {
        (uint256 tokens,) = unclaimed();
        assertGe(token.balanceOf(address(sale)), tokens);
        assertLe(handler.delivered() + tokens, FOR_SALE);
    }

    function checkLadderIsTheSumOfBids() private view {
        uint256[] memory ladder = sale.ladder();
        for (uint256 tick = 0; tick < ladder.length; ++tick) {
            assertEq(ladder[tick], handler.demand(tick));
        }
        for (uint256 i = 0; i < handler.ownerCount(); ++i) {
            address owner = handler.ownerAt(i);
            IUniformSale.Bid[] memory bids = sale.bidsOf(owner);
            uint256 sum = 0;
            for (uint256 j = 0; j < bids.length; ++j) {
                assertEq(bids[j].amount, handler.bids(owner, bids[j].tick));
                sum += bids[j].amount;
            }
            assertEq(sum, handler.committed(owner));
            assertLe(sum, CAP);
        }
    }

    /// Nobody pays more than the own limit: tokens are worth at least what was paid, at the price of the bid.
    function checkClearingIsFair() private view {
        IUniformSale.Outcome memory outcome = sale.quote();
        if (outcome.price == 0) return;
        assertLe(outcome.sold, FOR_SALE);
        uint256 above = 0;
        uint256[] memory ladder = sale.ladder();
        for (uint256 tick = 0; tick < ladder.length; ++tick) {
            if (sale.priceAt(tick) > outcome.price) above += ladder[tick];
        }
        assertLe(above * 1e18, FOR_SALE * outcome.price);
        assertGe(outcome.price, FLOOR);
        assertGe(outcome.proceeds, above);
    }

    function unclaimed() private view returns (uint256 tokens, uint256 refunds) {
        IUniformSale.Status status = sale.status();
        bool done = status == IUniformSale.Status.Succeeded || status == IUniformSale.Status.Failed;
        for (uint256 i = 0; i < handler.ownerCount(); ++i) {
            address owner = handler.ownerAt(i);
            if (sale.hasClaimed(owner)) continue;
            (uint256 got,, uint256 refund) = sale.allocationOf(owner);
            tokens += got;
            refunds += done ? refund : handler.committed(owner);
        }
    }
}
