// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {AskExample} from "../../src/examples/AskExample.sol";
import {ContentMarket} from "../../src/examples/ContentMarket.sol";
import {ISplitter} from "../../src/interfaces/ISplitter.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Payment} from "../../src/libraries/Payment.sol";
import {Collection, ReentrantBuyer} from "./Traders.sol";
import {Unpayable} from "./Receivers.sol";
import {UseFixture} from "./UseFixture.sol";

/// AskExample: asks, pays, keeps the answer; takes answers from the oracle alone
/// ContentMarket
/// ├── list: free, not owned → refused; else the market holds the piece
/// ├── cancel: not listed, not the seller → refused; else back to the seller
/// ├── buy: not listed, other amount → refused; else piece, price and royalty to whom they belong
/// ├── royaltyOf: none, too much, no receiver, burning, bombing collection
/// └── withdraw: nothing owed, refusing account → refused; else paid once
contract ExamplesTest is UseFixture {
    uint96 private constant PRICE = 1 ether;

    AskExample private example;
    ContentMarket private market;

    function setUp() public override {
        super.setUp();
        example = new AskExample(oracle, modelId);
        market = new ContentMarket();
    }

    // ------------------------------------------------------------ AskExample

    function askThrough(address named) private returns (uint256) {
        vm.prank(asker);
        return example.ask{value: 0.01 ether}(pack(1, 7, 8), 4, named, 1 hours);
    }

    function test_example_keepsTheAnswer() public {
        uint256 id = askThrough(operator);
        assertEq(example.lastRequestId(), id);
        assertEq(oracle.requestOf(id).beneficiary, asker);
        vm.expectEmit(address(example));
        emit AskExample.AnswerStored(id, "a river");
        answer(id);
        (string memory text, bool isFinal) = example.answerOf(id);
        assertEq(text, "a river");
        assertFalse(isFinal);
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        (, isFinal) = example.answerOf(id);
        assertTrue(isFinal);
    }

    function test_example_askerIsRefundedAndMayMint() public {
        uint256 id = askThrough(address(0));
        vm.warp(START + 1 hours);
        oracle.refund(id);
        assertEq(oracle.owed(asker), 0.01 ether);

        id = askThrough(address(0));
        answer(id);
        bytes memory prompt = content.encodePrompt(id, pack(1, 7, 8));
        vm.prank(asker);
        content.mint(asker, prompt, "a river");
    }

    function test_example_onlyFromTheOracle() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(AskExample.NotOracle.selector, stranger));
        example.aiOracleCallback(1, "lies", "");
    }

    function test_example_longestAnswerFitsItsGas() public {
        uint256 id = askThrough(address(0));
        IOracle.Answer memory posted = defaultAnswer();
        posted.text = new bytes(2_000);
        for (uint256 i = 0; i < posted.text.length; ++i) {
            posted.text[i] = "x";
        }
        answer(id, posted);
        assertEq(uint8(oracle.requestOf(id).delivery), uint8(IOracle.Delivery.Delivered));
    }

    // ------------------------------------------------------------ ContentMarket

    function listed() private returns (uint256 token, uint256 requestId) {
        requestId = finalised();
        bytes memory prompt = content.encodePrompt(requestId, pack(1, 7, 8));
        vm.startPrank(asker);
        token = content.mint(asker, prompt, "a river");
        content.approve(address(market), token);
        market.list(address(content), token, PRICE);
        vm.stopPrank();
    }

    function test_market_list() public {
        (uint256 token,) = listed();
        assertEq(content.ownerOf(token), address(market));
        ContentMarket.Listing memory listing = market.listingOf(address(content), token);
        assertEq(listing.seller, asker);
        assertEq(listing.price, PRICE);
        vm.expectRevert(ContentMarket.ZeroPrice.selector);
        market.list(address(content), token, 0);
        // The market holds it, but that is no reason to let a stranger list it.
        vm.prank(stranger);
        vm.expectPartialRevert(IERC721Errors.ERC721IncorrectOwner.selector);
        market.list(address(content), token, 1);
    }

    function test_market_collectionThatDeliversNothing_reverts() public {
        Collection collection = new Collection(0);
        vm.expectRevert(
            abi.encodeWithSelector(ContentMarket.NotDelivered.selector, address(collection), 1)
        );
        market.list(address(collection), 1, PRICE);
    }

    function test_market_cancel() public {
        (uint256 token,) = listed();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ContentMarket.NotSeller.selector, asker, stranger));
        market.cancel(address(content), token);
        vm.expectEmit(address(market));
        emit ContentMarket.Cancelled(address(content), token, asker);
        vm.prank(asker);
        market.cancel(address(content), token);
        assertEq(content.ownerOf(token), asker);
        bytes memory reason =
            abi.encodeWithSelector(ContentMarket.NotListed.selector, address(content), token);
        vm.expectRevert(reason);
        market.cancel(address(content), token);
        vm.expectRevert(reason);
        market.buy{value: PRICE}(address(content), token);

        // Another price is another listing.
        vm.prank(asker);
        content.approve(address(market), token);
        vm.expectEmit(address(market));
        emit ContentMarket.Listed(address(content), token, asker, 2 * PRICE);
        vm.prank(asker);
        market.list(address(content), token, 2 * PRICE);
    }

    function test_market_buy_paysSellerAndRoyalty() public {
        (uint256 token,) = listed();
        address splitter = splitters.splitterOf(modelId, operator);
        uint256 before = splitter.balance;
        vm.prank(stranger);
        vm.expectEmit(address(market));
        emit ContentMarket.Sold(
            address(content), token, stranger, asker, PRICE, splitter, 0.05 ether
        );
        market.buy{value: PRICE}(address(content), token);
        assertEq(content.ownerOf(token), stranger);
        assertEq(market.owed(asker), 0.95 ether);
        assertEq(market.owed(splitter), 0.05 ether);
        assertEq(market.totalOwed(), address(market).balance);

        market.withdraw(splitter);
        assertEq(splitter.balance, before + 0.05 ether);
        splitters.deploy(modelId, operator);
        ISplitter(splitter).split(address(0)); // the royalty is revenue like a fee
        uint256 wallet = asker.balance;
        vm.expectEmit(address(market));
        emit ContentMarket.Withdrawn(asker, 0.95 ether);
        market.withdraw(asker);
        assertEq(asker.balance, wallet + 0.95 ether);
        assertEq(market.totalOwed(), 0);
        vm.expectRevert(abi.encodeWithSelector(ContentMarket.NothingOwed.selector, asker));
        market.withdraw(asker);
    }

    function test_market_buy_otherAmount_reverts() public {
        (uint256 token,) = listed();
        vm.startPrank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(ContentMarket.WrongPayment.selector, PRICE, PRICE - 1)
        );
        market.buy{value: PRICE - 1}(address(content), token);
        vm.expectRevert(
            abi.encodeWithSelector(ContentMarket.WrongPayment.selector, PRICE, PRICE + 1)
        );
        market.buy{value: PRICE + 1}(address(content), token);
    }

    function test_market_refusingSeller_staysOwed() public {
        Unpayable refusing = new Unpayable();
        (uint256 token,) = listed();
        vm.prank(asker);
        market.cancel(address(content), token);
        vm.prank(asker);
        content.transferFrom(asker, address(refusing), token);
        vm.startPrank(address(refusing));
        content.approve(address(market), token);
        market.list(address(content), token, PRICE);
        vm.stopPrank();
        vm.prank(stranger);
        market.buy{value: PRICE}(address(content), token);
        vm.expectPartialRevert(ContentMarket.TransferFailed.selector);
        market.withdraw(address(refusing));
        assertEq(market.owed(address(refusing)), 0.95 ether);
    }

    function test_market_reentrantBuyer_buysOnce() public {
        (uint256 token,) = listed();
        ReentrantBuyer buyer = new ReentrantBuyer(market);
        deal(address(buyer), 3 ether);
        buyer.buy(address(content), token, PRICE);
        assertEq(content.ownerOf(token), address(buyer));
        assertFalse(buyer.boughtTwice());
        assertEq(market.totalOwed(), PRICE);
        assertEq(address(market).balance, PRICE);
    }

    function royaltyIn(uint256 mode) private returns (address receiver, uint256 royalty) {
        return market.royaltyOf(address(new Collection(mode)), 1, PRICE);
    }

    function test_market_royaltyOfHostileCollections() public {
        (address receiver, uint256 royalty) = royaltyIn(1); // asks for more than the price
        assertEq(receiver, address(0xBEEF));
        assertEq(royalty, PRICE);
        for (uint256 mode = 2; mode < 7; ++mode) {
            (receiver, royalty) = royaltyIn(mode);
            assertEq(receiver, address(0));
            assertEq(royalty, 0);
        }
        (receiver, royalty) = market.royaltyOf(stranger, 1, PRICE); // no contract at all
        assertEq(royalty, 0);
    }

    /// @dev Who gains if gas were not checked: seller and buyer, who save the royalty together.
    function test_market_royaltyCannotBeStarved() public {
        (uint256 token,) = listed();
        address splitter = splitters.splitterOf(modelId, operator);
        for (uint256 gasLimit = 60_000; gasLimit < 500_000; gasLimit += 10_000) {
            uint256 state = vm.snapshotState();
            vm.prank(stranger);
            try market.buy{value: PRICE, gas: gasLimit}(address(content), token) {
                assertEq(market.owed(splitter), 0.05 ether);
            } catch {}
            vm.revertToState(state);
        }
        vm.prank(stranger);
        vm.expectPartialRevert(Payment.NotEnoughGas.selector);
        market.buy{value: PRICE, gas: 200_000}(address(content), token);
    }
}
