// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DisputeGame} from "../../src/DisputeGame.sol";
import {IDisputeGame} from "../../src/interfaces/IDisputeGame.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IModelVerifier} from "../../src/interfaces/IModelVerifier.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {OpmlConstants as K} from "../../src/opml/OpmlConstants.sol";
import {StepVerifier} from "../../src/opml/StepVerifier.sol";
import {UseFixture} from "../use/UseFixture.sol";

/// @title The real game over the smallest program, and both its players
/// @notice Two operators, both in the tail: 0 is a product, whose row is (a logit, its token), 1 is the Argmax over it.
/// Operator 0 has no input before it, so there is no step of it. A trace has two leaves; what Argmax says follows from the row of operator 0.
abstract contract DisputeFixture is UseFixture {
    uint64 internal constant CLOCK = 1 hours;
    uint64 internal constant EXTENSION = 10 minutes;
    uint128 internal constant BOND = 0.05 ether;
    uint128 internal constant STAKE = 0.5 ether;
    uint256 internal constant FEE = 0.01 ether;
    /// @dev The bond of an answer that paid FEE.
    uint256 internal constant ANSWER_BOND = 0.1 ether;
    uint256 internal constant POSITIONS = 3;
    uint256 internal constant LEAF_BITS = 11; // max(2 * 2, 2 + 9, 3)
    uint256 internal constant HEIGHT = 12;
    uint256 internal constant GROUP = 2; // HEIGHT % 5
    /// @dev What the operator says about an element of operator 0: anything would do.
    bytes internal constant SUMS = hex"0000000007";
    /// @dev What the operator's trace says in the row of operator 0, so that 9 is what Argmax must say.
    uint32 internal constant TRUTH = 9;
    uint32 internal constant LIE = 10;

    DisputeGame internal disputes;
    StepVerifier internal verifier;
    address internal rival = makeAddr("rival");
    mapping(uint256 disputeId => IDisputeGame.Sides) internal sidesOf;

    function setUp() public virtual override {
        verifier = new StepVerifier();
        // models, splitters, proofs, operators, oracle, content, then the game.
        game = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 6);
        super.setUp();
        disputes = new DisputeGame(operators, verifier, CLOCK, EXTENSION, BOND, STAKE);
        assertEq(address(disputes), game);
        modelId = registerProgram();
        vm.prank(operator);
        operators.setPrice(modelId, defaultPrice());
        deal(challenger, 100 ether);
        deal(rival, 100 ether);
    }

    function registerProgram() private returns (uint256) {
        vm.prank(author);
        return models.register(
            IModelRegistry.Registration({
                modelRoot: modelRoot(),
                zkCommitment: 0,
                sourceHash: keccak256("source"),
                cardHash: keccak256("card"),
                cardUri: "ipfs://card",
                licence: "Apache-2.0",
                operatorBps: OPERATOR_BPS,
                parents: new IModelRegistry.Parent[](0),
                binder: address(0),
                salt: "toy",
                contextLength: CONTEXT,
                vocabularySize: VOCABULARY,
                endToken: END_TOKEN
            })
        );
    }

    // ---------------------------------------------------------------- the program

    function descriptor(uint256 op) internal pure returns (bytes memory encoded) {
        encoded = new bytes(64);
        encoded[K.AT_KIND] = bytes1(uint8(op == 0 ? K.MAT_MUL : K.ARGMAX));
        encoded[1] = bytes1(uint8(K.INT32));
        if (op == 0) encoded[K.AT_BITS] = bytes1(uint8(K.RESIDUAL_BITS));
        encoded[K.AT_WIDTH + 3] = bytes1(uint8(op == 0 ? 2 : 1));
    }

    function operatorOpening(uint256 op) internal pure returns (bytes memory) {
        bytes memory other = descriptor(1 - op);
        return abi.encodePacked(descriptor(op), keccak256(abi.encodePacked(hex"00", other)));
    }

    function opening() internal pure returns (IStepVerifier.ModelOpening memory model) {
        model.operatorCount = 2;
        model.operators = node(
            keccak256(abi.encodePacked(hex"00", descriptor(0))),
            keccak256(abi.encodePacked(hex"00", descriptor(1)))
        );
        model.vocabularySize = VOCABULARY;
        model.contextLength = CONTEXT;
        model.endToken = END_TOKEN;
        model.layersAndTail = 1 << 32;
    }

    function modelRoot() internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(K.MODEL_TAG, abi.encode(opening())));
    }

    // ---------------------------------------------------------------- the operator's trace

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"01", left, right));
    }

    function leafOf(uint256 op, uint32 token) internal pure returns (bytes memory leaf) {
        bytes memory numbers =
            op == 0 ? abi.encodePacked(uint32(77), TRUTH) : abi.encodePacked(token);
        leaf = bytes.concat(numbers, new bytes(K.LEAF_BYTES - numbers.length));
    }

    /// @dev The node of a trace that says TRUTH in operator 0 and `token` in Argmax.
    function nodeOf(uint256 height, uint256 index, uint32 token)
        internal
        pure
        returns (bytes32 result)
    {
        if (height > LEAF_BITS) {
            return node(nodeOf(LEAF_BITS, 0, token), nodeOf(LEAF_BITS, 1, token));
        }
        uint256 within = LEAF_BITS - height;
        bool isLeft = index & ((1 << within) - 1) == 0 && index >> within < 2;
        if (isLeft) {
            result = keccak256(abi.encodePacked(hex"00", leafOf(index >> within, token)));
        }
        bytes32 padding;
        for (uint256 h = 0; h < height; ++h) {
            result = node(isLeft ? result : padding, padding);
            padding = node(padding, padding);
        }
    }

    function childrenOf(uint256 height, uint256 index, uint32 token)
        internal
        pure
        returns (bytes32[] memory children)
    {
        uint256 levels = height < K.ROUND_BITS ? height : K.ROUND_BITS;
        children = new bytes32[](1 << levels);
        for (uint256 i = 0; i < children.length; ++i) {
            children[i] = nodeOf(height - levels, (index << levels) + i, token);
        }
    }

    function siblingsOf(uint256 height, uint256 index, uint256 levels, uint32 token)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        siblings = new bytes32[](levels);
        for (uint256 i = 0; i < levels; ++i) {
            siblings[i] = nodeOf(height + i, (index >> i) ^ 1, token);
        }
    }

    /// @dev From a leaf up to the root.
    function pathOf(uint256 leafIndex, uint32 token) internal pure returns (bytes memory path) {
        for (uint256 h = 0; h < HEIGHT; ++h) {
            path = bytes.concat(path, nodeOf(h, (leafIndex >> h) ^ 1, token));
        }
    }

    /// @dev Of the only element of Argmax: both operators, and the row of operator 0.
    function witness(uint32 token) internal pure returns (bytes memory) {
        return
            bytes.concat(operatorOpening(1), operatorOpening(0), leafOf(0, token), pathOf(0, token));
    }

    // ---------------------------------------------------------------- answers and claims

    function outputOf(uint32 token) internal pure returns (bytes memory) {
        return pack(token, 11, END_TOKEN);
    }

    /// @dev An answer whose first token is `token`.
    function answeredWith(uint32 token) internal returns (uint256 requestId) {
        requestId = ask(defaultQuestion(), FEE);
        IOracle.Answer memory posted = defaultAnswer();
        posted.outputTokens = outputOf(token);
        answer(requestId, posted);
    }

    /// @dev The toy registry of proofs takes the hash of what is proven.
    function proveAnswer(uint256 requestId, uint32 token) internal {
        IModelVerifier.VerifyingKey memory key;
        key.modelRoot = modelRoot();
        bytes memory prompt = pack(1, 7, 8);
        bytes memory output = outputOf(token);
        bytes32 context = oracle.proofContextOf(requestId);
        bytes32 proof = keccak256(abi.encode(key.modelRoot, context, prompt, output));
        oracle.prove(requestId, prompt, output, key, abi.encode(proof));
    }

    function oracleClaim(uint256 requestId, uint32 token)
        internal
        view
        returns (IOracle.Claim memory)
    {
        return IOracle.Claim({
            requestId: requestId,
            modelId: modelId,
            modelRoot: modelRoot(),
            inputHash: 0,
            promptTokensHash: keccak256(pack(1, 7, 8)),
            outputTokensHash: keccak256(outputOf(token)),
            textHash: keccak256("a river"),
            maxTokens: 4,
            sampling: 0
        });
    }

    /// @dev The claim of a game about the first token; `traceRoot` is zero before the commitment.
    function gameClaim(uint32 token, bytes32 traceRoot)
        internal
        pure
        returns (IStepVerifier.Claim memory)
    {
        return IStepVerifier.Claim({
            modelRoot: modelRoot(),
            traceRoot: traceRoot,
            promptHash: keccak256(pack(1, 7, 8)),
            outputHash: keccak256(outputOf(token)),
            promptCount: 3,
            outputCount: 3,
            outputPosition: 0
        });
    }

    function committedClaim(uint32 token) internal pure returns (IStepVerifier.Claim memory) {
        return gameClaim(token, nodeOf(HEIGHT, 0, token));
    }

    function openBy(address who, uint256 requestId, uint32 token)
        internal
        returns (uint256 disputeId)
    {
        vm.prank(who);
        disputeId = disputes.open{value: BOND}(
            oracleClaim(requestId, token), pack(1, 7, 8), outputOf(token), 0
        );
        sidesOf[disputeId] =
            IDisputeGame.Sides(who, operator, address(0), requestId, liveClaim(requestId));
    }

    // ---------------------------------------------------------------- standings

    function subjectOf(uint256 id, IStepVerifier.Claim memory claim)
        internal
        view
        returns (IDisputeGame.Subject memory)
    {
        return IDisputeGame.Subject(sidesOf[id], claim, opening());
    }

    function committedSubject(uint256 id, uint32 token)
        internal
        view
        returns (IDisputeGame.Subject memory)
    {
        return subjectOf(id, committedClaim(token));
    }

    /// @dev All but the challenger, behind the commitment.
    function restOf(uint256 id, uint32 token) internal view returns (bytes32) {
        IDisputeGame.Sides memory sides = sidesOf[id];
        bytes32 others =
            keccak256(abi.encode(sides.operator, sides.payer, sides.requestId, sides.claimHash));
        return keccak256(abi.encode(others, keccak256(abi.encode(committedClaim(token)))));
    }

    function aboutOf(uint256 id, uint32 token) internal view returns (bytes32) {
        return keccak256(abi.encode(sidesOf[id].challenger, restOf(id, token)));
    }

    function leafHashOf(uint256 op, uint32 token) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"00", leafOf(op, token)));
    }

    /// @dev What the contract must have kept the hash of, given what the operator's trace says.
    function standingOf(uint256 id, uint32 token)
        internal
        view
        returns (IDisputeGame.Standing memory standing)
    {
        IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
        standing.sides = sidesOf[id];
        if (dispute.phase == IDisputeGame.Phase.Commit) {
            standing.statement = keccak256(abi.encode(gameClaim(token, 0), uint256(token)));
            return standing;
        }
        standing.statement = keccak256(abi.encode(committedClaim(token)));
        uint256 op = dispute.leafIndex >> LEAF_BITS;
        if (dispute.phase == IDisputeGame.Phase.Sums) {
            standing.node = leafHashOf(op, token);
        } else if (dispute.phase == IDisputeGame.Phase.StepSum) {
            standing.node = keccak256(abi.encode(leafHashOf(op, token), keccak256(SUMS)));
        } else {
            bool isPicked = dispute.phase == IDisputeGame.Phase.Reveal
                || dispute.phase == IDisputeGame.Phase.OpenLeaves;
            uint256 up = isPicked ? K.ROUND_BITS : 0;
            standing.node = nodeOf(HEIGHT - dispute.depth + up, dispute.leafIndex >> up, token);
        }
    }

    // ---------------------------------------------------------------- moves

    function commit(uint256 id, uint32 token) internal {
        bytes32[] memory left = new bytes32[](1);
        left[0] = nodeOf(LEAF_BITS, 0, token);
        vm.prank(operator);
        disputes.commit(
            id, subjectOf(id, gameClaim(token, 0)), token, left, childrenOf(HEIGHT, 0, token)
        );
    }

    function pick(uint256 id, uint32 token, uint256 index) internal {
        bytes32 revealed = standingOf(id, token).node;
        vm.prank(sidesOf[id].challenger);
        disputes.pick(id, restOf(id, token), revealed, index);
    }

    function reveal(uint256 id, uint32 token) internal {
        IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
        uint256 height = HEIGHT - dispute.depth;
        disputes.reveal(
            id,
            aboutOf(id, token),
            childrenOf(height, dispute.leafIndex, token),
            siblingsOf(height, dispute.leafIndex, K.ROUND_BITS, token)
        );
    }

    /// @dev Each operator has one leaf, the first of its group; elsewhere there is none to open.
    function openLeaves(uint256 id, uint32 token) internal {
        IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
        uint256 first = uint256(dispute.leafIndex) << GROUP;
        uint256 op = first >> LEAF_BITS;
        bool hasLeaf = first == op << LEAF_BITS && op < 2;
        disputes.openLeaves(
            id,
            aboutOf(id, token),
            hasLeaf ? leafOf(op, token) : bytes(""),
            siblingsOf(GROUP, dispute.leafIndex, K.ROUND_BITS, token)
        );
    }

    function askSums(uint256 id, uint32 token) internal {
        bytes32 revealed = standingOf(id, token).node;
        bytes32[] memory siblings = siblingsOf(0, 0, GROUP, token);
        vm.prank(sidesOf[id].challenger);
        disputes.askSums(
            id, restOf(id, token), revealed, IDisputeGame.Spot(0, 1), leafHashOf(0, token), siblings
        );
    }

    function giveSums(uint256 id, uint32 token) internal {
        IDisputeGame.Standing memory standing = standingOf(id, token);
        vm.prank(operator);
        disputes.giveSums(id, standing, SUMS);
    }

    /// @dev The step of Argmax.
    function step(uint256 id, uint32 token) internal {
        bytes32[] memory siblings = siblingsOf(0, 1 << LEAF_BITS, GROUP, token);
        vm.prank(sidesOf[id].challenger);
        disputes.step(
            id,
            committedSubject(id, token),
            IDisputeGame.Spot(0, 0),
            leafOf(1, token),
            siblings,
            witness(token)
        );
    }

    function timeout(uint256 id, uint32 token) internal {
        disputes.timeout(id, standingOf(id, token));
    }

    function settle(uint256 id, uint32 token) internal {
        disputes.settle(id, standingOf(id, token));
    }

    /// @dev From Commit down to the group of `leafIndex`, which the operator has yet to open.
    function descend(uint256 id, uint32 token, uint256 leafIndex) internal {
        commit(id, token);
        pick(id, token, leafIndex >> 7);
        reveal(id, token);
        pick(id, token, (leafIndex >> 2) & 31);
    }

    /// @dev From Commit to the step of Argmax.
    function playToStep(uint256 id, uint32 token) internal {
        descend(id, token, 1 << LEAF_BITS);
        openLeaves(id, token);
    }

    function phaseOf(uint256 id) internal view returns (IDisputeGame.Phase) {
        return disputes.disputeOf(id).phase;
    }

    function assertPhase(uint256 id, IDisputeGame.Phase wanted) internal view {
        assertEq(uint8(phaseOf(id)), uint8(wanted), "phase");
    }

    /// @dev What holds after every move of every game.
    function assertSolvent() internal view {
        assertEq(
            address(disputes).balance, disputes.openBonds() + disputes.totalOwed(), "game's money"
        );
        assertEq(
            operators.lockedBy(address(disputes), operator), disputes.stakeOf(operator), "stakes"
        );
    }

    // ---------------------------------------------------------------- receipts

    function receipt(uint32 token) internal view returns (IOperatorRegistry.Receipt memory) {
        return IOperatorRegistry.Receipt({
            modelId: modelId,
            modelRoot: modelRoot(),
            promptHash: keccak256(pack(1, 7, 8)),
            outputHash: keccak256(outputOf(token)),
            textHash: keccak256("a river"),
            maxTokens: 4,
            sampling: 0,
            operator: operator,
            payer: asker,
            asset: address(0),
            payment: 1e15,
            issuedAt: START,
            nonce: keccak256("nonce")
        });
    }

    function sign(IOperatorRegistry.Receipt memory signed) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(operatorKey, operators.receiptDigest(signed));
        return abi.encodePacked(r, s, v);
    }

    function openReceiptBy(address who, IOperatorRegistry.Receipt memory signed, uint32 token)
        internal
        returns (uint256 disputeId)
    {
        bytes memory signature = sign(signed);
        vm.prank(who);
        disputeId =
            disputes.openReceipt{value: BOND}(signed, signature, pack(1, 7, 8), outputOf(token), 0);
        bytes32 digest = operators.receiptDigest(signed);
        sidesOf[disputeId] = IDisputeGame.Sides(who, signed.operator, signed.payer, 0, digest);
    }
}
