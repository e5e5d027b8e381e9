// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorRegistry} from "./interfaces/IOperatorRegistry.sol";
import {Payment} from "./libraries/Payment.sol";

/// @title OperatorRegistry
/// @notice See IOperatorRegistry. No owner. The oracle and the dispute game are fixed at deployment;
/// they are deployed after this contract, at addresses known beforehand (CREATE), and the oracle's
/// constructor refuses to be wired to a registry that does not name it.
contract OperatorRegistry is IOperatorRegistry, EIP712 {
    using SafeCast for uint256;

    struct Record {
        uint128 deposit;
        uint128 locked;
        uint128 leaving;
        uint64 exitAt;
        bool registered;
    }

    uint256 private constant MAX_ENDPOINT = 256;

    bytes32 private constant RECEIPT_TYPEHASH = keccak256(
        "Receipt(uint256 modelId,bytes32 modelRoot,bytes32 promptHash,bytes32 outputHash,"
        "bytes32 textHash,uint32 maxTokens,bytes32 sampling,address operator,address payer,"
        "address asset,uint256 payment,uint64 issuedAt,bytes32 nonce)"
    );

    /// @inheritdoc IOperatorRegistry
    address public immutable modelRegistry;
    /// @inheritdoc IOperatorRegistry
    address public immutable oracle;
    /// @inheritdoc IOperatorRegistry
    address public immutable disputeGame;
    /// @inheritdoc IOperatorRegistry
    uint128 public immutable minimumDeposit;
    /// @inheritdoc IOperatorRegistry
    uint64 public immutable exitDelay;

    /// @inheritdoc IOperatorRegistry
    uint256 public totalDeposits;
    /// @inheritdoc IOperatorRegistry
    mapping(uint256 modelId => address) public referenceOperator;
    /// @inheritdoc IOperatorRegistry
    mapping(address locker => mapping(address operator => uint256)) public lockedBy;

    mapping(address operator => Record) private _records;
    mapping(address operator => string) private _endpoints;
    mapping(uint256 modelId => mapping(address operator => Price)) private _prices;

    modifier onlyLocker() {
        _checkLocker();
        _;
    }

    modifier onlyRegistered() {
        _checkRegistered(msg.sender);
        _;
    }

    /// @param modelRegistry_ The list of models.
    /// @param oracle_ Address that the oracle will have.
    /// @param disputeGame_ Address that the dispute game has or will have.
    /// @param minimumDeposit_ Wei; operators below it are not active.
    /// @param exitDelay_ Seconds; longer than the oracle's window and any dispute on a receipt.
    constructor(
        address modelRegistry_,
        address oracle_,
        address disputeGame_,
        uint128 minimumDeposit_,
        uint64 exitDelay_
    ) EIP712("imo", "1") {
        if (modelRegistry_ == address(0) || oracle_ == address(0)) {
            revert ZeroAddress();
        }
        if (exitDelay_ == 0) revert ZeroExitDelay();
        modelRegistry = modelRegistry_;
        oracle = oracle_;
        disputeGame = disputeGame_;
        minimumDeposit = minimumDeposit_;
        exitDelay = exitDelay_;
    }

    // ---------------------------------------------------------------- the operator's side

    /// @inheritdoc IOperatorRegistry
    function register(string calldata endpoint) external payable {
        Record storage record = _records[msg.sender];
        if (record.registered) revert AlreadyRegistered(msg.sender);
        if (msg.value < minimumDeposit) revert DepositTooSmall(msg.value, minimumDeposit);
        record.registered = true;
        _addDeposit(record, msg.value);
        _setEndpoint(endpoint);
        emit Registered(msg.sender, endpoint, msg.value);
    }

    /// @inheritdoc IOperatorRegistry
    function setEndpoint(string calldata endpoint) external onlyRegistered {
        _setEndpoint(endpoint);
        emit EndpointChanged(msg.sender, endpoint);
    }

    /// @inheritdoc IOperatorRegistry
    function deposit(address operator) external payable {
        _checkRegistered(operator);
        Record storage record = _records[operator];
        _addDeposit(record, msg.value);
        emit Deposited(operator, msg.sender, msg.value, record.deposit);
    }

    /// @inheritdoc IOperatorRegistry
    function setPrice(uint256 modelId, Price calldata price) external onlyRegistered {
        if (price.flat == 0) revert ZeroFlatPrice();
        IModelRegistry(modelRegistry).authorOf(modelId); // reverts for an unknown model
        _prices[modelId][msg.sender] = price;
        emit PriceChanged(msg.sender, modelId, price);
        if (isActive(msg.sender) && !isOffering(modelId, referenceOperator[modelId])) {
            _setReference(modelId, msg.sender);
        }
    }

    /// @inheritdoc IOperatorRegistry
    function removePrice(uint256 modelId) external {
        if (_prices[modelId][msg.sender].flat == 0) revert NoOffer(modelId, msg.sender);
        delete _prices[modelId][msg.sender];
        emit PriceChanged(msg.sender, modelId, Price(0, 0, 0, 0));
    }

    /// @inheritdoc IOperatorRegistry
    function nominate(uint256 modelId, address operator) external {
        if (!isOffering(modelId, operator)) revert NotNominable(modelId, operator);
        address present = referenceOperator[modelId];
        if (
            msg.sender != IModelRegistry(modelRegistry).authorOf(modelId)
                && isOffering(modelId, present)
        ) {
            revert ReferenceIsOffering(modelId, present);
        }
        _setReference(modelId, operator);
    }

    /// @inheritdoc IOperatorRegistry
    function startExit(uint256 amount) external onlyRegistered {
        Record storage record = _records[msg.sender];
        if (amount > record.deposit) {
            revert NotEnoughDeposit(msg.sender, record.deposit, amount);
        }
        uint64 exitAt = uint64(block.timestamp) + exitDelay;
        record.leaving = amount.toUint128();
        record.exitAt = exitAt;
        emit ExitStarted(msg.sender, amount, exitAt);
    }

    /// @inheritdoc IOperatorRegistry
    function withdraw(address to) external onlyRegistered returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress();
        Record storage record = _records[msg.sender];
        if (block.timestamp < record.exitAt) revert ExitNotDue(msg.sender, record.exitAt);
        amount = Math.min(record.leaving, record.deposit - record.locked);
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        record.leaving -= amount.toUint128();
        record.deposit -= amount.toUint128();
        totalDeposits -= amount;
        emit Withdrawn(msg.sender, to, amount);
        _send(to, amount);
    }

    // ---------------------------------------------------------------- the lockers' side

    /// @inheritdoc IOperatorRegistry
    function lock(address operator, uint256 amount) external {
        if (msg.sender != oracle) revert NotLocker(msg.sender);
        if (!isActive(operator)) revert NotActive(operator);
        uint256 free = freeDeposit(operator);
        if (free < amount) revert NotEnoughDeposit(operator, free, amount);
        _lock(operator, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function seize(address operator, uint256 amount) external returns (uint256 held) {
        if (msg.sender != disputeGame) revert NotDisputeGame(msg.sender);
        Record storage record = _records[operator];
        held = Math.min(amount, record.deposit - record.locked);
        _lock(operator, held);
    }

    /// @inheritdoc IOperatorRegistry
    function unlock(address operator, uint256 amount) external onlyLocker {
        _unlock(operator, amount);
        emit Unlocked(operator, msg.sender, amount);
    }

    /// @inheritdoc IOperatorRegistry
    function slash(address operator, uint256 amount, uint256 burned) external onlyLocker {
        if (burned > amount) revert BurnExceedsSlash(amount, burned);
        _unlock(operator, amount);
        Record storage record = _records[operator];
        record.deposit -= amount.toUint128(); // amount <= locked <= deposit
        if (record.leaving > record.deposit) record.leaving = record.deposit;
        totalDeposits -= amount;
        emit Slashed(operator, msg.sender, amount, burned);
        _send(address(0), burned);
        _send(msg.sender, amount - burned);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IOperatorRegistry
    function operatorOf(address operator) external view returns (Operator memory) {
        Record storage record = _records[operator];
        return Operator({
            deposit: record.deposit,
            locked: record.locked,
            leaving: record.leaving,
            exitAt: record.exitAt,
            registered: record.registered,
            endpoint: _endpoints[operator]
        });
    }

    /// @inheritdoc IOperatorRegistry
    function isActive(address operator) public view returns (bool) {
        Record storage record = _records[operator];
        return record.registered && record.deposit - record.leaving >= minimumDeposit;
    }

    /// @inheritdoc IOperatorRegistry
    function freeDeposit(address operator) public view returns (uint256) {
        Record storage record = _records[operator];
        // A seizure may have locked part of what is leaving: then nothing is free.
        return Math.saturatingSub(record.deposit, uint256(record.locked) + record.leaving);
    }

    /// @inheritdoc IOperatorRegistry
    function priceOf(uint256 modelId, address operator) external view returns (Price memory) {
        return _prices[modelId][operator];
    }

    /// @inheritdoc IOperatorRegistry
    function isOffering(uint256 modelId, address operator) public view returns (bool) {
        return _prices[modelId][operator].flat != 0 && isActive(operator);
    }

    /// @inheritdoc IOperatorRegistry
    function quote(
        uint256 modelId,
        uint256 promptTokens,
        uint256 maxTokens,
        uint256 callbackGas,
        address operator
    ) external view returns (uint256 fee) {
        address priced = operator == address(0) ? referenceOperator[modelId] : operator;
        if (priced == address(0)) revert NoReferenceOperator(modelId);
        if (!isOffering(modelId, priced)) revert NoOffer(modelId, priced);
        Price memory price = _prices[modelId][priced];
        fee = price.flat + promptTokens * price.perPromptToken + maxTokens * price.perOutputToken
            + callbackGas * price.perCallbackGas;
    }

    /// @inheritdoc IOperatorRegistry
    function receiptDigest(Receipt calldata receipt) public view returns (bytes32) {
        // Every member is static, so abi.encode lays them out as EIP-712's encodeData does.
        return _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPEHASH, receipt)));
    }

    /// @inheritdoc IOperatorRegistry
    function recoverOperator(Receipt calldata receipt, bytes calldata signature)
        external
        view
        returns (address operator)
    {
        operator = ECDSA.recover(receiptDigest(receipt), signature);
        if (operator != receipt.operator) revert WrongSigner(receipt.operator, operator);
    }

    // ---------------------------------------------------------------- inside

    function _checkLocker() private view {
        if (msg.sender != oracle && msg.sender != disputeGame) revert NotLocker(msg.sender);
    }

    function _checkRegistered(address operator) private view {
        if (!_records[operator].registered) revert NotRegistered(operator);
    }

    function _addDeposit(Record storage record, uint256 amount) private {
        record.deposit = (record.deposit + amount).toUint128();
        totalDeposits += amount;
    }

    function _setEndpoint(string calldata endpoint) private {
        uint256 length = bytes(endpoint).length;
        if (length > MAX_ENDPOINT) revert EndpointTooLong(length, MAX_ENDPOINT);
        _endpoints[msg.sender] = endpoint;
    }

    function _setReference(uint256 modelId, address operator) private {
        referenceOperator[modelId] = operator;
        emit ReferenceOperatorChanged(modelId, operator);
    }

    function _lock(address operator, uint256 amount) private {
        _records[operator].locked += amount.toUint128();
        lockedBy[msg.sender][operator] += amount;
        emit Locked(operator, msg.sender, amount);
    }

    function _unlock(address operator, uint256 amount) private {
        uint256 held = lockedBy[msg.sender][operator];
        if (amount > held) revert NotEnoughLocked(operator, msg.sender, held, amount);
        lockedBy[msg.sender][operator] = held - amount;
        _records[operator].locked -= amount.toUint128();
    }

    function _send(address to, uint256 amount) private {
        if (amount != 0 && !Payment.trySend(address(0), to, amount)) {
            revert TransferFailed(to, amount);
        }
    }
}
