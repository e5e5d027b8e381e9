// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {UseFixture} from "./UseFixture.sol";

/// answer
/// ├── request unknown, answered, final, refunded → refused
/// ├── at the deadline or later → refused; a second before → taken
/// ├── other operator than the one asked for → refused
/// ├── not registered; bond not covered; leaving → refused
/// ├── another question under the same number → refused
/// ├── prompt given for a token question → refused
/// ├── callback data other than asked → refused
/// ├── output empty, not packed, too long, out of vocabulary, end token inside, unfinished → refused
/// ├── claim struck down before → refused
/// └── else → Answered, bond locked, claim hash as published, event with everything
contract OracleAnswerTest is UseFixture {
    function refused(uint256 id, IOracle.Answer memory posted, bytes memory reason) private {
        vm.expectRevert(reason);
        answer(id, posted);
        assertEq(operators.lockedBy(address(oracle), operator), 0);
    }

    function test_answer_wrongStatus_reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, 1, IOracle.Status.None)
        );
        oracle.answer(1, defaultAnswer());
        uint256 id = answered();
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Answered)
        );
        answer(id);
        id = finalised();
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Final)
        );
        answer(id);
        id = ask();
        vm.warp(oracle.requestOf(id).deadline);
        oracle.refund(id);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Refunded)
        );
        answer(id);
    }

    function test_answer_deadlineIsExclusive() public {
        uint256 id = ask();
        uint256 deadline = START + 1 days;
        vm.warp(deadline);
        refused(
            id,
            defaultAnswer(),
            abi.encodeWithSelector(IOracle.DeadlinePassed.selector, id, deadline)
        );
        vm.warp(deadline - 1);
        answer(id);
        assertStatus(id, IOracle.Status.Answered);
    }

    function test_answer_notTheNamedOperator_reverts() public {
        address second = makeAddr("second");
        enrol(second);
        IOracle.Question memory question = defaultQuestion();
        question.operator = second;
        uint256 id = ask(question, 0.01 ether);
        refused(
            id,
            defaultAnswer(),
            abi.encodeWithSelector(IOracle.NotTheOperator.selector, id, second, operator)
        );
        answerAs(second, id, defaultAnswer());
        (, address live,,) = oracle.answerOf(id);
        assertEq(live, second);
    }

    function test_answer_withoutRegistration_reverts() public {
        uint256 id = ask();
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NotActive.selector, stranger));
        answerAs(stranger, id, defaultAnswer());
    }

    function test_answer_bondNotCovered_reverts() public {
        uint256 id = ask(defaultQuestion(), 1 ether + 1);
        refused(
            id,
            defaultAnswer(),
            abi.encodeWithSelector(
                IOperatorRegistry.NotEnoughDeposit.selector, operator, DEPOSIT, 10 ether + 10
            )
        );
        deal(operator, 10);
        vm.prank(operator);
        operators.deposit{value: 10}(operator);
        answer(id);
        assertEq(operators.freeDeposit(operator), 0);
    }

    function test_answer_bondsAddUp() public {
        IOracle.Question memory question = defaultQuestion();
        question.bond = 6 ether;
        uint256 first = ask(question, 0);
        uint256 second = ask(question, 0);
        answer(first);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.NotEnoughDeposit.selector, operator, 4 ether, 6 ether
            )
        );
        answer(second);
    }

    function test_answer_leavingDepositBacksNothing() public {
        uint256 id = ask();
        vm.prank(operator);
        operators.startExit(DEPOSIT - MINIMUM_DEPOSIT + 1);
        refused(
            id,
            defaultAnswer(),
            abi.encodeWithSelector(IOperatorRegistry.NotActive.selector, operator)
        );
        vm.prank(operator);
        operators.startExit(DEPOSIT - MINIMUM_DEPOSIT);
        answer(id);
    }

    /// @dev Who loses: an honest operator whose answer a reorganisation puts under another question.
    function test_answer_otherQuestion_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        uint256 id = ask(question, 0);
        IOracle.Answer memory posted = defaultAnswer();
        posted.questionHash = questionHashes[id];
        bytes32 byTheLetter = keccak256(
            abi.encode(
                modelId,
                false,
                keccak256(question.promptTokens),
                uint32(4),
                bytes32(0),
                uint256(0), // fee
                MINIMUM_BOND
            )
        );
        assertEq(posted.questionHash, byTheLetter);
        uint256[3] memory others;
        question.maxTokens = 5;
        others[0] = ask(question, 0);
        question.maxTokens = 4;
        question.promptTokens = pack(1, 7, 9);
        others[1] = ask(question, 0);
        question.promptTokens = pack(1, 7, 8);
        question.modelId = registerModel(author, "second", new IModelRegistry.Parent[](0));
        others[2] = ask(question, 0);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IOracle.WrongQuestion.selector,
                    others[i],
                    questionHashes[others[i]],
                    posted.questionHash
                )
            );
            vm.prank(operator);
            oracle.answer(others[i], posted);
        }
    }

    function test_answer_promptForTokenQuestion_reverts() public {
        uint256 id = ask();
        IOracle.Answer memory posted = defaultAnswer();
        posted.promptTokens = pack(1, 7, 8);
        refused(id, posted, abi.encodeWithSelector(IOracle.PromptNotWanted.selector, id));
    }

    function test_answer_otherCallbackData_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.callbackData = hex"01";
        uint256 id = ask(question, 0);
        IOracle.Answer memory posted = defaultAnswer();
        bytes32 wanted = keccak256(hex"01");
        refused(
            id,
            posted,
            abi.encodeWithSelector(IOracle.WrongCallbackData.selector, id, wanted, bytes32(0))
        );
        posted.callbackData = hex"02";
        refused(
            id,
            posted,
            abi.encodeWithSelector(
                IOracle.WrongCallbackData.selector, id, wanted, keccak256(hex"02")
            )
        );
        posted.callbackData = hex"01";
        answer(id, posted);
    }

    function test_answer_illFormedOutput_reverts() public {
        uint256 id = ask();
        IOracle.Answer memory posted = defaultAnswer();
        posted.outputTokens = "";
        refused(id, posted, abi.encodeWithSelector(IOracle.EmptyAnswer.selector));
        posted.outputTokens = hex"0000000900";
        refused(id, posted, abi.encodeWithSelector(IOracle.NotPacked.selector, 5));
        posted.outputTokens = bytes.concat(repeat(9, 4), pack(END_TOKEN));
        refused(id, posted, abi.encodeWithSelector(IOracle.AnswerTooLong.selector, 5, 4));
        posted.outputTokens = pack(9, VOCABULARY, END_TOKEN);
        refused(
            id,
            posted,
            abi.encodeWithSelector(IOracle.TokenOutOfVocabulary.selector, 1, VOCABULARY, VOCABULARY)
        );
        posted.outputTokens = pack(9, END_TOKEN, 10);
        refused(id, posted, abi.encodeWithSelector(IOracle.EndTokenInside.selector, 1));
        posted.outputTokens = pack(END_TOKEN, END_TOKEN);
        refused(id, posted, abi.encodeWithSelector(IOracle.EndTokenInside.selector, 0));
        posted.outputTokens = pack(9, 10, 11);
        refused(id, posted, abi.encodeWithSelector(IOracle.AnswerUnfinished.selector, 3, 4));
    }

    function test_answer_wellFormedOutputs() public {
        IOracle.Answer memory posted = defaultAnswer();
        posted.outputTokens = pack(END_TOKEN); // nothing to say
        answer(ask(), posted);
        posted.outputTokens = pack(9, 10, 11, 12); // stopped by the limit
        answer(ask(), posted);
        posted.outputTokens = pack(9, 10, 11, END_TOKEN); // both at once
        answer(ask(), posted);
    }

    function test_answer_recordsEverything() public {
        uint256 id = ask();
        IOracle.Answer memory posted = defaultAnswer();
        IOracle.Claim memory claim = IOracle.Claim({
            requestId: id,
            modelId: modelId,
            modelRoot: models.rootOf(modelId),
            inputHash: 0,
            promptTokensHash: keccak256(pack(1, 7, 8)),
            outputTokensHash: keccak256(posted.outputTokens),
            textHash: keccak256("a river"),
            maxTokens: 4,
            sampling: 0
        });
        bytes32 claimHash = keccak256(abi.encode(block.chainid, address(oracle), claim));
        assertEq(oracle.claimHashOf(claim), claimHash);
        vm.expectEmit(address(oracle));
        emit IOracle.Answered(
            id,
            modelId,
            operator,
            claimHash,
            "",
            posted.outputTokens,
            posted.text,
            MINIMUM_BOND,
            START + WINDOW
        );
        answer(id, posted);

        IOracle.Request memory request = oracle.requestOf(id);
        assertStatus(id, IOracle.Status.Answered);
        assertEq(request.operator, operator);
        assertEq(request.claimHash, claimHash);
        assertEq(request.textHash, keccak256("a river"));
        assertEq(request.finalAt, START + WINDOW);
        assertEq(request.bond, MINIMUM_BOND);
        assertEq(uint8(request.delivery), uint8(IOracle.Delivery.None));
        assertFalse(oracle.isFinalized(id));
        assertEq(operators.lockedBy(address(oracle), operator), MINIMUM_BOND);
        assertEq(operators.operatorOf(operator).locked, MINIMUM_BOND);
        assertEq(oracle.openFees(), 0.01 ether, "the fee is not revenue yet");
    }

    function test_claimHash_dependsOnEveryMember() public {
        IOracle.Claim memory base;
        bytes32 hash = oracle.claimHashOf(base);
        for (uint256 i = 0; i < 9; ++i) {
            IOracle.Claim memory claim;
            assembly {
                mstore(add(claim, mul(i, 32)), 1)
            }
            assertNotEq(oracle.claimHashOf(claim), hash);
        }
        vm.chainId(block.chainid + 1);
        assertNotEq(oracle.claimHashOf(base), hash, "another chain");
    }

    /// @dev The well-formedness rule, said a second way: the answer's tokens are those that decoding
    /// would have produced, had the model produced exactly these tokens in this order.
    function testFuzz_answer_acceptsExactlyWhatDecodingCanProduce(uint256 seed) public {
        uint256 maxTokens = 1 + uint256(keccak256(abi.encode(seed, "max"))) % 6;
        uint256 n = uint256(keccak256(abi.encode(seed, "n"))) % 8;
        bytes memory tokens;
        bool good = n >= 1;
        bool ended = false;
        for (uint256 i = 0; i < n; ++i) {
            uint32 token = uint32(uint256(keccak256(abi.encode(seed, i))) % 6);
            if (token == 5) token = VOCABULARY; // one in six is no token of the model
            if (ended || token >= VOCABULARY || i >= maxTokens) good = false;
            if (token == END_TOKEN) ended = true;
            tokens = bytes.concat(tokens, pack(token));
        }
        if (!ended && n != maxTokens) good = false;

        IOracle.Question memory question = defaultQuestion();
        question.maxTokens = SafeCast.toUint32(maxTokens);
        uint256 id = ask(question, 0);
        IOracle.Answer memory posted = defaultAnswer();
        posted.outputTokens = tokens;
        posted.questionHash = questionHashes[id];
        vm.prank(operator);
        try oracle.answer(id, posted) {
            assertTrue(good, "accepted");
        } catch {
            assertFalse(good, "refused");
        }
    }
}
