// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

import {PullPayments} from "./PullPayments.sol";
import {IModelVerifier} from "./interfaces/IModelVerifier.sol";
import {IProofRegistry} from "./interfaces/IProofRegistry.sol";
import {IRegistrationVerifier} from "./interfaces/IRegistrationVerifier.sol";
import {IStepVerifier} from "./interfaces/IStepVerifier.sol";
import {Fp3, isCanonical} from "./zkml/Fp3.sol";

/// @title ProofRegistry
/// @notice See IProofRegistry. No owner, no pause.
/// @dev Every move names what it answers (a sum, or the sums it picks from), so one that a reorganisation left behind fails
/// instead of meaning something else.
contract ProofRegistry is IProofRegistry, PullPayments {
    using SafeCast for uint256;

    /// @dev A reveal splits a sum into 2^5.
    uint256 private constant ROUND_BITS = 5;

    IModelVerifier private immutable _VERIFIER;
    IRegistrationVerifier private immutable _REFEREE;
    /// @inheritdoc IProofRegistry
    uint40 public immutable window;
    /// @inheritdoc IProofRegistry
    uint40 public immutable moveTime;
    /// @inheritdoc IProofRegistry
    uint128 public immutable registrationBond;
    /// @inheritdoc IProofRegistry
    uint128 public immutable challengeBond;

    /// @inheritdoc IProofRegistry
    uint256 public registrationCount;
    /// @inheritdoc IProofRegistry
    uint256 public challengeCount;
    /// @inheritdoc IProofRegistry
    uint256 public openBonds;
    /// @inheritdoc IProofRegistry
    mapping(bytes32 keyId => bool) public isFinal;

    mapping(uint256 registrationId => Registration) private _registrations;
    mapping(uint256 challengeId => Challenge) private _challenges;

    constructor(
        IModelVerifier verifier,
        IRegistrationVerifier referee,
        uint40 window_,
        uint40 moveTime_,
        uint128 registrationBond_,
        uint128 challengeBond_
    ) {
        if (address(verifier) == address(0) || address(referee) == address(0)) {
            revert ZeroAddress();
        }
        if (window_ == 0 || moveTime_ == 0 || window_ > 365 days || moveTime_ > 30 days) {
            revert BadTimes(window_, moveTime_);
        }
        if (registrationBond_ == 0 || challengeBond_ == 0) revert ZeroBond();
        _VERIFIER = verifier;
        _REFEREE = referee;
        window = window_;
        moveTime = moveTime_;
        registrationBond = registrationBond_;
        challengeBond = challengeBond_;
    }

    // ---------------------------------------------------------------- registrations

    /// @inheritdoc IProofRegistry
    function register(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model
    ) external payable returns (uint256 registrationId) {
        _takeBond(registrationBond);
        uint256 variables = _REFEREE.checkKey(key, model);
        registrationId = ++registrationCount;
        Registration storage made = _registrations[registrationId];
        made.keyId = _REFEREE.keyIdOf(key);
        made.registrant = msg.sender;
        made.finalAt = (block.timestamp + window).toUint40();
        made.status = Status.Pending;
        made.variables = variables.toUint8();
        emit Registered(registrationId, made.keyId, msg.sender, made.finalAt, key);
    }

    /// @inheritdoc IProofRegistry
    function strike(
        uint256 registrationId,
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        IRegistrationVerifier.Part part,
        uint256 index,
        uint256 row,
        bytes calldata witness
    ) external {
        Registration storage registration = _pending(registrationId);
        _checkKey(registration, key);
        if (_REFEREE.isRight(key, model, part, index, row, witness)) {
            revert PartIsRight(part, index, row);
        }
        _fall(registrationId, msg.sender);
    }

    /// @inheritdoc IProofRegistry
    function finalise(uint256 registrationId) external {
        Registration storage registration = _pending(registrationId);
        if (block.timestamp < registration.finalAt) {
            revert WindowOpen(registrationId, registration.finalAt);
        }
        uint256 live = registration.liveChallenges;
        if (live != 0) revert ChallengeLive(registrationId, live);
        registration.status = Status.Final;
        isFinal[registration.keyId] = true;
        emit Finalised(registrationId, registration.keyId);
        openBonds -= registrationBond;
        _credit(registration.registrant, registrationBond);
    }

    // ---------------------------------------------------------------- challenges

    /// @inheritdoc IProofRegistry
    function challenge(uint256 registrationId, IModelVerifier.VerifyingKey calldata key)
        external
        payable
        returns (uint256 challengeId)
    {
        _takeBond(challengeBond);
        Registration storage registration = _pending(registrationId);
        if (block.timestamp >= registration.finalAt) {
            revert WindowClosed(registrationId, registration.finalAt);
        }
        _checkKey(registration, key);
        ++registration.liveChallenges;
        challengeId = ++challengeCount;
        Challenge storage made = _challenges[challengeId];
        made.registrationId = registrationId;
        made.challenger = msg.sender;
        made.left = registration.variables;
        made.node = key.bindingValue;
        _pass(made, Phase.Reveal);
        emit Challenged(challengeId, registrationId, msg.sender, made.deadline);
    }

    /// @inheritdoc IProofRegistry
    function reveal(uint256 challengeId, bytes24[] calldata sums) external {
        Challenge storage contest = _turn(challengeId, Phase.Reveal);
        if (msg.sender != _registrations[contest.registrationId].registrant) {
            revert NotTheRegistrant(challengeId, msg.sender);
        }
        uint256 expected = 1 << _levels(contest);
        if (sums.length != expected) revert SumCount(sums.length, expected);
        bytes24 sum = _sumOf(sums);
        if (sum != contest.node) revert WrongSum(contest.node, sum);
        contest.sumsHash = keccak256(abi.encode(sums));
        _pass(contest, Phase.Pick);
        emit Revealed(challengeId, sums, contest.deadline);
    }

    /// @inheritdoc IProofRegistry
    function pick(uint256 challengeId, bytes24[] calldata sums, uint256 index) external {
        Challenge storage contest = _turn(challengeId, Phase.Pick);
        if (msg.sender != contest.challenger) revert NotTheChallenger(challengeId, msg.sender);
        bytes32 given = keccak256(abi.encode(sums));
        if (given != contest.sumsHash) revert WrongSums(contest.sumsHash, given);
        if (index >= sums.length) revert IndexOutOfRange(index, sums.length);
        uint256 left = contest.left - _levels(contest);
        contest.left = left.toUint8();
        contest.cell = (contest.cell + (index << left)).toUint40();
        contest.node = sums[index];
        _pass(contest, left == 0 ? Phase.Step : Phase.Reveal);
        emit Picked(challengeId, index, contest.node, contest.deadline);
    }

    /// @inheritdoc IProofRegistry
    function step(
        uint256 challengeId,
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        bytes calldata witness
    ) external {
        Challenge storage contest = _turn(challengeId, Phase.Step);
        _checkKey(_registrations[contest.registrationId], key);
        bool isRight = _REFEREE.termOf(key, model, contest.cell, witness) == contest.node;
        _end(challengeId, isRight ? Phase.RegistrantWon : Phase.ChallengerWon);
    }

    /// @inheritdoc IProofRegistry
    function timeout(uint256 challengeId) external {
        Challenge storage contest = _live(challengeId);
        if (block.timestamp < contest.deadline) revert ClockRunning(challengeId, contest.deadline);
        bool isChallengers = contest.phase == Phase.Pick;
        _end(challengeId, isChallengers ? Phase.RegistrantWon : Phase.ChallengerWon);
    }

    /// @inheritdoc IProofRegistry
    function settle(uint256 challengeId) external {
        Challenge storage contest = _live(challengeId);
        if (_registrations[contest.registrationId].status != Status.Fallen) {
            revert RegistrationStands(contest.registrationId);
        }
        _end(challengeId, Phase.Moot);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IProofRegistry
    function verify(
        IModelVerifier.VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata proof
    ) external view {
        bytes32 keyId = _REFEREE.keyIdOf(key);
        if (!isFinal[keyId]) revert NotFinal(keyId);
        _VERIFIER.verify(key, context, prompt, output, proof);
    }

    /// @inheritdoc IProofRegistry
    function registrationOf(uint256 registrationId) external view returns (Registration memory) {
        return _registrations[registrationId];
    }

    /// @inheritdoc IProofRegistry
    function challengeOf(uint256 challengeId) external view returns (Challenge memory) {
        return _challenges[challengeId];
    }

    /// @inheritdoc IProofRegistry
    function modelVerifier() external view returns (address) {
        return address(_VERIFIER);
    }

    /// @inheritdoc IProofRegistry
    function registrationVerifier() external view returns (address) {
        return address(_REFEREE);
    }

    // ---------------------------------------------------------------- inside

    function _takeBond(uint256 bond) private {
        if (msg.value != bond) revert WrongBond(msg.value, bond);
        openBonds += bond;
    }

    function _pending(uint256 registrationId)
        private
        view
        returns (Registration storage registration)
    {
        registration = _registrations[registrationId];
        if (registration.status != Status.Pending) {
            revert WrongStatus(registrationId, registration.status);
        }
    }

    function _checkKey(Registration storage registration, IModelVerifier.VerifyingKey calldata key)
        private
        view
    {
        bytes32 given = _REFEREE.keyIdOf(key);
        if (given != registration.keyId) revert WrongKey(registration.keyId, given);
    }

    function _live(uint256 challengeId) private view returns (Challenge storage contest) {
        contest = _challenges[challengeId];
        Phase phase = contest.phase;
        if (phase < Phase.Reveal || phase > Phase.Step) revert WrongPhase(challengeId, phase);
    }

    function _turn(uint256 challengeId, Phase phase)
        private
        view
        returns (Challenge storage contest)
    {
        contest = _challenges[challengeId];
        if (contest.phase != phase) revert WrongPhase(challengeId, contest.phase);
        if (block.timestamp >= contest.deadline) {
            revert ClockExpired(challengeId, contest.deadline);
        }
    }

    function _pass(Challenge storage contest, Phase next) private {
        contest.phase = next;
        contest.deadline = (block.timestamp + moveTime).toUint40();
    }

    /// @dev How many levels the next reveal goes down.
    function _levels(Challenge storage contest) private view returns (uint256) {
        return FixedPointMathLib.min(ROUND_BITS, contest.left);
    }

    function _sumOf(bytes24[] calldata sums) private pure returns (bytes24) {
        Fp3 sum;
        for (uint256 i; i < sums.length; ++i) {
            uint256 word = uint192(sums[i]);
            if (!isCanonical(word)) revert NotCanonicalSum(i);
            sum = sum + Fp3.wrap(word);
        }
        return bytes24(uint192(Fp3.unwrap(sum)));
    }

    /// @dev A registration falls once: whoever would have won a second time gets his bond back.
    function _end(uint256 challengeId, Phase outcome) private {
        Challenge storage contest = _challenges[challengeId];
        uint256 registrationId = contest.registrationId;
        Registration storage registration = _registrations[registrationId];
        if (registration.status == Status.Fallen) outcome = Phase.Moot;
        contest.phase = outcome;
        --registration.liveChallenges;
        openBonds -= challengeBond;
        emit Ended(challengeId, registrationId, outcome);
        if (outcome == Phase.RegistrantWon) {
            _share(registration.registrant, challengeBond);
            return;
        }
        _credit(contest.challenger, challengeBond);
        if (outcome == Phase.ChallengerWon) _fall(registrationId, contest.challenger);
    }

    function _fall(uint256 registrationId, address by) private {
        Registration storage registration = _registrations[registrationId];
        registration.status = Status.Fallen;
        openBonds -= registrationBond;
        emit Fallen(registrationId, registration.keyId, by, registrationBond - registrationBond / 2);
        _share(by, registrationBond);
    }

    /// @dev Half of a lost bond burns.
    function _share(address winner, uint256 bond) private {
        _credit(winner, bond - bond / 2);
        _send(address(0), bond / 2);
    }
}
