// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ContentToken} from "../../src/ContentToken.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {OperatorRegistry} from "../../src/OperatorRegistry.sol";
import {Oracle} from "../../src/Oracle.sol";
import {SplitterFactory} from "../../src/SplitterFactory.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IModelVerifier} from "../../src/interfaces/IModelVerifier.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IProofRegistry} from "../../src/interfaces/IProofRegistry.sol";

/// @dev Its proofs are the hash of what they prove.
contract ToyProofs {
    error Refused();

    function verify(
        IModelVerifier.VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata proof
    ) external pure {
        bytes32 expected = keccak256(abi.encode(key.modelRoot, context, prompt, output));
        if (abi.decode(proof, (bytes32)) != expected) revert Refused();
    }
}

/// @title One model, one operator, one asker, and a test that plays the dispute game
abstract contract UseFixture is Test {
    uint64 internal constant START = 1_800_000_000;
    uint32 internal constant CONTEXT = 64;
    uint32 internal constant VOCABULARY = 512;
    uint32 internal constant END_TOKEN = 2;
    uint64 internal constant WINDOW = 1 hours;
    uint64 internal constant EXIT_DELAY = 2 days;
    uint128 internal constant MINIMUM_BOND = 0.1 ether;
    uint128 internal constant MINIMUM_DEPOSIT = 1 ether;
    uint128 internal constant DEPOSIT = 10 ether;
    uint16 internal constant OPERATOR_BPS = 2_000;

    address internal author = makeAddr("author");
    address internal asker = makeAddr("asker");
    address internal stranger = makeAddr("stranger");
    address internal challenger = makeAddr("challenger");
    address internal game = makeAddr("game");
    address internal operator;
    uint256 internal operatorKey;

    ModelRegistry internal models;
    SplitterFactory internal splitters;
    OperatorRegistry internal operators;
    ToyProofs internal proofs;
    Oracle internal oracle;
    ContentToken internal content;
    uint256 internal modelId;
    /// @dev Noted when asked, because between expectRevert and the call there is no room for a view.
    mapping(uint256 requestId => bytes32) internal questionHashes;

    function setUp() public virtual {
        vm.warp(START);
        (operator, operatorKey) = makeAddrAndKey("operator");
        models = new ModelRegistry();
        splitters = new SplitterFactory(models);
        proofs = new ToyProofs();
        deployOracle();
        content = new ContentToken(oracle, 500);
        modelId = registerModel(author, "first", new IModelRegistry.Parent[](0));
        enrol(operator);
        deal(asker, 100 ether);
        deal(stranger, 100 ether);
    }

    /// @dev The registry names the oracle before there is one: the next address by CREATE.
    function deployOracle() internal {
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        operators =
            new OperatorRegistry(address(models), predicted, game, MINIMUM_DEPOSIT, EXIT_DELAY);
        oracle = new Oracle(
            operators, splitters, IProofRegistry(address(proofs)), game, WINDOW, MINIMUM_BOND
        );
        assertEq(address(oracle), predicted);
    }

    function registerModel(address by, bytes32 salt, IModelRegistry.Parent[] memory parents)
        internal
        returns (uint256)
    {
        IModelRegistry.Registration memory registration = IModelRegistry.Registration({
            modelRoot: keccak256(abi.encode("root", salt)),
            zkCommitment: 0,
            sourceHash: keccak256("source"),
            cardHash: keccak256("card"),
            cardUri: "ipfs://card",
            licence: "Apache-2.0",
            operatorBps: OPERATOR_BPS,
            parents: parents,
            binder: address(0),
            salt: salt,
            contextLength: CONTEXT,
            vocabularySize: VOCABULARY,
            endToken: END_TOKEN
        });
        vm.prank(by);
        return models.register(registration);
    }

    function enrol(address who) internal {
        deal(who, DEPOSIT);
        vm.startPrank(who);
        operators.register{value: DEPOSIT}("https://operator.example");
        operators.setPrice(modelId, defaultPrice());
        vm.stopPrank();
    }

    function defaultPrice() internal pure returns (IOperatorRegistry.Price memory) {
        return IOperatorRegistry.Price({
            flat: 1e12, perPromptToken: 1e10, perOutputToken: 2e10, perCallbackGas: 1e3
        });
    }

    /// @dev Three prompt tokens, at most four tokens of answer, any operator, no callback.
    function defaultQuestion() internal view returns (IOracle.Question memory) {
        return IOracle.Question({
            modelId: modelId,
            promptTokens: pack(1, 7, 8),
            maxTokens: 4,
            operator: address(0),
            beneficiary: address(0),
            sampling: 0,
            bond: 0,
            deadline: uint64(block.timestamp + 1 days),
            callback: address(0),
            callbackGas: 0,
            callbackData: ""
        });
    }

    /// @dev Two tokens and the end token.
    function defaultAnswer() internal pure returns (IOracle.Answer memory) {
        return IOracle.Answer({
            questionHash: 0, // filled in by `answer`
            promptTokens: "",
            outputTokens: pack(9, 10, END_TOKEN),
            text: "a river",
            callbackData: ""
        });
    }

    function ask(IOracle.Question memory question, uint256 fee) internal returns (uint256 id) {
        vm.prank(asker);
        id = oracle.ask{value: fee}(question);
        note(id);
    }

    function note(uint256 requestId) internal {
        questionHashes[requestId] = oracle.questionHashOf(requestId);
    }

    function ask() internal returns (uint256) {
        return ask(defaultQuestion(), 0.01 ether);
    }

    function answer(uint256 requestId, IOracle.Answer memory posted) internal {
        answerAs(operator, requestId, posted);
    }

    function answerAs(address who, uint256 requestId, IOracle.Answer memory posted) internal {
        if (questionHashes[requestId] == 0) note(requestId);
        posted.questionHash = questionHashes[requestId];
        vm.prank(who);
        oracle.answer(requestId, posted);
    }

    function answer(uint256 requestId) internal {
        answer(requestId, defaultAnswer());
    }

    function answered() internal returns (uint256 requestId) {
        requestId = ask();
        answer(requestId);
    }

    function finalised() internal returns (uint256 requestId) {
        requestId = answered();
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(requestId);
    }

    /// @dev Holds and strikes the live claim, as the dispute game would.
    function strikeDown(uint256 requestId) internal {
        bytes32 claimHash = liveClaim(requestId);
        vm.startPrank(game);
        oracle.hold(requestId, claimHash);
        oracle.strikeDown(requestId, claimHash, challenger);
        vm.stopPrank();
    }

    function liveClaim(uint256 requestId) internal view returns (bytes32 claimHash) {
        (,, claimHash,) = oracle.answerOf(requestId);
    }

    function statusOf(uint256 requestId) internal view returns (IOracle.Status) {
        return oracle.requestOf(requestId).status;
    }

    function assertStatus(uint256 requestId, IOracle.Status wanted) internal view {
        assertEq(uint8(statusOf(requestId)), uint8(wanted), "status");
    }

    function pack(uint32 a) internal pure returns (bytes memory) {
        return abi.encodePacked(a);
    }

    function pack(uint32 a, uint32 b) internal pure returns (bytes memory) {
        return abi.encodePacked(a, b);
    }

    function pack(uint32 a, uint32 b, uint32 c) internal pure returns (bytes memory) {
        return abi.encodePacked(a, b, c);
    }

    function pack(uint32 a, uint32 b, uint32 c, uint32 d) internal pure returns (bytes memory) {
        return abi.encodePacked(a, b, c, d);
    }

    /// @dev `n` tokens, all of them `token`.
    function repeat(uint32 token, uint256 n) internal pure returns (bytes memory tokens) {
        tokens = new bytes(4 * n);
        bytes4 one = bytes4(token);
        for (uint256 i = 0; i < tokens.length; ++i) {
            tokens[i] = one[i % 4];
        }
    }
}
