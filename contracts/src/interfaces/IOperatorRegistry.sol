// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Operators: deposits, prices, endpoints, receipts
/// @notice A deposit has three parts: locked (bonds of live claims), leaving (its exit has been
/// started), and free. Only the oracle and the dispute game lock, unlock and slash, and each only
/// what it locked itself. A deposit on its way out can still be slashed until it is withdrawn.
interface IOperatorRegistry {
    /// @notice Prices for one model, in wei. An offer has `flat >= 1`.
    /// @param flat Per answer.
    /// @param perPromptToken Per token of the prompt.
    /// @param perOutputToken Per token that the asker allows (`maxTokens`).
    /// @param perCallbackGas Per unit of callback gas.
    struct Price {
        uint64 flat;
        uint64 perPromptToken;
        uint64 perOutputToken;
        uint64 perCallbackGas;
    }

    /// @notice An operator as it stands.
    /// @param deposit Everything of its money that is here, in wei.
    /// @param locked The part that is bonds.
    /// @param leaving The part that `withdraw` pays from `exitAt` on, as far as it is not locked.
    /// @param endpoint The URL of its HTTP door.
    struct Operator {
        uint128 deposit;
        uint128 locked;
        uint128 leaving;
        uint64 exitAt;
        bool registered;
        string endpoint;
    }

    /// @notice A signed answer from the HTTP door: a claim that the operator's deposit stands for.
    /// @dev EIP-712, domain {name "imo", version "1", chainId, verifyingContract this registry}.
    /// @param promptHash keccak256 of the packed prompt tokens.
    /// @param outputHash keccak256 of the packed output tokens.
    /// @param textHash keccak256 of the text of the output tokens.
    /// @param sampling Zero is greedy.
    /// @param payer Who paid, or zero when nobody did.
    /// @param asset The token of the payment, zero for ETH.
    /// @param payment The amount, in the asset's smallest unit.
    /// @param nonce Makes two receipts of the same answer differ; for x402 the authorisation's nonce.
    struct Receipt {
        uint256 modelId;
        bytes32 modelRoot;
        bytes32 promptHash;
        bytes32 outputHash;
        bytes32 textHash;
        uint32 maxTokens;
        bytes32 sampling;
        address operator;
        address payer;
        address asset;
        uint256 payment;
        uint64 issuedAt;
        bytes32 nonce;
    }

    event Registered(address indexed operator, string endpoint, uint256 deposit);
    event EndpointChanged(address indexed operator, string endpoint);
    event Deposited(
        address indexed operator, address indexed from, uint256 amount, uint256 deposit
    );
    event PriceChanged(address indexed operator, uint256 indexed modelId, Price price);
    event ReferenceOperatorChanged(uint256 indexed modelId, address indexed operator);
    event ExitStarted(address indexed operator, uint256 amount, uint64 exitAt);
    event Withdrawn(address indexed operator, address indexed to, uint256 amount);
    event Locked(address indexed operator, address indexed locker, uint256 amount);
    event Unlocked(address indexed operator, address indexed locker, uint256 amount);
    event Slashed(address indexed operator, address indexed locker, uint256 amount, uint256 burned);

    error ZeroAddress();
    error ZeroExitDelay();
    error AlreadyRegistered(address operator);
    error NotRegistered(address operator);
    error DepositTooSmall(uint256 deposit, uint256 required);
    error EndpointTooLong(uint256 length, uint256 limit);
    error ZeroFlatPrice();
    error NoOffer(uint256 modelId, address operator);
    error NoReferenceOperator(uint256 modelId);
    error NotNominable(uint256 modelId, address operator);
    error ReferenceIsOffering(uint256 modelId, address operator);
    error NotEnoughDeposit(address operator, uint256 available, uint256 required);
    error NotEnoughLocked(address operator, address locker, uint256 locked, uint256 required);
    error BurnExceedsSlash(uint256 amount, uint256 burned);
    error ExitNotDue(address operator, uint256 exitAt);
    error NothingToWithdraw(address operator);
    error NotLocker(address caller);
    error NotDisputeGame(address caller);
    error NotActive(address operator);
    error WrongSigner(address operator, address signer);
    error TransferFailed(address to, uint256 amount);

    /// @notice Registers the caller with the value as its deposit, at least `minimumDeposit`.
    function register(string calldata endpoint) external payable;

    /// @notice Changes the URL of the caller's HTTP door.
    function setEndpoint(string calldata endpoint) external;

    /// @notice Adds the value to an operator's deposit. By anybody; it becomes the operator's.
    function deposit(address operator) external payable;

    /// @notice Offers a model at a price, or changes the price. `flat` is at least 1 wei.
    /// @dev The first to offer a model becomes its reference operator.
    function setPrice(uint256 modelId, Price calldata price) external;

    /// @notice Ends the caller's offer of a model.
    function removePrice(uint256 modelId) external;

    /// @notice Makes `operator` the model's reference operator, whose prices `estimateFee` quotes.
    /// @dev By the model's author at any time; by anybody while the present one is not offering. Only
    /// a default for askers that name no price: any operator may answer what it earns on.
    function nominate(uint256 modelId, address operator) external;

    /// @notice Sets the part of the caller's deposit that leaves, and starts the delay anew.
    /// @dev Zero cancels. The leaving part backs no new bond but can be slashed until withdrawn.
    function startExit(uint256 amount) external;

    /// @notice Sends what is leaving and not locked to `to`, from `exitAt` on.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Locks a bond out of the free deposit of an active operator. Oracle only.
    function lock(address operator, uint256 amount) external;

    /// @notice Locks up to `amount` of whatever is not locked yet, leaving or not. Dispute game only,
    /// for disputes on receipts.
    /// @return held What could be locked.
    function seize(address operator, uint256 amount) external returns (uint256 held);

    /// @notice Frees what the caller locked. Oracle or dispute game only.
    function unlock(address operator, uint256 amount) external;

    /// @notice Takes what the caller locked: `burned` is destroyed, the rest is sent to the caller,
    /// who owes it on. Oracle or dispute game only.
    function slash(address operator, uint256 amount, uint256 burned) external;

    /// @notice The operator; `registered` is false when there is none.
    function operatorOf(address operator) external view returns (Operator memory);

    /// @notice Whether an operator is registered with at least `minimumDeposit` that is not leaving.
    function isActive(address operator) external view returns (bool);

    /// @notice The part of the deposit that can back new bonds, in wei.
    function freeDeposit(address operator) external view returns (uint256);

    /// @notice What `locker` has locked of an operator's deposit, in wei.
    function lockedBy(address locker, address operator) external view returns (uint256);

    /// @notice An operator's price for a model; `flat` is zero when it does not offer it.
    function priceOf(uint256 modelId, address operator) external view returns (Price memory);

    /// @notice Whether `operator` is active and offers the model.
    function isOffering(uint256 modelId, address operator) external view returns (bool);

    /// @notice The operator whose prices stand for the model; zero when there was never one.
    function referenceOperator(uint256 modelId) external view returns (address);

    /// @notice The fee by posted prices, in wei; the offer must be there and its operator active.
    /// @param operator The operator, or zero for the reference operator.
    function quote(
        uint256 modelId,
        uint256 promptTokens,
        uint256 maxTokens,
        uint256 callbackGas,
        address operator
    ) external view returns (uint256 fee);

    /// @notice The EIP-712 digest that an operator signs.
    function receiptDigest(Receipt calldata receipt) external view returns (bytes32);

    /// @notice The operator that signed the receipt; reverts unless it is `receipt.operator`.
    function recoverOperator(Receipt calldata receipt, bytes calldata signature)
        external
        view
        returns (address operator);

    /// @notice Sum of all deposits, in wei. The balance is never below it.
    function totalDeposits() external view returns (uint256);

    function modelRegistry() external view returns (address);
    function oracle() external view returns (address);
    function disputeGame() external view returns (address);
    function minimumDeposit() external view returns (uint128);

    /// @notice Seconds from `startExit` to the money; longer than the oracle's window.
    function exitDelay() external view returns (uint64);
}
