// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SplitterFactory} from "../../src/SplitterFactory.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IModelToken} from "../../src/interfaces/IModelToken.sol";
import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {ISplitter} from "../../src/interfaces/ISplitter.sol";
import {ISplitterFactory} from "../../src/interfaces/ISplitterFactory.sol";
import {Payment} from "../../src/libraries/Payment.sol";
import {OfferingFixture} from "../offering/OfferingFixture.sol";
import {TestToken} from "../tokens/TestToken.sol";
import {PickyToken, SplitAgain, HostileModelToken} from "./Payees.sol";
import {Unpayable} from "./Receivers.sol";

/// deploy: unknown model → refused; again → the same; else → where splitterOf said
/// split
/// ├── nothing there → refused
/// ├── asset that the model's own token does not take → refused, nothing moves
/// ├── model without token → its author; operator zero → holders; parent without token → its author
/// ├── a payee refuses, burns gas, calls back → owed, the others paid
/// └── else → operator and parents rounded down, holders the rest, to the wei
/// withdraw, withdrawFor: nothing owed, refused again → refused; else → paid once
contract SplitterTest is OfferingFixture {
    uint256 private constant OPERATOR_BPS = 2_000;

    SplitterFactory private splitters;
    address payable private operator = payable(makeAddr("operator"));
    address private stranger = makeAddr("stranger");
    address private ancestor = makeAddr("ancestor");

    function setUp() public override {
        super.setUp();
        splitters = new SplitterFactory(registry);
    }

    function splitterOf(uint256 model, address who) private returns (ISplitter) {
        return ISplitter(splitters.deploy(model, who));
    }

    function registerChild(IModelRegistry.Parent[] memory parents, bytes32 salt)
        private
        returns (uint256)
    {
        IModelRegistry.Registration memory registration = defaultRegistration(salt);
        registration.parents = parents;
        vm.prank(author);
        return registry.register(registration);
    }

    function parentsOf(uint256 first, uint256 second)
        private
        pure
        returns (IModelRegistry.Parent[] memory parents)
    {
        parents = new IModelRegistry.Parent[](2);
        parents[0] = IModelRegistry.Parent(first, 1_000);
        parents[1] = IModelRegistry.Parent(second, 333);
    }

    // ------------------------------------------------------------ deploy

    function test_deploy_whereItWasSaid() public {
        address predicted = splitters.splitterOf(modelId, operator);
        deal(predicted, 1 ether); // paid before it is there
        vm.expectEmit(address(splitters));
        emit ISplitterFactory.SplitterDeployed(modelId, operator, predicted);
        ISplitter splitter = splitterOf(modelId, operator);
        assertEq(address(splitter), predicted);
        assertEq(splitter.modelId(), modelId);
        assertEq(splitter.operator(), operator);
        assertEq(splitter.pending(address(0)), 1 ether);
        assertEq(address(splitterOf(modelId, operator)), predicted, "again");
        assertEq(splitters.modelRegistry(), address(registry));
    }

    function test_deploy_unknownModel_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, 1));
        splitters.deploy(1, operator);
    }

    function testFuzz_splitterOf_isOneToOne(uint256 a, address b, uint256 c, address d)
        public
        view
    {
        bool same = a == c && b == d;
        assertEq(splitters.splitterOf(a, b) == splitters.splitterOf(c, d), same);
    }

    // ------------------------------------------------------------ split, ETH

    function test_split_paysHoldersAndOperator() public {
        ISplitter splitter = splitterOf(modelId, operator);
        deal(address(splitter), 1 ether + 4); // 4 wei do not divide by 5
        vm.expectEmit(address(splitter));
        emit ISplitter.Split(address(0), 1 ether + 4, 0.8 ether + 4, 0.2 ether, 0);
        vm.prank(stranger);
        splitter.split(address(0));
        assertEq(operator.balance, 0.2 ether);
        assertEq(address(token).balance, 0.8 ether + 4);
        assertEq(token.unbookedRevenue(address(0)), 0.8 ether + 4, "revenue of the holders");
        assertEq(address(splitter).balance, 0);
        vm.expectRevert(abi.encodeWithSelector(ISplitter.NothingToSplit.selector, address(0)));
        splitter.split(address(0));
    }

    function test_split_withoutOperator_goesToTheHolders() public {
        ISplitter splitter = splitterOf(modelId, address(0));
        deal(address(splitter), 1 ether);
        splitter.split(address(0));
        assertEq(address(token).balance, 1 ether);
        assertEq(address(0).balance, 0);
    }

    function test_split_withoutToken_goesToTheAuthor() public {
        uint256 bare = register(author, "bare");
        ISplitter splitter = splitterOf(bare, operator);
        deal(address(splitter), 1 ether);
        uint256 before = author.balance;
        splitter.split(address(0));
        assertEq(author.balance, before + 0.8 ether);
        assertEq(operator.balance, 0.2 ether);
    }

    function test_split_paysParents() public {
        uint256 bare = register(ancestor, "ancestor");
        uint256 child = registerChild(parentsOf(modelId, bare), "child");
        ISplitter splitter = splitterOf(child, operator);
        deal(address(splitter), 1 ether);
        uint256 before = author.balance;
        vm.expectEmit(address(splitter));
        emit ISplitter.Split(address(0), 1 ether, 0.6667 ether, 0.2 ether, 0.1333 ether);
        splitter.split(address(0));
        assertEq(operator.balance, 0.2 ether);
        assertEq(address(token).balance, 0.1 ether, "the first parent has a token");
        assertEq(ancestor.balance, 0.0333 ether, "the second has none");
        assertEq(author.balance, before + 0.6667 ether, "nor has the child");
    }

    function testFuzz_shares_roundInTheHoldersFavour(uint256 amount) public {
        amount = bound(amount, 0, 1e33);
        uint256 bare = register(ancestor, "ancestor");
        uint256 child = registerChild(parentsOf(modelId, bare), "child");
        ISplitter splitter = splitterOf(child, operator);
        (address[] memory accounts, uint256[] memory amounts) =
            splitter.sharesDown(address(0), amount);
        assertEq(accounts.length, 4);
        assertEq(amounts[0] + amounts[1] + amounts[2] + amounts[3], amount);
        assertLe(amounts[1] * 10_000, amount * 2_000);
        assertLe(amounts[2] * 10_000, amount * 1_000);
        assertLe(amounts[3] * 10_000, amount * 333);
        assertGe(amounts[0] * 10_000, amount * 6_667);
        assertLt(amounts[0] * 10_000, amount * 6_667 + 30_000, "by less than a wei a payee");
    }

    /// @dev Many small splits give the holders at least what one large one would.
    function testFuzz_split_sumOfParts(uint96[8] calldata parts) public {
        ISplitter splitter = splitterOf(modelId, operator);
        uint256 sum = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            if (parts[i] == 0) continue;
            sum += parts[i];
            deal(address(splitter), parts[i]);
            splitter.split(address(0));
        }
        assertEq(operator.balance + address(token).balance, sum);
        assertLe(operator.balance, sum * OPERATOR_BPS / 10_000);
    }

    // ------------------------------------------------------------ hostile payees

    function test_split_refusingOperator_isOwed() public {
        Unpayable refusing = new Unpayable();
        ISplitter splitter = splitterOf(modelId, address(refusing));
        deal(address(splitter), 1 ether);
        vm.expectEmit(address(splitter));
        emit ISplitter.Paid(address(0), address(refusing), 0.2 ether, true);
        splitter.split(address(0));
        assertEq(address(token).balance, 0.8 ether, "the holders are paid");
        assertEq(splitter.owed(address(0), address(refusing)), 0.2 ether);
        assertEq(splitter.totalOwed(address(0)), 0.2 ether);
        assertEq(splitter.pending(address(0)), 0);

        vm.expectRevert(
            abi.encodeWithSelector(
                ISplitter.TransferFailed.selector, address(0), address(refusing), 0.2 ether
            )
        );
        splitter.withdrawFor(address(0), address(refusing));
        // What is owed is not divided again.
        deal(address(splitter), 1.2 ether);
        splitter.split(address(0));
        assertEq(splitter.owed(address(0), address(refusing)), 0.4 ether);

        vm.prank(address(refusing));
        vm.expectEmit(address(splitter));
        emit ISplitter.Withdrawn(address(0), address(refusing), stranger, 0.4 ether);
        assertEq(splitter.withdraw(address(0), stranger), 0.4 ether);
        assertEq(stranger.balance, 0.4 ether);
        assertEq(splitter.totalOwed(address(0)), 0);
        assertEq(splitter.pending(address(0)), 0);
        vm.prank(address(refusing));
        vm.expectRevert(
            abi.encodeWithSelector(ISplitter.NothingOwed.selector, address(0), address(refusing))
        );
        splitter.withdraw(address(0), stranger);
    }

    /// @dev Who gains if split could be entered twice: the operator, paid out of the holders' part.
    function test_split_cannotBeEnteredTwice() public {
        SplitAgain again = new SplitAgain();
        ISplitter splitter = splitterOf(modelId, address(again));
        again.aim(splitter);
        deal(address(splitter), 1 ether);
        splitter.split(address(0));
        assertTrue(again.tried());
        assertFalse(again.succeeded());
        assertEq(address(again).balance, 0.2 ether);
        assertEq(address(token).balance, 0.8 ether);
    }

    /// @dev Who gains if gas were not checked: a stranger who has every payee's money owed instead.
    function test_split_tooLittleGas_reverts() public {
        ISplitter splitter = splitterOf(modelId, operator);
        deal(address(splitter), 1 ether);
        for (uint256 gasLimit = 60_000; gasLimit < 400_000; gasLimit += 20_000) {
            uint256 state = vm.snapshotState();
            try splitter.split{gas: gasLimit}(address(0)) {
                assertEq(splitter.totalOwed(address(0)), 0);
            } catch {}
            vm.revertToState(state);
        }
        vm.expectPartialRevert(Payment.NotEnoughGas.selector);
        splitter.split{gas: 150_000}(address(0));
    }

    // ------------------------------------------------------------ ERC-20

    function test_splitToken_listedAsset() public {
        ISplitter splitter = splitterOf(modelId, operator);
        usd.mint(address(splitter), 1_000_003);
        splitter.split(address(usd));
        assertEq(usd.balanceOf(operator), 200_000);
        assertEq(token.unbookedRevenue(address(usd)), 800_003);
        vm.expectRevert(abi.encodeWithSelector(ISplitter.NothingToSplit.selector, address(usd)));
        splitter.split(address(usd));
    }

    /// @dev Who loses if this went through: the holders; their token would never pay it out.
    function test_splitToken_unlistedAsset_isRefusedAndStays() public {
        TestToken other = new TestToken("Other", "OTH", 18);
        ISplitter splitter = splitterOf(modelId, operator);
        other.mint(address(splitter), 1e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                ISplitter.NotRevenueToken.selector, address(token), address(other)
            )
        );
        splitter.split(address(other));
        assertEq(other.balanceOf(address(splitter)), 1e18);
    }

    function test_splitToken_parentThatDoesNotTakeIt_itsAuthorIsPaid() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.token.revenueTokens = new address[](0);
        uint256 ethOnly = register(ancestor, "eth only");
        create(ethOnly, terms);
        uint256 child = registerChild(parentsOf(modelId, ethOnly), "child");
        ISplitter splitter = splitterOf(child, operator);
        usd.mint(address(splitter), 1_000_000);
        splitter.split(address(usd));
        assertEq(token.unbookedRevenue(address(usd)), 100_000);
        assertEq(usd.balanceOf(ancestor), 33_300);
        assertEq(usd.balanceOf(author), 666_700, "the child has no token");
    }

    /// @dev A parent's token is bound by its author, who may be hostile to its children.
    function test_splitToken_hostileParentToken_cannotStopTheChild() public {
        for (uint256 mode = 0; mode < 4; ++mode) {
            uint256 hostile = register(ancestor, bytes32(mode + 1));
            HostileModelToken bomb = new HostileModelToken(mode);
            vm.prank(address(factory));
            registry.bindToken(hostile, address(bomb));
            uint256 child = registerChild(parentsOf(modelId, hostile), bytes32(mode + 100));
            ISplitter splitter = splitterOf(child, operator);

            usd.mint(address(splitter), 1_000_000);
            uint256 before = usd.balanceOf(ancestor);
            splitter.split{gas: 2_000_000}(address(usd));
            assertEq(usd.balanceOf(ancestor), before + 33_300);

            deal(address(splitter), 1 ether);
            splitter.split{gas: 2_000_000}(address(0));
            assertEq(splitter.owed(address(0), address(bomb)), 0.0333 ether);
        }
    }

    /// @dev Who gains if gas were not checked: a parent's author, who starves the question whether
    /// the parent's token takes the asset, and is paid in its place.
    function test_splitToken_theQuestionCannotBeStarved() public {
        uint256 bare = register(ancestor, "ancestor");
        uint256 child = registerChild(parentsOf(modelId, bare), "child");
        ISplitter splitter = splitterOf(child, operator);
        usd.mint(address(splitter), 1_000_000);
        uint256 taken = 0;
        for (uint256 gasLimit = 60_000; gasLimit < 700_000; gasLimit += 10_000) {
            uint256 state = vm.snapshotState();
            try splitter.split{gas: gasLimit}(address(usd)) {
                ++taken;
                assertEq(token.unbookedRevenue(address(usd)), 100_000);
            } catch {}
            vm.revertToState(state);
        }
        assertGt(taken, 5);
        vm.expectPartialRevert(Payment.NotEnoughGas.selector);
        splitter.split{gas: 120_000}(address(usd));
    }

    function test_splitToken_tokenThatRefusesAPayee_isOwed() public {
        PickyToken picky = new PickyToken();
        uint256 bare = register(author, "bare");
        ISplitter splitter = splitterOf(bare, operator);
        picky.mint(address(splitter), 1_000);
        picky.refuse(operator, true);
        splitter.split(address(picky));
        assertEq(picky.balanceOf(author), 800);
        assertEq(splitter.owed(address(picky), operator), 200);
        assertEq(splitter.pending(address(picky)), 0);
        vm.expectRevert(
            abi.encodeWithSelector(ISplitter.TransferFailed.selector, address(picky), operator, 200)
        );
        splitter.withdrawFor(address(picky), operator);
        picky.refuse(operator, false);
        splitter.withdrawFor(address(picky), operator);
        assertEq(picky.balanceOf(operator), 200);
    }

    // ------------------------------------------------------------ as a whole

    /// @dev An epoch of revenue, from a plain payment to the wei in a holder's account.
    function test_flow_paymentToHolders() public {
        address alice = makeAddr("alice");
        address bob = makeAddr("bob");
        sellHalf(alice, bob);
        nextEpoch();
        nextEpoch();
        ISplitter splitter = splitterOf(modelId, operator);
        deal(address(this), 1 ether);
        (bool success,) = address(splitter).call{value: 1 ether}("");
        assertTrue(success);
        splitter.split(address(0));
        uint256 id = IModelToken(token).snapshot();
        uint256 before = alice.balance;
        token.claimFor(alice, id);
        assertGt(alice.balance, before);
        assertEq(operator.balance, 0.2 ether);
    }
}
