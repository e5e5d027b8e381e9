// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeGame} from "../../src/interfaces/IDisputeGame.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

/// openReceipt
/// ├── false → half of the stake to the challenger, a quarter to the payer, the rest burns; dead for ever
/// ├── true → the stake is free again, the challenger's bond lost
/// └── another's signature; false on its face; nothing at stake → refused
/// strikeReceipt
/// ├── false on its face, in each way → struck down at once
/// └── else → stands
contract DisputeReceiptTest is DisputeFixture {
    function test_falseReceipt_paysFromTheStake() public {
        IOperatorRegistry.Receipt memory signed = receipt(LIE);
        uint256 id = openReceiptBy(challenger, signed, LIE);
        assertEq(disputes.stakeOf(operator), STAKE);
        playToStep(id, LIE);
        uint256 burnedBefore = address(0).balance;
        step(id, LIE);
        assertPhase(id, IDisputeGame.Phase.ChallengerWon);
        assertEq(disputes.owed(challenger), BOND + STAKE / 2);
        assertEq(disputes.owed(asker), STAKE / 4, "the payer");
        assertEq(address(0).balance - burnedBefore, STAKE / 4);
        assertEq(operators.operatorOf(operator).deposit, DEPOSIT - STAKE);
        assertEq(operators.operatorOf(operator).locked, 0);
        assertTrue(disputes.isReceiptStruckDown(operators.receiptDigest(signed)));
        assertSolvent();
        bytes memory signature = sign(signed);
        vm.expectPartialRevert(IDisputeGame.AlreadyStruckDown.selector);
        vm.prank(rival);
        disputes.openReceipt{value: BOND}(signed, signature, pack(1, 7, 8), outputOf(LIE), 0);
    }

    function test_trueReceipt_freesTheStake() public {
        uint256 id = openReceiptBy(challenger, receipt(TRUTH), TRUTH);
        playToStep(id, TRUTH);
        step(id, TRUTH);
        assertPhase(id, IDisputeGame.Phase.OperatorWon);
        assertEq(disputes.stakeOf(operator), 0);
        assertEq(operators.operatorOf(operator).locked, 0);
        assertEq(disputes.owed(operator), BOND / 2);
        assertSolvent();
    }

    function test_silence_losesTheStake_evenOfAnOperatorThatLeaves() public {
        vm.prank(operator);
        operators.startExit(DEPOSIT);
        uint256 id = openReceiptBy(challenger, receipt(LIE), LIE);
        vm.warp(START + CLOCK);
        timeout(id, LIE);
        assertEq(disputes.owed(challenger), BOND + STAKE / 2);
        assertSolvent();
    }

    /// @dev Ten wrong disputes lock no more than one does, so the operator goes on answering.
    function test_manyDisputesShareOneStake() public {
        for (uint256 i = 0; i < 10; ++i) {
            openReceiptBy(rival, receipt(TRUTH), TRUTH);
        }
        assertEq(operators.operatorOf(operator).locked, STAKE);
        assertEq(disputes.liveReceiptDisputes(operator), 10);
        vm.warp(START + CLOCK - 1);
        for (uint256 id = 1; id <= 10; ++id) {
            commit(id, TRUTH);
        }
        vm.warp(START + 2 * CLOCK);
        for (uint256 id = 1; id <= 10; ++id) {
            timeout(id, TRUTH);
        }
        assertEq(operators.operatorOf(operator).locked, 0);
        assertEq(disputes.owed(operator), 10 * (BOND / 2));
        assertSolvent();
    }

    /// @dev The first success takes the stake; then it is filled again for the others.
    function test_theStakeIsFilledAgain() public {
        IOperatorRegistry.Receipt memory other = receipt(LIE);
        other.nonce = keccak256("another");
        uint256 first = openReceiptBy(challenger, receipt(LIE), LIE);
        uint256 second = openReceiptBy(rival, other, LIE);
        vm.warp(START + CLOCK);
        timeout(first, LIE);
        assertEq(disputes.stakeOf(operator), STAKE, "for the second");
        assertSolvent();
        timeout(second, LIE);
        assertEq(disputes.owed(rival), BOND + STAKE / 2);
        assertEq(disputes.stakeOf(operator), 0);
        assertEq(operators.operatorOf(operator).deposit, DEPOSIT - 2 * STAKE);
        assertSolvent();
    }

    function test_twoDisputesOverOneReceipt_payOnce() public {
        uint256 first = openReceiptBy(challenger, receipt(LIE), LIE);
        uint256 second = openReceiptBy(rival, receipt(LIE), LIE);
        vm.warp(START + CLOCK);
        timeout(first, LIE);
        timeout(second, LIE);
        assertPhase(second, IDisputeGame.Phase.Moot);
        assertEq(disputes.owed(rival), BOND);
        assertEq(operators.operatorOf(operator).deposit, DEPOSIT - STAKE);
        assertSolvent();
    }

    function test_aSmallDeposit_isTakenWhole() public {
        vm.startPrank(operator);
        operators.startExit(DEPOSIT - 0.2 ether);
        vm.warp(START + EXIT_DELAY);
        operators.withdraw(operator);
        vm.stopPrank();
        uint256 id = openReceiptBy(challenger, receipt(LIE), LIE);
        assertEq(disputes.stakeOf(operator), 0.2 ether);
        vm.warp(block.timestamp + CLOCK);
        timeout(id, LIE);
        assertEq(disputes.owed(challenger), BOND + 0.1 ether);
        assertSolvent();
    }

    function test_nothingAtStake_isRefused() public {
        vm.startPrank(operator);
        operators.startExit(DEPOSIT);
        vm.warp(START + EXIT_DELAY);
        operators.withdraw(operator);
        vm.stopPrank();
        IOperatorRegistry.Receipt memory signed = receipt(LIE);
        bytes memory signature = sign(signed);
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.NothingAtStake.selector, operator));
        disputes.openReceipt{value: BOND}(signed, signature, pack(1, 7, 8), outputOf(LIE), 0);
    }

    function test_anothersSignature_isRefused() public {
        IOperatorRegistry.Receipt memory signed = receipt(LIE);
        bytes memory signature = sign(signed);
        signed.payment += 1;
        vm.prank(challenger);
        vm.expectPartialRevert(IOperatorRegistry.WrongSigner.selector);
        disputes.openReceipt{value: BOND}(signed, signature, pack(1, 7, 8), outputOf(LIE), 0);
    }

    // ---------------------------------------------------------------- false on their face

    function assertStruck(
        IOperatorRegistry.Receipt memory signed,
        bytes memory prompt,
        bytes memory output
    ) private {
        uint256 snapshot = vm.snapshotState();
        signed.promptHash = keccak256(prompt);
        signed.outputHash = keccak256(output);
        bytes memory signature = sign(signed);
        if (output.length != 0) {
            vm.prank(challenger);
            vm.expectPartialRevert(IDisputeGame.ReceiptOnItsFace.selector);
            disputes.openReceipt{value: BOND}(signed, signature, prompt, output, 0);
        }
        vm.prank(rival);
        disputes.strikeReceipt(signed, signature, prompt, output);
        assertEq(disputes.owed(rival), STAKE / 2, "reward");
        assertEq(disputes.owed(asker), STAKE / 4, "the payer");
        assertEq(disputes.liveReceiptDisputes(operator), 0);
        assertEq(operators.operatorOf(operator).locked, 0);
        assertSolvent();
        vm.prank(rival);
        vm.expectPartialRevert(IDisputeGame.AlreadyStruckDown.selector);
        disputes.strikeReceipt(signed, signature, prompt, output);
        vm.revertToState(snapshot);
    }

    function test_strikeReceipt_inEachWay() public {
        bytes memory prompt = pack(1, 7, 8);
        bytes memory output = outputOf(TRUTH);
        IOperatorRegistry.Receipt memory signed = receipt(TRUTH);
        signed.modelRoot = keccak256("another model");
        assertStruck(signed, prompt, output);
        signed = receipt(TRUTH);
        signed.sampling = bytes32(uint256(1));
        assertStruck(signed, prompt, output);
        signed = receipt(TRUTH);
        assertStruck(signed, "", output); // no prompt
        assertStruck(signed, prompt, ""); // no answer
        assertStruck(signed, prompt, pack(9, 10)); // ends neither with the end token nor at its limit
        assertStruck(signed, prompt, pack(9, END_TOKEN, 10)); // goes on behind the end token
        assertStruck(signed, prompt, repeat(9, 5)); // longer than its limit
        assertStruck(signed, pack(1, VOCABULARY), output); // no such token
        assertStruck(signed, prompt, pack(VOCABULARY, END_TOKEN));
        assertStruck(signed, repeat(7, CONTEXT - 2), output); // no room in the context
    }

    function test_strikeReceipt_refusesWhatCouldBeTrue() public {
        IOperatorRegistry.Receipt memory signed = receipt(LIE);
        bytes memory signature = sign(signed);
        vm.expectPartialRevert(IDisputeGame.ReceiptStands.selector);
        disputes.strikeReceipt(signed, signature, pack(1, 7, 8), outputOf(LIE));
        vm.expectPartialRevert(IDisputeGame.WrongTokens.selector);
        disputes.strikeReceipt(signed, signature, pack(1, 7, 8), outputOf(TRUTH));
    }
}
