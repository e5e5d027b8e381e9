// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {OracleHandler} from "./OracleHandler.sol";
import {UseFixture} from "./UseFixture.sol";

/// Whatever the order of moves: the oracle owes what it holds, the registry holds what was deposited,
/// bonds are the locked money, the honest operator loses nothing, no struck or held claim is final,
/// and every wei that came in is somewhere.
contract OracleInvariantTest is UseFixture {
    OracleHandler private handler;
    uint256 private burnedBefore;

    function setUp() public override {
        super.setUp();
        // The fixture's own operator would blur the sums.
        vm.startPrank(operator);
        operators.startExit(DEPOSIT);
        vm.warp(START + EXIT_DELAY);
        operators.withdraw(operator);
        vm.stopPrank();
        handler = new OracleHandler(oracle, modelId);
        targetContract(address(handler));
    }

    /// @dev One invariant, so that the moves are made once and not five times.
    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 100
    /// forge-config: night.invariant.runs = 32
    /// forge-config: night.invariant.depth = 250
    function invariant_everything() public view {
        checkOracleSolvent();
        checkRegistrySolvent();
        checkHonestOperator();
        checkNoFalseFinality();
        checkEveryWei();
    }

    function checkOracleSolvent() private view {
        assertEq(address(oracle).balance, oracle.openFees() + oracle.totalOwed());
        uint256 open = 0;
        for (uint256 id = 1; id <= oracle.requestCount(); ++id) {
            IOracle.Request memory request = oracle.requestOf(id);
            bool ended =
                request.status == IOracle.Status.Final || request.status == IOracle.Status.Refunded;
            if (!ended) open += request.fee;
        }
        assertEq(oracle.openFees(), open);
        uint256 owed = 0;
        address[4] memory accounts = handler.accounts();
        for (uint256 i = 0; i < accounts.length; ++i) {
            owed += oracle.owed(accounts[i]);
        }
        assertEq(oracle.totalOwed(), owed);
    }

    function checkRegistrySolvent() private view {
        uint256 deposits = 0;
        uint256 locked = 0;
        for (uint256 i = 0; i < 3; ++i) {
            IOperatorRegistry.Operator memory record = operators.operatorOf(handler.operatorAt(i));
            assertLe(record.locked, record.deposit);
            assertLe(record.leaving, record.deposit);
            deposits += record.deposit;
            locked += record.locked;
        }
        assertEq(operators.totalDeposits(), deposits);
        assertEq(address(operators).balance, deposits);
        uint256 bonds = 0;
        for (uint256 id = 1; id <= oracle.requestCount(); ++id) {
            bonds += oracle.requestOf(id).bond;
        }
        assertEq(locked, bonds, "every live answer has its whole bond locked");
        assertEq(deposits, handler.depositsIn() - handler.depositsOut() - handler.slashed());
    }

    function checkHonestOperator() private view {
        address honest = handler.operatorAt(0);
        assertEq(operators.operatorOf(honest).deposit, handler.netDeposit(honest));
    }

    function checkNoFalseFinality() private view {
        for (uint256 id = 1; id <= oracle.requestCount(); ++id) {
            IOracle.Request memory request = oracle.requestOf(id);
            if (request.claimHash == 0) continue;
            assertFalse(oracle.isStruckDown(request.claimHash), "a struck claim is live again");
            if (request.status != IOracle.Status.Final) continue;
            assertEq(oracle.liveDisputes(request.claimHash), 0, "final under dispute");
            assertGe(block.timestamp, request.finalAt);
        }
        for (uint256 i = 0; i < handler.struckCount(); ++i) {
            assertTrue(oracle.isStruckDown(handler.struck(i)));
        }
    }

    function checkEveryWei() private view {
        uint256 inflow = handler.feesIn() + handler.slashed();
        uint256 outflow = handler.withdrawn() + handler.feesFinal() + handler.burned();
        assertEq(inflow, outflow + address(oracle).balance);
        uint256 revenue = 0;
        for (uint256 i = 0; i < 3; ++i) {
            revenue += splitters.splitterOf(modelId, handler.operatorAt(i)).balance;
        }
        assertEq(revenue, handler.feesFinal(), "final fees and nothing else are revenue");
    }

    /// @dev The handler must reach every ending in one long life, or the invariants prove little.
    function test_handler_reachesEverything() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 700; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 more = uint256(keccak256(abi.encode(seed, "more")));
            uint256 move = seed % 12;
            if (i == 7) handler.startExit(more, 20 ether);
            if (move == 0 || move == 11) handler.ask(more, seed >> 8, seed >> 16);
            else if (move == 1) handler.answer(more);
            else if (move == 2) handler.hold(more);
            else if (move == 3) handler.verdict(more);
            else if (move == 4) handler.finalise(more);
            else if (move == 5) handler.refund(more);
            else if (move == 6) handler.withdraw(more);
            else if (move == 8) handler.leave(more);
            else if (move == 9) handler.topUp(more, seed >> 16);
            else if (move == 10) handler.wait((seed >> 8) % 2 hours);
            if (i % 100 == 0) handler.releaseOld(more);
        }
        assertGt(handler.feesFinal(), 0, "final");
        assertGt(handler.struckCount(), 0, "struck down");
        assertGt(handler.withdrawn(), 0, "withdrawn");
        assertGt(handler.depositsOut(), 0, "left");
        invariant_everything();
    }
}
