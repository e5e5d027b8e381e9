// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {UseFixture} from "../use/UseFixture.sol";

/// An answer on its way when a reorganisation puts the same words under its number:
/// ├── for another fee → refused: the asker must not get it for less
/// └── for another bond → refused: it must not lock more than the operator agreed to
contract QuestionTermsTest is UseFixture {
    function checkRefused(uint256 id, bytes32 seen) private {
        IOracle.Answer memory posted = defaultAnswer();
        posted.questionHash = seen;
        bytes32 present = oracle.questionHashOf(id);
        vm.expectRevert(abi.encodeWithSelector(IOracle.WrongQuestion.selector, id, present, seen));
        vm.prank(operator);
        oracle.answer(id, posted);
    }

    function test_reorg_otherFee_reverts() public {
        uint256 fork = vm.snapshotState();
        bytes32 seen = oracle.questionHashOf(ask(defaultQuestion(), 1 ether));
        vm.revertToState(fork);
        checkRefused(ask(defaultQuestion(), 0), seen);
    }

    function test_reorg_otherBond_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        uint256 fork = vm.snapshotState();
        bytes32 seen = oracle.questionHashOf(ask(question, 0.01 ether));
        vm.revertToState(fork);
        question.bond = DEPOSIT;
        checkRefused(ask(question, 0.01 ether), seen);
    }

    /// A bond below the usual one changes nothing, so it is the same question.
    function test_reorg_sameTerms_answers() public {
        IOracle.Question memory question = defaultQuestion();
        uint256 fork = vm.snapshotState();
        bytes32 seen = oracle.questionHashOf(ask(question, 0.01 ether));
        vm.revertToState(fork);
        question.bond = MINIMUM_BOND;
        uint256 id = ask(question, 0.01 ether);
        IOracle.Answer memory posted = defaultAnswer();
        posted.questionHash = seen;
        vm.prank(operator);
        oracle.answer(id, posted);
        assertStatus(id, IOracle.Status.Answered);
    }
}
