// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OperatorRegistry} from "../../src/OperatorRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {Unpayable} from "./Receivers.sol";
import {UseFixture} from "./UseFixture.sol";

/// constructor: zero addresses, zero delay → refused
/// register: twice, too little, endpoint too long → refused
/// deposit, setEndpoint, setPrice, startExit, withdraw: not registered → refused
/// setPrice: free, unknown model → refused; takes the reference when nobody else offers
/// nominate: not offering → refused; by the author always, by others only in a vacancy
/// startExit: more than there is → refused; anew restarts the delay; zero cancels
/// withdraw: a second early, nothing, zero address, receiver refuses → refused; locked stays
/// lock, seize, unlock, slash: only by their callers, only their own, never more than there is
contract OperatorRegistryTest is UseFixture {
    address private second = makeAddr("second");

    // ------------------------------------------------------------ constructor, register

    function test_constructor_refusesZero() public {
        address models_ = address(models);
        vm.expectRevert(IOperatorRegistry.ZeroAddress.selector);
        new OperatorRegistry(address(0), address(oracle), game, 1, 1);
        vm.expectRevert(IOperatorRegistry.ZeroAddress.selector);
        new OperatorRegistry(models_, address(0), game, 1, 1);
        vm.expectRevert(IOperatorRegistry.ZeroExitDelay.selector);
        new OperatorRegistry(models_, address(oracle), game, 1, 0);
    }

    function test_constructor_setsViews() public view {
        assertEq(operators.modelRegistry(), address(models));
        assertEq(operators.oracle(), address(oracle));
        assertEq(operators.disputeGame(), game);
        assertEq(operators.minimumDeposit(), MINIMUM_DEPOSIT);
        assertEq(operators.exitDelay(), EXIT_DELAY);
    }

    function test_register_records() public {
        deal(second, 2 ether);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.Registered(second, "https://second.example", 2 ether);
        vm.prank(second);
        operators.register{value: 2 ether}("https://second.example");
        IOperatorRegistry.Operator memory record = operators.operatorOf(second);
        assertEq(record.deposit, 2 ether);
        assertEq(record.locked, 0);
        assertEq(record.leaving, 0);
        assertTrue(record.registered);
        assertEq(record.endpoint, "https://second.example");
        assertEq(operators.totalDeposits(), DEPOSIT + 2 ether);
        assertTrue(operators.isActive(second));
        assertFalse(operators.isActive(stranger));
    }

    function test_register_refused() public {
        deal(second, 2 ether);
        vm.startPrank(second);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.DepositTooSmall.selector, MINIMUM_DEPOSIT - 1, MINIMUM_DEPOSIT
            )
        );
        operators.register{value: MINIMUM_DEPOSIT - 1}("");
        string memory long = string(new bytes(257));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.EndpointTooLong.selector, 257, 256)
        );
        operators.register{value: MINIMUM_DEPOSIT}(long);
        operators.register{value: MINIMUM_DEPOSIT}("");
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.AlreadyRegistered.selector, second)
        );
        operators.register{value: 0}("");
    }

    function test_unregistered_mayDoNothing() public {
        bytes memory reason =
            abi.encodeWithSelector(IOperatorRegistry.NotRegistered.selector, stranger);
        vm.startPrank(stranger);
        vm.expectRevert(reason);
        operators.setEndpoint("");
        vm.expectRevert(reason);
        operators.deposit{value: 1}(stranger);
        vm.expectRevert(reason);
        operators.setPrice(modelId, defaultPrice());
        vm.expectRevert(reason);
        operators.startExit(0);
        vm.expectRevert(reason);
        operators.withdraw(stranger);
    }

    function test_deposit_byAnybody_becomesTheOperators() public {
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.Deposited(operator, stranger, 1 ether, DEPOSIT + 1 ether);
        vm.prank(stranger);
        operators.deposit{value: 1 ether}(operator);
        assertEq(operators.freeDeposit(operator), DEPOSIT + 1 ether);
        assertEq(operators.totalDeposits(), DEPOSIT + 1 ether);
    }

    function test_setEndpoint() public {
        vm.startPrank(operator);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.EndpointChanged(operator, "http://[::1]:8080");
        operators.setEndpoint("http://[::1]:8080");
        assertEq(operators.operatorOf(operator).endpoint, "http://[::1]:8080");
        string memory long = string(new bytes(257));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.EndpointTooLong.selector, 257, 256)
        );
        operators.setEndpoint(long);
    }

    // ------------------------------------------------------------ prices

    function test_setPrice_records() public {
        IOperatorRegistry.Price memory price = IOperatorRegistry.Price(1, 2, 3, 4);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.PriceChanged(operator, modelId, price);
        vm.prank(operator);
        operators.setPrice(modelId, price);
        assertEq(abi.encode(operators.priceOf(modelId, operator)), abi.encode(price));
        assertEq(operators.quote(modelId, 10, 100, 1000, operator), 1 + 20 + 300 + 4000);
    }

    function test_setPrice_refused() public {
        IOperatorRegistry.Price memory price = defaultPrice();
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, 1));
        operators.setPrice(1, price);
        price.flat = 0;
        vm.expectRevert(IOperatorRegistry.ZeroFlatPrice.selector);
        operators.setPrice(modelId, price);
    }

    function test_removePrice() public {
        vm.startPrank(operator);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.PriceChanged(operator, modelId, IOperatorRegistry.Price(0, 0, 0, 0));
        operators.removePrice(modelId);
        assertFalse(operators.isOffering(modelId, operator));
        bytes memory reason =
            abi.encodeWithSelector(IOperatorRegistry.NoOffer.selector, modelId, operator);
        vm.expectRevert(reason);
        operators.quote(modelId, 1, 1, 0, operator);
        vm.expectRevert(reason);
        operators.quote(modelId, 1, 1, 0, address(0));
        vm.expectRevert(reason);
        operators.removePrice(modelId);
    }

    function test_quote_inactiveOperator_reverts() public {
        vm.prank(operator);
        operators.startExit(DEPOSIT);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NoOffer.selector, modelId, operator)
        );
        operators.quote(modelId, 1, 1, 0, operator);
    }

    // ------------------------------------------------------------ reference operator

    function test_reference_firstToOffer_staysWhileOffering() public {
        assertEq(operators.referenceOperator(modelId), operator);
        enrol(second);
        assertEq(operators.referenceOperator(modelId), operator);
        vm.prank(operator);
        operators.removePrice(modelId);
        vm.prank(second);
        operators.setPrice(modelId, defaultPrice());
        assertEq(operators.referenceOperator(modelId), second);
    }

    function test_reference_notByAnInactiveOperator() public {
        vm.prank(operator);
        operators.removePrice(modelId);
        enrol(second);
        uint256 other = registerModel(author, "other", new IModelRegistry.Parent[](0));
        vm.startPrank(second);
        operators.startExit(DEPOSIT);
        operators.setPrice(other, defaultPrice());
        assertEq(operators.referenceOperator(other), address(0));
    }

    /// @dev Who gains if anybody could nominate: a rival that prices askers out, or in for nothing.
    function test_nominate_onlyInAVacancy_orByTheAuthor() public {
        enrol(second);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.ReferenceIsOffering.selector, modelId, operator
            )
        );
        vm.prank(second);
        operators.nominate(modelId, second);

        vm.expectEmit(address(operators));
        emit IOperatorRegistry.ReferenceOperatorChanged(modelId, second);
        vm.prank(author);
        operators.nominate(modelId, second);
        assertEq(operators.referenceOperator(modelId), second);

        vm.prank(second);
        operators.startExit(DEPOSIT);
        vm.prank(stranger);
        operators.nominate(modelId, operator);
        assertEq(operators.referenceOperator(modelId), operator);
    }

    function test_nominate_notOffering_reverts() public {
        vm.prank(author);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NotNominable.selector, modelId, stranger)
        );
        operators.nominate(modelId, stranger);
    }

    // ------------------------------------------------------------ exit

    function test_exit_paysAfterTheDelay() public {
        vm.startPrank(operator);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.ExitStarted(operator, 4 ether, START + EXIT_DELAY);
        operators.startExit(4 ether);
        assertTrue(operators.isActive(operator), "enough stays");
        assertEq(operators.freeDeposit(operator), DEPOSIT - 4 ether);
        vm.warp(START + EXIT_DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.ExitNotDue.selector, operator, START + EXIT_DELAY
            )
        );
        operators.withdraw(second);
        vm.warp(START + EXIT_DELAY);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.Withdrawn(operator, second, 4 ether);
        assertEq(operators.withdraw(second), 4 ether);
        assertEq(second.balance, 4 ether);
        assertEq(operators.totalDeposits(), DEPOSIT - 4 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NothingToWithdraw.selector, operator)
        );
        operators.withdraw(second);
    }

    function test_exit_withoutStart_paysNothing() public {
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NothingToWithdraw.selector, operator)
        );
        operators.withdraw(operator);
    }

    /// @dev Who gains if a new amount kept the old time: an operator with one wei leaving long ago.
    function test_exit_anewRestartsTheDelay() public {
        vm.startPrank(operator);
        operators.startExit(1);
        vm.warp(START + EXIT_DELAY);
        operators.startExit(DEPOSIT);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.ExitNotDue.selector, operator, START + 2 * EXIT_DELAY
            )
        );
        operators.withdraw(operator);
        operators.startExit(0);
        assertTrue(operators.isActive(operator));
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.NotEnoughDeposit.selector, operator, DEPOSIT, DEPOSIT + 1
            )
        );
        operators.startExit(DEPOSIT + 1);
    }

    function test_exit_toZero_orRefusingReceiver_reverts() public {
        vm.startPrank(operator);
        operators.startExit(DEPOSIT);
        vm.warp(START + EXIT_DELAY);
        vm.expectRevert(IOperatorRegistry.ZeroAddress.selector);
        operators.withdraw(address(0));
        address receiver = address(new Unpayable());
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.TransferFailed.selector, receiver, DEPOSIT)
        );
        operators.withdraw(receiver);
        assertEq(operators.withdraw(operator), DEPOSIT);
    }

    // ------------------------------------------------------------ lockers

    function test_lockers_onlyTheirCallers() public {
        address[4] memory others = [operator, author, stranger, address(this)];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.startPrank(others[i]);
            bytes memory reason =
                abi.encodeWithSelector(IOperatorRegistry.NotLocker.selector, others[i]);
            vm.expectRevert(reason);
            operators.lock(operator, 1);
            vm.expectRevert(reason);
            operators.unlock(operator, 1);
            vm.expectRevert(reason);
            operators.slash(operator, 1, 0);
            vm.expectRevert(
                abi.encodeWithSelector(IOperatorRegistry.NotDisputeGame.selector, others[i])
            );
            operators.seize(operator, 1);
            vm.stopPrank();
        }
        vm.prank(game);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NotLocker.selector, game));
        operators.lock(operator, 1);
        vm.prank(address(oracle));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NotDisputeGame.selector, address(oracle))
        );
        operators.seize(operator, 1);
    }

    /// @dev Each locker moves only what it locked itself: a fault in one cannot free the other's.
    function test_lockers_onlyTheirOwn() public {
        vm.prank(address(oracle));
        operators.lock(operator, 3 ether);
        vm.startPrank(game);
        assertEq(operators.seize(operator, 2 ether), 2 ether);
        bytes memory reason = abi.encodeWithSelector(
            IOperatorRegistry.NotEnoughLocked.selector, operator, game, 2 ether, 2 ether + 1
        );
        vm.expectRevert(reason);
        operators.unlock(operator, 2 ether + 1);
        vm.expectRevert(reason);
        operators.slash(operator, 2 ether + 1, 0);
        operators.unlock(operator, 2 ether);
        vm.stopPrank();
        assertEq(operators.operatorOf(operator).locked, 3 ether);
        assertEq(operators.lockedBy(address(oracle), operator), 3 ether);
        assertEq(operators.lockedBy(game, operator), 0);
    }

    function test_lock_onlyWhatIsFree() public {
        vm.prank(operator);
        operators.startExit(4 ether);
        vm.startPrank(address(oracle));
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.NotEnoughDeposit.selector, operator, 6 ether, 6 ether + 1
            )
        );
        operators.lock(operator, 6 ether + 1);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.Locked(operator, address(oracle), 6 ether);
        operators.lock(operator, 6 ether);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.Unlocked(operator, address(oracle), 1 ether);
        operators.unlock(operator, 1 ether);
        assertEq(operators.freeDeposit(operator), 1 ether);
    }

    function test_lock_inactiveOperator_reverts() public {
        vm.prank(operator);
        operators.startExit(DEPOSIT - MINIMUM_DEPOSIT + 1);
        vm.startPrank(address(oracle));
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NotActive.selector, operator));
        operators.lock(operator, 1);
        vm.expectRevert(abi.encodeWithSelector(IOperatorRegistry.NotActive.selector, stranger));
        operators.lock(stranger, 0);
    }

    function test_quote_nobodyEverOffered_reverts() public {
        uint256 lonely = registerModel(author, "lonely", new IModelRegistry.Parent[](0));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NoReferenceOperator.selector, lonely)
        );
        operators.quote(lonely, 1, 1, 0, address(0));
    }

    function test_lock_exitAfterwards_leavesTheBond() public {
        vm.prank(address(oracle));
        operators.lock(operator, 3 ether);
        vm.startPrank(operator);
        operators.startExit(DEPOSIT);
        vm.warp(START + EXIT_DELAY);
        assertEq(operators.withdraw(operator), DEPOSIT - 3 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NothingToWithdraw.selector, operator)
        );
        operators.withdraw(operator);
    }

    /// @dev A receipt's dispute reaches what is leaving, as far as it is not a live bond.
    function test_seize_takesWhatIsLeaving_upToTheLocked() public {
        vm.prank(address(oracle));
        operators.lock(operator, 3 ether);
        vm.prank(operator);
        operators.startExit(DEPOSIT);
        vm.prank(game);
        assertEq(operators.seize(operator, 100 ether), 7 ether);
        assertEq(operators.operatorOf(operator).locked, DEPOSIT);
        assertEq(operators.freeDeposit(operator), 0);
        vm.warp(START + EXIT_DELAY);
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.NothingToWithdraw.selector, operator)
        );
        operators.withdraw(operator);
        vm.prank(game);
        assertEq(operators.seize(stranger, 1 ether), 0, "nothing there, nothing held");
    }

    function test_slash_burnsAndPaysTheCaller() public {
        vm.startPrank(game);
        operators.seize(operator, 3 ether);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOperatorRegistry.BurnExceedsSlash.selector, 2 ether, 2 ether + 1
            )
        );
        operators.slash(operator, 2 ether, 2 ether + 1);
        vm.expectEmit(address(operators));
        emit IOperatorRegistry.Slashed(operator, game, 2 ether, 0.5 ether);
        operators.slash(operator, 2 ether, 0.5 ether);
        assertEq(game.balance, 1.5 ether);
        assertEq(address(0).balance, 0.5 ether);
        assertEq(operators.operatorOf(operator).deposit, DEPOSIT - 2 ether);
        assertEq(operators.operatorOf(operator).locked, 1 ether);
        assertEq(operators.totalDeposits(), DEPOSIT - 2 ether);
        assertEq(address(operators).balance, operators.totalDeposits());
    }

    /// @dev Who gains if `leaving` were not cut: an operator that withdraws the others' deposits.
    function test_slash_cutsWhatIsLeaving() public {
        enrol(second);
        vm.prank(operator);
        operators.startExit(DEPOSIT);
        vm.startPrank(game);
        operators.seize(operator, DEPOSIT);
        operators.slash(operator, DEPOSIT - 1, 0);
        operators.unlock(operator, 1);
        vm.stopPrank();
        assertEq(operators.operatorOf(operator).leaving, 1);
        vm.warp(START + EXIT_DELAY);
        vm.prank(operator);
        assertEq(operators.withdraw(operator), 1);
        assertEq(operators.totalDeposits(), DEPOSIT);
    }

    function test_slash_belowTheMinimum_isInactiveUntilToppedUp() public {
        vm.startPrank(game);
        operators.seize(operator, DEPOSIT);
        operators.slash(operator, DEPOSIT - MINIMUM_DEPOSIT + 1, 0);
        operators.unlock(operator, MINIMUM_DEPOSIT - 1);
        vm.stopPrank();
        assertFalse(operators.isActive(operator));
        vm.prank(stranger);
        operators.deposit{value: 1}(operator);
        assertTrue(operators.isActive(operator));
    }

    /// @dev Any sequence of moves on one deposit keeps locked <= deposit and leaving <= deposit.
    function testFuzz_parts_neverExceedTheDeposit(uint256[24] calldata moves) public {
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 amount = (moves[i] >> 8) % (DEPOSIT + 2 ether);
            uint256 move = moves[i] % 7;
            bool ok;
            if (move == 0) {
                (ok,) = _as(address(oracle), abi.encodeCall(operators.lock, (operator, amount)));
            } else if (move == 1) {
                (ok,) = _as(address(oracle), abi.encodeCall(operators.unlock, (operator, amount)));
            } else if (move == 2) {
                (ok,) = _as(game, abi.encodeCall(operators.seize, (operator, amount)));
            } else if (move == 3) {
                (ok,) = _as(game, abi.encodeCall(operators.unlock, (operator, amount)));
            } else if (move == 4) {
                (ok,) = _as(game, abi.encodeCall(operators.slash, (operator, amount, amount / 2)));
            } else if (move == 5) {
                (ok,) = _as(operator, abi.encodeCall(operators.startExit, (amount)));
            } else {
                (ok,) = _as(operator, abi.encodeCall(operators.withdraw, (second)));
            }
            if (i % 5 == 4) vm.warp(block.timestamp + EXIT_DELAY);

            IOperatorRegistry.Operator memory record = operators.operatorOf(operator);
            assertLe(record.locked, record.deposit);
            assertLe(record.leaving, record.deposit);
            assertEq(
                record.locked,
                operators.lockedBy(address(oracle), operator) + operators.lockedBy(game, operator)
            );
            assertEq(operators.totalDeposits(), record.deposit);
            assertEq(address(operators).balance, record.deposit);
        }
    }

    function _as(address who, bytes memory data) private returns (bool, bytes memory) {
        vm.prank(who);
        return address(operators).call(data);
    }
}
