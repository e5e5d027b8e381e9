// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProofRegistry} from "../../src/ProofRegistry.sol";
import {IModelVerifier} from "../../src/interfaces/IModelVerifier.sol";
import {IProofRegistry} from "../../src/interfaces/IProofRegistry.sol";
import {IPullPayments} from "../../src/interfaces/IPullPayments.sol";
import {IRegistrationVerifier} from "../../src/interfaces/IRegistrationVerifier.sol";
import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {Fp3} from "../../src/zkml/Fp3.sol";
import {ToyReferee, ToyVerifier, sumOfTerms, sumsOfTerms, wordOf} from "./ToyRegistration.sol";

contract ProofRegistryTest is Test {
    uint40 private constant WINDOW = 1 days;
    uint40 private constant MOVE = 1 hours;
    uint128 private constant BOND = 1 ether;
    uint128 private constant STAKE = 0.1 ether;
    uint256 private constant CELLS = 128;

    ProofRegistry private registry;
    ToyReferee private referee;
    IStepVerifier.ModelOpening private opening;
    address private registrant = makeAddr("registrant");
    address private challenger = makeAddr("challenger");
    address private stranger = makeAddr("stranger");

    function setUp() public {
        referee = new ToyReferee();
        registry = new ProofRegistry(new ToyVerifier(), referee, WINDOW, MOVE, BOND, STAKE);
        vm.deal(registrant, 100 ether);
        vm.deal(challenger, 100 ether);
        vm.deal(stranger, 100 ether);
    }

    // ---------------------------------------------------------------- helpers

    function _key(uint256 lie) private pure returns (IModelVerifier.VerifyingKey memory key) {
        key.shape = "a shape";
        key.bindingValue = wordOf(sumOfTerms(0, CELLS, lie));
    }

    function _register(uint256 lie) private returns (uint256) {
        vm.prank(registrant);
        return registry.register{value: BOND}(_key(lie), opening);
    }

    function _challenge(uint256 id, uint256 lie) private returns (uint256) {
        vm.prank(challenger);
        return registry.challenge{value: STAKE}(id, _key(lie));
    }

    /// @dev Plays down to `cell`, the registrant revealing what adds up.
    function _descend(uint256 id, uint256 cell, uint256 lie) private {
        bytes24[] memory sums = sumsOfTerms(0, 32, 4, lie);
        vm.prank(registrant);
        registry.reveal(id, sums);
        vm.prank(challenger);
        registry.pick(id, sums, cell / 4);
        sums = sumsOfTerms(cell / 4 * 4, 4, 1, lie);
        vm.prank(registrant);
        registry.reveal(id, sums);
        vm.prank(challenger);
        registry.pick(id, sums, cell % 4);
    }

    function _checkSolvent() private view {
        assertEq(address(registry).balance, registry.openBonds() + registry.totalOwed());
    }

    function _status(uint256 id) private view returns (IProofRegistry.Status) {
        return registry.registrationOf(id).status;
    }

    // ---------------------------------------------------------------- registering

    function test_register_keepsKeyAndBond() public {
        uint256 id = _register(0);
        IProofRegistry.Registration memory made = registry.registrationOf(id);
        assertEq(made.keyId, referee.keyIdOf(_key(0)));
        assertEq(made.registrant, registrant);
        assertEq(made.finalAt, block.timestamp + WINDOW);
        assertEq(made.variables, 7);
        assertEq(registry.openBonds(), BOND);
        _checkSolvent();
    }

    function test_register_needsTheBondAndAKey() public {
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.WrongBond.selector, BOND - 1, BOND));
        registry.register{value: BOND - 1}(_key(0), opening);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.WrongBond.selector, BOND + 1, BOND));
        registry.register{value: BOND + 1}(_key(0), opening);
        IModelVerifier.VerifyingKey memory key = _key(0);
        key.shape = "";
        vm.expectRevert(IRegistrationVerifier.WrongProgram.selector);
        registry.register{value: BOND}(key, opening);
    }

    function test_constructor_refusesWhatCannotWork() public {
        ToyVerifier verifier = new ToyVerifier();
        vm.expectRevert(IPullPayments.ZeroAddress.selector);
        new ProofRegistry(verifier, ToyReferee(address(0)), WINDOW, MOVE, BOND, STAKE);
        vm.expectRevert(IPullPayments.ZeroAddress.selector);
        new ProofRegistry(ToyVerifier(address(0)), referee, WINDOW, MOVE, BOND, STAKE);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.BadTimes.selector, 0, MOVE));
        new ProofRegistry(verifier, referee, 0, MOVE, BOND, STAKE);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.BadTimes.selector, WINDOW, 0));
        new ProofRegistry(verifier, referee, WINDOW, 0, BOND, STAKE);
        uint40 long = 365 days;
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.BadTimes.selector, long + 1, MOVE));
        new ProofRegistry(verifier, referee, long + 1, MOVE, BOND, STAKE);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.BadTimes.selector, long, 30 days + 1));
        new ProofRegistry(verifier, referee, long, 30 days + 1, BOND, STAKE);
        vm.expectRevert(IProofRegistry.ZeroBond.selector);
        new ProofRegistry(verifier, referee, WINDOW, MOVE, 0, STAKE);
        vm.expectRevert(IProofRegistry.ZeroBond.selector);
        new ProofRegistry(verifier, referee, WINDOW, MOVE, BOND, 0);
        new ProofRegistry(verifier, referee, long, 30 days, BOND, STAKE);
    }

    // ---------------------------------------------------------------- ending in peace

    function test_finalise_afterTheWindow_makesProofsCount() public {
        uint256 id = _register(0);
        bytes32 keyId = referee.keyIdOf(_key(0));
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IProofRegistry.WindowOpen.selector, id, block.timestamp + 1)
        );
        registry.finalise(id);
        IModelVerifier.VerifyingKey memory key = _key(0);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.NotFinal.selector, keyId));
        registry.verify(key, 0, "", "", "1");
        vm.warp(block.timestamp + 1);
        registry.finalise(id);
        assertTrue(registry.isFinal(keyId));
        registry.verify(key, 0, "", "", "1");
        vm.expectRevert(ToyVerifier.Refused.selector);
        registry.verify(key, 0, "", "", "");
        assertEq(registry.owed(registrant), BOND);
        _checkSolvent();
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongStatus.selector, id, IProofRegistry.Status.Final
            )
        );
        registry.finalise(id);
    }

    function test_verify_anotherKeyOfTheSameModel_isNotFinal() public {
        uint256 id = _register(0);
        vm.warp(block.timestamp + WINDOW);
        registry.finalise(id);
        IModelVerifier.VerifyingKey memory key = _key(1);
        bytes32 keyId = referee.keyIdOf(key);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.NotFinal.selector, keyId));
        registry.verify(key, 0, "", "", "1");
    }

    function test_finalise_waitsForChallenges() public {
        uint256 id = _register(0);
        vm.warp(block.timestamp + WINDOW - 1);
        uint256 contest = _challenge(id, 0);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.ChallengeLive.selector, id, 1));
        registry.finalise(id);
        _descend(contest, 5, 0);
        registry.step(contest, _key(0), opening, "");
        registry.finalise(id);
        assertEq(registry.owed(registrant), BOND + STAKE / 2);
        _checkSolvent();
    }

    // ---------------------------------------------------------------- strikes

    function test_strike_endsARegistration() public {
        uint256 id = _register(0);
        IModelVerifier.VerifyingKey memory key = _key(0);
        IRegistrationVerifier.Part part = IRegistrationVerifier.Part.Row;
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.PartIsRight.selector, part, 0, 3));
        registry.strike(id, key, opening, part, 0, 3, "");
        IModelVerifier.VerifyingKey memory other = _key(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongKey.selector, referee.keyIdOf(key), referee.keyIdOf(other)
            )
        );
        registry.strike(id, other, opening, part, 1, 3, "");
        vm.prank(stranger);
        registry.strike(id, key, opening, part, 1, 3, "");
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Fallen));
        assertEq(registry.owed(stranger), BOND / 2);
        assertEq(address(0).balance, BOND / 2);
        _checkSolvent();
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongStatus.selector, id, IProofRegistry.Status.Fallen
            )
        );
        registry.strike(id, key, opening, part, 1, 3, "");
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongStatus.selector, id, IProofRegistry.Status.Fallen
            )
        );
        registry.finalise(id);
    }

    /// @dev A registration that was made to lose does not stand in the way of an honest one.
    function test_register_again_afterAFall() public {
        uint256 first = _register(0);
        uint256 contest = _challenge(first, 0);
        vm.warp(block.timestamp + MOVE);
        registry.timeout(contest);
        assertEq(uint256(_status(first)), uint256(IProofRegistry.Status.Fallen));
        uint256 second = _register(0);
        vm.warp(block.timestamp + WINDOW);
        registry.finalise(second);
        assertTrue(registry.isFinal(referee.keyIdOf(_key(0))));
    }

    // ---------------------------------------------------------------- the game

    function test_step_ofAFalseValue_bringsTheRegistrationDown() public {
        uint256 id = _register(9);
        uint256 contest = _challenge(id, 9);
        _descend(contest, 77, 9);
        IProofRegistry.Challenge memory state = registry.challengeOf(contest);
        assertEq(state.cell, 77);
        assertEq(state.left, 0);
        registry.step(contest, _key(9), opening, "");
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Fallen));
        assertEq(registry.owed(challenger), STAKE + BOND / 2);
        assertEq(registry.owed(registrant), 0);
        _checkSolvent();
    }

    function test_step_ofARightCell_costsTheChallenger() public {
        uint256 id = _register(9);
        uint256 contest = _challenge(id, 9);
        _descend(contest, 76, 9); // the challenger misses the cell that is false
        registry.step(contest, _key(9), opening, "");
        assertEq(registry.owed(registrant), STAKE / 2);
        assertEq(registry.owed(challenger), 0);
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Pending));
        _checkSolvent();
    }

    /// @dev Whatever the lie and wherever it is moved, a challenger who compares finds it.
    function testFuzz_honestChallengerWins(uint64 lie, uint256 seed) public {
        lie = uint64(bound(lie, 1, type(uint32).max));
        uint256 id = _register(lie);
        uint256 contest = _challenge(id, lie);
        uint256 cell;
        uint256 size = CELLS;
        Fp3 node = sumOfTerms(0, CELLS, lie);
        while (size > 1) {
            uint256 parts = size > 32 ? 32 : size;
            size /= parts;
            bytes24[] memory sums = sumsOfTerms(cell, parts, size, 0);
            Fp3 rest = node;
            for (uint256 i; i < parts; ++i) {
                rest = rest - Fp3.wrap(uint192(sums[i]));
            }
            uint256 liar = uint256(keccak256(abi.encode(seed, size))) % parts;
            sums[liar] = wordOf(Fp3.wrap(uint192(sums[liar])) + rest);
            vm.prank(registrant);
            registry.reveal(contest, sums);
            uint256 found;
            while (sums[found] == wordOf(sumOfTerms(cell + found * size, size, 0))) ++found;
            vm.prank(challenger);
            registry.pick(contest, sums, found);
            cell += found * size;
            node = Fp3.wrap(uint192(sums[found]));
        }
        registry.step(contest, _key(lie), opening, "");
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Fallen));
        _checkSolvent();
    }

    function testFuzz_honestRegistrantWins(uint256 cell) public {
        uint256 id = _register(0);
        uint256 contest = _challenge(id, 0);
        _descend(contest, cell % CELLS, 0);
        registry.step(contest, _key(0), opening, "");
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Pending));
        assertEq(registry.owed(registrant), STAKE / 2);
        _checkSolvent();
    }

    function test_reveal_mustAddUp() public {
        uint256 id = _register(9);
        uint256 contest = _challenge(id, 9);
        bytes24[] memory sums = sumsOfTerms(0, 32, 4, 0);
        vm.startPrank(registrant);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongSum.selector,
                wordOf(sumOfTerms(0, CELLS, 9)),
                wordOf(sumOfTerms(0, CELLS, 0))
            )
        );
        registry.reveal(contest, sums);
        bytes24[] memory few = sumsOfTerms(0, 16, 8, 9);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.SumCount.selector, 16, 32));
        registry.reveal(contest, few);
        sums[3] = bytes24(type(uint192).max);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.NotCanonicalSum.selector, 3));
        registry.reveal(contest, sums);
        vm.stopPrank();
        sums = sumsOfTerms(0, 32, 4, 9);
        vm.expectRevert(
            abi.encodeWithSelector(IProofRegistry.NotTheRegistrant.selector, contest, address(this))
        );
        registry.reveal(contest, sums);
    }

    function test_pick_isTheChallengersAndOfWhatWasRevealed() public {
        uint256 id = _register(9);
        uint256 contest = _challenge(id, 9);
        bytes24[] memory sums = sumsOfTerms(0, 32, 4, 9);
        vm.prank(challenger);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongPhase.selector, contest, IProofRegistry.Phase.Reveal
            )
        );
        registry.pick(contest, sums, 0);
        vm.prank(registrant);
        registry.reveal(contest, sums);
        vm.expectRevert(
            abi.encodeWithSelector(IProofRegistry.NotTheChallenger.selector, contest, address(this))
        );
        registry.pick(contest, sums, 0);
        vm.startPrank(challenger);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.IndexOutOfRange.selector, 32, 32));
        registry.pick(contest, sums, 32);
        bytes32 told = keccak256(abi.encode(sums));
        sums[0] = bytes24(0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongSums.selector, told, keccak256(abi.encode(sums))
            )
        );
        registry.pick(contest, sums, 0);
        vm.stopPrank();
    }

    function test_step_onlyAtTheEnd() public {
        uint256 id = _register(0);
        uint256 contest = _challenge(id, 0);
        IModelVerifier.VerifyingKey memory key = _key(0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongPhase.selector, contest, IProofRegistry.Phase.Reveal
            )
        );
        registry.step(contest, key, opening, "");
        _descend(contest, 0, 0);
        key.shape = "another";
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongKey.selector, referee.keyIdOf(_key(0)), referee.keyIdOf(key)
            )
        );
        registry.step(contest, key, opening, "");
    }

    function test_challenge_inTheWindowWithABondAndTheKey() public {
        uint256 id = _register(0);
        IModelVerifier.VerifyingKey memory key = _key(0);
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.WrongBond.selector, 0, STAKE));
        registry.challenge(id, key);
        IModelVerifier.VerifyingKey memory other = _key(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongKey.selector, referee.keyIdOf(key), referee.keyIdOf(other)
            )
        );
        registry.challenge{value: STAKE}(id, other);
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongStatus.selector, 7, IProofRegistry.Status.None
            )
        );
        registry.challenge{value: STAKE}(7, key);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(
            abi.encodeWithSelector(IProofRegistry.WindowClosed.selector, id, block.timestamp)
        );
        registry.challenge{value: STAKE}(id, key);
    }

    // ---------------------------------------------------------------- clocks

    function test_timeout_isTheSilentSidesLoss() public {
        uint256 id = _register(0);
        uint256 contest = _challenge(id, 0);
        uint256 deadline = block.timestamp + MOVE;
        vm.warp(deadline - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IProofRegistry.ClockRunning.selector, contest, deadline)
        );
        registry.timeout(contest);
        bytes24[] memory sums = sumsOfTerms(0, 32, 4, 0);
        vm.prank(registrant);
        registry.reveal(contest, sums);
        vm.warp(block.timestamp + MOVE);
        vm.prank(challenger);
        vm.expectRevert(
            abi.encodeWithSelector(IProofRegistry.ClockExpired.selector, contest, block.timestamp)
        );
        registry.pick(contest, sums, 0);
        registry.timeout(contest);
        assertEq(registry.owed(registrant), STAKE / 2);
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Pending));
        _checkSolvent();
        vm.expectRevert(
            abi.encodeWithSelector(
                IProofRegistry.WrongPhase.selector, contest, IProofRegistry.Phase.RegistrantWon
            )
        );
        registry.timeout(contest);
    }

    function test_timeout_ofRevealAndStep_isTheRegistrantsLoss() public {
        uint256 id = _register(0);
        uint256 contest = _challenge(id, 0);
        _descend(contest, 3, 0);
        vm.warp(block.timestamp + MOVE);
        registry.timeout(contest);
        assertEq(uint256(_status(id)), uint256(IProofRegistry.Status.Fallen));
        assertEq(registry.owed(challenger), STAKE + BOND / 2);
        _checkSolvent();
    }

    // ---------------------------------------------------------------- several at once

    function test_settle_givesOtherChallengersTheirBondsBack() public {
        uint256 id = _register(9);
        uint256 lost = _challenge(id, 9);
        vm.prank(stranger);
        uint256 won = registry.challenge{value: STAKE}(id, _key(9));
        vm.expectRevert(abi.encodeWithSelector(IProofRegistry.RegistrationStands.selector, id));
        registry.settle(won);
        vm.warp(block.timestamp + MOVE);
        registry.timeout(lost);
        registry.settle(won);
        assertEq(registry.owed(stranger), STAKE);
        assertEq(registry.registrationOf(id).liveChallenges, 0);
        assertEq(registry.openBonds(), 0);
        _checkSolvent();
    }

    /// @dev After a fall nobody wins the registrant's bond a second time.
    function test_timeout_afterAFall_isMoot() public {
        uint256 id = _register(9);
        uint256 contest = _challenge(id, 9);
        vm.prank(stranger);
        registry.strike(id, _key(9), opening, IRegistrationVerifier.Part.Table, 1, 0, "");
        vm.warp(block.timestamp + MOVE);
        registry.timeout(contest);
        assertEq(uint256(registry.challengeOf(contest).phase), uint256(IProofRegistry.Phase.Moot));
        assertEq(registry.owed(challenger), STAKE);
        assertEq(registry.owed(stranger), BOND / 2);
        _checkSolvent();
    }

    function test_withdraw_paysOut() public {
        uint256 id = _register(0);
        vm.warp(block.timestamp + WINDOW);
        registry.finalise(id);
        vm.prank(registrant);
        registry.withdraw(stranger);
        assertEq(stranger.balance, 101 ether);
        assertEq(address(registry).balance, 0);
    }

    function test_timeout_ofNoChallenge_reverts() public {
        bytes memory wrongPhase = abi.encodeWithSelector(
            IProofRegistry.WrongPhase.selector, 77, IProofRegistry.Phase.None
        );
        vm.expectRevert(wrongPhase);
        registry.timeout(77);
        vm.expectRevert(wrongPhase);
        registry.settle(77);
    }
}
