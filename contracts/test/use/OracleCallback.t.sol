// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAIOracleCallback} from "../../src/interfaces/IAIOracle.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {Payment} from "../../src/libraries/Payment.sol";
import {
    BombReceiver,
    BurningReceiver,
    GasSensitiveReceiver,
    KeepingReceiver,
    MoodyReceiver,
    ReentrantReceiver
} from "./Receivers.sol";
import {UseFixture} from "./UseFixture.sol";

/// delivery
/// ├── kind receiver → told once, with the text, its data, and all the gas it was promised
/// ├── reverting, burning, bombing, vanished receiver → answer stands, delivery Failed, cost bounded
/// ├── too little gas in the transaction → nothing happens at all
/// └── reentrant receiver → may ask and answer anew, cannot move its own request
/// retryCallback
/// ├── nothing failed; other text; other data; too little gas → refused
/// ├── still failing → still Failed
/// └── else → Delivered, once
contract OracleCallbackTest is UseFixture {
    uint64 private constant GAS = 300_000;

    function askFor(address callback, uint64 gasLimit) private returns (uint256) {
        IOracle.Question memory question = defaultQuestion();
        question.callback = callback;
        question.callbackGas = gasLimit;
        question.callbackData = hex"c0ffee";
        return ask(question, 0.01 ether);
    }

    function theAnswer() private view returns (IOracle.Answer memory posted) {
        posted = defaultAnswer();
        posted.questionHash = questionHashes[1]; // all are the same question
        posted.callbackData = hex"c0ffee";
    }

    function deliveryOf(uint256 id) private view returns (IOracle.Delivery) {
        return oracle.requestOf(id).delivery;
    }

    function assertDelivery(uint256 id, IOracle.Delivery wanted) private view {
        assertEq(uint8(deliveryOf(id)), uint8(wanted), "delivery");
    }

    // ------------------------------------------------------------ delivery

    function test_delivery_kindReceiver() public {
        KeepingReceiver receiver = new KeepingReceiver();
        uint256 id = askFor(address(receiver), GAS);
        vm.expectEmit(address(oracle));
        emit IOracle.CallbackDelivered(id, address(receiver), true);
        answer(id, theAnswer());
        assertEq(receiver.caller(), address(oracle));
        assertEq(receiver.requestId(), id);
        assertEq(receiver.output(), "a river");
        assertEq(receiver.callbackData(), hex"c0ffee");
        assertEq(receiver.calls(), 1);
        assertLe(receiver.gasGiven(), GAS);
        assertGt(receiver.gasGiven(), GAS - 2_000, "what the dispatcher used, no more");
        assertDelivery(id, IOracle.Delivery.Delivered);
        assertFalse(oracle.isFinalized(id), "delivered is not final");
    }

    function test_delivery_selectorIsOras() public pure {
        assertEq(IAIOracleCallback.aiOracleCallback.selector, bytes4(0xb0347814));
    }

    function checkFailure(address receiver) private {
        uint256 id = askFor(receiver, GAS);
        vm.prank(operator);
        uint256 before = gasleft();
        oracle.answer(id, theAnswer());
        assertLt(before - gasleft(), GAS + 350_000, "the receiver's gas, and our own");
        assertDelivery(id, IOracle.Delivery.Failed);
        assertStatus(id, IOracle.Status.Answered);
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertStatus(id, IOracle.Status.Final);
    }

    function test_delivery_revertingReceiver() public {
        checkFailure(address(new MoodyReceiver()));
    }

    function test_delivery_burningReceiver() public {
        checkFailure(address(new BurningReceiver()));
    }

    function test_delivery_revertBomb() public {
        checkFailure(address(new BombReceiver(true)));
    }

    function test_delivery_returnBomb() public {
        // With this much gas the receiver really returns a megabyte, which nobody copies.
        BombReceiver receiver = new BombReceiver(false);
        uint256 id = askFor(address(receiver), 3_000_000);
        vm.prank(operator);
        uint256 before = gasleft();
        oracle.answer(id, theAnswer());
        assertLt(before - gasleft(), 3_000_000 + 350_000);
        assertDelivery(id, IOracle.Delivery.Delivered);
    }

    function test_delivery_vanishedReceiver() public {
        KeepingReceiver receiver = new KeepingReceiver();
        uint256 id = askFor(address(receiver), GAS);
        vm.etch(address(receiver), "");
        answer(id, theAnswer());
        assertDelivery(id, IOracle.Delivery.Failed);
    }

    function test_delivery_noCallbackWanted() public {
        uint256 id = answered();
        assertDelivery(id, IOracle.Delivery.None);
    }

    /// @dev Who gains if the gas were not checked: an operator that wants the callback to fail.
    function test_delivery_cannotBeStarved() public {
        GasSensitiveReceiver receiver = new GasSensitiveReceiver(GAS - 2_000);
        uint256 id = askFor(address(receiver), GAS);
        IOracle.Answer memory posted = theAnswer();
        uint256 taken = 0;
        uint256 refused = 0;
        for (uint256 gasLimit = 200_000; gasLimit <= 900_000; gasLimit += 5_000) {
            uint256 state = vm.snapshotState();
            vm.prank(operator);
            try oracle.answer{gas: gasLimit}(id, posted) {
                ++taken;
                assertTrue(receiver.served(), "an answer was taken without a fair delivery");
            } catch {
                ++refused;
            }
            vm.revertToState(state);
        }
        assertGt(taken, 10);
        assertGt(refused, 10);
    }

    function test_delivery_tooLittleGas_reverts() public {
        uint256 id = askFor(address(new KeepingReceiver()), 5_000_000);
        vm.prank(operator);
        vm.expectPartialRevert(Payment.NotEnoughGas.selector);
        oracle.answer{gas: 5_000_000}(id, theAnswer());
    }

    // ------------------------------------------------------------ reentrancy

    function test_reentrancy_ownRequestCannotBeMoved() public {
        ReentrantReceiver receiver = new ReentrantReceiver(oracle);
        uint256 id = askFor(address(receiver), 3_000_000);
        receiver.plan(abi.encodeCall(oracle.answer, (id, theAnswer())));
        receiver.plan(abi.encodeCall(oracle.retryCallback, (id, "a river", hex"c0ffee")));
        receiver.plan(abi.encodeCall(oracle.finalise, (id)));
        receiver.plan(abi.encodeCall(oracle.refund, (id)));
        receiver.plan(abi.encodeCall(oracle.withdraw, (address(receiver))));
        receiver.plan(abi.encodeCall(oracle.withdrawFor, (asker)));
        receiver.plan(abi.encodeCall(oracle.release, (id, bytes32(0))));
        answer(id, theAnswer());
        assertEq(receiver.callbacks(), 1);
        for (uint256 i = 0; i < 7; ++i) {
            assertFalse(receiver.successes(i));
        }
        assertStatus(id, IOracle.Status.Answered);
        assertEq(operators.lockedBy(address(oracle), operator), MINIMUM_BOND, "locked once");
        assertEq(address(oracle).balance, oracle.openFees());
    }

    function test_reentrancy_askingTheNextQuestionWorks() public {
        ReentrantReceiver receiver = new ReentrantReceiver(oracle);
        IOracle.Question memory next = defaultQuestion();
        receiver.plan(abi.encodeCall(oracle.ask, (next)));
        uint256 id = askFor(address(receiver), 3_000_000);
        answer(id, theAnswer());
        assertTrue(receiver.successes(0));
        assertEq(oracle.requestCount(), id + 1);
        assertEq(oracle.requestOf(id + 1).beneficiary, address(receiver));
        answer(id + 1);
        assertStatus(id + 1, IOracle.Status.Answered);
    }

    function test_reentrancy_retryInsideRetry_deliversOnce() public {
        ReentrantReceiver receiver = new ReentrantReceiver(oracle);
        uint256 id = askFor(address(receiver), 20_000); // too little: fails at first
        receiver.plan(abi.encodeCall(oracle.retryCallback, (id, "a river", hex"c0ffee")));
        answer(id, theAnswer());
        assertDelivery(id, IOracle.Delivery.Failed);
        oracle.retryCallback(id, "a river", hex"c0ffee");
        assertEq(receiver.callbacks(), 1);
        assertFalse(receiver.successes(0));
        assertDelivery(id, IOracle.Delivery.Delivered);
    }

    // ------------------------------------------------------------ retryCallback

    function failedDelivery() private returns (uint256 id, MoodyReceiver receiver) {
        receiver = new MoodyReceiver();
        id = askFor(address(receiver), GAS);
        answer(id, theAnswer());
        assertDelivery(id, IOracle.Delivery.Failed);
    }

    function test_retry_nothingFailed_reverts() public {
        uint256 id = answered();
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.CallbackNotFailed.selector, id, IOracle.Delivery.None)
        );
        oracle.retryCallback(id, "a river", "");
        KeepingReceiver receiver = new KeepingReceiver();
        id = askFor(address(receiver), GAS);
        answer(id, theAnswer());
        vm.expectRevert(
            abi.encodeWithSelector(
                IOracle.CallbackNotFailed.selector, id, IOracle.Delivery.Delivered
            )
        );
        oracle.retryCallback(id, "a river", hex"c0ffee");
    }

    /// @dev Who gains if the text were not checked: anybody who wants to feed the receiver lies.
    function test_retry_otherText_reverts() public {
        (uint256 id, MoodyReceiver receiver) = failedDelivery();
        receiver.setWilling(true);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOracle.WrongText.selector, id, keccak256("a river"), keccak256("a lake")
            )
        );
        oracle.retryCallback(id, "a lake", hex"c0ffee");
    }

    function test_retry_otherData_reverts() public {
        (uint256 id, MoodyReceiver receiver) = failedDelivery();
        receiver.setWilling(true);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOracle.WrongCallbackData.selector, id, keccak256(hex"c0ffee"), keccak256(hex"00")
            )
        );
        oracle.retryCallback(id, "a river", hex"00");
    }

    function test_retry_byAnybody_deliversOnce() public {
        (uint256 id, MoodyReceiver receiver) = failedDelivery();
        vm.prank(stranger);
        oracle.retryCallback(id, "a river", hex"c0ffee");
        assertDelivery(id, IOracle.Delivery.Failed);
        receiver.setWilling(true);
        vm.prank(stranger);
        oracle.retryCallback(id, "a river", hex"c0ffee");
        assertDelivery(id, IOracle.Delivery.Delivered);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOracle.CallbackNotFailed.selector, id, IOracle.Delivery.Delivered
            )
        );
        oracle.retryCallback(id, "a river", hex"c0ffee");
        assertEq(receiver.calls(), 1);
    }

    function test_retry_alsoWhenFinal() public {
        (uint256 id, MoodyReceiver receiver) = failedDelivery();
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        receiver.setWilling(true);
        oracle.retryCallback(id, "a river", hex"c0ffee");
        assertEq(receiver.calls(), 1);
        assertTrue(oracle.isFinalized(id));
    }

    function test_retry_mayBringMoreGas() public {
        GasSensitiveReceiver receiver = new GasSensitiveReceiver(1_000_000);
        uint256 id = askFor(address(receiver), GAS);
        answer(id, theAnswer());
        assertDelivery(id, IOracle.Delivery.Failed);
        oracle.retryCallback{gas: 700_000}(id, "a river", hex"c0ffee");
        assertDelivery(id, IOracle.Delivery.Failed);
        oracle.retryCallback{gas: 1_500_000}(id, "a river", hex"c0ffee");
        assertTrue(receiver.served());
    }

    /// @dev Who gains: somebody who makes a delicate receiver run with less gas than it asked for.
    function test_retry_neverLessGasThanAsked() public {
        (uint256 id,) = failedDelivery();
        for (uint256 gasLimit = 60_000; gasLimit < GAS; gasLimit += 10_000) {
            vm.expectRevert();
            oracle.retryCallback{gas: gasLimit}(id, "a river", hex"c0ffee");
        }
        vm.expectPartialRevert(Payment.NotEnoughGas.selector);
        oracle.retryCallback{gas: GAS}(id, "a river", hex"c0ffee");
    }

    function test_redelivery_afterStrikeDown() public {
        KeepingReceiver receiver = new KeepingReceiver();
        uint256 id = askFor(address(receiver), GAS);
        answer(id, theAnswer());
        strikeDown(id);
        assertDelivery(id, IOracle.Delivery.None);
        IOracle.Answer memory better = theAnswer();
        better.text = "a lake";
        answer(id, better);
        assertEq(receiver.output(), "a lake");
        assertEq(receiver.calls(), 2);
    }

    function test_retry_afterStrikeDown_oldTextIsGone() public {
        (uint256 id, MoodyReceiver receiver) = failedDelivery();
        strikeDown(id);
        receiver.setWilling(true);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.CallbackNotFailed.selector, id, IOracle.Delivery.None)
        );
        oracle.retryCallback(id, "a river", hex"c0ffee");
    }
}
