// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ProofRegistry} from "../../src/ProofRegistry.sol";
import {IModelVerifier} from "../../src/interfaces/IModelVerifier.sol";
import {IProofRegistry} from "../../src/interfaces/IProofRegistry.sol";
import {IRegistrationVerifier} from "../../src/interfaces/IRegistrationVerifier.sol";
import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {Fp3} from "../../src/zkml/Fp3.sol";
import {
    RIGHT_SHAPE,
    ToyReferee,
    ToyVerifier,
    sumOfTerms,
    sumsOfTerms,
    wordOf
} from "./ToyRegistration.sol";

/// @notice Registrations and challenges at random: keys true and false, sides that play well, badly or not at all.
/// @dev `author` registers the true key and defends it in time; `liar` registers others, and reveals what adds up, with the lie wherever.
/// `checker` brings down every false key and plays in time; `rival` challenges anything, picks anything, and dawdles.
contract ProofRegistryHandler is Test {
    uint40 private constant WINDOW = 6 hours;
    uint40 private constant MOVE = 1 hours;
    uint128 private constant BOND = 1 ether + 1;
    uint128 private constant STAKE = 0.1 ether + 1;
    uint256 private constant CELLS = 128;

    ProofRegistry public registry;
    address private author = makeAddr("author");
    address private liar = makeAddr("liar");
    address private checker = makeAddr("checker");
    address private rival = makeAddr("rival");
    IStepVerifier.ModelOpening private opening;

    mapping(uint256 registrationId => IModelVerifier.VerifyingKey) private _keys;
    mapping(uint256 registrationId => uint256) private _lies;
    mapping(uint256 registrationId => bool) private _isChallenged;
    mapping(uint256 challengeId => bytes24[]) private _revealed;
    uint256 private _withdrawn;

    function setUp() external {
        registry = new ProofRegistry(new ToyVerifier(), new ToyReferee(), WINDOW, MOVE, BOND, STAKE);
        deal(author, 1e6 ether);
        deal(liar, 1e6 ether);
        deal(checker, 1e6 ether);
        deal(rival, 1e6 ether);
    }

    // ---------------------------------------------------------------- what anybody may do

    /// @param kind The true key, a false value, a shape that is not the model's, or both.
    function doRegister(uint256 kind) external {
        IModelVerifier.VerifyingKey memory key;
        uint256 lie = kind & 1 == 1 ? 9 : 0;
        key.shape = kind & 2 == 2 ? bytes("a shape") : RIGHT_SHAPE;
        key.bindingValue = wordOf(sumOfTerms(0, CELLS, lie));
        vm.prank(kind & 3 == 0 ? author : liar);
        uint256 id = registry.register{value: BOND}(key, opening);
        _keys[id] = key;
        _lies[id] = lie;
    }

    function doChallenge(uint256 seed) external {
        uint256 id = _registration(seed);
        if (id == 0 || !_isPending(id) || block.timestamp >= _made(id).finalAt) return;
        vm.prank(rival);
        registry.challenge{value: STAKE}(id, _keys[id]);
    }

    /// @dev The next move of whoever's turn it is.
    function doMove(uint256 seed, uint256 wild) external {
        uint256 id = _challengeAt(seed);
        if (id == 0 || block.timestamp >= registry.challengeOf(id).deadline) return;
        _move(id, wild);
    }

    function doTimeout(uint256 seed) external {
        uint256 id = _challengeAt(seed);
        if (id == 0 || block.timestamp < registry.challengeOf(id).deadline) return;
        registry.timeout(id);
    }

    function doSettle(uint256 seed) external {
        uint256 id = _challengeAt(seed);
        if (id == 0) return;
        if (_made(registry.challengeOf(id).registrationId).status != IProofRegistry.Status.Fallen) {
            return;
        }
        registry.settle(id);
    }

    function doStrike(uint256 seed) external {
        uint256 id = _registration(seed);
        if (id == 0 || !_isPending(id)) return;
        bool isRight = keccak256(_keys[id].shape) == keccak256(RIGHT_SHAPE);
        if (isRight) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IProofRegistry.PartIsRight.selector, IRegistrationVerifier.Part.Row, 1, 0
                )
            );
        }
        _strike(id, rival);
    }

    /// @dev Too early, or while somebody contests it, this must not succeed.
    function doFinalise(uint256 seed) external {
        uint256 id = _registration(seed);
        if (id == 0 || !_isPending(id)) return;
        IProofRegistry.Registration memory made = _made(id);
        bool isDue = block.timestamp >= made.finalAt && _liveOf(id) == 0;
        try registry.finalise(id) {
            assertTrue(isDue, "final before its time");
        } catch {
            assertFalse(isDue, "held up");
        }
    }

    function doWithdraw(uint256 seed) external {
        address[4] memory all = [author, liar, checker, rival];
        address who = all[seed % 4];
        if (registry.owed(who) != 0) _withdrawn += registry.withdrawFor(who);
    }

    /// @dev Before each move's time passes, who plays well makes the moves that are theirs.
    function doWait(uint32 time, uint256 times) external {
        for (uint256 i; i <= times % 4; ++i) {
            _playWell();
            vm.warp(block.timestamp + time % MOVE);
        }
    }

    // ---------------------------------------------------------------- who plays well

    function _playWell() private {
        for (uint256 id = 1; id <= registry.registrationCount(); ++id) {
            if (!_isPending(id) || block.timestamp >= _made(id).finalAt) continue;
            if (_lies[id] != 0) {
                if (_isChallenged[id]) continue;
                _isChallenged[id] = true;
                vm.prank(checker);
                registry.challenge{value: STAKE}(id, _keys[id]);
            } else if (keccak256(_keys[id].shape) != keccak256(RIGHT_SHAPE)) {
                _strike(id, checker);
            }
        }
        for (uint256 id = 1; id <= registry.challengeCount(); ++id) {
            while (_isLive(id) && _isWellPlayed(id)) _move(id, 0);
        }
    }

    /// @dev True where the next move is that of somebody who plays in time.
    function _isWellPlayed(uint256 id) private view returns (bool) {
        IProofRegistry.Challenge memory contest = registry.challengeOf(id);
        if (block.timestamp >= contest.deadline) return false;
        bool isChallengers = contest.phase == IProofRegistry.Phase.Pick;
        if (contest.phase == IProofRegistry.Phase.Step) return true;
        return isChallengers
            ? contest.challenger == checker
            : _made(contest.registrationId).registrant == author;
    }

    function _move(uint256 id, uint256 wild) private {
        IProofRegistry.Challenge memory contest = registry.challengeOf(id);
        if (contest.phase == IProofRegistry.Phase.Reveal) {
            _reveal(id, contest, wild);
        } else if (contest.phase == IProofRegistry.Phase.Pick) {
            _pick(id, contest, wild);
        } else {
            registry.step(id, _keys[contest.registrationId], opening, "");
        }
    }

    /// @dev The true sums, with what is missing added to one of them.
    function _reveal(uint256 id, IProofRegistry.Challenge memory contest, uint256 wild) private {
        uint256 levels = contest.left < 5 ? contest.left : 5;
        uint256 size = 1 << (contest.left - levels);
        bytes24[] memory sums = sumsOfTerms(contest.cell, 1 << levels, size, 0);
        Fp3 rest = Fp3.wrap(uint192(contest.node));
        for (uint256 i; i < sums.length; ++i) {
            rest = rest - Fp3.wrap(uint192(sums[i]));
        }
        uint256 where = wild % sums.length;
        sums[where] = wordOf(Fp3.wrap(uint192(sums[where])) + rest);
        vm.prank(_made(contest.registrationId).registrant);
        registry.reveal(id, sums);
        _revealed[id] = sums;
    }

    function _pick(uint256 id, IProofRegistry.Challenge memory contest, uint256 wild) private {
        bytes24[] memory sums = _revealed[id];
        uint256 index = wild % sums.length;
        if (contest.challenger == checker) {
            uint256 size = (1 << contest.left) / sums.length;
            index = 0;
            while (sums[index] == wordOf(sumOfTerms(contest.cell + index * size, size, 0))) ++index;
        }
        vm.prank(contest.challenger);
        registry.pick(id, sums, index);
    }

    function _strike(uint256 id, address by) private {
        vm.prank(by);
        registry.strike(id, _keys[id], opening, IRegistrationVerifier.Part.Row, 1, 0, "");
    }

    // ---------------------------------------------------------------- what must hold

    function check() external view {
        uint256 bonds;
        for (uint256 id = 1; id <= registry.registrationCount(); ++id) {
            IProofRegistry.Registration memory made = _made(id);
            bool isTrue = made.registrant == author;
            if (made.status == IProofRegistry.Status.Pending) bonds += BOND;
            assertEq(made.liveChallenges, _liveOf(id), "live challenges");
            if (made.status == IProofRegistry.Status.Final) {
                assertTrue(block.timestamp >= made.finalAt, "final before its time");
                assertEq(made.liveChallenges, 0, "final under challenge");
            }
            assertFalse(
                isTrue && made.status == IProofRegistry.Status.Fallen, "honest registration fell"
            );
            assertFalse(!isTrue && registry.isFinal(made.keyId), "a false key is final");
        }
        for (uint256 id = 1; id <= registry.challengeCount(); ++id) {
            IProofRegistry.Challenge memory contest = registry.challengeOf(id);
            if (_isLive(id)) bonds += STAKE;
            assertFalse(
                contest.challenger == checker
                    && contest.phase == IProofRegistry.Phase.RegistrantWon,
                "honest challenge lost"
            );
        }
        assertEq(registry.openBonds(), bonds, "bonds");
        assertEq(address(registry).balance, bonds + registry.totalOwed(), "solvency");
        uint256 owed = registry.owed(author) + registry.owed(liar);
        assertEq(registry.totalOwed(), owed + registry.owed(checker) + registry.owed(rival), "owed");
        _checkFates();
    }

    /// @dev All that came in is still there, was withdrawn, or burned: half of each lost bond.
    function _checkFates() private view {
        uint256 paid = registry.registrationCount() * BOND + registry.challengeCount() * STAKE;
        uint256 burned;
        for (uint256 id = 1; id <= registry.registrationCount(); ++id) {
            if (_made(id).status == IProofRegistry.Status.Fallen) burned += BOND / 2;
        }
        for (uint256 id = 1; id <= registry.challengeCount(); ++id) {
            if (registry.challengeOf(id).phase == IProofRegistry.Phase.RegistrantWon) {
                burned += STAKE / 2;
            }
        }
        assertEq(address(registry).balance + _withdrawn + burned, paid, "fates");
        assertEq(address(0).balance, burned, "burned");
    }

    /// @dev Whatever happened, waiting ends it all.
    function endAll() external {
        _playWell();
        vm.warp(block.timestamp + MOVE);
        for (uint256 id = 1; id <= registry.challengeCount(); ++id) {
            if (_isLive(id)) registry.timeout(id);
        }
        _playWell();
        vm.warp(block.timestamp + MOVE);
        for (uint256 id = 1; id <= registry.challengeCount(); ++id) {
            if (_isLive(id)) registry.timeout(id);
        }
        vm.warp(block.timestamp + WINDOW);
        for (uint256 id = 1; id <= registry.registrationCount(); ++id) {
            if (_isPending(id)) registry.finalise(id);
        }
        assertEq(registry.openBonds(), 0, "ends");
    }

    // ---------------------------------------------------------------- inside

    function _made(uint256 id) private view returns (IProofRegistry.Registration memory) {
        return registry.registrationOf(id);
    }

    function _isPending(uint256 id) private view returns (bool) {
        return _made(id).status == IProofRegistry.Status.Pending;
    }

    function _isLive(uint256 id) private view returns (bool) {
        IProofRegistry.Phase phase = registry.challengeOf(id).phase;
        return phase >= IProofRegistry.Phase.Reveal && phase <= IProofRegistry.Phase.Step;
    }

    function _liveOf(uint256 registrationId) private view returns (uint256 live) {
        for (uint256 id = 1; id <= registry.challengeCount(); ++id) {
            if (registry.challengeOf(id).registrationId == registrationId && _isLive(id)) ++live;
        }
    }

    /// @dev Zero if there is none.
    function _registration(uint256 seed) private view returns (uint256) {
        uint256 count = registry.registrationCount();
        return count == 0 ? 0 : seed % count + 1;
    }

    /// @dev A live one at random, or zero.
    function _challengeAt(uint256 seed) private view returns (uint256) {
        uint256 count = registry.challengeCount();
        for (uint256 i; i < count; ++i) {
            uint256 id = (seed % count + i) % count + 1;
            if (_isLive(id)) return id;
        }
        return 0;
    }
}

contract ProofRegistryInvariantTest is Test {
    ProofRegistryHandler private handler;

    function setUp() public {
        handler = new ProofRegistryHandler();
        handler.setUp();
        targetContract(address(handler));
        bytes4[] memory actions = new bytes4[](9);
        actions[0] = ProofRegistryHandler.doRegister.selector;
        actions[1] = ProofRegistryHandler.doChallenge.selector;
        actions[2] = ProofRegistryHandler.doMove.selector;
        actions[3] = ProofRegistryHandler.doTimeout.selector;
        actions[4] = ProofRegistryHandler.doSettle.selector;
        actions[5] = ProofRegistryHandler.doStrike.selector;
        actions[6] = ProofRegistryHandler.doFinalise.selector;
        actions[7] = ProofRegistryHandler.doWithdraw.selector;
        actions[8] = ProofRegistryHandler.doWait.selector;
        targetSelector(FuzzSelector(address(handler), actions));
    }

    function invariant_theRegistryIsSolventAndNothingFalseIsFinal() public view {
        handler.check();
    }

    function afterInvariant() public {
        handler.endAll();
        handler.check();
    }
}
