// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {LibClone} from "solady/utils/LibClone.sol";

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IModelToken} from "./interfaces/IModelToken.sol";
import {ISplitter} from "./interfaces/ISplitter.sol";
import {BoundedCall} from "./libraries/BoundedCall.sol";
import {Payment} from "./libraries/Payment.sol";

/// @title Splitter
/// @notice See ISplitter. One clone for each (model, operator), whose pair is in the clone's code.
/// @dev No payee can stop the others: money is pushed with bounded gas, and what a payee does not take
/// is owed to it. Whatever arrives is divided by what the registry says when `split` is called; the shares
/// never change, and a ModelToken is bound once.
contract Splitter is ISplitter, ReentrancyGuardTransient {
    uint256 private constant BPS = 10_000;
    /// @dev For a ModelToken to list its assets, of which it has at most 16.
    uint256 private constant ASSETS_GAS = 150_000;
    uint256 private constant MAX_ASSETS = 16;

    IModelRegistry private immutable _REGISTRY;

    /// @inheritdoc ISplitter
    mapping(address token => uint256) public totalOwed;
    /// @inheritdoc ISplitter
    mapping(address token => mapping(address account => uint256)) public owed;

    constructor(IModelRegistry registry) {
        _REGISTRY = registry;
    }

    receive() external payable {}

    /// @inheritdoc ISplitter
    function split(address token) external nonReentrant {
        uint256 amount = pending(token);
        if (amount == 0) revert NothingToSplit(token);
        (address[] memory accounts, uint256[] memory amounts) = sharesDown(token, amount);
        uint256 toParents = amount - amounts[0] - amounts[1];
        emit Split(token, amount, amounts[0], amounts[1], toParents);
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (amounts[i] != 0) _pay(token, accounts[i], amounts[i]);
        }
    }

    /// @inheritdoc ISplitter
    function withdraw(address token, address to) external returns (uint256 amount) {
        return _withdraw(token, msg.sender, to);
    }

    /// @inheritdoc ISplitter
    function withdrawFor(address token, address account) external returns (uint256 amount) {
        return _withdraw(token, account, account);
    }

    /// @inheritdoc ISplitter
    function pending(address token) public view returns (uint256) {
        uint256 balance =
            token == address(0) ? address(this).balance : IERC20(token).balanceOf(address(this));
        return balance - totalOwed[token];
    }

    /// @inheritdoc ISplitter
    function sharesDown(address token, uint256 amount)
        public
        view
        returns (address[] memory accounts, uint256[] memory amounts)
    {
        uint256 model = modelId();
        (uint16 operatorBps, IModelRegistry.Parent[] memory parents) = _REGISTRY.sharesOf(model);
        accounts = new address[](2 + parents.length);
        amounts = new uint256[](2 + parents.length);
        accounts[0] = _holders(model, token);
        accounts[1] = operator();
        // Nobody answered: the operator's share stays with the holders.
        amounts[1] = accounts[1] == address(0) ? 0 : _partDown(amount, operatorBps);
        uint256 rest = amount - amounts[1];
        for (uint256 i = 0; i < parents.length; ++i) {
            accounts[2 + i] = _parent(parents[i].modelId, token);
            amounts[2 + i] = _partDown(amount, parents[i].bps);
            rest -= amounts[2 + i];
        }
        amounts[0] = rest;
    }

    /// @inheritdoc ISplitter
    function modelId() public view returns (uint256) {
        return uint256(bytes32(LibClone.argsOnClone(address(this), 0, 32)));
    }

    /// @inheritdoc ISplitter
    function operator() public view returns (address) {
        return address(bytes20(LibClone.argsOnClone(address(this), 32, 52)));
    }

    /// @dev amount * bps cannot overflow for any amount of money that exists.
    function _partDown(uint256 amount, uint256 bps) private pure returns (uint256) {
        return amount * bps / BPS;
    }

    /// @dev Where this model's holders are paid. An asset that the token would swallow without ever
    /// paying it out is refused, and stays here.
    function _holders(uint256 model, address token) private view returns (address) {
        address modelToken = _REGISTRY.tokenOf(model);
        if (modelToken == address(0)) return _REGISTRY.authorOf(model);
        if (!_takes(modelToken, token)) revert NotRevenueToken(modelToken, token);
        return modelToken;
    }

    /// @dev A parent's token is not ours to trust: it must not be able to stop the split, so an asset
    /// that it does not take goes to the parent's author.
    function _parent(uint256 parent, address token) private view returns (address) {
        address modelToken = _REGISTRY.tokenOf(parent);
        bool payable_ = modelToken != address(0) && _takes(modelToken, token);
        return payable_ ? modelToken : _REGISTRY.authorOf(parent);
    }

    /// @dev Whether `token` is among `IModelToken.assets()`. The answer is read by hand, as far as 16
    /// entries, because a hostile contract may return anything. It cannot be starved: what is left
    /// after it must still be enough for Payment, which asks for more than ASSETS_GAS.
    function _takes(address modelToken, address token) private view returns (bool) {
        if (token == address(0)) return true;
        bytes memory output = new bytes(64 + 32 * MAX_ASSETS);
        uint256 returned = BoundedCall.read(
            modelToken, ASSETS_GAS, abi.encodeCall(IModelToken.assets, ()), output
        );
        for (uint256 end = 96; end <= returned; end += 32) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(output, end))
            }
            if (word == uint256(uint160(token))) return true;
        }
        return false;
    }

    function _pay(address token, address account, uint256 amount) private {
        bool success = Payment.trySend(token, account, amount);
        if (!success) {
            owed[token][account] += amount;
            totalOwed[token] += amount;
        }
        emit Paid(token, account, amount, !success);
    }

    function _withdraw(address token, address account, address to)
        private
        nonReentrant
        returns (uint256 amount)
    {
        amount = owed[token][account];
        if (amount == 0) revert NothingOwed(token, account);
        owed[token][account] = 0;
        totalOwed[token] -= amount;
        emit Withdrawn(token, account, to, amount);
        if (!Payment.trySend(token, to, amount)) revert TransferFailed(token, to, amount);
    }
}
