// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IPullPayments} from "../../src/interfaces/IPullPayments.sol";
import {Unpayable} from "./Receivers.sol";
import {UseFixture} from "./UseFixture.sol";

/// finalise
/// ├── not answered → refused
/// ├── a second before finalAt → refused; at finalAt → final
/// ├── a dispute is live → refused, however late
/// └── else → fee to the splitter of (model, operator), bond free, Final for ever
/// refund
/// ├── answered, final, refunded → refused
/// ├── a second before the deadline → refused; at the deadline → owed to the beneficiary
/// withdraw, withdrawFor
/// ├── nothing owed; to zero; receiver refuses → refused, still owed
/// └── else → paid once
/// receive
/// └── from anybody but the operator registry → refused
contract OracleEndTest is UseFixture {
    uint256 private constant FEE = 0.01 ether;

    // ------------------------------------------------------------ finalise

    function test_finalise_notAnswered_reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, 9, IOracle.Status.None)
        );
        oracle.finalise(9);
        uint256 id = ask();
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Open)
        );
        oracle.finalise(id);
    }

    /// @dev Who gains if the window were not checked: an operator that lies and finalises at once.
    function test_finalise_windowIsExclusive() public {
        uint256 id = answered();
        uint256 finalAt = START + WINDOW;
        vm.warp(finalAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IOracle.WindowOpen.selector, id, finalAt));
        oracle.finalise(id);
        vm.warp(finalAt);
        oracle.finalise(id);
        assertTrue(oracle.isFinalized(id));
    }

    function test_finalise_paysTheSplitter_andFreesTheBond() public {
        uint256 id = answered();
        address splitter = splitters.splitterOf(modelId, operator);
        bytes32 claimHash = liveClaim(id);
        vm.warp(START + WINDOW);
        vm.expectEmit(address(oracle));
        emit IOracle.Finalised(id, operator, claimHash, splitter, FEE);
        vm.prank(stranger);
        oracle.finalise(id);
        assertEq(splitter.balance, FEE);
        assertEq(address(oracle).balance, 0);
        assertEq(oracle.openFees(), 0);
        assertEq(operators.lockedBy(address(oracle), operator), 0);
        assertEq(operators.freeDeposit(operator), DEPOSIT);
        IOracle.Request memory request = oracle.requestOf(id);
        assertEq(request.bond, 0);
        assertEq(request.claimHash, claimHash, "the final claim stays readable");
    }

    function test_finalise_deployedSplitter_andZeroFee() public {
        splitters.deploy(modelId, operator);
        finalised();
        assertEq(splitters.splitterOf(modelId, operator).balance, FEE);
        uint256 id = ask(defaultQuestion(), 0);
        answer(id);
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertStatus(id, IOracle.Status.Final);
    }

    function test_finalise_twice_reverts() public {
        uint256 id = finalised();
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Final)
        );
        oracle.finalise(id);
    }

    /// @dev An operator may leave meanwhile, but its bond does not.
    function test_finalise_operatorOnItsWayOut() public {
        uint256 id = answered();
        vm.prank(operator);
        operators.startExit(DEPOSIT);
        vm.warp(block.timestamp + EXIT_DELAY);
        vm.prank(operator);
        assertEq(operators.withdraw(operator), DEPOSIT - MINIMUM_BOND);
        oracle.finalise(id);
        vm.prank(operator);
        assertEq(operators.withdraw(operator), MINIMUM_BOND);
    }

    // ------------------------------------------------------------ refund

    function test_refund_deadlineIsInclusive() public {
        uint256 id = ask();
        vm.warp(START + 1 days - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.DeadlineNotPassed.selector, id, START + 1 days)
        );
        oracle.refund(id);
        vm.warp(START + 1 days);
        vm.expectEmit(address(oracle));
        emit IOracle.Refunded(id, asker, FEE);
        vm.expectEmit(address(oracle));
        emit IPullPayments.Credited(asker, FEE);
        vm.prank(stranger);
        oracle.refund(id);
        assertStatus(id, IOracle.Status.Refunded);
        assertEq(oracle.owed(asker), FEE);
        assertEq(oracle.totalOwed(), FEE);
        assertEq(oracle.openFees(), 0);
        assertEq(address(oracle).balance, FEE);
    }

    function test_refund_wrongStatus_reverts() public {
        uint256 id = answered();
        vm.warp(START + 2 days);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Answered)
        );
        oracle.refund(id);
        oracle.finalise(id);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Final)
        );
        oracle.refund(id);
        id = ask();
        vm.warp(START + 3 days);
        oracle.refund(id);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Refunded)
        );
        oracle.refund(id);
        assertEq(oracle.owed(asker), FEE);
    }

    function test_refund_goesToTheBeneficiary() public {
        IOracle.Question memory question = defaultQuestion();
        question.beneficiary = stranger;
        uint256 id = ask(question, FEE);
        vm.warp(START + 1 days);
        oracle.refund(id);
        assertEq(oracle.owed(stranger), FEE);
        assertEq(oracle.owed(asker), 0);
    }

    function test_refund_zeroFee() public {
        uint256 id = ask(defaultQuestion(), 0);
        vm.warp(START + 1 days);
        oracle.refund(id);
        assertStatus(id, IOracle.Status.Refunded);
    }

    // ------------------------------------------------------------ withdraw

    function owe(address beneficiary) private {
        IOracle.Question memory question = defaultQuestion();
        question.beneficiary = beneficiary;
        uint256 id = ask(question, FEE);
        vm.warp(block.timestamp + 1 days);
        oracle.refund(id);
    }

    function test_withdraw_paysOnce() public {
        owe(asker);
        vm.expectEmit(address(oracle));
        emit IPullPayments.Withdrawn(asker, challenger, FEE);
        vm.prank(asker);
        assertEq(oracle.withdraw(challenger), FEE);
        assertEq(challenger.balance, FEE);
        assertEq(oracle.totalOwed(), 0);
        vm.prank(asker);
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.NothingOwed.selector, asker));
        oracle.withdraw(challenger);
    }

    function test_withdraw_toZero_reverts() public {
        owe(asker);
        vm.prank(asker);
        vm.expectRevert(IPullPayments.ZeroAddress.selector);
        oracle.withdraw(address(0));
    }

    function test_withdrawFor_paysOnlyTheAccount() public {
        owe(asker);
        uint256 before = asker.balance;
        vm.prank(stranger);
        oracle.withdrawFor(asker);
        assertEq(asker.balance, before + FEE);
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.NothingOwed.selector, stranger));
        oracle.withdrawFor(stranger);
    }

    function test_withdraw_refusedTransferStaysOwed() public {
        Unpayable account = new Unpayable();
        owe(address(account));
        vm.expectRevert(
            abi.encodeWithSelector(IPullPayments.TransferFailed.selector, address(account), FEE)
        );
        oracle.withdrawFor(address(account));
        assertEq(oracle.owed(address(account)), FEE);
        vm.prank(address(account));
        oracle.withdraw(stranger);
        assertEq(oracle.owed(address(account)), 0);
    }

    function test_receive_onlyFromTheRegistry() public {
        vm.prank(stranger);
        (bool success, bytes memory reason) = address(oracle).call{value: 1}("");
        assertFalse(success);
        assertEq(reason, abi.encodeWithSelector(IOracle.NotOperatorRegistry.selector, stranger));
    }
}
