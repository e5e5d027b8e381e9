// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAIOracle} from "./IAIOracle.sol";
import {IModelVerifier} from "./IModelVerifier.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @title The oracle: questions with a fee, answers with a bond
/// @notice Life of a request:
///
///     ask ──► Open ──answer──► Answered ──finalise──► Final        fee to the Splitter, bond back; a
///              │ ▲                 │       or prove                 proof needs no window
///              │ ▲                 │
///              │ └───strikeDown────┘   bond slashed: half to the challenger, the fee's worth to the
///              │                       beneficiary, the rest burned; the request is open again,
///              │                       to every operator
///              └──refund (deadline passed)──► Refunded            fee to the beneficiary
///
/// Tokens on the wire are packed: 4 bytes each, big-endian. Their hash is keccak256 of the packed
/// bytes. Amounts are wei, times are unix seconds, intervals are half-open: an answer is in time
/// while `block.timestamp < deadline`, disputable while `block.timestamp < finalAt`.
///
/// An answer is delivered to the callback at once, as `Answered`, not yet final; `isFinalized` tells.
interface IOracle is IAIOracle, IPullPayments {
    enum Status {
        None,
        Open,
        Answered,
        Final,
        Refunded
    }

    enum Delivery {
        None, // no callback wanted, or no answer yet
        Delivered,
        Failed // the callback reverted or ran out of its gas; anybody may retry
    }

    /// @notice A question as it is asked.
    /// @param modelId The model, see ModelRegistry.
    /// @param promptTokens Packed prompt tokens, at least one.
    /// @param maxTokens The answer has at most this many tokens.
    /// @param operator The only operator that may answer, or zero for any.
    /// @param beneficiary Owner of the answer: receives refunds and may mint it; zero for the caller.
    /// @param sampling Sampling parameters; zero is greedy, and the only legal value so far.
    /// @param bond The least bond, in wei, that the answer has to carry; zero for the usual one.
    /// @param deadline Unanswered at this time, the fee is refunded.
    /// @param callback Receives `aiOracleCallback`, or zero for none.
    /// @param callbackGas Gas the callback is given, at most `MAX_CALLBACK_GAS`.
    /// @param callbackData Handed back to the callback as it is.
    struct Question {
        uint256 modelId;
        bytes promptTokens;
        uint32 maxTokens;
        address operator;
        address beneficiary;
        bytes32 sampling;
        uint128 bond;
        uint64 deadline;
        address callback;
        uint64 callbackGas;
        bytes callbackData;
    }

    /// @notice What a question offers and wants, as the event Asked tells it.
    /// @param fee What the answer earns, in wei.
    /// @param bond What the answer locks, in wei.
    struct Terms {
        address beneficiary;
        uint32 maxTokens;
        bytes32 sampling;
        uint128 fee;
        uint128 bond;
        uint64 deadline;
        address callback;
        uint64 callbackGas;
    }

    /// @notice An answer as it is posted.
    /// @param questionHash The question that is answered, see `questionHashOf`: after a reorganisation
    /// the same number may belong to another question, to which this answer would be a lie, or
    /// to the same one for another fee.
    /// @param promptTokens For a text question the tokenised input; empty for a token question.
    /// @param outputTokens Packed output tokens: the end token closes it, or it has `maxTokens` tokens.
    /// @param text The output tokens as text, without the end token.
    /// @param callbackData The question's, which the oracle keeps only as a hash.
    struct Answer {
        bytes32 questionHash;
        bytes promptTokens;
        bytes outputTokens;
        bytes text;
        bytes callbackData;
    }

    /// @notice What an answer claims. Its hash is all that a dispute needs on chain.
    /// @dev hash = keccak256(abi.encode(block.chainid, oracle, claim)), all fields static. The operator
    /// is not in it: what is proven false of one is proven false of all.
    /// @param inputHash keccak256 of the text of a text question; zero for a token question.
    /// @param textHash keccak256 of the answer's text.
    struct Claim {
        uint256 requestId;
        uint256 modelId;
        bytes32 modelRoot;
        bytes32 inputHash;
        bytes32 promptTokensHash;
        bytes32 outputTokensHash;
        bytes32 textHash;
        uint32 maxTokens;
        bytes32 sampling;
    }

    /// @notice A request as it stands.
    /// @param operator While Open the operator asked for (zero: any), afterwards the one that answered.
    /// @param inputHash keccak256 of the packed prompt tokens, or of the text when `isText`.
    /// @param responseTime Seconds from asking to the deadline; a re-opened request gets them again.
    /// @param minimumBond The least bond the asker wants.
    /// @param bond The bond locked for the live answer; zero while there is none.
    /// @param finalAt When the live answer becomes final if nobody disputes; zero while there is none.
    /// @param claimHash Hash of the live claim; zero while there is none.
    /// @param textHash keccak256 of the live answer's text; zero while there is none.
    /// @param promptTokensHash keccak256 of the packed prompt tokens; zero for a text question
    /// without a live answer.
    struct Request {
        uint256 modelId;
        address beneficiary;
        address operator;
        Status status;
        Delivery delivery;
        bool isText;
        uint32 maxTokens;
        uint64 askedAt;
        uint64 responseTime;
        uint64 deadline;
        uint128 fee;
        uint128 minimumBond;
        bytes32 sampling;
        bytes32 inputHash;
        address callback;
        uint64 callbackGas;
        bytes32 callbackDataHash;
        uint64 finalAt;
        uint128 bond;
        bytes32 claimHash;
        bytes32 textHash;
        bytes32 promptTokensHash;
    }

    /// @notice A question was asked, by either door. Everything an operator needs is in here.
    /// @param account The caller of `ask` or `requestCallback`.
    /// @param isText Whether `input` is text; else packed prompt tokens.
    event Asked(
        uint256 indexed requestId,
        uint256 indexed modelId,
        address indexed operator,
        address account,
        bool isText,
        bytes input,
        Terms terms,
        bytes callbackData
    );

    /// @notice An answer was posted and its bond locked. Everything a checker needs is in here.
    event Answered(
        uint256 indexed requestId,
        uint256 indexed modelId,
        address indexed operator,
        bytes32 claimHash,
        bytes promptTokens,
        bytes outputTokens,
        bytes text,
        uint256 bond,
        uint64 finalAt
    );

    /// @notice The callback was called with the live answer.
    event CallbackDelivered(uint256 indexed requestId, address indexed callback, bool success);

    /// @notice The answer is final: `fee` went to `splitter`, the bond is free.
    event Finalised(
        uint256 indexed requestId,
        address indexed operator,
        bytes32 claimHash,
        address splitter,
        uint256 fee
    );

    /// @notice The answer was proven by `prover`; it is final from here on.
    event Proven(uint256 indexed requestId, bytes32 indexed claimHash, address indexed prover);

    /// @notice Nobody answered in time: `fee` is owed to `beneficiary`.
    event Refunded(uint256 indexed requestId, address indexed beneficiary, uint256 fee);

    /// @notice The answer was proven false and the request is open again until `deadline`.
    event StruckDown(
        uint256 indexed requestId,
        address indexed operator,
        address indexed challenger,
        bytes32 claimHash,
        uint256 reward,
        uint256 compensation,
        uint256 burned,
        uint64 deadline
    );

    /// @notice The dispute game opened (`held`) or ended a dispute; `live` are open on this claim now.
    event DisputeHold(
        uint256 indexed requestId, bytes32 indexed claimHash, bool held, uint256 live
    );

    error ZeroWindow();
    /// @dev A registry or factory that does not name this oracle, its dispute game or its models.
    error RegistryMismatch(address operatorRegistry);
    error ExitDelayTooShort(uint256 exitDelay, uint256 window);
    error NotPacked(uint256 length);
    error EmptyPrompt();
    error PromptTooLong(uint256 tokens, uint256 limit);
    error TextTooLong(uint256 length, uint256 limit);
    error TokenOutOfVocabulary(uint256 index, uint256 token, uint256 vocabularySize);
    error BadMaxTokens(uint256 maxTokens, uint256 limit);
    error UnsupportedSampling(bytes32 sampling);
    error BadDeadline(uint256 deadline, uint256 earliest, uint256 latest);
    error FeeTooLow(uint256 fee, uint256 required);
    error FeeTooHigh(uint256 fee, uint256 limit);
    error CallbackWithoutCode(address callback);
    error CallbackGasTooHigh(uint256 gasLimit, uint256 limit);
    error CallbackDataTooLong(uint256 length, uint256 limit);
    error WrongStatus(uint256 requestId, Status status);
    error NotTheOperator(uint256 requestId, address operator, address caller);
    error DeadlinePassed(uint256 requestId, uint256 deadline);
    error DeadlineNotPassed(uint256 requestId, uint256 deadline);
    error PromptNotWanted(uint256 requestId);
    error WrongQuestion(uint256 requestId, bytes32 expected, bytes32 given);
    error WrongCallbackData(uint256 requestId, bytes32 expected, bytes32 given);
    error WrongText(uint256 requestId, bytes32 expected, bytes32 given);
    error EmptyAnswer();
    error AnswerTooLong(uint256 tokens, uint256 maxTokens);
    error AnswerUnfinished(uint256 tokens, uint256 maxTokens);
    error EndTokenInside(uint256 index);
    error ClaimWasStruckDown(uint256 requestId, bytes32 claimHash);
    error ClaimMismatch(uint256 requestId, bytes32 live, bytes32 given);
    error TextNotProvable(uint256 requestId);
    error WrongModel(uint256 requestId, bytes32 expected, bytes32 given);
    error NoProofRegistry();
    error CallbackNotFailed(uint256 requestId, Delivery delivery);
    error WindowOpen(uint256 requestId, uint256 finalAt);
    error WindowClosed(uint256 requestId, uint256 finalAt);
    error DisputeLive(uint256 requestId, uint256 live);
    error NoDispute(uint256 requestId, bytes32 claimHash);
    error NotDisputeGame(address caller);
    error NotOperatorRegistry(address caller);

    /// @notice Asks a model. The whole value is the fee.
    /// @dev With a named operator the fee must be at least its `quote`; a question to any operator
    /// carries whatever fee the asker offers, and operators answer what pays them.
    /// @return requestId The number of the request, counted from 1.
    function ask(Question calldata question) external payable returns (uint256 requestId);

    /// @notice The least fee, in wei, for a question to `operator` by its posted prices.
    /// @param promptTokens Number of prompt tokens.
    /// @param callbackGas Gas for the callback, 0 for none.
    /// @param operator The operator, or zero for the model's reference operator.
    function quote(
        uint256 modelId,
        uint256 promptTokens,
        uint256 maxTokens,
        uint256 callbackGas,
        address operator
    ) external view returns (uint256 fee);

    /// @notice What identifies the question of a request and what its answer earns and risks, whatever
    /// its number: keccak256(abi.encode(modelId, isText, inputHash, maxTokens, sampling, fee, bond)).
    function questionHashOf(uint256 requestId) external view returns (bytes32);

    /// @notice The bond, in wei, that an answer to `requestId` locks.
    function bondOf(uint256 requestId) external view returns (uint256 bond);

    /// @notice Posts an answer, locks the caller's bond, and calls the callback.
    /// @dev The callback can neither revert nor starve this call: it gets exactly `callbackGas`, its
    /// return data is not copied, and its failure is kept for `retryCallback`.
    function answer(uint256 requestId, Answer calldata posted) external;

    /// @notice Calls a failed callback again, with the live answer. By anybody.
    function retryCallback(uint256 requestId, bytes calldata text, bytes calldata callbackData)
        external;

    /// @notice Makes an undisputed answer final once its window has passed. By anybody.
    function finalise(uint256 requestId) external;

    /// @notice Makes the live answer of a token question final at once, for a proof that it is what the model writes. By
    /// anybody, whether there are disputes or not: they are lost, and DisputeGame.settle ends them.
    /// @param key Of the model, final in the registry of proofs.
    /// @param proof For the context `proofContextOf(requestId)`.
    function prove(
        uint256 requestId,
        bytes calldata promptTokens,
        bytes calldata outputTokens,
        IModelVerifier.VerifyingKey calldata key,
        bytes calldata proof
    ) external;

    /// @notice Refunds a question that nobody answered in time. By anybody; the fee is credited to
    /// the beneficiary.
    function refund(uint256 requestId) external;

    /// @notice Keeps the claim from becoming final while a dispute on it is live.
    /// @dev Dispute game only, before `finalAt`. Counted per claim: each `hold` needs its `release`.
    function hold(uint256 requestId, bytes32 claimHash) external;

    /// @notice Ends one hold. A lost challenge never makes a claim final by itself.
    /// @dev Dispute game only. Legal, and without effect on any newer claim, after a strike-down.
    function release(uint256 requestId, bytes32 claimHash) external;

    /// @notice Strikes the live claim down, so that it can never become final, and ends one hold.
    /// @dev Dispute game only. Half of the bond to `challenger`, and the value with it, which is what the game owes him;
    /// the fee's worth to the beneficiary, the rest is burned; the request opens again, to every operator, for its
    /// response time.
    function strikeDown(uint256 requestId, bytes32 claimHash, address challenger) external payable;

    /// @notice The request; `status` is None when there is no such request.
    function requestOf(uint256 requestId) external view returns (Request memory);

    /// @notice The parts of a request that a consumer of answers needs, without the rest.
    /// @return status Where the request stands.
    /// @return operator The operator of the live answer; zero while there is none.
    /// @return claimHash Hash of the live claim; zero while there is none.
    /// @return textHash keccak256 of the live answer's text; zero while there is none.
    function answerOf(uint256 requestId)
        external
        view
        returns (Status status, address operator, bytes32 claimHash, bytes32 textHash);

    /// @notice The hash of a claim on this chain and oracle.
    function claimHashOf(Claim calldata claim) external view returns (bytes32);

    /// @notice Whether `claimHash` was struck down here, for ever.
    function isStruckDown(bytes32 claimHash) external view returns (bool);

    /// @notice Whether `claimHash` was proven here: nothing can strike it down any more.
    function isProven(bytes32 claimHash) external view returns (bool);

    /// @notice The context of proofs for a request: they serve no other, nor another chain or oracle.
    function proofContextOf(uint256 requestId) external view returns (bytes32);

    /// @notice `isStruckDown` and `isProven` at once.
    function fateOf(bytes32 claimHash) external view returns (bool struckDown, bool proven);

    /// @notice Number of live disputes on a claim.
    function liveDisputes(bytes32 claimHash) external view returns (uint256);

    /// @notice Sum of the fees of all requests that are neither final nor refunded, in wei. The balance is never below
    /// `openFees + totalOwed`.
    function openFees() external view returns (uint256);

    /// @notice The number of requests so far; the newest has this number.
    function requestCount() external view returns (uint256);

    function modelRegistry() external view returns (address);
    function operatorRegistry() external view returns (address);
    function splitterFactory() external view returns (address);
    function disputeGame() external view returns (address);
    /// @notice Zero when answers cannot be proven.
    function proofRegistry() external view returns (address);

    /// @notice Seconds during which an answer can be disputed.
    function window() external view returns (uint64);

    /// @notice No answer locks a smaller bond than this, in wei: it pays a challenger's gas.
    function minimumBond() external view returns (uint128);

    /// @notice An answer locks at least this many times the fee.
    function BOND_MULTIPLE() external view returns (uint256);

    function MAX_CALLBACK_GAS() external view returns (uint256);
    function MAX_CALLBACK_DATA() external view returns (uint256);
    function MAX_PROMPT_TOKENS() external view returns (uint256);
    function MAX_OUTPUT_TOKENS() external view returns (uint256);
    function MAX_TEXT_BYTES() external view returns (uint256);
    function MAX_RESPONSE_TIME() external view returns (uint256);
    function TEXT_MAX_TOKENS() external view returns (uint256);
    function TEXT_RESPONSE_TIME() external view returns (uint64);
}
