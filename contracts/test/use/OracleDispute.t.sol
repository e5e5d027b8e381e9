// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IPullPayments} from "../../src/interfaces/IPullPayments.sol";
import {UseFixture} from "./UseFixture.sol";

/// hold
/// ├── not the dispute game; not answered; other claim; at finalAt → refused
/// └── else → counted; the claim cannot become final
/// release
/// ├── not the dispute game; nothing held → refused
/// └── else → counted down; the claim is not final by that
/// strikeDown
/// ├── not the dispute game; not answered; other claim; nothing held; no challenger → refused
/// └── else → bond: half to the challenger with the value, the fee's worth to the beneficiary, the rest burned;
///            request open to everybody for its response time; claim dead for ever
contract OracleDisputeTest is UseFixture {
    uint256 private constant FEE = 0.01 ether;

    function test_onlyTheDisputeGame() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        address[4] memory others = [operator, asker, author, address(operators)];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IOracle.NotDisputeGame.selector, others[i]);
            vm.startPrank(others[i]);
            vm.expectRevert(reason);
            oracle.hold(id, claim);
            vm.expectRevert(reason);
            oracle.release(id, claim);
            vm.expectRevert(reason);
            oracle.strikeDown(id, claim, challenger);
            vm.stopPrank();
        }
    }

    function test_hold_keepsFromFinal_untilReleased() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        oracle.hold(id, claim);
        vm.expectEmit(address(oracle));
        emit IOracle.DisputeHold(id, claim, true, 2);
        vm.prank(game);
        oracle.hold(id, claim);
        assertEq(oracle.liveDisputes(claim), 2);
        vm.warp(START + 30 days);
        vm.expectRevert(abi.encodeWithSelector(IOracle.DisputeLive.selector, id, 2));
        oracle.finalise(id);
        vm.expectEmit(address(oracle));
        emit IOracle.DisputeHold(id, claim, false, 1);
        vm.prank(game);
        oracle.release(id, claim);
        vm.expectRevert(abi.encodeWithSelector(IOracle.DisputeLive.selector, id, 1));
        oracle.finalise(id);
        vm.prank(game);
        oracle.release(id, claim);
        assertStatus(id, IOracle.Status.Answered); // a lost challenge finalises nothing by itself
        oracle.finalise(id);
        assertTrue(oracle.isFinalized(id));
    }

    /// @dev Who gains if the window were not checked: somebody who delays honest operators for ever.
    function test_hold_windowIsExclusive() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        vm.startPrank(game);
        vm.warp(START + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IOracle.WindowClosed.selector, id, START + WINDOW));
        oracle.hold(id, claim);
        vm.warp(START + WINDOW - 1);
        oracle.hold(id, claim);
    }

    function test_hold_wrongStatusOrClaim_reverts() public {
        uint256 id = ask();
        vm.startPrank(game);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Open)
        );
        oracle.hold(id, 0);
        vm.stopPrank();
        answer(id);
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.ClaimMismatch.selector, id, claim, bytes32(0))
        );
        oracle.hold(id, 0);
    }

    function test_release_withoutHold_reverts() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        vm.expectRevert(abi.encodeWithSelector(IOracle.NoDispute.selector, id, claim));
        oracle.release(id, claim);
    }

    function test_strikeDown_withoutHold_reverts() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        vm.expectRevert(abi.encodeWithSelector(IOracle.NoDispute.selector, id, claim));
        oracle.strikeDown(id, claim, challenger);
    }

    function test_strikeDown_noChallenger_reverts() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        vm.startPrank(game);
        oracle.hold(id, claim);
        vm.expectRevert(IPullPayments.ZeroAddress.selector);
        oracle.strikeDown(id, claim, address(0));
    }

    function test_strikeDown_final_reverts() public {
        uint256 id = finalised();
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Final)
        );
        oracle.strikeDown(id, claim, challenger);
    }

    function test_strikeDown_dividesTheBond() public {
        IOracle.Question memory question = defaultQuestion();
        question.beneficiary = stranger;
        question.bond = 1 ether + 1; // odd, to see where the last wei goes
        uint256 id = ask(question, FEE);
        answer(id);
        bytes32 claim = liveClaim(id);
        uint256 reward = 0.5 ether;
        uint256 burned = 1 ether + 1 - reward - FEE;
        vm.warp(START + 100);
        vm.startPrank(game);
        oracle.hold(id, claim);
        vm.expectEmit(address(oracle));
        emit IOracle.StruckDown(
            id, operator, challenger, claim, reward, FEE, burned, START + 100 + 1 days
        );
        deal(game, 7);
        oracle.strikeDown{value: 7}(id, claim, challenger);
        vm.stopPrank();

        assertEq(oracle.owed(challenger), reward + 7, "with what the game owes him");
        assertEq(oracle.liveDisputes(claim), 0, "the dispute that struck is over");
        assertEq(oracle.owed(stranger), FEE);
        assertEq(address(0).balance, burned);
        assertEq(operators.operatorOf(operator).deposit, DEPOSIT - 1 ether - 1);
        assertEq(operators.operatorOf(operator).locked, 0);
        assertEq(oracle.openFees(), FEE, "the fee waits for a better answer");
        assertEq(address(oracle).balance, oracle.openFees() + oracle.totalOwed());
    }

    function test_strikeDown_opensTheRequestToEverybody() public {
        address second = makeAddr("second");
        enrol(second);
        IOracle.Question memory question = defaultQuestion();
        question.operator = operator;
        uint256 id = ask(question, FEE);
        answer(id);
        vm.warp(START + WINDOW - 1);
        strikeDown(id);

        IOracle.Request memory request = oracle.requestOf(id);
        assertStatus(id, IOracle.Status.Open);
        assertEq(request.operator, address(0));
        assertEq(request.claimHash, 0);
        assertEq(request.textHash, 0);
        assertEq(request.finalAt, 0);
        assertEq(request.deadline, START + WINDOW - 1 + 1 days);

        IOracle.Answer memory better = defaultAnswer();
        better.text = "a lake";
        answerAs(second, id, better);
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertEq(splitters.splitterOf(modelId, second).balance, FEE);
        assertEq(splitters.splitterOf(modelId, operator).balance, 0);
        assertEq(oracle.owed(asker), FEE, "refunded out of the bond");
    }

    function test_strikeDown_thenNobodyAnswers_refunds() public {
        uint256 id = answered();
        strikeDown(id);
        vm.warp(START + 1 days);
        oracle.refund(id);
        assertEq(oracle.owed(asker), 2 * FEE, "the fee, and as much out of the bond");
        assertEq(address(oracle).balance, oracle.totalOwed());
    }

    /// @dev Who gains: the liar, who would answer the same again and hope.
    function test_strikeDown_sameClaimNeverAgain() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        strikeDown(id);
        assertTrue(oracle.isStruckDown(claim));
        (bool struckDown, bool proven) = oracle.fateOf(claim);
        assertTrue(struckDown && !proven);
        vm.expectRevert(abi.encodeWithSelector(IOracle.ClaimWasStruckDown.selector, id, claim));
        answer(id);
        // Not by another operator either: what is false is false of all.
        address second = makeAddr("second");
        enrol(second);
        vm.expectRevert(abi.encodeWithSelector(IOracle.ClaimWasStruckDown.selector, id, claim));
        answerAs(second, id, defaultAnswer());
        // The same tokens for another request are another claim.
        answer(ask());
    }

    /// @dev Who gains: a challenger whose old dispute would hit an honest second answer.
    function test_strikeDown_oldDisputeCannotHitTheNewClaim() public {
        uint256 id = answered();
        bytes32 lie = liveClaim(id);
        vm.startPrank(game);
        oracle.hold(id, lie);
        oracle.hold(id, lie); // a second challenger, slower
        oracle.strikeDown(id, lie, challenger);
        vm.stopPrank();
        IOracle.Answer memory better = defaultAnswer();
        better.text = "a lake";
        answer(id, better);
        bytes32 truth = liveClaim(id);

        vm.startPrank(game);
        vm.expectRevert(abi.encodeWithSelector(IOracle.ClaimMismatch.selector, id, truth, lie));
        oracle.strikeDown(id, lie, stranger);
        vm.expectRevert(abi.encodeWithSelector(IOracle.NoDispute.selector, id, truth));
        oracle.strikeDown(id, truth, stranger);
        oracle.release(id, lie);
        vm.expectRevert(abi.encodeWithSelector(IOracle.NoDispute.selector, id, lie));
        oracle.release(id, lie); // the other hold ended with the strike
        vm.stopPrank();
        assertEq(oracle.liveDisputes(truth), 0);
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertTrue(oracle.isFinalized(id));
    }

    function test_strikeDown_afterExitBegan_stillSlashes() public {
        uint256 id = answered();
        vm.prank(operator);
        operators.startExit(DEPOSIT);
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        oracle.hold(id, claim);
        vm.warp(START + EXIT_DELAY);
        vm.prank(operator);
        operators.withdraw(operator);
        vm.prank(game);
        oracle.strikeDown(id, claim, challenger);
        assertEq(oracle.owed(challenger), MINIMUM_BOND / 2);
        assertEq(operators.operatorOf(operator).deposit, 0);
        assertEq(operators.operatorOf(operator).leaving, 0);
    }

    /// @dev Operator, asker and challenger in one hand: what comes back is less than what goes in.
    function testFuzz_selfSlashingDoesNotPay(uint96 fee, uint128 bond) public {
        fee = uint96(bound(fee, 0, 100 ether));
        bond = uint128(bound(bond, 0, 1000 ether));
        deal(asker, fee);
        deal(operator, 2000 ether);
        vm.prank(operator);
        operators.deposit{value: 2000 ether}(operator);
        IOracle.Question memory question = defaultQuestion();
        question.bond = bond;
        uint256 id = ask(question, fee);
        uint256 locked = oracle.bondOf(id);
        answer(id);
        strikeDown(id);
        vm.warp(block.timestamp + 1 days);
        oracle.refund(id);
        uint256 back = oracle.owed(asker) + oracle.owed(challenger);
        uint256 paid = fee + locked;
        assertGe(locked, MINIMUM_BOND);
        assertGe(paid - back, locked / 2 - fee, "what is burned");
        assertGe(paid - back, 4 * uint256(fee), "lying costs more than any fee earns");
        assertGe(oracle.owed(asker), 2 * uint256(fee), "the payer is whole");
        assertEq(address(oracle).balance, oracle.totalOwed());
    }
}
