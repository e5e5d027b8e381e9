// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Oracle} from "../../src/Oracle.sol";
import {OperatorRegistry} from "../../src/OperatorRegistry.sol";
import {SplitterFactory} from "../../src/SplitterFactory.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IProofRegistry} from "../../src/interfaces/IProofRegistry.sol";
import {UseFixture} from "./UseFixture.sol";

/// constructor
/// ├── window zero, registry wired elsewhere, other game, other models, short exit delay → refused
/// └── else → views
/// ask
/// ├── model unknown; prompt empty, not packed, too long, out of vocabulary → refused
/// ├── maxTokens zero, beyond the context → refused
/// ├── sampling not greedy; deadline past, now, too far → refused
/// ├── callback without code, too much gas → refused
/// ├── named operator: not offering, fee below its quote → refused; at the quote → Open
/// └── any operator, any fee → Open, fee escrowed, event with everything
/// quote
/// └── bounds as ask, then the operator's price list
contract OracleAskTest is UseFixture {
    uint128 private constant FEE = 0.01 ether;

    function refused(IOracle.Question memory question, bytes memory reason) private {
        uint256 before = asker.balance;
        vm.expectRevert(reason);
        ask(question, FEE);
        assertEq(asker.balance, before);
        assertEq(oracle.requestCount(), 0);
    }

    // ------------------------------------------------------------ constructor

    function test_constructor_setsViews() public view {
        assertEq(oracle.modelRegistry(), address(models));
        assertEq(oracle.operatorRegistry(), address(operators));
        assertEq(oracle.splitterFactory(), address(splitters));
        assertEq(oracle.disputeGame(), game);
        assertEq(oracle.window(), WINDOW);
        assertEq(oracle.minimumBond(), MINIMUM_BOND);
    }

    function test_constructor_zeroWindow_reverts() public {
        vm.expectRevert(IOracle.ZeroWindow.selector);
        new Oracle(operators, splitters, IProofRegistry(address(0)), game, 0, MINIMUM_BOND);
    }

    function test_constructor_otherOracleInRegistry_reverts() public {
        // The fixture's registry names the fixture's oracle, not this new one.
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.RegistryMismatch.selector, address(operators))
        );
        new Oracle(operators, splitters, IProofRegistry(address(0)), game, WINDOW, MINIMUM_BOND);
    }

    function test_constructor_otherGameOrModels_reverts() public {
        address self = address(this);
        address next = vm.computeCreateAddress(self, vm.getNonce(self) + 1);
        OperatorRegistry wired =
            new OperatorRegistry(address(models), next, game, MINIMUM_DEPOSIT, EXIT_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IOracle.RegistryMismatch.selector, address(wired)));
        new Oracle(wired, splitters, IProofRegistry(address(0)), stranger, WINDOW, MINIMUM_BOND);

        SplitterFactory others = new SplitterFactory(new ModelRegistry());
        next = vm.computeCreateAddress(self, vm.getNonce(self) + 1);
        wired = new OperatorRegistry(address(models), next, game, MINIMUM_DEPOSIT, EXIT_DELAY);
        vm.expectRevert(abi.encodeWithSelector(IOracle.RegistryMismatch.selector, address(wired)));
        new Oracle(wired, others, IProofRegistry(address(0)), game, WINDOW, MINIMUM_BOND);
    }

    function test_constructor_exitDelayNotLongerThanWindow_reverts() public {
        address self = address(this);
        address next = vm.computeCreateAddress(self, vm.getNonce(self) + 1);
        OperatorRegistry wired =
            new OperatorRegistry(address(models), next, game, MINIMUM_DEPOSIT, WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IOracle.ExitDelayTooShort.selector, WINDOW, WINDOW));
        new Oracle(wired, splitters, IProofRegistry(address(0)), game, WINDOW, MINIMUM_BOND);
    }

    // ------------------------------------------------------------ ask, refused

    function test_ask_unknownModel_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.modelId = 1;
        refused(question, abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, 1));
    }

    function test_ask_emptyPrompt_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.promptTokens = "";
        refused(question, abi.encodeWithSelector(IOracle.EmptyPrompt.selector));
    }

    function test_ask_promptNotPacked_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.promptTokens = hex"00000001000000";
        refused(question, abi.encodeWithSelector(IOracle.NotPacked.selector, 7));
    }

    function test_ask_promptLongerThanContext_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.promptTokens = repeat(7, CONTEXT + 1);
        refused(
            question, abi.encodeWithSelector(IOracle.PromptTooLong.selector, CONTEXT + 1, CONTEXT)
        );
    }

    function test_ask_promptOutOfVocabulary_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.promptTokens = pack(1, 7, VOCABULARY);
        refused(
            question,
            abi.encodeWithSelector(IOracle.TokenOutOfVocabulary.selector, 2, VOCABULARY, VOCABULARY)
        );
        question.promptTokens = pack(type(uint32).max, 7);
        refused(
            question,
            abi.encodeWithSelector(
                IOracle.TokenOutOfVocabulary.selector, 0, type(uint32).max, VOCABULARY
            )
        );
    }

    function test_ask_badMaxTokens_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.maxTokens = 0;
        refused(question, abi.encodeWithSelector(IOracle.BadMaxTokens.selector, 0, CONTEXT - 3));
        question.maxTokens = CONTEXT - 2;
        refused(
            question,
            abi.encodeWithSelector(IOracle.BadMaxTokens.selector, CONTEXT - 2, CONTEXT - 3)
        );
        question.maxTokens = CONTEXT - 3;
        assertEq(ask(question, FEE), 1);
    }

    function test_ask_fullContextPrompt_leavesNoRoom_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.promptTokens = repeat(7, CONTEXT);
        question.maxTokens = 1;
        refused(question, abi.encodeWithSelector(IOracle.BadMaxTokens.selector, 1, 0));
    }

    function test_ask_samplingNotGreedy_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.sampling = bytes32(uint256(1));
        refused(question, abi.encodeWithSelector(IOracle.UnsupportedSampling.selector, uint256(1)));
    }

    function test_ask_deadline_isBounded() public {
        uint64 latest = START + 30 days;
        IOracle.Question memory question = defaultQuestion();
        question.deadline = START;
        refused(
            question, abi.encodeWithSelector(IOracle.BadDeadline.selector, START, START + 1, latest)
        );
        question.deadline = latest + 1;
        refused(
            question,
            abi.encodeWithSelector(IOracle.BadDeadline.selector, latest + 1, START + 1, latest)
        );
        question.deadline = type(uint64).max;
        refused(
            question,
            abi.encodeWithSelector(
                IOracle.BadDeadline.selector, type(uint64).max, START + 1, latest
            )
        );
        question.deadline = START + 1;
        assertEq(ask(question, FEE), 1);
        question.deadline = latest;
        assertEq(ask(question, FEE), 2);
    }

    function test_ask_callbackWithoutCode_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.callback = stranger;
        refused(question, abi.encodeWithSelector(IOracle.CallbackWithoutCode.selector, stranger));
    }

    function test_ask_callbackGasTooHigh_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.callback = address(this);
        question.callbackGas = 5_000_001;
        refused(
            question,
            abi.encodeWithSelector(IOracle.CallbackGasTooHigh.selector, 5_000_001, 5_000_000)
        );
    }

    /// @dev Who pays if this were not bounded: the operator, for calldata that no price covers.
    function test_ask_callbackDataTooLong_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.callback = address(this);
        question.callbackData = new bytes(4_097);
        refused(
            question, abi.encodeWithSelector(IOracle.CallbackDataTooLong.selector, 4_097, 4_096)
        );
        question.callbackData = new bytes(4_096);
        assertEq(ask(question, FEE), 1);
    }

    function test_ask_feeTooHigh_reverts() public {
        uint256 fee = uint256(type(uint96).max) + 1;
        deal(asker, fee);
        vm.expectRevert(abi.encodeWithSelector(IOracle.FeeTooHigh.selector, fee, type(uint96).max));
        ask(defaultQuestion(), fee);
    }

    function test_ask_namedOperatorNotOffering_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.operator = stranger;
        refused(
            question, abi.encodeWithSelector(IOperatorRegistry.NoOffer.selector, modelId, stranger)
        );
    }

    function test_ask_namedOperatorFeeBelowQuote_reverts() public {
        IOracle.Question memory question = defaultQuestion();
        question.operator = operator;
        uint256 price = oracle.quote(modelId, 3, 4, 0, operator);
        vm.expectRevert(abi.encodeWithSelector(IOracle.FeeTooLow.selector, price - 1, price));
        ask(question, price - 1);
        assertEq(ask(question, price), 1);
    }

    function test_ask_namedOperator_callbackGasIsPriced() public {
        IOracle.Question memory question = defaultQuestion();
        question.operator = operator;
        question.callback = address(this);
        question.callbackGas = 100_000;
        uint256 price = oracle.quote(modelId, 3, 4, 100_000, operator);
        assertEq(price, oracle.quote(modelId, 3, 4, 0, operator) + 100_000 * 1e3);
        vm.expectRevert(abi.encodeWithSelector(IOracle.FeeTooLow.selector, price - 1, price));
        ask(question, price - 1);
        // Gas for no callback is neither priced nor kept.
        question.callback = address(0);
        uint256 id = ask(question, price - 100_000 * 1e3);
        assertEq(oracle.requestOf(id).callbackGas, 0);
    }

    // ------------------------------------------------------------ ask, taken

    function test_ask_recordsEverything() public {
        IOracle.Question memory question = defaultQuestion();
        question.operator = operator;
        question.beneficiary = stranger;
        question.bond = 3 ether;
        question.callback = address(this);
        question.callbackGas = 77_000;
        question.callbackData = hex"c0ffee";
        vm.expectEmit(address(oracle));
        emit IOracle.Asked(
            1,
            modelId,
            operator,
            asker,
            false,
            question.promptTokens,
            IOracle.Terms({
                beneficiary: stranger,
                maxTokens: 4,
                sampling: 0,
                fee: FEE,
                bond: 3 ether,
                deadline: question.deadline,
                callback: address(this),
                callbackGas: 77_000
            }),
            hex"c0ffee"
        );
        uint256 id = ask(question, FEE);

        IOracle.Request memory request = oracle.requestOf(id);
        assertEq(request.modelId, modelId);
        assertEq(request.beneficiary, stranger);
        assertEq(request.operator, operator);
        assertStatus(id, IOracle.Status.Open);
        assertEq(uint8(request.delivery), uint8(IOracle.Delivery.None));
        assertFalse(request.isText);
        assertEq(request.maxTokens, 4);
        assertEq(request.askedAt, START);
        assertEq(request.responseTime, 1 days);
        assertEq(request.deadline, START + 1 days);
        assertEq(request.fee, FEE);
        assertEq(request.minimumBond, 3 ether);
        assertEq(request.sampling, 0);
        assertEq(request.inputHash, keccak256(question.promptTokens));
        assertEq(request.promptTokensHash, keccak256(question.promptTokens));
        assertEq(request.callback, address(this));
        assertEq(request.callbackGas, 77_000);
        assertEq(request.callbackDataHash, keccak256(hex"c0ffee"));
        assertEq(request.finalAt, 0);
        assertEq(request.bond, 0);
        assertEq(request.claimHash, 0);
        assertEq(request.textHash, 0);
        (, address live,,) = oracle.answerOf(id);
        assertEq(live, address(0), "an operator that was only asked for is not an answerer");
    }

    function test_ask_escrowsTheFee() public {
        ask(defaultQuestion(), 1 ether);
        ask(defaultQuestion(), 0); // any fee, also none: operators need not answer it
        assertEq(oracle.requestCount(), 2);
        assertEq(oracle.openFees(), 1 ether);
        assertEq(address(oracle).balance, 1 ether);
        assertEq(oracle.requestOf(1).beneficiary, asker);
    }

    function test_bond_isTheLargestOfThree() public {
        assertEq(oracle.bondOf(ask(defaultQuestion(), 0)), MINIMUM_BOND);
        assertEq(oracle.bondOf(ask(defaultQuestion(), 1 ether)), 10 ether);
        IOracle.Question memory question = defaultQuestion();
        question.bond = 11 ether;
        assertEq(oracle.bondOf(ask(question, 1 ether)), 11 ether);
    }

    function test_unknownRequest_isNone() public view {
        assertStatus(0, IOracle.Status.None);
        assertStatus(1, IOracle.Status.None);
        assertFalse(oracle.isFinalized(1));
    }

    // ------------------------------------------------------------ quote

    function test_quote_isThePriceList() public view {
        assertEq(oracle.quote(modelId, 3, 4, 5, operator), 1e12 + 3 * 1e10 + 4 * 2e10 + 5 * 1e3);
        assertEq(
            oracle.quote(modelId, 3, 4, 5, address(0)),
            oracle.quote(modelId, 3, 4, 5, operator),
            "the only operator is the reference"
        );
    }

    function test_quote_checksTheBounds() public {
        vm.expectRevert(IOracle.EmptyPrompt.selector);
        oracle.quote(modelId, 0, 4, 0, operator);
        vm.expectRevert(abi.encodeWithSelector(IOracle.BadMaxTokens.selector, 62, 61));
        oracle.quote(modelId, 3, 62, 0, operator);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.PromptTooLong.selector, type(uint256).max, CONTEXT)
        );
        oracle.quote(modelId, type(uint256).max, 4, 0, operator);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.CallbackGasTooHigh.selector, 5_000_001, 5_000_000)
        );
        oracle.quote(modelId, 3, 4, 5_000_001, operator);
    }

    function testFuzz_ask_acceptsExactlyWhatFits(uint256 length, uint32 maxTokens, uint32 token)
        public
    {
        length = bound(length, 0, 4 * (CONTEXT + 4));
        maxTokens = uint32(bound(maxTokens, 0, CONTEXT + 4));
        token = uint32(bound(token, 0, 2 * VOCABULARY));
        bytes memory tokens = repeat(token, length / 4);
        tokens = bytes.concat(tokens, new bytes(length % 4));
        IOracle.Question memory question = defaultQuestion();
        question.promptTokens = tokens;
        question.maxTokens = maxTokens;
        bool good = length % 4 == 0 && length != 0 && maxTokens != 0 && token < VOCABULARY
            && length / 4 + maxTokens <= CONTEXT;
        vm.prank(asker);
        try oracle.ask{value: FEE}(question) {
            assertTrue(good, "accepted");
        } catch {
            assertFalse(good, "refused");
        }
    }
}
