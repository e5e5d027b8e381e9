// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeGame} from "../../src/interfaces/IDisputeGame.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IPullPayments} from "../../src/interfaces/IPullPayments.sol";
import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {OpmlConstants as K} from "../../src/opml/OpmlConstants.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

/// a false token → the step says so: bond slashed, fee refunded, request open again
/// a true token  → the challenger loses his bond wherever he goes, and the claim becomes final
/// silence       → loses in every phase, for whoever is silent
/// two challengers → the first wins, the second gets his bond back
contract DisputeGameTest is DisputeFixture {
    function test_falseToken_isStruckDown() public {
        uint256 request = answeredWith(LIE);
        uint256 id = openBy(challenger, request, LIE);
        playToStep(id, LIE);
        step(id, LIE);
        assertPhase(id, IDisputeGame.Phase.ChallengerWon);
        assertStatus(request, IOracle.Status.Open);
        assertEq(oracle.owed(challenger), ANSWER_BOND / 2 + BOND, "reward and his own bond");
        assertEq(oracle.owed(asker), FEE, "refund");
        assertEq(disputes.owed(challenger), 0);
        assertEq(oracle.liveDisputes(oracle.claimHashOf(oracleClaim(request, LIE))), 0);
        assertSolvent();
        uint256 before = challenger.balance;
        oracle.withdrawFor(challenger);
        assertEq(challenger.balance, before + ANSWER_BOND / 2 + BOND);
        assertSolvent();
    }

    function test_trueToken_stands() public {
        uint256 request = answeredWith(TRUTH);
        uint256 id = openBy(challenger, request, TRUTH);
        playToStep(id, TRUTH);
        uint256 burnedBefore = address(0).balance;
        step(id, TRUTH);
        assertPhase(id, IDisputeGame.Phase.OperatorWon);
        assertEq(disputes.owed(operator), BOND / 2);
        assertEq(address(0).balance - burnedBefore, BOND / 2, "half burns");
        assertEq(disputes.owed(challenger), 0);
        assertSolvent();
        vm.warp(START + WINDOW);
        oracle.finalise(request);
        assertTrue(oracle.isFinalized(request));
    }

    /// @dev The step of a place that was not opened.
    function stepOfNothing(uint256 id, uint256 place, bytes memory opened) private {
        bytes32[] memory siblings = siblingsOf(0, place, GROUP, LIE);
        vm.prank(challenger);
        disputes.step(
            id, committedSubject(id, LIE), IDisputeGame.Spot(place & 3, 0), "", siblings, opened
        );
    }

    function test_placesWithoutALeaf_areRight() public {
        // Behind the leaf of Argmax in its group, in a group of its operator, and behind all operators.
        uint256[3] memory places =
            [(1 << LEAF_BITS) + 1, (1 << LEAF_BITS) + 4, uint256(1 << LEAF_BITS) - 1];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 id = openBy(challenger, answeredWith(LIE), LIE);
            descend(id, LIE, places[i]);
            openLeaves(id, LIE);
            uint256 op = places[i] >> LEAF_BITS;
            stepOfNothing(id, places[i], operatorOpening(op));
            assertPhase(id, IDisputeGame.Phase.OperatorWon);
        }
    }

    /// @dev Who gains if what is there could be left out: an operator that does not want it to be seen.
    function test_aLeafCannotBeLeftOut() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        descend(id, LIE, 1 << LEAF_BITS);
        bytes32[] memory siblings = groupSiblings(1 << LEAF_BITS);
        bytes32 about = aboutOf(id, LIE);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.openLeaves(id, about, "", siblings);
    }

    function groupSiblings(uint256 leafIndex) private pure returns (bytes32[] memory) {
        return siblingsOf(GROUP, leafIndex >> GROUP, K.ROUND_BITS, LIE);
    }

    // ---------------------------------------------------------------- clocks

    /// @dev Plays `moves` moves, then nobody does anything.
    function stallAfter(uint256 moves) private returns (uint256 id) {
        id = openBy(challenger, answeredWith(LIE), LIE);
        if (moves > 0) commit(id, LIE);
        if (moves > 1) pick(id, LIE, 0); // operator 0, whose elements have sums
        if (moves > 2) reveal(id, LIE);
        if (moves > 3) pick(id, LIE, 0);
        if (moves > 4) openLeaves(id, LIE);
        if (moves > 5) askSums(id, LIE);
        if (moves > 6) giveSums(id, LIE);
    }

    function test_silence_losesInEveryPhase() public {
        bool[8] memory challengers = [false, true, false, true, false, true, false, true];
        for (uint256 moves = 0; moves < challengers.length; ++moves) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = stallAfter(moves);
            uint256 deadline = disputes.disputeOf(id).deadline;
            IDisputeGame.Standing memory standing = standingOf(id, LIE);
            vm.warp(deadline - 1);
            vm.expectRevert(
                abi.encodeWithSelector(IDisputeGame.ClockRunning.selector, id, deadline)
            );
            disputes.timeout(id, standing);
            vm.warp(deadline);
            standing.sides.operator = stranger; // who would get half of a lost bond
            vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
            disputes.timeout(id, standing);
            standing.sides.operator = operator;
            vm.prank(stranger);
            disputes.timeout(id, standing);
            assertPhase(
                id,
                challengers[moves]
                    ? IDisputeGame.Phase.OperatorWon
                    : IDisputeGame.Phase.ChallengerWon
            );
            assertSolvent();
            vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
            disputes.timeout(id, standing);
            vm.revertToState(snapshot);
        }
    }

    function test_afterTheClock_noMove() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        vm.warp(START + CLOCK);
        bytes32[] memory left = new bytes32[](1);
        left[0] = nodeOf(LEAF_BITS, 0, LIE);
        bytes32[] memory children = childrenOf(HEIGHT, 0, LIE);
        IDisputeGame.Subject memory subject = subjectOf(id, gameClaim(LIE, 0));
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.ClockExpired.selector, id, START + CLOCK)
        );
        vm.prank(operator);
        disputes.commit(id, subject, LIE, left, children);
    }

    function test_theExtensionComesOnce() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        vm.warp(START + CLOCK - 1 minutes);
        commit(id, LIE); // the operator has one minute left
        assertEq(disputes.disputeOf(id).deadline, block.timestamp + CLOCK, "a clock of his own");
        pick(id, LIE, 16);
        assertEq(disputes.disputeOf(id).deadline, block.timestamp + EXTENSION, "extended");
        vm.warp(block.timestamp + EXTENSION - 30);
        reveal(id, LIE);
        pick(id, LIE, 0);
        assertEq(disputes.disputeOf(id).deadline, block.timestamp + 30, "not again");
    }

    // ---------------------------------------------------------------- several challengers

    function test_theFirstSuccessSettlesTheClaim() public {
        uint256 request = answeredWith(LIE);
        uint256 first = openBy(challenger, request, LIE);
        uint256 second = openBy(rival, request, LIE);
        commit(second, LIE);
        IDisputeGame.Standing memory standing = standingOf(second, LIE);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClaimStands.selector, second));
        disputes.settle(second, standing);
        playToStep(first, LIE);
        step(first, LIE);
        // Under the name of another claim that fell, or of nobody's, a dispute could be ended that is not over.
        standing.sides.claimHash = keccak256("another");
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.settle(second, standing);
        settle(second, LIE);
        assertPhase(second, IDisputeGame.Phase.Moot);
        assertEq(disputes.owed(rival), BOND, "his bond");
        assertEq(oracle.owed(rival), 0, "no second reward");
        assertEq(oracle.liveDisputes(oracle.claimHashOf(oracleClaim(request, LIE))), 0);
        assertSolvent();
    }

    /// @dev Who comes second with a timeout or a step gets his bond, not the next answer's.
    function test_aWonGameOverAFallenClaimIsMoot() public {
        uint256 request = answeredWith(LIE);
        uint256 first = openBy(challenger, request, LIE);
        uint256 second = openBy(rival, request, LIE);
        playToStep(second, LIE);
        playToStep(first, LIE);
        step(first, LIE);
        step(second, LIE);
        assertPhase(second, IDisputeGame.Phase.Moot);
        assertEq(disputes.owed(rival), BOND);
        assertSolvent();
    }

    /// @dev A proof decides: an operator that is too slow for the game may still show that it was right.
    function test_aProvenClaimWinsEveryDispute() public {
        uint256 request = answeredWith(TRUTH);
        uint256 first = openBy(challenger, request, TRUTH);
        uint256 second = openBy(rival, request, TRUTH);
        IDisputeGame.Standing memory standing = standingOf(first, TRUTH);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClaimStands.selector, first));
        disputes.settle(first, standing);
        proveAnswer(request, TRUTH);
        settle(first, TRUTH);
        assertPhase(first, IDisputeGame.Phase.OperatorWon);
        vm.warp(START + CLOCK);
        timeout(second, TRUTH); // it was the operator's turn
        assertPhase(second, IDisputeGame.Phase.OperatorWon);
        assertEq(disputes.owed(operator), BOND, "half of two bonds");
        assertEq(oracle.liveDisputes(oracle.claimHashOf(oracleClaim(request, TRUTH))), 0);
        assertStatus(request, IOracle.Status.Final);
        assertSolvent();
    }

    function test_aLostDisputeHelpsNoOther() public {
        uint256 request = answeredWith(LIE);
        deal(operator, BOND);
        uint256 lost = openBy(operator, request, LIE); // the liar disputes himself, and is silent
        uint256 real = openBy(challenger, request, LIE);
        commit(lost, LIE);
        vm.warp(START + CLOCK / 2);
        playToStep(real, LIE);
        vm.warp(START + CLOCK);
        timeout(lost, LIE);
        assertPhase(lost, IDisputeGame.Phase.OperatorWon);
        vm.expectRevert();
        oracle.finalise(request); // the other one still holds it
        step(real, LIE);
        assertPhase(real, IDisputeGame.Phase.ChallengerWon);
        assertEq(oracle.owed(challenger), ANSWER_BOND / 2 + BOND);
        assertSolvent();
    }

    // ---------------------------------------------------------------- refusals

    function test_open_refuses() public {
        uint256 request = answeredWith(LIE);
        IOracle.Claim memory claim = oracleClaim(request, LIE);
        bytes memory prompt = pack(1, 7, 8);
        vm.startPrank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.WrongBond.selector, BOND - 1, BOND));
        disputes.open{value: BOND - 1}(claim, prompt, outputOf(LIE), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.OutputPositionOutOfRange.selector, 3, 3)
        );
        disputes.open{value: BOND}(claim, prompt, outputOf(LIE), 3);
        vm.expectPartialRevert(IDisputeGame.WrongTokens.selector);
        disputes.open{value: BOND}(claim, prompt, outputOf(TRUTH), 0);
        vm.expectPartialRevert(IDisputeGame.WrongTokens.selector);
        disputes.open{value: BOND}(claim, pack(1, 7), outputOf(LIE), 0);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.NotPacked.selector, 5));
        disputes.open{value: BOND}(claim, "12345", outputOf(LIE), 0);
        claim.maxTokens = 5;
        vm.expectPartialRevert(IOracle.ClaimMismatch.selector);
        disputes.open{value: BOND}(claim, prompt, outputOf(LIE), 0);
        claim.maxTokens = 4;
        vm.warp(START + WINDOW);
        vm.expectPartialRevert(IOracle.WindowClosed.selector);
        disputes.open{value: BOND}(claim, prompt, outputOf(LIE), 0);
        vm.stopPrank();
    }

    function test_commit_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        bytes32[] memory left = new bytes32[](1);
        left[0] = nodeOf(LEAF_BITS, 0, LIE);
        bytes32[] memory children = childrenOf(HEIGHT, 0, LIE);
        IDisputeGame.Subject memory subject = subjectOf(id, gameClaim(LIE, 0));
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NotTheOperator.selector, id, challenger)
        );
        vm.prank(challenger);
        disputes.commit(id, subject, LIE, left, children);

        vm.startPrank(operator);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.commit(id, subject, TRUTH, left, children);
        subject.claim.promptCount = type(uint256).max;
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.commit(id, subject, LIE, left, children);
        subject.claim.promptCount = 3;
        subject.model.operatorCount = 3;
        vm.expectPartialRevert(IStepVerifier.ModelMismatch.selector);
        disputes.commit(id, subject, LIE, left, children);
        subject.model.operatorCount = 2;
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 0, 1));
        disputes.commit(id, subject, LIE, new bytes32[](0), children);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ChildCount.selector, 31, 32));
        disputes.commit(id, subject, LIE, left, new bytes32[](31));
        // A trace that ends with the truth is not one of the claimed lie.
        bytes32[] memory honest = childrenOf(HEIGHT, 0, TRUTH);
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.commit(id, subject, LIE, left, honest);
        vm.stopPrank();
    }

    /// @dev Who gains: an operator that commits in another's name, whose stake it is not.
    function test_commit_byAnotherOperator_isNotTheDisputes() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        IDisputeGame.Subject memory subject = subjectOf(id, gameClaim(LIE, 0));
        subject.sides.operator = stranger;
        bytes32[] memory left = new bytes32[](1);
        bytes32[] memory children = childrenOf(HEIGHT, 0, LIE);
        vm.prank(stranger);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.commit(id, subject, LIE, left, children);
    }

    function test_pick_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        commit(id, LIE);
        bytes32 rest = restOf(id, LIE);
        bytes32 revealed = standingOf(id, LIE).node;
        vm.prank(rival); // who picks for another
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.pick(id, rest, revealed, 0);
        vm.startPrank(challenger);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.pick(id, rest, 0, 0);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.pick(id, keccak256("another game"), revealed, 0);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.IndexOutOfRange.selector, 32, 32));
        disputes.pick(id, rest, revealed, 32);
        disputes.pick(id, rest, revealed, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.Reveal)
        );
        disputes.pick(id, rest, revealed, 0); // replayed
        vm.stopPrank();
    }

    function test_reveal_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        commit(id, LIE);
        pick(id, LIE, 16);
        bytes32 about = aboutOf(id, LIE);
        bytes32[] memory children = childrenOf(7, 16, LIE);
        bytes32[] memory siblings = siblingsOf(7, 16, 5, LIE);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ChildCount.selector, 0, 32));
        disputes.reveal(id, about, new bytes32[](0), siblings);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 4, 5));
        disputes.reveal(id, about, children, new bytes32[](4));
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.reveal(id, keccak256("another game"), children, siblings);
        children[3] = keccak256("garbage");
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.reveal(id, about, children, siblings);
    }

    function test_openLeaves_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        descend(id, LIE, 1 << LEAF_BITS);
        bytes32 about = aboutOf(id, LIE);
        bytes32[] memory siblings = groupSiblings(1 << LEAF_BITS);
        bytes memory leaf = leafOf(1, LIE);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.openLeaves(id, keccak256("another game"), leaf, siblings);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 2, 5));
        disputes.openLeaves(id, about, leaf, new bytes32[](2));
        bytes memory other = leafOf(1, TRUTH);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.openLeaves(id, about, other, siblings);
        bytes memory long = new bytes(5 * 256);
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.BadLeafLength.selector, 1280, 1024));
        disputes.openLeaves(id, about, long, siblings);
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.BadLeafLength.selector, 255, 1024));
        disputes.openLeaves(id, about, new bytes(255), siblings);
    }

    function test_step_refusesAndGoesOn() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        playToStep(id, LIE);
        IDisputeGame.Subject memory subject = committedSubject(id, LIE);
        IDisputeGame.Spot memory spot = IDisputeGame.Spot(0, 0);
        bytes32[] memory siblings = siblingsOf(0, 1 << LEAF_BITS, GROUP, LIE);
        bytes memory good = witness(LIE);
        bytes memory leaf = leafOf(1, LIE);
        // Who gains if anybody could: a stranger who computes what is right, so that the challenger loses.
        vm.expectPartialRevert(IDisputeGame.NotTheChallenger.selector);
        disputes.step(id, subject, spot, leaf, siblings, good);
        vm.startPrank(challenger);
        bytes memory long = bytes.concat(good, hex"00");
        vm.expectPartialRevert(IStepVerifier.WitnessTooLong.selector);
        disputes.step(id, subject, spot, leaf, siblings, long);
        vm.expectPartialRevert(IStepVerifier.WitnessTooShort.selector);
        disputes.step(id, subject, spot, leaf, siblings, "");
        good[250] ^= 0x01;
        vm.expectRevert();
        disputes.step(id, subject, spot, leaf, siblings, good);
        bytes memory other = leafOf(1, TRUTH);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.step(id, subject, spot, other, siblings, witness(LIE));
        spot.element = 64;
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.ElementOutOfRange.selector, 64, 64));
        disputes.step(id, subject, spot, leaf, siblings, witness(LIE));
        spot.element = 0;
        spot.leaf = 1;
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.step(id, subject, spot, leaf, siblings, witness(LIE));
        spot.leaf = 4;
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.IndexOutOfRange.selector, 4, 4));
        disputes.step(id, subject, spot, leaf, siblings, witness(LIE));
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 3, 2));
        disputes.step(id, subject, spot, leaf, new bytes32[](3), witness(LIE));
        vm.stopPrank();
        assertPhase(id, IDisputeGame.Phase.Step);
        step(id, LIE);
        spot.leaf = 0;
        vm.prank(challenger);
        vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
        disputes.step(id, subject, spot, leaf, siblings, witness(LIE));
    }

    // ---------------------------------------------------------------- sums

    function test_askSums_refuses() public {
        uint256 id = openBy(challenger, answeredWith(TRUTH), TRUTH);
        descend(id, TRUTH, 0);
        openLeaves(id, TRUTH);
        bytes32 rest = restOf(id, TRUTH);
        bytes32 revealed = standingOf(id, TRUTH).node;
        IDisputeGame.Spot memory spot = IDisputeGame.Spot(0, 0);
        bytes32[] memory siblings = siblingsOf(0, 0, GROUP, TRUTH);
        bytes32 hash = leafHashOf(0, TRUTH);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.askSums(id, rest, revealed, spot, hash, siblings); // not the challenger
        vm.startPrank(challenger);
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.askSums(id, rest, revealed, spot, keccak256("another leaf"), siblings);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.askSums(id, rest, 0, spot, hash, siblings);
        spot.element = 256;
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.IndexOutOfRange.selector, 256, 256));
        disputes.askSums(id, rest, revealed, spot, hash, siblings);
        vm.stopPrank();
        askSums(id, TRUTH);
        assertPhase(id, IDisputeGame.Phase.Sums);
        assertEq(disputes.disputeOf(id).element, 1);
    }

    /// @dev Who gains: a challenger who asks for what there is not. Whatever the operator says, he can do nothing with it.
    function test_sumsOfAnythingElse_showNothing() public {
        uint256 id = openBy(challenger, answeredWith(TRUTH), TRUTH);
        playToStep(id, TRUTH);
        bytes32 revealed = standingOf(id, TRUTH).node;
        bytes32[] memory siblings = siblingsOf(0, 1 << LEAF_BITS, GROUP, TRUTH);
        bytes32 hash = leafHashOf(1, TRUTH);
        vm.prank(challenger);
        disputes.askSums(id, restOf(id, TRUTH), revealed, IDisputeGame.Spot(0, 0), hash, siblings);
        giveSums(id, TRUTH);
        IStepVerifier.SumQuestion memory question = IStepVerifier.SumQuestion(0, SUMS, "");
        vm.prank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.NoSums.selector, 1));
        disputes.stepSum(id, committedSubject(id, TRUTH), hash, question, operatorOpening(1));
        vm.warp(disputes.disputeOf(id).deadline);
        timeout(id, TRUTH);
        assertPhase(id, IDisputeGame.Phase.OperatorWon);
    }

    function playToSums(uint32 token) private returns (uint256 id) {
        id = openBy(challenger, answeredWith(token), token);
        descend(id, token, 0);
        openLeaves(id, token);
        askSums(id, token);
    }

    function test_giveSums_refuses() public {
        uint256 id = playToSums(TRUTH);
        IDisputeGame.Standing memory standing = standingOf(id, TRUTH);
        // Who gains: a stranger who answers wrongly in the operator's name.
        vm.expectPartialRevert(IDisputeGame.NotTheOperator.selector);
        disputes.giveSums(id, standing, SUMS);
        vm.startPrank(operator);
        // Who gains without a limit: an operator whose sums no challenger can pay to repeat.
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.BadSums.selector, 325, 320));
        disputes.giveSums(id, standing, new bytes(325));
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.BadSums.selector, 7, 320));
        disputes.giveSums(id, standing, new bytes(7));
        standing.node = keccak256("another leaf");
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.giveSums(id, standing, SUMS);
        vm.stopPrank();
        giveSums(id, TRUTH);
        assertPhase(id, IDisputeGame.Phase.StepSum);
    }

    function test_stepSum_refuses() public {
        uint256 id = playToSums(TRUTH);
        giveSums(id, TRUTH);
        IDisputeGame.Subject memory subject = committedSubject(id, TRUTH);
        bytes32 hash = leafHashOf(0, TRUTH);
        IStepVerifier.SumQuestion memory question = IStepVerifier.SumQuestion(0, SUMS, "");
        bytes memory opened = operatorOpening(0);
        vm.expectPartialRevert(IDisputeGame.NotTheChallenger.selector);
        disputes.stepSum(id, subject, hash, question, opened);
        vm.startPrank(challenger);
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.stepSum(id, subject, keccak256("another leaf"), question, opened);
        question.sums = hex"0000000008";
        vm.expectPartialRevert(IDisputeGame.WrongStanding.selector);
        disputes.stepSum(id, subject, hash, question, opened);
        question.sums = SUMS;
        question.number = 2;
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.SumOutOfRange.selector, 2, 1));
        disputes.stepSum(id, subject, hash, question, opened);
        question.number = 1;
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.BadLeafLength.selector, 0, 256));
        disputes.stepSum(id, subject, hash, question, opened);
        question.leaf = leafOf(1, TRUTH);
        vm.expectPartialRevert(IStepVerifier.LeafMismatch.selector);
        disputes.stepSum(id, subject, hash, question, opened);
        question.number = 0;
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.BadLeafLength.selector, 256, 0));
        disputes.stepSum(id, subject, hash, question, opened);
        question.leaf = "";
        opened[64] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(IStepVerifier.OperatorMismatch.selector, 0));
        disputes.stepSum(id, subject, hash, question, opened);
        vm.stopPrank();
        assertPhase(id, IDisputeGame.Phase.StepSum);
        vm.warp(disputes.disputeOf(id).deadline);
        timeout(id, TRUTH);
        assertPhase(id, IDisputeGame.Phase.OperatorWon);
    }

    /// @dev Operator 0 has itself as its input. Who gains if that were the challenger's problem: whoever answers as he
    /// likes for a program that cannot be disputed.
    function test_whatTheProgramCannotCompute_isWrong() public {
        uint256 id = openBy(challenger, answeredWith(TRUTH), TRUTH);
        descend(id, TRUTH, 0);
        openLeaves(id, TRUTH);
        uint256 snapshot = vm.snapshotState();
        bytes32[] memory siblings = siblingsOf(0, 0, GROUP, TRUTH);
        IDisputeGame.Subject memory subject = committedSubject(id, TRUTH);
        bytes memory leaf = leafOf(0, TRUTH);
        vm.prank(challenger);
        disputes.step(id, subject, IDisputeGame.Spot(0, 0), leaf, siblings, operatorOpening(0));
        assertPhase(id, IDisputeGame.Phase.ChallengerWon);
        vm.revertToState(snapshot);
        askSums(id, TRUTH);
        giveSums(id, TRUTH);
        IStepVerifier.SumQuestion memory question = IStepVerifier.SumQuestion(0, SUMS, "");
        vm.prank(challenger);
        disputes.stepSum(id, subject, leafHashOf(0, TRUTH), question, operatorOpening(0));
        assertPhase(id, IDisputeGame.Phase.ChallengerWon);
        assertSolvent();
    }

    function test_noDispute_hasNoMoves() public {
        IDisputeGame.Standing memory standing;
        vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
        disputes.timeout(1, standing);
        vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
        disputes.settle(0, standing);
        vm.expectRevert(abi.encodeWithSelector(IPullPayments.NothingOwed.selector, address(this)));
        disputes.withdraw(address(this));
        vm.expectRevert(IPullPayments.ZeroAddress.selector);
        disputes.withdraw(address(0));
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NotOperatorRegistry.selector, address(this))
        );
        (bool taken,) = address(disputes).call{value: 1}("");
        taken;
    }
}
