// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IAIOracle} from "../../src/interfaces/IAIOracle.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {KeepingReceiver} from "./Receivers.sol";
import {UseFixture} from "./UseFixture.sol";

/// requestCallback
/// ├── empty or too long text; fee too low; no operator; unknown model → refused
/// └── else → Open to all, ORA's event, default limits
/// answer (to a text question)
/// ├── prompt missing, not packed, out of vocabulary, too long → refused
/// └── else → claim binds text and tokenisation, ORA's event, ORA's callback
contract OracleTextTest is UseFixture {
    uint64 private constant GAS = 300_000;
    uint32 private constant TEXT_TOKENS = CONTEXT / 2; // the context is small, so half of it

    KeepingReceiver private receiver;

    function setUp() public override {
        super.setUp();
        receiver = new KeepingReceiver();
    }

    function askText() private returns (uint256 id) {
        uint256 fee = oracle.estimateFee(modelId, GAS);
        vm.prank(asker);
        id = oracle.requestCallback{value: fee}(modelId, "Once", address(receiver), GAS, hex"01");
        note(id);
    }

    function theAnswer() private pure returns (IOracle.Answer memory posted) {
        posted = defaultAnswer();
        posted.promptTokens = pack(1, 40);
        posted.callbackData = hex"01";
    }

    function test_selectorsAreOras() public pure {
        assertEq(IAIOracle.requestCallback.selector, bytes4(0x5b953806));
        assertEq(IAIOracle.estimateFee.selector, bytes4(0x00e1d8d0));
        assertEq(IAIOracle.isFinalized.selector, bytes4(0x33727c4d));
        assertEq(
            IAIOracle.AICallbackRequest.selector,
            keccak256("AICallbackRequest(address,uint256,uint256,bytes,address,uint64,bytes)")
        );
        assertEq(
            IAIOracle.AICallbackResult.selector,
            keccak256("AICallbackResult(address,uint256,address,bytes)")
        );
    }

    function test_estimateFee_isAFullContextByTheReferencePrices() public view {
        assertEq(
            oracle.estimateFee(modelId, GAS),
            operators.quote(modelId, CONTEXT - TEXT_TOKENS, TEXT_TOKENS, GAS, operator)
        );
    }

    function test_estimateFee_withoutOperator_reverts() public {
        uint256 lonely = registerModel(author, "lonely", new IModelRegistry.Parent[](0));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NoReferenceOperator.selector, lonely)
        );
        oracle.estimateFee(lonely, GAS);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, 1));
        oracle.estimateFee(1, GAS);
    }

    /// @dev A context of one token has no room for a prompt and an answer.
    function test_estimateFee_contextOfOneToken_reverts() public {
        IModelRegistry.Registration memory registration = models.modelOf(modelId).registration;
        registration.salt = "one";
        registration.contextLength = 1;
        vm.prank(author);
        uint256 one = models.register(registration);
        vm.expectRevert(abi.encodeWithSelector(IOracle.BadMaxTokens.selector, 1, 0));
        oracle.estimateFee(one, GAS);
    }

    function test_requestCallback_emptyOrTooLong_reverts() public {
        vm.startPrank(asker);
        vm.expectRevert(IOracle.EmptyPrompt.selector);
        oracle.requestCallback{value: 1 ether}(modelId, "", address(receiver), GAS, "");
        vm.expectRevert(abi.encodeWithSelector(IOracle.TextTooLong.selector, 8193, 8192));
        oracle.requestCallback{value: 1 ether}(modelId, new bytes(8193), address(receiver), GAS, "");
        oracle.requestCallback{value: 1 ether}(modelId, new bytes(8192), address(receiver), GAS, "");
    }

    function test_requestCallback_feeTooLow_reverts() public {
        uint256 fee = oracle.estimateFee(modelId, GAS);
        vm.startPrank(asker);
        vm.expectRevert(abi.encodeWithSelector(IOracle.FeeTooLow.selector, fee - 1, fee));
        oracle.requestCallback{value: fee - 1}(modelId, "Once", address(receiver), GAS, "");
        // No callback, no gas to pay for.
        oracle.requestCallback{value: fee - GAS * 1e3}(modelId, "Once", address(0), GAS, "");
    }

    function test_requestCallback_gasTooHigh_reverts() public {
        vm.prank(asker);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.CallbackGasTooHigh.selector, 5_000_001, 5_000_000)
        );
        oracle.requestCallback{value: 1 ether}(modelId, "Once", address(receiver), 5_000_001, "");
    }

    function test_requestCallback_records() public {
        uint256 fee = oracle.estimateFee(modelId, GAS);
        vm.expectEmit(address(oracle));
        emit IOracle.Asked(
            1,
            modelId,
            address(0),
            asker,
            true,
            "Once",
            IOracle.Terms({
                beneficiary: asker,
                maxTokens: TEXT_TOKENS,
                sampling: 0,
                fee: SafeCast.toUint128(fee),
                bond: MINIMUM_BOND,
                deadline: START + 1 hours,
                callback: address(receiver),
                callbackGas: GAS
            }),
            hex"01"
        );
        vm.expectEmit(address(oracle));
        emit IAIOracle.AICallbackRequest(asker, 1, modelId, "Once", address(receiver), GAS, hex"01");
        uint256 id = askText();
        IOracle.Request memory request = oracle.requestOf(id);
        assertTrue(request.isText);
        assertEq(request.inputHash, keccak256("Once"));
        assertEq(request.promptTokensHash, 0, "not known before the answer");
        assertEq(request.beneficiary, asker);
        assertEq(request.maxTokens, TEXT_TOKENS);
        assertEq(request.fee, fee);
    }

    function test_answer_badTokenisation_reverts() public {
        uint256 id = askText();
        IOracle.Answer memory posted = theAnswer();
        posted.promptTokens = "";
        vm.expectRevert(IOracle.EmptyPrompt.selector);
        answer(id, posted);
        posted.promptTokens = hex"000000";
        vm.expectRevert(abi.encodeWithSelector(IOracle.NotPacked.selector, 3));
        answer(id, posted);
        posted.promptTokens = pack(1, VOCABULARY);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.TokenOutOfVocabulary.selector, 1, VOCABULARY, VOCABULARY)
        );
        answer(id, posted);
        posted.promptTokens = repeat(7, CONTEXT - TEXT_TOKENS + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.BadMaxTokens.selector, TEXT_TOKENS, TEXT_TOKENS - 1)
        );
        answer(id, posted);
        posted.promptTokens = repeat(7, CONTEXT - TEXT_TOKENS);
        answer(id, posted);
    }

    function test_answer_bindsTextAndTokens() public {
        uint256 id = askText();
        IOracle.Answer memory posted = theAnswer();
        vm.expectEmit(address(oracle));
        emit IAIOracle.AICallbackResult(asker, id, operator, "a river");
        answer(id, posted);
        bytes32 claimHash = oracle.claimHashOf(
            IOracle.Claim({
                requestId: id,
                modelId: modelId,
                modelRoot: models.rootOf(modelId),
                inputHash: keccak256("Once"),
                promptTokensHash: keccak256(posted.promptTokens),
                outputTokensHash: keccak256(posted.outputTokens),
                textHash: keccak256("a river"),
                maxTokens: TEXT_TOKENS,
                sampling: 0
            })
        );
        assertEq(liveClaim(id), claimHash);
        assertEq(oracle.requestOf(id).promptTokensHash, keccak256(posted.promptTokens));
        assertEq(receiver.output(), "a river");
        assertEq(receiver.callbackData(), hex"01");

        strikeDown(id);
        assertEq(oracle.requestOf(id).promptTokensHash, 0, "gone with the claim");
    }

    /// @dev A caller written for ORA: estimate, request, wait for the callback, wait for the end.
    function test_flow_oraCaller() public {
        uint256 id = askText();
        assertFalse(oracle.isFinalized(id));
        answer(id, theAnswer());
        assertEq(receiver.calls(), 1);
        assertFalse(oracle.isFinalized(id));
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertTrue(oracle.isFinalized(id));
        assertEq(splitters.splitterOf(modelId, operator).balance, oracle.requestOf(id).fee);
    }

    function test_flow_unanswered_refunds() public {
        uint256 id = askText();
        vm.warp(START + 1 hours);
        oracle.refund(id);
        assertEq(oracle.owed(asker), oracle.requestOf(id).fee);
    }
}
