// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ContentMarket} from "../../src/examples/ContentMarket.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {KeepingReceiver} from "./Receivers.sol";
import {UseFixture} from "./UseFixture.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";

/// @title What asking, answering, minting and operating cost
/// @dev Every measured call is a transaction of its own (cold storage, 21,000 base, calldata included).
/// The figures are written to contracts/snapshots/Use.json and bounded here.
/// forge-config: default.isolate = true
contract UseGasTest is UseFixture {
    /// @dev A figure far below its bound has measured some other call.
    function measured(string memory name, uint256 most) private {
        uint256 gas = vm.snapshotGasLastCall("Use", name);
        assertLe(gas, most, name);
        assertGe(gas, most / 3, name);
    }

    /// @dev A model as large as real ones are, for answers of 256 tokens.
    function largeModel() private returns (uint256) {
        IModelRegistry.Registration memory registration;
        registration.modelRoot = keccak256("large");
        registration.licence = "Apache-2.0";
        registration.contextLength = 4_096;
        registration.vocabularySize = 32_000;
        registration.endToken = END_TOKEN;
        vm.prank(author);
        return models.register(registration);
    }

    /// @dev Without the fixture's view afterwards, which would be the last call.
    function rawAsk(IOracle.Question memory question) private returns (uint256) {
        vm.prank(asker);
        return oracle.ask{value: 0.01 ether}(question);
    }

    function test_gas_ask() public {
        rawAsk(defaultQuestion());
        measured("ask, any operator, first of the oracle", 220_000);
        rawAsk(defaultQuestion());
        measured("ask, any operator", 190_000);
        IOracle.Question memory question = defaultQuestion();
        question.operator = operator;
        rawAsk(question);
        measured("ask, named operator", 210_000);
        question.callback = address(new KeepingReceiver());
        question.callbackGas = 300_000;
        question.callbackData = hex"c0ffee";
        rawAsk(question);
        measured("ask, named operator and callback", 260_000);
        vm.prank(asker);
        oracle.requestCallback{value: 0.01 ether}(modelId, "Once upon a time", address(0), 0, "");
        measured("requestCallback, 16 characters", 220_000);
    }

    function test_gas_answer() public {
        answered();
        measured("answer, 3 tokens", 220_000);
        IOracle.Question memory question = defaultQuestion();
        question.callback = address(new KeepingReceiver());
        question.callbackGas = 300_000;
        uint256 id = ask(question, 0.01 ether);
        answer(id);
        measured("answer, 3 tokens and callback", 350_000);

        question = defaultQuestion();
        question.modelId = largeModel();
        question.promptTokens = repeat(31_999, 256);
        question.maxTokens = 256;
        id = rawAsk(question);
        measured("ask, 256 prompt tokens", 260_000);
        IOracle.Answer memory posted = defaultAnswer();
        posted.outputTokens = repeat(31_999, 256);
        posted.text = new bytes(1_024);
        for (uint256 i = 0; i < 1_024; ++i) {
            posted.text[i] = "x";
        }
        answer(id, posted);
        measured("answer, 256 tokens and 1 KiB of text", 340_000);
    }

    function test_gas_ends() public {
        uint256 first = answered();
        uint256 second = answered();
        uint256 third = answered();
        uint256 fourth = ask();
        bytes32 claim = liveClaim(third);
        vm.prank(game);
        oracle.hold(third, claim);
        measured("hold", 70_000);
        vm.prank(game);
        oracle.strikeDown(third, claim, challenger);
        measured("strikeDown", 250_000);
        vm.warp(START + 2 days);
        oracle.finalise(first);
        measured("finalise, first of the splitter", 120_000);
        oracle.finalise(second);
        measured("finalise", 100_000);
        oracle.refund(fourth);
        measured("refund", 90_000);
        oracle.withdrawFor(asker);
        measured("withdrawFor", 70_000);
    }

    function test_gas_operator() public {
        deal(stranger, 2 ether);
        vm.prank(stranger);
        operators.register{value: 2 ether}("https://operator.example");
        measured("register operator", 130_000);
        vm.prank(stranger);
        operators.setPrice(modelId, IOperatorRegistry.Price(1, 2, 3, 4));
        measured("setPrice", 80_000);
        vm.prank(stranger);
        operators.startExit(2 ether);
        measured("startExit", 60_000);
        vm.warp(START + EXIT_DELAY);
        vm.prank(stranger);
        operators.withdraw(stranger);
        measured("withdraw deposit", 60_000);
    }

    function test_gas_content() public {
        ContentMarket market = new ContentMarket();
        uint256 id = ask();
        IOracle.Answer memory posted = defaultAnswer();
        posted.text = new bytes(1_024);
        answer(id, posted);
        bytes memory prompt = content.encodePrompt(id, pack(1, 7, 8));
        vm.prank(asker);
        uint256 token = content.mint(asker, prompt, posted.text);
        measured("mint, 1 KiB of text", 520_000);
        vm.prank(asker);
        content.approve(address(market), token);
        vm.prank(asker);
        market.list(address(content), token, 1 ether);
        measured("list", 110_000);
        vm.prank(stranger);
        market.buy{value: 1 ether}(address(content), token);
        measured("buy", 220_000);
        assertFalse(content.verify(prompt, posted.text, ""));
        measured("verify (read)", 20_000);
    }

    function test_gas_splitter() public {
        splitters.deploy(modelId, operator);
        measured("deploy splitter", 120_000);
        address splitter = splitters.splitterOf(modelId, operator);
        deal(splitter, 1 ether);
        (bool success,) = splitter.call(abi.encodeWithSignature("split(address)", address(0)));
        assertTrue(success);
        measured("split ETH, two payees", 160_000);
    }
}
