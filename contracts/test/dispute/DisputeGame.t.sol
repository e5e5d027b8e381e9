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

    function test_padding_winsForTheOperator() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        uint256 place = (1 << LEAF_BITS) + 5;
        descend(id, LIE, place);
        bytes32[] memory siblings = siblingsOf(0, place, 2, LIE);
        disputes.showPadding(id, committedClaim(LIE), opening(), siblings, operatorOpening(1));
        assertPhase(id, IDisputeGame.Phase.OperatorWon);
    }

    function test_aLeafIsNoPadding() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        uint256 place = 1 << LEAF_BITS;
        descend(id, LIE, place);
        bytes32[] memory siblings = siblingsOf(0, place, 2, LIE);
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.showPadding(id, committedClaim(LIE), opening(), siblings, operatorOpening(1));
    }

    // ---------------------------------------------------------------- clocks

    /// @dev Plays `moves` moves, then nobody does anything.
    function stallAfter(uint256 moves) private returns (uint256 id) {
        id = openBy(challenger, answeredWith(LIE), LIE);
        if (moves > 0) commit(id, LIE);
        if (moves > 1) pick(id, 16);
        if (moves > 2) reveal(id, LIE);
        if (moves > 3) pick(id, 0);
        if (moves > 4) reveal(id, LIE);
        if (moves > 5) pick(id, 0);
        if (moves > 6) openLeaf(id, LIE);
        if (moves > 7) point(id, 0);
    }

    function test_silence_losesInEveryPhase() public {
        bool[9] memory challengers = [false, true, false, true, false, true, false, true, false];
        for (uint256 moves = 0; moves < challengers.length; ++moves) {
            uint256 snapshot = vm.snapshotState();
            uint256 id = stallAfter(moves);
            uint256 deadline = disputes.disputeOf(id).deadline;
            vm.warp(deadline - 1);
            vm.expectRevert(
                abi.encodeWithSelector(IDisputeGame.ClockRunning.selector, id, deadline)
            );
            disputes.timeout(id);
            vm.warp(deadline);
            vm.prank(stranger);
            disputes.timeout(id);
            assertPhase(
                id,
                challengers[moves]
                    ? IDisputeGame.Phase.OperatorWon
                    : IDisputeGame.Phase.ChallengerWon
            );
            assertSolvent();
            vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
            disputes.timeout(id);
            vm.revertToState(snapshot);
        }
    }

    function test_afterTheClock_noMove() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        vm.warp(START + CLOCK);
        bytes32[] memory left = new bytes32[](1);
        left[0] = nodeOf(LEAF_BITS, 0, LIE);
        bytes32[] memory children = childrenOf(HEIGHT, 0, LIE);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.ClockExpired.selector, id, START + CLOCK)
        );
        vm.prank(operator);
        disputes.commit(id, gameClaim(LIE, 0), LIE, opening(), left, children);
    }

    function test_theExtensionComesOnce() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        vm.warp(START + CLOCK - 1 minutes);
        commit(id, LIE); // the operator has one minute left
        assertEq(disputes.disputeOf(id).deadline, block.timestamp + CLOCK, "a clock of his own");
        pick(id, 16);
        assertEq(disputes.disputeOf(id).deadline, block.timestamp + EXTENSION, "extended");
        vm.warp(block.timestamp + EXTENSION - 30);
        reveal(id, LIE);
        pick(id, 0);
        assertEq(disputes.disputeOf(id).deadline, block.timestamp + 30, "not again");
    }

    // ---------------------------------------------------------------- several challengers

    function test_theFirstSuccessSettlesTheClaim() public {
        uint256 request = answeredWith(LIE);
        uint256 first = openBy(challenger, request, LIE);
        uint256 second = openBy(rival, request, LIE);
        commit(second, LIE);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClaimStands.selector, second));
        disputes.settle(second);
        playToStep(first, LIE);
        step(first, LIE);
        disputes.settle(second);
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
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ClaimStands.selector, first));
        disputes.settle(first);
        proveAnswer(request, TRUTH);
        disputes.settle(first);
        assertPhase(first, IDisputeGame.Phase.OperatorWon);
        vm.warp(START + CLOCK);
        disputes.timeout(second); // it was the operator's turn
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
        descend(real, LIE, 1 << LEAF_BITS);
        openLeaf(real, LIE);
        vm.warp(START + CLOCK / 2);
        point(real, 0);
        vm.warp(START + CLOCK);
        disputes.timeout(lost);
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
        IStepVerifier.Claim memory claim = gameClaim(LIE, 0);
        IStepVerifier.ModelOpening memory model = opening();
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.NotTheOperator.selector, id, challenger)
        );
        vm.prank(challenger);
        disputes.commit(id, claim, LIE, model, left, children);

        vm.startPrank(operator);
        vm.expectPartialRevert(IDisputeGame.WrongStatement.selector);
        disputes.commit(id, claim, TRUTH, model, left, children);
        claim.promptCount = type(uint256).max;
        vm.expectPartialRevert(IDisputeGame.WrongStatement.selector);
        disputes.commit(id, claim, LIE, model, left, children);
        claim.promptCount = 3;
        model.operatorCount = 3;
        vm.expectPartialRevert(IStepVerifier.ModelMismatch.selector);
        disputes.commit(id, claim, LIE, model, left, children);
        model.operatorCount = 2;
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 0, 1));
        disputes.commit(id, claim, LIE, model, new bytes32[](0), children);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ChildCount.selector, 31, 32));
        disputes.commit(id, claim, LIE, model, left, new bytes32[](31));
        // A trace that ends with the truth is not one of the claimed lie.
        bytes32[] memory honest = childrenOf(HEIGHT, 0, TRUTH);
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.commit(id, claim, LIE, model, left, honest);
        vm.stopPrank();
    }

    function test_pick_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        commit(id, LIE);
        bytes32 root = nodeOf(HEIGHT, 0, LIE);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.NotTheChallenger.selector, id, rival));
        vm.prank(rival);
        disputes.pick(id, root, 0);
        vm.startPrank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.WrongNode.selector, root, bytes32(0)));
        disputes.pick(id, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.IndexOutOfRange.selector, 32, 32));
        disputes.pick(id, root, 32);
        disputes.pick(id, root, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputeGame.WrongPhase.selector, id, IDisputeGame.Phase.Reveal)
        );
        disputes.pick(id, root, 0); // replayed
        vm.stopPrank();
    }

    function test_reveal_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        commit(id, LIE);
        pick(id, 16);
        bytes32[] memory children = childrenOf(7, 16, LIE);
        bytes32[] memory siblings = siblingsOf(7, 16, 5, LIE);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.ChildCount.selector, 0, 32));
        disputes.reveal(id, new bytes32[](0), siblings);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 4, 5));
        disputes.reveal(id, children, new bytes32[](4));
        children[3] = keccak256("garbage");
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.reveal(id, children, siblings);
    }

    function test_openLeaf_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        descend(id, LIE, 1 << LEAF_BITS);
        IStepVerifier.Claim memory claim = committedClaim(LIE);
        bytes32[] memory siblings = siblingsOf(0, 1 << LEAF_BITS, 2, LIE);
        bytes memory leaf = leafOf(1, LIE);
        vm.expectPartialRevert(IDisputeGame.WrongStatement.selector);
        disputes.openLeaf(id, gameClaim(LIE, 0), opening(), leaf, siblings, operatorOpening(1));
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.SiblingCount.selector, 5, 2));
        disputes.openLeaf(id, claim, opening(), leaf, new bytes32[](5), operatorOpening(1));
        bytes memory other = leafOf(1, TRUTH);
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.openLeaf(id, claim, opening(), other, siblings, operatorOpening(1));
        vm.expectPartialRevert(IStepVerifier.OperatorMismatch.selector);
        disputes.openLeaf(id, claim, opening(), leaf, siblings, operatorOpening(0));
    }

    function test_point_refuses() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        descend(id, LIE, 1 << LEAF_BITS);
        openLeaf(id, LIE);
        bytes32 leafHash = disputes.disputeOf(id).node;
        vm.prank(rival);
        vm.expectPartialRevert(IDisputeGame.NotTheChallenger.selector);
        disputes.point(id, leafHash, 0);
        vm.startPrank(challenger);
        vm.expectPartialRevert(IDisputeGame.WrongNode.selector);
        disputes.point(id, keccak256("another leaf"), 0);
        vm.expectRevert(abi.encodeWithSelector(IDisputeGame.IndexOutOfRange.selector, 1, 1));
        disputes.point(id, leafHash, 1);
        vm.stopPrank();
    }

    function test_step_refusesAndGoesOn() public {
        uint256 id = openBy(challenger, answeredWith(LIE), LIE);
        playToStep(id, LIE);
        bytes memory good = witness(LIE);
        bytes memory leaf = leafOf(1, LIE);
        bytes memory long = bytes.concat(good, hex"00");
        vm.expectPartialRevert(IStepVerifier.WitnessTooLong.selector);
        disputes.step(id, committedClaim(LIE), opening(), leaf, long);
        vm.expectPartialRevert(IStepVerifier.WitnessTooShort.selector);
        disputes.step(id, committedClaim(LIE), opening(), leaf, "");
        good[250] ^= 0x01;
        vm.expectRevert();
        disputes.step(id, committedClaim(LIE), opening(), leaf, good);
        assertPhase(id, IDisputeGame.Phase.Step);
        step(id, LIE);
        vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
        disputes.step(id, committedClaim(LIE), opening(), leaf, witness(LIE));
    }

    function test_noDispute_hasNoMoves() public {
        vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
        disputes.timeout(1);
        vm.expectPartialRevert(IDisputeGame.WrongPhase.selector);
        disputes.settle(0);
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
