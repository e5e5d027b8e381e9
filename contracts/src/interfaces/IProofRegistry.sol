// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "./IModelVerifier.sol";
import {IPullPayments} from "./IPullPayments.sol";
import {IRegistrationVerifier} from "./IRegistrationVerifier.sol";
import {IStepVerifier} from "./IStepVerifier.sol";

/// @title The registry of keys: which proofs a contract may believe
/// @notice A proof is as good as its key, and a key says things of a model that no contract can compute. So keys are registered
/// with a bond, can be contested during a window, and are final after it:
///
///     register ──► Pending ──finalise (window over, no live challenge)──► Final     bond back
///                   │   ▲
///                   │   └─ challenge: reveal, pick, reveal, pick, .., step ── registrant right: half of the
///                   │                                                        challenger's bond is his
///                   └──strike, or a challenge lost──► Fallen    half of the bond to whoever showed it
///
/// A *strike* shows in one transaction that a part of the program is not what the key's shape makes of it. A *challenge* contests
/// the value: a sum over all cells, of which the registrant reveals the sums of 32 parts, the challenger picks a part, and so
/// on down to one cell, which is computed here. Half of every lost bond burns, so nobody gains by playing both sides.
///
/// Anybody may register a key again, so that a registration which was made to lose stands in nobody's way: a key is final
/// when one registration of it is. docs/proof.md, "Registration", says why this is enough.
interface IProofRegistry is IPullPayments {
    enum Status {
        None,
        Pending,
        Fallen,
        Final
    }

    enum Phase {
        None,
        Reveal, // the registrant's turn
        Pick, // the challenger's
        Step, // anybody's, and the registrant's to see to
        RegistrantWon,
        ChallengerWon,
        Moot // the registration fell otherwise
    }

    /// @param variables The vector of the weights has 2^variables cells.
    struct Registration {
        bytes32 keyId;
        address registrant;
        uint40 finalAt;
        Status status;
        uint8 variables;
        uint32 liveChallenges;
    }

    /// @param node The sum that the registrant claims of the 2^left cells from `cell` on: an element of F.
    /// @param sumsHash keccak256 of the revealed sums while one is to be picked.
    struct Challenge {
        uint256 registrationId;
        address challenger;
        uint40 deadline;
        Phase phase;
        uint8 left;
        uint40 cell;
        bytes24 node;
        bytes32 sumsHash;
    }

    event Registered(
        uint256 indexed registrationId,
        bytes32 indexed keyId,
        address indexed registrant,
        uint40 finalAt,
        IModelVerifier.VerifyingKey key
    );
    event Fallen(
        uint256 indexed registrationId, bytes32 indexed keyId, address indexed by, uint256 reward
    );
    event Finalised(uint256 indexed registrationId, bytes32 indexed keyId);
    event Challenged(
        uint256 indexed challengeId,
        uint256 indexed registrationId,
        address indexed challenger,
        uint40 deadline
    );
    event Revealed(uint256 indexed challengeId, bytes24[] sums, uint40 deadline);
    event Picked(uint256 indexed challengeId, uint256 index, bytes24 node, uint40 deadline);
    event Ended(uint256 indexed challengeId, uint256 indexed registrationId, Phase outcome);

    error BadTimes(uint256 window, uint256 moveTime);
    error ZeroBond();
    error WrongBond(uint256 given, uint256 wanted);
    error WrongKey(bytes32 expected, bytes32 given);
    error WrongStatus(uint256 registrationId, Status status);
    error WrongPhase(uint256 challengeId, Phase phase);
    error WindowOpen(uint256 registrationId, uint256 finalAt);
    error WindowClosed(uint256 registrationId, uint256 finalAt);
    error ChallengeLive(uint256 registrationId, uint256 live);
    error PartIsRight(IRegistrationVerifier.Part part, uint256 index, uint256 row);
    error NotTheRegistrant(uint256 challengeId, address caller);
    error NotTheChallenger(uint256 challengeId, address caller);
    error ClockExpired(uint256 challengeId, uint256 deadline);
    error ClockRunning(uint256 challengeId, uint256 deadline);
    error SumCount(uint256 count, uint256 expected);
    error NotCanonicalSum(uint256 index);
    error WrongSum(bytes24 expected, bytes24 given);
    error WrongSums(bytes32 expected, bytes32 given);
    error IndexOutOfRange(uint256 index, uint256 count);
    error RegistrationStands(uint256 registrationId);
    error NotFinal(bytes32 keyId);

    /// @notice Registers a key with a bond of `registrationBond`.
    /// @param model What the key's model root is the hash of.
    function register(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model
    ) external payable returns (uint256 registrationId);

    /// @notice Shows that a part of the program is not what the key's shape makes of it. By anybody, while pending.
    function strike(
        uint256 registrationId,
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        IRegistrationVerifier.Part part,
        uint256 index,
        uint256 row,
        bytes calldata witness
    ) external;

    /// @notice Contests the value of a key, with a bond of `challengeBond`, before the window ends.
    function challenge(uint256 registrationId, IModelVerifier.VerifyingKey calldata key)
        external
        payable
        returns (uint256 challengeId);

    /// @notice The registrant says how the contested sum splits: into 32 of neighbouring cells, or as many as there are.
    function reveal(uint256 challengeId, bytes24[] calldata sums) external;

    /// @notice The challenger names the sum that is wrong.
    /// @param sums As they were revealed.
    function pick(uint256 challengeId, bytes24[] calldata sums, uint256 index) external;

    /// @notice Computes the cell that is left, and ends the challenge. By anybody.
    function step(
        uint256 challengeId,
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        bytes calldata witness
    ) external;

    /// @notice Ends a challenge whose next move did not come in time. By anybody.
    function timeout(uint256 challengeId) external;

    /// @notice Ends a challenge of a registration that fell otherwise; the challenger gets his bond back. By anybody.
    function settle(uint256 challengeId) external;

    /// @notice Makes a key final, and gives the bond back. By anybody.
    function finalise(uint256 registrationId) external;

    /// @notice Reverts unless the key is final and the proof shows that its model writes `output` behind `prompt`; see
    /// IModelVerifier.verify.
    function verify(
        IModelVerifier.VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata proof
    ) external view;

    function isFinal(bytes32 keyId) external view returns (bool);
    /// @notice Registrations and challenges have the numbers 1 to these.
    function registrationCount() external view returns (uint256);
    function challengeCount() external view returns (uint256);
    function registrationOf(uint256 registrationId) external view returns (Registration memory);
    function challengeOf(uint256 challengeId) external view returns (Challenge memory);
    /// @notice Bonds that can still be lost, in wei. The balance is never below `openBonds + totalOwed`.
    function openBonds() external view returns (uint256);

    function modelVerifier() external view returns (address);
    function registrationVerifier() external view returns (address);
    /// @notice Seconds in which a registration can be challenged, and that each move may take.
    function window() external view returns (uint40);
    function moveTime() external view returns (uint40);
    function registrationBond() external view returns (uint128);
    function challengeBond() external view returns (uint128);
}
