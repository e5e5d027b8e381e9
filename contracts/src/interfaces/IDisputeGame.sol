// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOperatorRegistry} from "./IOperatorRegistry.sol";
import {IOracle} from "./IOracle.sol";
import {IPullPayments} from "./IPullPayments.sol";
import {IStepVerifier} from "./IStepVerifier.sol";

/// @title Disputes over answers and receipts
/// @notice The challenger names the first output token that is wrong. The operator commits to the trace of the pass
/// that chooses this token, and reveals it round by round; the challenger picks what differs from his own. It ends at
/// one element, which the challenger shows to be wrong: the step verifier computes it. Who is silent for longer than his
/// clock has lost.
/// @dev docs/dispute.md says it all at length; src/imo/opml/game_rules.hpp is this contract in C++, error for error.
interface IDisputeGame is IPullPayments {
    enum Phase {
        None,
        Commit, // the operator's move
        Pick, // the challenger's
        Reveal, // the operator's
        OpenLeaves, // the operator's
        Step, // the challenger's: an element is wrong, or what are its sums?
        Sums, // the operator's
        StepSum, // the challenger's: a sum is wrong
        OperatorWon,
        ChallengerWon,
        Moot // the claim fell in another dispute
    }

    /// @notice What the chain keeps of a dispute: whose move it is, where the descent stands, and a hash of the rest.
    /// @param height Of the tree; zero before the commitment.
    /// @param depth How many levels are decided.
    /// @param element Once all levels are decided: the contested one, in its leaf.
    /// @param deadline When the side whose move it is has lost.
    /// @param otherTime Seconds that the other side has left.
    /// @param leafIndex The picks so far, one digit behind the other.
    /// @param standing Hash of what moves repeat: see Standing.
    struct Dispute {
        Phase phase;
        uint8 height;
        uint8 depth;
        bool operatorExtended;
        bool challengerExtended;
        uint16 element;
        uint40 deadline;
        uint40 otherTime;
        uint64 leafIndex;
        bytes32 standing;
    }

    /// @notice Whom a dispute is between and what about.
    /// @param payer Of a receipt; gets a part of the stake when the receipt is false.
    /// @param requestId Zero when a receipt is disputed.
    /// @param claimHash The oracle's hash of the claim, or the digest of the receipt.
    struct Sides {
        address challenger;
        address operator;
        address payer;
        uint256 requestId;
        bytes32 claimHash;
    }

    /// @notice What a dispute stands at. Events say it, and whoever moves repeats it. The chain keeps
    /// h(about, node) with about = h(challenger, rest), rest = h(keccak256(abi.encode(operator, payer, requestId,
    /// claimHash)), statement), and h(a, b) the keccak256 of two words.
    /// @param statement keccak256(abi.encode(claim, token)) before the commitment, afterwards keccak256(abi.encode(claim)).
    /// @param node Zero before the commitment; then the node revealed last; in Step the node above the opened leaves; in
    /// Sums the hash of the contested leaf; in StepSum keccak256(that hash, keccak256(sums)).
    struct Standing {
        Sides sides;
        bytes32 statement;
        bytes32 node;
    }

    /// @notice Whom and what a move that proves something is about: the same, with the statement's preimage.
    struct Subject {
        Sides sides;
        IStepVerifier.Claim claim;
        IStepVerifier.ModelOpening model;
    }

    /// @notice An element among the opened leaves.
    /// @param leaf Number of its leaf among them.
    /// @param element Its number in the leaf.
    struct Spot {
        uint256 leaf;
        uint256 element;
    }

    /// @notice `promptTokens` and `outputTokens` of a receipt, packed; those of an answer are in the oracle's events Asked and
    /// Answered. `position` is the contested output token.
    event Opened(
        uint256 indexed disputeId,
        bytes32 indexed claimHash,
        address indexed operator,
        address challenger,
        address payer,
        uint256 requestId,
        bytes32 modelRoot,
        uint256 position,
        uint256 deadline,
        bytes promptTokens,
        bytes outputTokens
    );
    /// @notice The operator stands by the trace of this root; `children` are the nodes of the first round.
    event Committed(uint256 indexed disputeId, bytes32 traceRoot, bytes32[] children);
    event Picked(uint256 indexed disputeId, uint256 index);
    event Revealed(uint256 indexed disputeId, bytes32[] children);
    event LeavesOpened(uint256 indexed disputeId, bytes leaves);
    /// @notice Of an element of the leaf with this number among the opened ones.
    event SumsAsked(uint256 indexed disputeId, uint256 leaf, uint256 element);
    event SumsGiven(uint256 indexed disputeId, bytes sums);
    event Ended(uint256 indexed disputeId, Phase outcome);
    event ReceiptStruckDown(
        bytes32 indexed digest,
        address indexed operator,
        address indexed challenger,
        uint256 reward,
        uint256 compensation,
        uint256 burned
    );

    error BadClocks(uint256 clock, uint256 extension);
    error ZeroBond();
    error RegistryMismatch(address registry);
    error WrongBond(uint256 value, uint256 bond);
    error NotPacked(uint256 length);
    error WrongTokens(bytes32 expected, bytes32 given);
    error OutputPositionOutOfRange(uint256 position, uint256 count);
    error AlreadyStruckDown(bytes32 claimHash);
    error ReceiptOnItsFace(bytes32 digest);
    error ReceiptStands(bytes32 digest);
    error NothingAtStake(address operator);

    error WrongPhase(uint256 disputeId, Phase phase);
    error ClockExpired(uint256 disputeId, uint256 deadline);
    error ClockRunning(uint256 disputeId, uint256 deadline);
    error NotTheOperator(uint256 disputeId, address sender);
    error NotTheChallenger(uint256 disputeId, address sender);
    error WrongStanding(bytes32 expected, bytes32 given);
    error WrongNode(bytes32 expected, bytes32 given);
    error SiblingCount(uint256 count, uint256 expected);
    error ChildCount(uint256 count, uint256 expected);
    error IndexOutOfRange(uint256 index, uint256 limit);
    error TreeTooHigh(uint256 height, uint256 limit);
    error BadSums(uint256 length, uint256 limit);
    error ClaimStands(uint256 disputeId);
    error NotOperatorRegistry(address sender);

    /// @notice Disputes the live answer of a request, before its window ends. The value is `challengerBond`.
    /// @param promptTokens Packed, as claim.promptTokensHash says.
    /// @param outputTokens Packed, as claim.outputTokensHash says.
    /// @param position The first output token that is wrong.
    function open(
        IOracle.Claim calldata claim,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        uint256 position
    ) external payable returns (uint256 disputeId);

    /// @notice Disputes a token of a signed receipt. The value is `challengerBond`; what is at stake for the operator
    /// is `receiptStake`, or what is left of its deposit.
    function openReceipt(
        IOperatorRegistry.Receipt calldata receipt,
        bytes calldata signature,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        uint256 position
    ) external payable returns (uint256 disputeId);

    /// @notice Strikes down a receipt that is false on its face: of a model's id and another model's root, of a
    /// sampling that does not exist, of no tokens, of tokens outside the vocabulary, or of an answer that neither
    /// ends with the end token nor at its limit. The reward goes to the caller.
    function strikeReceipt(
        IOperatorRegistry.Receipt calldata receipt,
        bytes calldata signature,
        bytes calldata promptTokens,
        bytes calldata outputTokens
    ) external;

    /// @notice The operator's: the root of its trace follows from the token, `leftSiblings` and the model.
    /// @param subject With a trace root of zero.
    /// @param token The claimed token.
    /// @param children Of the root, 5 levels down.
    function commit(
        uint256 disputeId,
        Subject calldata subject,
        uint256 token,
        bytes32[] calldata leftSiblings,
        bytes32[] calldata children
    ) external;

    /// @notice The challenger's, who is the sender: the first child of `node` that differs from his own trace.
    /// @param rest See Standing.
    function pick(uint256 disputeId, bytes32 rest, bytes32 node, uint256 index) external;

    /// @notice The children, 5 levels down or at the groups of leaves, of the node that was picked. By anybody.
    /// @param about See Standing.
    /// @param siblings Of the picked node, up to the node revealed last.
    function reveal(
        uint256 disputeId,
        bytes32 about,
        bytes32[] calldata children,
        bytes32[] calldata siblings
    ) external;

    /// @notice The bytes of the leaves below the node that was picked: the first ones of their group, the other places are
    /// claimed to hold none. By anybody.
    function openLeaves(
        uint256 disputeId,
        bytes32 about,
        bytes calldata leaves,
        bytes32[] calldata siblings
    ) external;

    /// @notice The challenger's: computes an element of the opened leaves, or shows that a leaf is where none may be or none
    /// where one must be, and ends the dispute one way or the other.
    /// @param leaf Empty for a place that was not opened.
    /// @param siblings Of the leaf, up to the node above the opened leaves.
    function step(
        uint256 disputeId,
        Subject calldata subject,
        Spot calldata spot,
        bytes calldata leaf,
        bytes32[] calldata siblings,
        bytes calldata witness
    ) external;

    /// @notice The challenger's, who is the sender: asks for the sums that lead to an element of MatMul, because to compute
    /// it from one of them takes a smaller witness. Of any other element there are none, and nothing can be shown by them.
    function askSums(
        uint256 disputeId,
        bytes32 rest,
        bytes32 node,
        Spot calldata spot,
        bytes32 leafHash,
        bytes32[] calldata siblings
    ) external;

    /// @notice The operator's: for every SUM_COLUMNS columns the sum of the products up to there, SUM_BYTES each.
    function giveSums(uint256 disputeId, Standing calldata standing, bytes calldata sums) external;

    /// @notice The challenger's: computes a sum from the one before it, or the element from the last one, and ends the
    /// dispute one way or the other.
    function stepSum(
        uint256 disputeId,
        Subject calldata subject,
        bytes32 leafHash,
        IStepVerifier.SumQuestion calldata question,
        bytes calldata witness
    ) external;

    /// @notice Ends a dispute whose clock has run out, against the side whose move it was. By anybody.
    function timeout(uint256 disputeId, Standing calldata standing) external;

    /// @notice Ends a dispute over a claim that fell in another one, so that the challenger gets his bond back, or that was
    /// proven, so that he loses it. By anybody.
    function settle(uint256 disputeId, Standing calldata standing) external;

    function disputeOf(uint256 disputeId) external view returns (Dispute memory);
    /// @notice Disputes have the numbers 1 to this one.
    function disputeCount() external view returns (uint256);
    /// @notice Whether a receipt was proven false.
    function isReceiptStruckDown(bytes32 digest) external view returns (bool);
    /// @notice What is seized of an operator's deposit for the disputes over its receipts, in wei.
    function stakeOf(address operator) external view returns (uint256);
    /// @notice Live disputes over receipts of an operator.
    function liveReceiptDisputes(address operator) external view returns (uint256);
    /// @notice Bonds of live disputes, in wei. The balance is never below `openBonds + totalOwed`.
    function openBonds() external view returns (uint256);

    function oracle() external view returns (address);
    function stepVerifier() external view returns (address);
    /// @notice Seconds of each side in one dispute, and the extension that a side gets once.
    function clock() external view returns (uint64);
    function extension() external view returns (uint64);
    function challengerBond() external view returns (uint128);
    function receiptStake() external view returns (uint128);
}
