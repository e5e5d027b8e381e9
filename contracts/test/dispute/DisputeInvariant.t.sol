// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputeGame} from "../../src/interfaces/IDisputeGame.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {OpmlConstants as K} from "../../src/opml/OpmlConstants.sol";
import {DisputeFixture} from "./DisputeFixture.sol";

/// @notice Games at random: true and false answers and receipts, sides that play well, badly or not at all.
/// @dev The operator defends what is true as well as it can be defended and what is false by the lying trace. The
/// challenger `challenger` disputes only what is false, and plays in time; `rival` disputes anything, and dawdles.
contract DisputeHandler is DisputeFixture {
    uint256[] internal requests;
    mapping(uint256 requestId => uint32) internal tokenOf;
    mapping(uint256 disputeId => uint32) public tokenIn;

    function setUp() public override {
        super.setUp();
        deal(operator, 100 ether);
        vm.prank(operator);
        operators.deposit{value: 50 ether}(operator);
    }

    function doAnswer(bool isTrue) external {
        uint32 token = isTrue ? TRUTH : LIE;
        if (operators.freeDeposit(operator) < 1 ether) return;
        uint256 request = answeredWith(token);
        requests.push(request);
        tokenOf[request] = token;
    }

    function doOpen(uint256 seed, bool isHonest) external {
        if (requests.length == 0) return;
        uint256 request = requests[seed % requests.length];
        uint32 token = tokenOf[request];
        if (isHonest && token == TRUTH) return;
        if (statusOf(request) != IOracle.Status.Answered) return;
        if (block.timestamp >= oracle.requestOf(request).finalAt) return;
        tokenIn[openBy(isHonest ? challenger : rival, request, token)] = token;
    }

    function doOpenReceipt(bool isTrue, bool isHonest) external {
        if (isHonest && isTrue) return;
        uint32 token = isTrue ? TRUTH : LIE;
        if (operators.operatorOf(operator).deposit < 2 ether) return;
        if (operators.freeDeposit(operator) == 0 && disputes.stakeOf(operator) == 0) return;
        (bool isOpen, bytes memory reply) = address(this)
            .call(abi.encodeCall(this.tryOpenReceipt, (isHonest ? challenger : rival, token)));
        if (!isOpen) return; // struck down already
        tokenIn[abi.decode(reply, (uint256))] = token;
    }

    function tryOpenReceipt(address who, uint32 token) external returns (uint256) {
        return openReceiptBy(who, receipt(token), token);
    }

    /// @dev One move of whoever's turn it is: the right one, or for `rival` any pick.
    function doMove(uint256 seed, uint256 wild) public {
        uint256 count = disputes.disputeCount();
        if (count == 0) return;
        uint256 id = seed % count + 1;
        IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
        uint32 token = tokenIn[id];
        bool isWild = sidesOf[id].challenger == rival;
        if (block.timestamp >= dispute.deadline) return;
        if (dispute.phase == IDisputeGame.Phase.Commit) commit(id, token);
        else if (dispute.phase == IDisputeGame.Phase.Reveal) reveal(id, token);
        else if (dispute.phase == IDisputeGame.Phase.OpenLeaves) openLeaves(id, token);
        else if (dispute.phase == IDisputeGame.Phase.Pick) pick_(id, dispute, isWild, wild);
        else if (dispute.phase == IDisputeGame.Phase.Step) step_(id, dispute, token);
        else if (dispute.phase == IDisputeGame.Phase.Sums) giveSums(id, token);
    }

    function pick_(uint256 id, IDisputeGame.Dispute memory dispute, bool isWild, uint256 wild)
        private
    {
        // Down to the leaf of Argmax, or to that of operator 0, or anywhere.
        if (!isWild || wild % 3 == 0) wild = dispute.depth == 0 ? 16 : 0;
        else if (wild % 3 == 1) wild = 0;
        pick(id, tokenIn[id], wild % 32);
    }

    /// @dev Operator 0 has no step in this fixture: what it says can only be asked about. Where nothing was opened there
    /// is nothing to do.
    function step_(uint256 id, IDisputeGame.Dispute memory dispute, uint32 token) private {
        if (dispute.leafIndex == 0) askSums(id, token);
        else if (dispute.leafIndex == 1 << (LEAF_BITS - GROUP)) step(id, token);
    }

    function doTimeout(uint256 seed) external {
        uint256 count = disputes.disputeCount();
        if (count == 0) return;
        uint256 id = seed % count + 1;
        IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
        if (!isLive(dispute.phase) || block.timestamp < dispute.deadline) return;
        timeout(id, tokenIn[id]);
    }

    function doSettle(uint256 seed) external {
        uint256 count = disputes.disputeCount();
        if (count == 0) return;
        uint256 id = seed % count + 1;
        if (!isLive(phaseOf(id)) || !isStruckDown(id)) return;
        settle(id, tokenIn[id]);
    }

    /// @dev Before time passes the honest challenger makes the moves that are his.
    function doWait(uint32 time) external {
        playHonest();
        vm.warp(block.timestamp + time % (CLOCK / 2));
    }

    function playHonest() private {
        uint256 count = disputes.disputeCount();
        for (uint256 id = 1; id <= count; ++id) {
            while (sidesOf[id].challenger == challenger && isChallengers(phaseOf(id))) {
                doMove(id - 1, 0);
            }
        }
    }

    function isChallengers(IDisputeGame.Phase phase) private pure returns (bool) {
        return phase == IDisputeGame.Phase.Pick || phase == IDisputeGame.Phase.Step
            || phase == IDisputeGame.Phase.StepSum;
    }

    function doFinalise(uint256 seed) external {
        if (requests.length == 0) return;
        uint256 request = requests[seed % requests.length];
        IOracle.Request memory now_ = oracle.requestOf(request);
        if (now_.status != IOracle.Status.Answered || block.timestamp < now_.finalAt) return;
        if (oracle.liveDisputes(now_.claimHash) != 0) return;
        oracle.finalise(request);
    }

    function doWithdraw(bool isHonest) external {
        address who = isHonest ? challenger : rival;
        if (disputes.owed(who) != 0) disputes.withdrawFor(who);
        if (oracle.owed(who) != 0) oracle.withdrawFor(who);
    }

    function isLive(IDisputeGame.Phase phase) public pure returns (bool) {
        return phase >= IDisputeGame.Phase.Commit && phase <= IDisputeGame.Phase.StepSum;
    }

    function isStruckDown(uint256 id) private view returns (bool) {
        IDisputeGame.Sides memory sides = sidesOf[id];
        return sides.requestId == 0
            ? disputes.isReceiptStruckDown(sides.claimHash)
            : oracle.isStruckDown(sides.claimHash);
    }

    function check() external {
        uint256 bonds;
        uint256 live;
        uint256 count = disputes.disputeCount();
        for (uint256 id = 1; id <= count; ++id) {
            IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
            if (isLive(dispute.phase)) {
                bonds += BOND;
                if (sidesOf[id].requestId == 0) ++live;
            }
            bool isHonest = sidesOf[id].challenger == challenger;
            assertFalse(
                isHonest && dispute.phase == IDisputeGame.Phase.OperatorWon, "honest bond lost"
            );
        }
        assertEq(disputes.openBonds(), bonds, "bonds");
        assertEq(disputes.liveReceiptDisputes(operator), live, "live");
        assertTrue(live != 0 || disputes.stakeOf(operator) == 0, "stake without a dispute");
        assertSolvent();
        for (uint256 i = 0; i < requests.length; ++i) {
            IOracle.Request memory request = oracle.requestOf(requests[i]);
            if (request.claimHash == 0 || request.status != IOracle.Status.Final) continue;
            assertEq(oracle.liveDisputes(request.claimHash), 0, "final under dispute");
        }
    }

    /// @dev Whatever happened, waiting ends every dispute.
    function endAll() external {
        playHonest();
        uint256 count = disputes.disputeCount();
        for (uint256 id = 1; id <= count; ++id) {
            IDisputeGame.Dispute memory dispute = disputes.disputeOf(id);
            if (!isLive(dispute.phase)) continue;
            if (block.timestamp < dispute.deadline) vm.warp(dispute.deadline);
            timeout(id, tokenIn[id]);
        }
        assertEq(disputes.openBonds(), 0);
        assertEq(operators.lockedBy(address(disputes), operator), 0);
        for (uint256 i = 0; i < requests.length; ++i) {
            assertEq(oracle.liveDisputes(oracle.requestOf(requests[i]).claimHash), 0, "held");
        }
    }
}

contract DisputeInvariantTest is DisputeFixture {
    DisputeHandler internal handler;

    function setUp() public override {
        handler = new DisputeHandler();
        handler.setUp();
        targetContract(address(handler));
        bytes4[] memory actions = new bytes4[](9);
        actions[0] = DisputeHandler.doAnswer.selector;
        actions[1] = DisputeHandler.doOpen.selector;
        actions[2] = DisputeHandler.doOpenReceipt.selector;
        actions[3] = DisputeHandler.doMove.selector;
        actions[4] = DisputeHandler.doTimeout.selector;
        actions[5] = DisputeHandler.doSettle.selector;
        actions[6] = DisputeHandler.doWait.selector;
        actions[7] = DisputeHandler.doFinalise.selector;
        actions[8] = DisputeHandler.doWithdraw.selector;
        targetSelector(FuzzSelector(address(handler), actions));
    }

    function invariant_theGameIsSolventAndTheHonestKeepTheirBonds() public {
        handler.check();
    }

    function afterInvariant() public {
        handler.endAll();
        handler.check();
    }
}
