// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {EIP712} from "solady/utils/EIP712.sol";

import {IModelToken} from "./interfaces/IModelToken.sol";
import {CloneArgs} from "./libraries/CloneArgs.sol";
import {EpochHistory} from "./libraries/EpochHistory.sol";

/// @title ERC-20 with permit whose balances are remembered at the end of every epoch
/// @dev The ERC-20 rules are OpenZeppelin's; only where balances live is replaced. A balance and its newest checkpoint
/// are the same slot, so a transfer within an epoch costs what a plain one does.
/// Clone arguments, one word each: modelId, genesis, epochLength, claimableBps, number of revenue tokens, these.
abstract contract EpochToken is ERC20, EIP712, Nonces, IModelToken {
    using EpochHistory for EpochHistory.History;
    using SafeCast for uint256;

    bytes32 private constant PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );

    /// @dev Only code of the factory can give a clone its storage.
    address private immutable FACTORY;

    /// @dev The flag of a history marks an excluded holder.
    mapping(address account => EpochHistory.History) internal _balances;
    /// @dev Sum of the balances that are not excluded.
    EpochHistory.History internal _eligible;
    uint256 private _supply;
    address internal _sale;
    string private _name;
    string private _symbol;

    constructor(address factory_) ERC20("", "") {
        FACTORY = factory_;
    }

    /// @inheritdoc IModelToken
    function initialize(Genesis calldata state) external {
        if (msg.sender != FACTORY) revert NotFactory(msg.sender);
        if (bytes(_name).length != 0) revert AlreadyInitialized();
        _name = state.name;
        _symbol = state.symbol;
        _sale = state.sale;
        _exclude(address(this));
        _exclude(state.sale);
        _exclude(state.vault);
        _exclude(state.treasury);
        for (uint256 i = 0; i < state.excluded.length; ++i) {
            _exclude(state.excluded[i]);
        }
        _mint(state.sale, state.saleSupply);
        _mint(state.vault, state.vaultSupply);
    }

    /// @inheritdoc IERC20Permit
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (block.timestamp > deadline) revert PermitExpired(deadline);
        bytes32 hash = keccak256(
            abi.encode(PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline)
        );
        address signer = ECDSA.recover(_hashTypedData(hash), v, r, s);
        if (signer != owner) revert PermitSigner(signer, owner);
        _approve(owner, spender, value);
    }

    /// @inheritdoc IERC20Permit
    // forge-lint: disable-next-line(mixed-case-function)
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(IERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function name() public view override(ERC20, IERC20Metadata) returns (string memory) {
        return _name;
    }

    function symbol() public view override(ERC20, IERC20Metadata) returns (string memory) {
        return _symbol;
    }

    function totalSupply() public view override(ERC20, IERC20) returns (uint256) {
        return _supply;
    }

    function balanceOf(address account) public view override(ERC20, IERC20) returns (uint256) {
        return _balances[account].value;
    }

    /// @inheritdoc IModelToken
    function currentEpoch() public view returns (uint256) {
        return (block.timestamp - genesis()) / epochLength();
    }

    /// @inheritdoc IModelToken
    function epochStart(uint256 epoch) public view returns (uint256) {
        return genesis() + epoch * epochLength();
    }

    /// @inheritdoc IModelToken
    function balanceAt(address account, uint256 epoch) external view returns (uint256) {
        _checkFinished(epoch);
        return _balances[account].lookup(epoch);
    }

    /// @inheritdoc IModelToken
    function eligibleSupplyAt(uint256 epoch) external view returns (uint256) {
        _checkFinished(epoch);
        return _eligible.lookup(epoch);
    }

    /// @inheritdoc IModelToken
    function isExcluded(address account) public view returns (bool) {
        return _balances[account].flag;
    }

    /// @inheritdoc IModelToken
    function modelId() external view returns (uint256) {
        return CloneArgs.word(0);
    }

    /// @inheritdoc IModelToken
    function genesis() public view returns (uint256) {
        return CloneArgs.word(1);
    }

    /// @inheritdoc IModelToken
    function epochLength() public view returns (uint256) {
        return CloneArgs.word(2);
    }

    /// @inheritdoc IModelToken
    function factory() external view returns (address) {
        return FACTORY;
    }

    /// @inheritdoc IModelToken
    function sale() external view returns (address) {
        return _sale;
    }

    /// @dev Called by OpenZeppelin's ERC20 for every transfer, mint and burn, the zero address standing for outside.
    function _update(address from, address to, uint256 value) internal override {
        uint48 epoch = currentEpoch().toUint48();
        if (from == address(0)) {
            _supply += value;
        } else {
            EpochHistory.History storage source = _balances[from];
            uint256 balance = source.value;
            if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
            source.write(epoch, (balance - value).toUint128());
        }
        if (to == address(0)) {
            _supply -= value;
        } else {
            // Read after the source was written: it may be the same account.
            EpochHistory.History storage target = _balances[to];
            target.write(epoch, (target.value + value).toUint128());
        }
        _updateEligible(epoch, from, to, value);
        emit Transfer(from, to, value);
    }

    function _domainNameAndVersion()
        internal
        view
        override
        returns (string memory name_, string memory version)
    {
        return (_name, "1");
    }

    /// @dev The name is a clone's own; it must not be taken from the implementation.
    function _domainNameAndVersionMayChange() internal pure override returns (bool) {
        return true;
    }

    /// @dev Tokens that enter or leave the excluded holders leave or enter those that earn; so do minted and burned ones.
    function _updateEligible(uint48 epoch, address from, address to, uint256 value) private {
        bool fromEarns = from != address(0) && !_balances[from].flag;
        bool toEarns = to != address(0) && !_balances[to].flag;
        if (fromEarns == toEarns) return;
        uint256 eligible = _eligible.value;
        _eligible.write(epoch, (toEarns ? eligible + value : eligible - value).toUint128());
    }

    function _exclude(address account) private {
        _balances[account].flag = true;
    }

    function _checkFinished(uint256 epoch) private view {
        uint256 current = currentEpoch();
        if (epoch >= current) revert EpochNotFinished(epoch, current);
    }
}
